//! Started jobs: the slots of the account, the tokens, and the videos.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::account::{ACCOUNT, REGION};
use crate::clock::Clock;
use crate::rekognition::request::Exception;
use crate::rekognition::start_request::{StartLabelDetection, VideoObject};

/// Jobs at once in an account.
pub(crate) const DEFAULT_SLOTS: usize = 20;
/// Time for which a token returns the job that it started.
const TOKEN_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// Maximum size of a video, in bytes.
const MAX_VIDEO: u64 = 10 * 1024 * 1024 * 1024;

pub(crate) const INVALID_S3_OBJECT: Exception = "InvalidS3ObjectException";
pub(crate) const LIMIT_EXCEEDED: Exception = "LimitExceededException";
pub(crate) const PARAMETER_MISMATCH: Exception = "IdempotentParameterMismatchException";
pub(crate) const TOO_LARGE: Exception = "VideoTooLargeException";

/// A job that `StartLabelDetection` started.
#[derive(Clone, Debug, PartialEq)]
pub struct StartedJob {
    /// Job ID.
    pub id: String,
    /// Video.
    pub video: VideoObject,
    /// `JobTag`.
    pub tag: Option<String>,
    /// `ClientRequestToken`.
    pub token: Option<String>,
    /// The request, without the token.
    pub request: Value,
    /// True until the job ends.
    pub in_progress: bool,
    topic: Option<String>,
}

/// All started jobs, and what decides whether another job starts.
pub(crate) struct Starts {
    pub(crate) slots: usize,
    /// Slots that jobs of other programs hold.
    pub(crate) held_by_others: usize,
    clock: Arc<Clock>,
    jobs: Vec<StartedJob>,
    /// Index of the job that each token started, and when.
    tokens: HashMap<String, (usize, Instant)>,
    /// Sizes of the known videos, by bucket and key.
    videos: HashMap<String, HashMap<String, u64>>,
}

impl Starts {
    pub(crate) fn new(slots: usize, clock: Arc<Clock>) -> Self {
        let (tokens, videos) = (HashMap::new(), HashMap::new());
        Self { slots, held_by_others: 0, clock, jobs: Vec::new(), tokens, videos }
    }

    /// Adds a video. All other objects of its bucket are then missing.
    pub(crate) fn add_video(&mut self, bucket: &str, key: &str, size: u64) {
        self.videos.entry(bucket.to_owned()).or_default().insert(key.to_owned(), size);
    }

    pub(crate) fn jobs(&self) -> &[StartedJob] {
        &self.jobs
    }

    /// Starts a job, or finds the job that the token started.
    pub(crate) fn start(&mut self, request: &StartLabelDetection, content: Value) -> Result<Start, Exception> {
        let now = self.clock.now();
        if let Some(token) = &request.client_request_token
            && let Some(&(index, at)) = self.tokens.get(token)
            && now < at + TOKEN_LIFETIME
        {
            let job = &self.jobs[index];
            return if job.request == content { Ok(Start::Repeated(job.id.clone())) } else { Err(PARAMETER_MISMATCH) };
        }
        self.check_video(request.object())?;
        let in_progress = self.jobs.iter().filter(|job| job.in_progress).count();
        if in_progress + self.held_by_others >= self.slots {
            return Err(LIMIT_EXCEEDED);
        }
        if let Some(token) = &request.client_request_token {
            self.tokens.insert(token.clone(), (self.jobs.len(), now));
        }
        let job = StartedJob {
            id: format!("{:064x}", self.jobs.len() + 1),
            video: request.object().clone(),
            tag: request.job_tag.clone(),
            token: request.client_request_token.clone(),
            request: content,
            in_progress: true,
            topic: request.notification_channel.as_ref().map(|channel| channel.topic.clone()),
        };
        self.jobs.push(job.clone());
        Ok(Start::New(job))
    }

    fn check_video(&self, VideoObject { bucket, name, .. }: &VideoObject) -> Result<(), Exception> {
        let Some(videos) = self.videos.get(bucket) else { return Ok(()) };
        match videos.get(name) {
            None => Err(INVALID_S3_OBJECT),
            Some(&size) if size > MAX_VIDEO => Err(TOO_LARGE),
            Some(_) => Ok(()),
        }
    }

    /// Ends a job, and returns it. `None` if no job with this ID is in progress.
    pub(crate) fn end(&mut self, id: &str) -> Option<StartedJob> {
        let job = self.jobs.iter_mut().find(|job| job.id == id && job.in_progress)?;
        job.in_progress = false;
        Some(job.clone())
    }
}

/// Result of a request that succeeded.
pub(crate) enum Start {
    New(StartedJob),
    /// The token has already started the job with this ID.
    Repeated(String),
}

impl StartedJob {
    /// Returns the event with which SNS delivers the completion message to a function.
    pub(crate) fn completion(&self, status: &str, unix_ms: u64) -> Value {
        let VideoObject { bucket, name, .. } = &self.video;
        let mut message = json!({
            "JobId": self.id,
            "Status": status,
            "API": "StartLabelDetection",
            "Timestamp": unix_ms,
            "Video": { "S3ObjectName": name, "S3Bucket": bucket },
        });
        if let Some(tag) = &self.tag {
            message["JobTag"] = tag.as_str().into();
        }
        let topic = self.topic.clone().unwrap_or_else(|| format!("arn:aws:sns:{REGION}:{ACCOUNT}:none"));
        json!({ "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": format!("{topic}:00000000-0000-4000-9000-000000000001"),
            "Sns": { "Type": "Notification", "TopicArn": topic, "Subject": null, "Message": message.to_string() },
        }] })
    }
}
