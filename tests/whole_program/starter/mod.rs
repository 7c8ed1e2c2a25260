//! The starter: videos in a queue become jobs, one each.

mod blocked;
mod crashes;
mod failures;
mod simulated;
mod starts;
mod world;

use std::collections::HashSet;
use std::time::Duration;

use rekognition_simulator::{Builder, JobStatus, Simulator, StartedJob};
use serde_json::{Value, json};

use crate::support::Function;

/// Settings of the starter. The simulator knows a queue by the last part of its URL.
const SETTINGS: &[(&str, &str)] = &[
    ("_HANDLER", "starter"),
    ("VIDEO_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/videos"),
    ("FAILED_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/failures"),
    ("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:AmazonRekognition-label-lake"),
    ("REKOGNITION_ROLE_ARN", "arn:aws:iam::123456789012:role/rekognition"),
];

/// Operation that starts a job.
const START: &str = "StartLabelDetection";

/// Time after which every message is visible that was received or put back.
const ALL_VISIBLE: Duration = Duration::from_mins(31);

/// A process of the starter, in an account with its queues.
struct Starter {
    function: Function,
}

impl Starter {
    async fn start(account: Builder) -> Self {
        Self { function: Function::start(with_queues(account), SETTINGS).await }
    }

    fn simulator(&self) -> &Simulator {
        &self.function.simulator
    }

    /// Sends the event of a new object with this key and ETag.
    fn send(&self, key: &str, etag: &str) {
        self.simulator().send_message("videos", &event(key, etag).to_string());
    }

    /// Wakes the starter by the clock, and expects success.
    async fn minute(&self) -> Value {
        self.function.succeed(json!({})).await
    }

    /// Wakes the starter with any event, and expects an error.
    async fn blocked(&self) -> String {
        let (error_type, message) = self.function.fail(json!({})).await;
        assert_eq!(error_type, "StartsBlocked", "{message}");
        message
    }

    /// Ends a job. Returns the event of its completion message.
    fn end(&self, job: &StartedJob) -> Value {
        self.simulator().end_job(&job.id, JobStatus::Succeeded)
    }

    /// Returns the keys of the started videos, in the order of their jobs.
    fn started(&self) -> Vec<String> {
        self.simulator().started_jobs().into_iter().map(|job| job.video.name).collect()
    }

    /// Returns the messages of the queue of failures.
    fn failures(&self) -> Vec<Value> {
        let messages = self.simulator().messages("failures");
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    /// Returns the number of messages in the queue of videos.
    fn waiting(&self) -> usize {
        self.simulator().messages("videos").len()
    }

    /// Starts a new process, which has no memory of a refusal.
    async fn restart(&mut self) {
        self.function.restart(SETTINGS).await;
    }

    /// Wakes the starter by the clock until no video waits, and ends each started job at once.
    async fn run_until_empty(&mut self) {
        for _ in 0..100 {
            if self.waiting() == 0 {
                return;
            }
            self.simulator().advance(ALL_VISIBLE);
            self.restart().await;
            self.function.invoke(json!({})).await;
            for job in self.simulator().started_jobs().iter().filter(|job| job.in_progress) {
                self.end(job);
            }
        }
        panic!("{} messages still wait", self.waiting());
    }

    /// Checks that every injected fault fired.
    fn assert_faults_fired(&self) {
        assert_eq!(self.simulator().faults_not_fired(), [""; 0]);
    }
}

fn with_queues(account: Builder) -> Builder {
    account.queue_with_redrive("videos", "failures", 1000).queue("failures")
}

/// Returns EventBridge's event of a new object in the bucket `videos`.
fn event(key: &str, etag: &str) -> Value {
    json!({
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": { "bucket": { "name": "videos" }, "object": { "key": key, "size": 7, "etag": etag } },
    })
}

/// Checks that each job is of another video.
fn assert_distinct(started: &[String], videos: usize) {
    assert_eq!(started.iter().collect::<HashSet<_>>().len(), videos, "{started:?}");
    assert_eq!(started.len(), videos, "{started:?}");
}

/// Returns the error that Rekognition replies with, with its text.
fn reply(code: &str, message: &str) -> String {
    json!({ "__type": code, "Message": message }).to_string()
}
