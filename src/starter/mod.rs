//! The starter: a function of its own in the same program, which starts Rekognition jobs for the videos in a queue.

pub mod message;
pub mod policy;
pub mod request;
pub mod start;

mod failure;
mod queue;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use lambda_runtime::LambdaEvent;
use tokio::time::sleep;

use self::message::{Content, Video};
use self::policy::{Attempt, Next, Round, WakeUp, hidden_after};
use self::queue::{Message, Queue};
use self::start::{NotStarted, start};
use crate::aws::deadline::Deadline;
use crate::config::{JobSettings, StarterSettings};
use crate::error::Error;
use crate::handler::{Event, Failure, deadline_of};
use crate::telemetry::{VideoCounts, metrics};

/// Time that must be left to receive another message: a start that is throttled is retried for so long.
const ROOM: Duration = Duration::from_secs(15);

/// The starter with its clients.
#[derive(Debug)]
pub struct Starter {
    rekognition: aws_sdk_rekognition::Client,
    videos: Queue,
    failures: Queue,
    job: JobSettings,
    function_name: Option<String>,
    /// Time at which Rekognition last refused a video of a wake-up by the clock, unless the queue was empty since then. It
    /// is wall-clock time, because the clock of a process may stop while Lambda freezes it. It only saves calls: a new
    /// process begins without it.
    refused_at: Mutex<Option<SystemTime>>,
}

/// True if another message is received.
type Continues = bool;

impl Starter {
    /// Creates a starter.
    pub fn new(settings: StarterSettings, aws: &SdkConfig) -> Self {
        let StarterSettings { video_queue_url, failed_queue_url, job, function_name } = settings;
        let [videos, failures] = Queue::with_urls(aws, [&video_queue_url, &failed_queue_url]);
        let rekognition = aws_sdk_rekognition::Client::new(aws);
        Self { rekognition, videos, failures, job, function_name, refused_at: Mutex::default() }
    }

    /// Starts videos as far as the wake-up allows. Stops at the first error that blocks all videos.
    async fn run(&self, wake_up: WakeUp, deadline: Deadline, counts: &mut VideoCounts) -> Result<(), Error> {
        let Some(mut round) = Round::begin(wake_up, self.since_refusal()) else { return Ok(()) };
        // The first message is always received, so that every invocation makes progress.
        loop {
            let Some(message) = self.videos.receive(deadline.answer()).await? else {
                // The next video arrives after slots may have become free.
                *self.refused_at() = None;
                return Ok(());
            };
            let continues = match message::read(&message.body) {
                Content::Video(video) => self.start(&video, &message, &mut round, deadline, counts).await?,
                Content::Invalid(reason) => {
                    let reason = format!("{reason}; the queue takes the events of S3 for new objects");
                    self.fail(None, reason, &message, deadline, counts).await?;
                    true
                }
                Content::Test => {
                    self.videos.delete(&message, deadline.answer()).await?;
                    true
                }
            };
            if !continues || !deadline.allows(ROOM) {
                return Ok(());
            }
        }
    }

    /// Starts a video, and moves its message to where it belongs.
    async fn start(
        &self,
        video: &Video,
        message: &Message,
        round: &mut Round,
        deadline: Deadline,
        counts: &mut VideoCounts,
    ) -> Result<Continues, Error> {
        loop {
            let done = start(&self.rekognition, video, &self.job, deadline.leave()).await;
            let attempt = done.as_ref().map_or_else(NotStarted::attempt, |_| Attempt::Started);
            match &done {
                Ok(job) => {
                    counts.started += 1;
                    tracing::info!(job, video = %video, size = video.size, "started");
                }
                Err(NotStarted::NoSlot | NotStarted::Unavailable(_)) => counts.refused += 1,
                Err(_) => {}
            }
            let next = match round.after(attempt) {
                Next::Retry(pause) if !deadline.allows(pause) => Next::PutBack,
                next => next,
            };
            match (next, done) {
                (Next::Retry(pause), _) => sleep(pause).await,
                (Next::PutBack, Err(reason)) => {
                    if round.refused(attempt) {
                        *self.refused_at() = Some(SystemTime::now());
                    }
                    self.put_back(video, message, reason, deadline).await?;
                    return Ok(false);
                }
                (_, Err(NotStarted::Impossible(reason))) => {
                    self.fail(Some(video), reason, message, deadline, counts).await?;
                    return Ok(next == Next::Receive);
                }
                _ => {
                    self.videos.delete(message, deadline.answer()).await?;
                    return Ok(next == Next::Receive);
                }
            }
        }
    }

    /// Hides a message until it is tried again. Returns the error if no video can be started.
    async fn put_back(
        &self,
        video: &Video,
        message: &Message,
        reason: NotStarted,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let receives = message.receives();
        let hidden = hidden_after(receives);
        let (reason, blocked) = match reason {
            NotStarted::NoSlot => ("all slots of the account are in use".to_owned(), None),
            NotStarted::Unavailable(reason) | NotStarted::Impossible(reason) => (reason, None),
            NotStarted::Blocked(error) => (error.to_string(), Some(error)),
        };
        let put_back = self.videos.hide(message, hidden, deadline.answer()).await;
        tracing::info!(video = %video, reason, receives, hidden_s = hidden.as_secs(), "put back");
        blocked.map_or(put_back, Err)
    }

    /// Moves a message to the failures. `video` is the video in it, if any.
    async fn fail(
        &self,
        video: Option<&Video>,
        reason: String,
        message: &Message,
        deadline: Deadline,
        counts: &mut VideoCounts,
    ) -> Result<(), Error> {
        let subject = video.map_or_else(|| format!("message {}", message.id), |video| format!("video {video}"));
        let error = Error::VideoNotStarted { subject, reason: reason.clone() };
        let body = failure::body(&error, &message.body);
        self.failures.send(&body, deadline.answer()).await?;
        self.videos.delete(message, deadline.answer()).await?;
        counts.not_started += 1;
        let (error_type, error) = (error.error_type(), error.with_sources());
        tracing::error!(video = video.map(tracing::field::display), reason, error_type, error, "not started");
        Ok(())
    }

    fn since_refusal(&self) -> Option<Duration> {
        let refused_at = *self.refused_at();
        SystemTime::now().duration_since(refused_at?).ok()
    }

    fn refused_at(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.refused_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handles a wake-up from the Lambda runtime.
///
/// # Errors
/// No video can be started: a permission or a setting of the stack is wrong, or a service does not reply.
pub async fn handle(starter: &Starter, event: LambdaEvent<Event>) -> Result<VideoCounts, Failure> {
    let mut counts = VideoCounts::default();
    let done = match deadline_of(&event.context) {
        Ok(deadline) => starter.run(wake_up(&event.payload), deadline, &mut counts).await,
        Err(error) => Err(error),
    };
    if let Some(function) = &starter.function_name {
        println!("{}", metrics::starter_line(function, counts, done.as_ref().err(), SystemTime::now()));
    }
    done.map(|()| counts).map_err(|error| {
        let (error_type, message) = (error.error_type(), error.with_sources());
        tracing::error!(error_type, error = message, "no video can be started");
        Failure { error_type, message }
    })
}

/// Returns the kind of a wake-up. SNS delivers completion messages; any other event is one of the clock.
fn wake_up(event: &Event) -> WakeUp {
    let from_topic = event.json().is_some_and(|event| event["Records"][0]["Sns"].is_object());
    if from_topic { WakeUp::JobEnded } else { WakeUp::Minute }
}
