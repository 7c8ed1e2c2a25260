//! `label-lake replay`: invokes the function again with the messages in its dead-letter queue, and sends videos whose jobs
//! were not started to the queue of the starter.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::bail;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use indicatif::ProgressBar;

use crate::account::Account;
use crate::account::dead_letter::{DeadLetter, VideoLetter};
use crate::account::function::{ExportError, Function};
use crate::account::in_flight::{EXTENSION_PERIOD, InFlightMessages};
use crate::account::queue::Queue;
use crate::args::ReplayArguments;
use crate::error::hints;
use crate::output::progress::counter;
use crate::output::stdout::print;
use crate::output::text::{answer_text, count, printable};
use crate::shutdown::{INTERRUPTED, Shutdown};

/// Number of messages that are replayed concurrently. Low, because their jobs share Rekognition's quota with new jobs.
const CONCURRENCY: usize = 5;

/// Replays the queue. Returns a failure code if a message was kept.
pub(crate) async fn replay(arguments: &ReplayArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open(&arguments.aws).await?;
    let Names { queue_url, function, video_queue_url } = names(&account, arguments).await?;
    let queue = account.queue(&queue_url);
    let targets =
        Targets { function: account.function(&function), video_queue: video_queue_url.map(|url| account.queue(&url)) };
    let waiting = queue.approximate_count().await?;
    let limit = arguments.limit.map_or(usize::MAX, |limit| limit as usize);
    let bar = counter(waiting.min(limit as u64), "messages", arguments.quiet)?;
    let shutdown = Shutdown::listen(interruption_notice(&bar, arguments.dry_run))?;
    let in_flight = InFlightMessages::new(queue.clone(), EXTENSION_PERIOD);
    let mut replay = Replay {
        queue,
        bar,
        shutdown,
        limit,
        seen: HashSet::new(),
        videos: HashSet::new(),
        in_flight,
        replayed: 0,
        kept: 0,
    };
    let result = if arguments.dry_run { replay.list().await } else { replay.run(&targets).await };
    let Replay { bar, shutdown, seen, in_flight, replayed, kept, .. } = replay;
    bar.finish_and_clear();
    // The messages are made visible after an error, too.
    let made_visible = in_flight.make_visible().await;
    result.and(made_visible)?;

    let mut summary = if arguments.dry_run {
        format!("{} in the queue, all kept", count(seen.len(), "message"))
    } else {
        format!("{} replayed, {kept} kept in the queue", count(replayed, "message"))
    };
    if seen.len() >= limit {
        summary.push_str("; stopped at --limit, there may be more");
    }
    print(&format!("{summary}\n"))?;
    if shutdown.is_requested() {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if kept == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The names of the queue to replay, and of the receivers of its messages.
struct Names {
    queue_url: String,
    function: String,
    /// `None` if the stack starts no jobs, or if no stack is named.
    video_queue_url: Option<String>,
}

/// The receivers of replayed messages.
struct Targets {
    function: Function,
    video_queue: Option<Queue>,
}

/// Returns the names from the arguments, or from the stack that they name.
async fn names(account: &Account, arguments: &ReplayArguments) -> anyhow::Result<Names> {
    match (&arguments.stack, &arguments.queue_url, &arguments.function) {
        (Some(name), ..) => {
            let stack = account.stack(name).await?;
            Ok(Names {
                queue_url: stack.output("FailedQueueUrl")?.to_owned(),
                function: stack.output("FunctionName")?.to_owned(),
                video_queue_url: stack.outputs.get("VideoQueueUrl").cloned(),
            })
        }
        (None, Some(queue_url), Some(function)) => {
            Ok(Names { queue_url: queue_url.clone(), function: function.clone(), video_queue_url: None })
        }
        _ => bail!("pass --stack, or QUEUE_URL and --function"),
    }
}

/// Returns a function that confirms an interruption at once, because making the messages visible takes a moment.
fn interruption_notice(bar: &ProgressBar, dry_run: bool) -> impl FnOnce() + Send + 'static {
    let bar = bar.clone();
    let text = if dry_run {
        "error: interrupted; the messages become visible in the queue again"
    } else {
        "error: interrupted; running exports continue in the function, and their messages stay in the queue"
    };
    move || bar.suspend(|| eprintln!("{text}"))
}

/// The replay of one job or video of a message, or of a part of a message that names none.
#[derive(Debug)]
struct ReplayedPart {
    /// ID of the job, or URL of the video.
    subject: Option<String>,
    /// Outcome in words.
    result: Result<String, ExportError>,
}

/// A replay in progress.
struct Replay {
    queue: Queue,
    bar: ProgressBar,
    shutdown: Shutdown,
    limit: usize,
    /// IDs of all messages received so far.
    seen: HashSet<String>,
    /// Contents of the videos that were received so far.
    videos: HashSet<String>,
    /// Received messages that are not deleted. They stay hidden until the end, so that none is received twice.
    in_flight: InFlightMessages,
    replayed: usize,
    kept: usize,
}

impl Replay {
    /// Replays messages until the queue is empty, the limit is reached, or the command is interrupted.
    async fn run(&mut self, targets: &Targets) -> anyhow::Result<()> {
        let shutdown = self.shutdown.clone();
        let mut replays = FuturesUnordered::new();
        let mut more = true;
        loop {
            while more && replays.len() < CONCURRENCY {
                let letters = self.receive(CONCURRENCY - replays.len()).await?;
                more = !letters.is_empty();
                replays.extend(letters.into_iter().map(|letter| {
                    let is_again = letter.video().is_some_and(|video| !self.videos.insert(video.content()));
                    replay_letter(targets, letter, is_again)
                }));
            }
            if replays.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some((letter, parts)) = replays.next() => {
                    // After a fatal error, no more messages are received: they would fail the same way.
                    more &= !parts.iter().any(|part| part.result.as_ref().is_err_and(|error| error.is_fatal));
                    self.finish(&letter, &parts).await?;
                }
                () = shutdown.wait() => return Ok(()),
            }
        }
    }

    /// Prints the messages without replaying or deleting them.
    async fn list(&mut self) -> anyhow::Result<()> {
        loop {
            let letters = self.receive(usize::MAX).await?;
            if letters.is_empty() {
                return Ok(());
            }
            for letter in letters {
                if let Some(VideoLetter { video, reason, .. }) = letter.video() {
                    let reason = reason.map(|reason| format!("  {reason}")).unwrap_or_default();
                    self.print(&format!("waiting   {}  {video}{reason}", letter.id))?;
                    continue;
                }
                let cause = letter.error_type().map(|cause| format!("  failed with {cause}")).unwrap_or_default();
                for completion in letter.completions() {
                    let part = match completion {
                        Ok(completion) => completion.job_id.to_string(),
                        Err(error) => format!("-  {error}"),
                    };
                    self.print(&format!("waiting   {}  {part}{cause}", letter.id))?;
                }
            }
        }
    }

    /// Receives messages that were not received before. Returns none if the queue is empty, the limit is reached, or the
    /// command is interrupted.
    ///
    /// A receive request in flight is never cancelled, because its messages would stay hidden.
    async fn receive(&mut self, max: usize) -> anyhow::Result<Vec<DeadLetter>> {
        let max = max.min(self.limit - self.seen.len());
        if max == 0 || self.shutdown.is_requested() {
            return Ok(Vec::new());
        }
        let (mut new, mut deleted) = (Vec::new(), Vec::new());
        for letter in self.queue.receive(max).await? {
            let is_new = self.seen.insert(letter.id.clone());
            if is_new || self.in_flight.contains(&letter.id) {
                self.in_flight.insert(&letter);
                new.extend(is_new.then_some(letter));
            } else {
                deleted.push(letter);
            }
        }
        // SQS may deliver a message again after it was deleted.
        for letter in deleted {
            self.in_flight.delete(&letter).await?;
        }
        Ok(new)
    }

    /// Deletes a message if all its jobs have succeeded, and prints the result of each job.
    async fn finish(&mut self, letter: &DeadLetter, parts: &[ReplayedPart]) -> anyhow::Result<()> {
        self.bar.inc(1);
        let succeeded = parts.iter().all(|part| part.result.is_ok());
        if succeeded {
            self.in_flight.delete(letter).await?;
            self.replayed += 1;
        } else {
            self.kept += 1;
        }
        let message = if succeeded { "replayed" } else { "kept    " };
        for ReplayedPart { subject, result } in parts {
            let result = match result {
                Ok(outcome) => outcome.clone(),
                Err(error) => error.to_string(),
            };
            self.print(&format!("{message}  {}  {}  {result}", letter.id, subject.as_deref().unwrap_or("-")))?;
        }
        Ok(())
    }

    fn print(&self, line: &str) -> anyhow::Result<()> {
        self.bar.suspend(|| print(&format!("{}\n", printable(line))))
    }
}

