//! One invocation: the event in, its jobs exported one after the other, the answer out.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::export::{Exporter, Outcome};
use crate::notification::{Completion, Delivery, JobId};
use crate::pacing::Deadline;
use crate::pages::Aggregation;

/// Kept back from Lambda's deadline, so that the function answers itself instead of being killed.
const RESERVE: Duration = Duration::from_secs(1);

/// The event as it came. It is never refused by the runtime, whose error would have a type of its own: what is not
/// JSON is an `InvalidEvent` like any other.
#[derive(Debug)]
pub struct Event(Result<Value, String>);

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value::deserialize(deserializer).map_err(|error| error.to_string())))
    }
}

impl From<Value> for Event {
    fn from(event: Value) -> Self {
        Self(Ok(event))
    }
}

/// The answer to an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To SQS: the items that failed.
    Batch(SqsBatchResponse),
    /// To all else: what became of each job.
    Jobs(JobsAnswer),
}

/// What became of each job.
#[derive(Debug, Serialize)]
pub struct JobsAnswer {
    /// In the order of the event.
    pub jobs: Vec<JobAnswer>,
}

/// What became of one job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobAnswer {
    /// The job.
    pub job_id: JobId,
    /// `EXPORTED`, `ALREADY_COMMITTED`, or `COMMITTED_BY_ANOTHER` (a copy that ran at the same time).
    pub outcome: &'static str,
    /// `SUCCEEDED` or `FAILED`: how the job ended at Rekognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Number of labels, each with a file in each table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// Number of detections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detections: Option<u64>,
    /// Number of rows in `label_detections`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Number of segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<u64>,
}

impl JobAnswer {
    fn new(job_id: JobId, outcome: &Outcome) -> Self {
        let (name, row) = match outcome {
            Outcome::Exported(row) => ("EXPORTED", Some(row)),
            Outcome::AlreadyCommitted => ("ALREADY_COMMITTED", None),
            Outcome::CommittedByAnother => ("COMMITTED_BY_ANOTHER", None),
        };
        Self {
            job_id,
            outcome: name,
            status: row.map(|row| row.status.name()),
            labels: row.map(|row| row.labels.len()),
            detections: row.and_then(|row| row.total(Aggregation::Timestamps, |summary| summary.count)),
            rows: row.and_then(|row| row.total(Aggregation::Timestamps, |summary| summary.rows)),
            segments: row.and_then(|row| row.total(Aggregation::Segments, |summary| summary.count)),
        }
    }
}

/// Why an invocation failed: the first error, and how many more there were.
pub struct Failure {
    /// See [`Error::error_type`].
    pub error_type: &'static str,
    /// All errors, one after the other.
    pub message: String,
}

impl Failure {
    fn new(errors: &[Error]) -> Option<Self> {
        let first = errors.first()?;
        let messages: Vec<_> = errors.iter().map(Error::with_sources).collect();
        Some(Self { error_type: first.error_type(), message: messages.join("; ") })
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.error_type.to_owned(), error_message: failure.message }
    }
}

/// Handles one event.
///
/// The same job is exported once, however often the event names it. Jobs that can be exported are, then the event
/// fails if any failed; of an event from a queue only the items that failed are reported.
///
/// # Errors
/// The first job's or message's error, with the text of all.
pub async fn handle(exporter: &Exporter, event: LambdaEvent<Event>) -> Result<Answer, Failure> {
    let deadline = deadline(&event.context);
    let delivery = match event.payload.0 {
        Ok(event) => Delivery::unwrap_event(&event),
        Err(reason) => {
            let error = Error::invalid_event(format!("it is not JSON: {reason}"));
            log(&error, None);
            return Err(Failure { error_type: error.error_type(), message: error.to_string() });
        }
    };
    let mut jobs = Vec::new();
    let mut errors = Vec::new();
    let mut failed_items = Vec::new();
    let mut items = BTreeMap::<JobId, Vec<String>>::new();
    let mut asked_for: Vec<Completion> = Vec::new();
    for message in delivery.messages {
        match message.completion {
            Ok(completion) => {
                items.entry(completion.job_id.clone()).or_default().extend(message.item);
                match asked_for.iter_mut().find(|earlier| earlier.job_id == completion.job_id) {
                    Some(earlier) => earlier.overwrite |= completion.overwrite,
                    None => asked_for.push(completion),
                }
            }
            Err(error) => {
                log(&error, None);
                failed_items.extend(message.item);
                errors.push(error);
            }
        }
    }
    for completion in asked_for {
        let job = completion.job_id.clone();
        match exporter.export(&completion, deadline).await {
            Ok(outcome) => {
                let answer = JobAnswer::new(job, &outcome);
                log_answer(&answer);
                jobs.push(answer);
            }
            Err(error) => {
                log(&error, Some(&job));
                failed_items.extend(items.remove(&job).into_iter().flatten());
                errors.push(error);
            }
        }
    }
    if delivery.from_queue {
        return Ok(Answer::Batch(batch(failed_items)));
    }
    match Failure::new(&errors) {
        Some(failure) => Err(failure),
        None => Ok(Answer::Jobs(JobsAnswer { jobs })),
    }
}

fn batch(failed_items: Vec<String>) -> SqsBatchResponse {
    let mut seen = HashSet::new();
    let once = failed_items.into_iter().filter(|item| seen.insert(item.clone()));
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = once
        .map(|item| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = item;
            failure
        })
        .collect();
    response
}

fn deadline(context: &Context) -> Deadline {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Deadline::after(left.saturating_sub(RESERVE))
}

/// Logs a failure: here, once.
fn log(error: &Error, job: Option<&JobId>) {
    let job = job.map(JobId::as_str);
    tracing::error!(job, error_type = error.error_type(), error = error.with_sources(), "not exported");
}

fn log_answer(answer: &JobAnswer) {
    let JobAnswer { job_id, outcome, status, labels, detections, rows, segments } = answer;
    tracing::info!(job = %job_id, outcome, status, labels, detections, rows, segments, "done");
}
