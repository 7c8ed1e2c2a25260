//! `label-lake replay`: what is in the dead-letter queue, invoked again.

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use indicatif::ProgressBar;
use tokio::time::{Instant, interval_at};

use crate::account::Account;
use crate::args::ReplayArguments;
use crate::function::Function;
use crate::letter::{Part, reason, replay_letter, targets};
use crate::progress::counted;
use crate::queue::{Letter, Queue, RENEWAL};
use crate::run::INTERRUPTED;
use crate::{print, text};

/// How many messages are under way at once: the jobs share Rekognition's quota, with the new ones that come meanwhile.
const SIDE_BY_SIDE: usize = 5;

/// Replays the queue. The code is that of a failure if anything is left in it.
pub(crate) async fn replay(arguments: &ReplayArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open().await?;
    let queue = account.queue(&arguments.queue_url);
    let waiting = queue.waiting().await?;
    let limit = arguments.limit.map_or(usize::MAX, |limit| limit as usize);
    let bar = counted(waiting.min(limit as u64), "messages", arguments.quiet)?;
    let mut replay = Replay { queue, bar, limit, seen: HashSet::new(), held: HashMap::new(), replayed: 0, left: 0 };
    let ended = if arguments.dry_run {
        replay.look().await.map(|()| false)
    } else {
        let function = account.function(&arguments.function);
        tokio::select! {
            ended = replay.run(&function) => ended.map(|()| false),
            interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| true).map_err(Into::into),
        }
    };
    replay.bar.finish_and_clear();
    let released = replay.release().await;
    let interrupted = ended?;
    released?;

    let Replay { replayed, left, seen, .. } = &replay;
    let mut summary = if arguments.dry_run {
        format!("{} in the queue, none touched", messages(seen.len()))
    } else {
        format!("{} replayed, {left} left in the queue", messages(*replayed))
    };
    if seen.len() >= limit {
        summary.push_str("; there may be more, --limit ended it");
    }
    print(format!("{summary}\n").as_bytes())?;
    if interrupted {
        eprintln!("error: interrupted; what was under way goes on in the function, and its messages stay in the queue");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if *left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn messages(number: usize) -> String {
    if number == 1 { "1 message".to_owned() } else { format!("{number} messages") }
}

struct Replay {
    queue: Queue,
    bar: ProgressBar,
    limit: usize,
    /// The ids of all messages that were received.
    seen: HashSet<String>,
    /// The receipts of those that are neither deleted nor released, by id. They stay hidden until the end, so that none
    /// comes a second time.
    held: HashMap<String, String>,
    replayed: usize,
    left: usize,
}

impl Replay {
    async fn run(&mut self, function: &Function) -> anyhow::Result<()> {
        let mut under_way = FuturesUnordered::new();
        let mut renewal = interval_at(Instant::now() + RENEWAL, RENEWAL);
        let mut more = true;
        loop {
            while more && under_way.len() < SIDE_BY_SIDE {
                let letters = self.receive(SIDE_BY_SIDE - under_way.len()).await?;
                more = !letters.is_empty();
                under_way.extend(letters.into_iter().map(|letter| replay_letter(function, letter)));
            }
            if under_way.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some((letter, parts)) = under_way.next() => {
                    // The next ones would fail as this one did.
                    more &= !parts.iter().any(Part::fails_for_all);
                    self.settle(&letter, &parts).await?;
                }
                _ = renewal.tick() => self.renew().await,
            }
        }
    }

    /// Shows what is in the queue.
    async fn look(&mut self) -> anyhow::Result<()> {
        let mut renewed = Instant::now();
        loop {
            let letters = self.receive(usize::MAX).await?;
            if letters.is_empty() {
                return Ok(());
            }
            if renewed.elapsed() > RENEWAL {
                renewed = Instant::now();
                self.renew().await;
            }
            for letter in letters {
                let reason = reason(&letter).map(|reason| format!("  failed with {reason}")).unwrap_or_default();
                for (job, error) in targets(&letter) {
                    let error = error.map(|error| format!("  {}", error.text())).unwrap_or_default();
                    let job = job.as_deref().unwrap_or("-");
                    self.say(&format!("waiting   {}  {job}{error}{reason}", letter.id))?;
                }
            }
        }
    }

    /// Receives messages that were not seen before; none if there are none, or the limit is reached.
    async fn receive(&mut self, most: usize) -> anyhow::Result<Vec<Letter>> {
        let most = most.min(self.limit - self.seen.len());
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut new = Vec::new();
        for letter in self.queue.receive(most).await? {
            if self.seen.insert(letter.id.clone()) {
                self.held.insert(letter.id.clone(), letter.receipt.clone());
                new.push(letter);
            } else if let Some(receipt) = self.held.get_mut(&letter.id) {
                *receipt = letter.receipt;
            } else {
                // It was deleted, and SQS delivers at least once.
                self.queue.delete(&letter.receipt).await?;
            }
        }
        Ok(new)
    }

    /// Deletes a message whose jobs have all succeeded, and names why another one is left.
    async fn settle(&mut self, letter: &Letter, parts: &[Part]) -> anyhow::Result<()> {
        self.bar.inc(1);
        let succeeded = parts.iter().all(|part| part.result.is_ok());
        if succeeded {
            let receipt = self.held.get(&letter.id).unwrap_or(&letter.receipt);
            self.queue.delete(receipt).await?;
            self.held.remove(&letter.id);
            self.replayed += 1;
        } else {
            self.left += 1;
        }
        let kept = if succeeded { "replayed" } else { "left    " };
        for Part { job, result } in parts {
            let result = match result {
                Ok(done) => done.text(),
                Err(failed) => failed.text(),
            };
            self.say(&format!("{kept}  {}  {}  {result}", letter.id, job.as_deref().unwrap_or("-")))?;
        }
        Ok(())
    }

    /// Hides the messages that are held for longer. One that cannot be is received again at worst, and known.
    async fn renew(&self) {
        for receipt in self.held.values() {
            let _ = self.queue.hide(receipt).await;
        }
    }

    /// Lets what is left be received again. It would be anyway, a little later.
    async fn release(&self) -> anyhow::Result<()> {
        let mut released = Ok(());
        for receipt in self.held.values() {
            released = released.and(self.queue.release(receipt).await);
        }
        released
    }

    fn say(&self, line: &str) -> anyhow::Result<()> {
        self.bar.suspend(|| print(format!("{}\n", text::printable(line)).as_bytes()))
    }
}