/// Replays a message. `is_again` is true for a video that this command has received before.
async fn replay_letter(targets: &Targets, letter: DeadLetter, is_again: bool) -> (DeadLetter, Vec<ReplayedPart>) {
    let parts = match letter.video() {
        Some(video) => {
            let result = send_video(targets.video_queue.as_ref(), &video, is_again).await;
            vec![ReplayedPart { subject: Some(video.video.to_string()), result }]
        }
        None => replay_jobs(&targets.function, &letter).await,
    };
    (letter, parts)
}

/// Invokes the function with each job of a message, one after the other.
///
/// The payload is a bare completion message, because its answer has the result of the job. The answer to an SQS event has
/// only the items that failed, without a reason.
async fn replay_jobs(function: &Function, letter: &DeadLetter) -> Vec<ReplayedPart> {
    let mut parts = Vec::new();
    for completion in letter.completions() {
        parts.push(match completion {
            Ok(completion) => {
                let result = function.export(&completion).await;
                ReplayedPart {
                    subject: Some(completion.job_id.to_string()),
                    result: result.map(|answer| answer_text(&answer)),
                }
            }
            Err(error) => ReplayedPart { subject: None, result: Err(error) },
        });
    }
    parts
}

/// Sends a video to the queue of videos. Returns the reason for which it was not started before.
///
/// A video that has failed again in the meantime is kept: sent again and again, it would keep the command busy for ever.
async fn send_video(queue: Option<&Queue>, video: &VideoLetter, is_again: bool) -> Result<String, ExportError> {
    let reason = video.reason.as_deref().unwrap_or("received too often");
    if is_again {
        let message = format!("already sent by this command; {reason}");
        return Err(ExportError::new("VideoNotStarted", message));
    }
    let Some(queue) = queue else {
        let message = "pass a stack with a bucket of videos as --stack to send the video to its queue".to_owned();
        return Err(ExportError::new("NoVideoQueue", message));
    };
    let sent = queue.send(std::slice::from_ref(&video.message)).await;
    let refused = sent.map_err(|error| ExportError {
        error_type: "NotSent".to_owned(),
        message: format!("{error:#}; {}", hints(&error).join("; ")),
        is_fatal: true,
    })?;
    match refused.into_values().next() {
        None => Ok(format!("SENT to the queue of videos; before: {reason}")),
        Some(code) => Err(ExportError::new("NotSent", format!("SQS did not take the message: {code}"))),
    }
}
