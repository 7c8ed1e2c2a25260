//! `label-lake replay`: what is in the dead-letter queue, invoked again.

use std::collections::HashSet;
use std::process::ExitCode;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use indicatif::ProgressBar;

use crate::account::Account;
use crate::args::ReplayArguments;
use crate::function::Function;
use crate::held::Held;
use crate::interrupt::Interrupt;
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
    let interrupt = Interrupt::listen(notice(&bar, arguments.dry_run))?;
    let held = Held::new(queue.clone(), RENEWAL);
    let mut replay = Replay { queue, bar, interrupt, limit, seen: HashSet::new(), held, replayed: 0, left: 0 };
    let ended =
        if arguments.dry_run { replay.look().await } else { replay.run(&account.function(&arguments.function)).await };
    let Replay { bar, interrupt, seen, held, replayed, left, .. } = replay;
    bar.finish_and_clear();
    let released = held.release().await;
    ended.and(released)?;

    let mut summary = if arguments.dry_run {
        format!("{} in the queue, none touched", messages(seen.len()))
    } else {
        format!("{} replayed, {left} left in the queue", messages(replayed))
    };
    if seen.len() >= limit {
        summary.push_str("; there may be more, --limit ended it");
    }
    print(format!("{summary}\n").as_bytes())?;
    if interrupt.has_come() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says at once that an interrupt is heeded: giving messages back takes a moment.
fn notice(bar: &ProgressBar, dry_run: bool) -> impl FnOnce() + Send + 'static {
    let bar = bar.clone();
    let text = if dry_run {
        "error: interrupted; the messages are given back to the queue"
    } else {
        "error: interrupted; what was under way goes on in the function, and its messages stay in the queue"
    };
    move || bar.suspend(|| eprintln!("{text}"))
}

fn messages(number: usize) -> String {
    if number == 1 { "1 message".to_owned() } else { format!("{number} messages") }
}

struct Replay {
    queue: Queue,
    bar: ProgressBar,
    interrupt: Interrupt,
    limit: usize,
    /// The ids of all messages that were received.
    seen: HashSet<String>,
    /// Those that are neither deleted nor released. They stay hidden until the end, so that none comes a second time.
    held: Held,
    replayed: usize,
    left: usize,
}

impl Replay {
    /// Replays until nothing more is received, or an interrupt comes.
    async fn run(&mut self, function: &Function) -> anyhow::Result<()> {
        let interrupt = self.interrupt.clone();
        let mut under_way = FuturesUnordered::new();
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
                () = interrupt.wait() => return Ok(()),
            }
        }
    }

    /// Shows what is in the queue.
    async fn look(&mut self) -> anyhow::Result<()> {
        loop {
            let letters = self.receive(usize::MAX).await?;
            if letters.is_empty() {
                return Ok(());
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

    /// Receives messages that were not seen before; none if there are none, the limit is reached, or an interrupt has
    /// come. A receive that is under way is never given up: its messages would stay hidden.
    async fn receive(&mut self, most: usize) -> anyhow::Result<Vec<Letter>> {
        let most = most.min(self.limit - self.seen.len());
        if most == 0 || self.interrupt.has_come() {
            return Ok(Vec::new());
        }
        let (mut new, mut deleted) = (Vec::new(), Vec::new());
        for letter in self.queue.receive(most).await? {
            let is_new = self.seen.insert(letter.id.clone());
            if is_new || self.held.contains(&letter.id) {
                self.held.insert(&letter);
                new.extend(is_new.then_some(letter));
            } else {
                deleted.push(letter);
            }
        }
        // SQS delivers at least once, even after a message was deleted.
        for letter in deleted {
            self.held.delete(&letter).await?;
        }
        Ok(new)
    }

    /// Deletes a message whose jobs have all succeeded, and names why another one is left.
    async fn settle(&mut self, letter: &Letter, parts: &[Part]) -> anyhow::Result<()> {
        self.bar.inc(1);
        let succeeded = parts.iter().all(|part| part.result.is_ok());
        if succeeded {
            self.held.delete(letter).await?;
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

    fn say(&self, line: &str) -> anyhow::Result<()> {
        self.bar.suspend(|| print(format!("{}\n", text::printable(line)).as_bytes()))
    }
}
