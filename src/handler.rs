//! One invocation: the event in, its jobs exported one after the other, the answer out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::aws::deadline::Deadline;
use crate::error::Error;
use crate::export::{Exporter, Invocation, Outcome};
use crate::job_id::JobId;
use crate::notification::{Completion, Delivery};
use crate::table::aggregation::Aggregation;
use crate::telemetry::WorkDone;
use crate::telemetry::metrics::Attempt;

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
    /// `EXPORTED`, `ALREADY_COMMITTED`, `COMMITTED_BY_ANOTHER` (a copy that ran at the same time), or `HANDED_OVER`
    /// (another invocation goes on).
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
        let row = outcome.row();
        Self {
            job_id,
            outcome: outcome.name(),
            status: row.map(|row| row.status.name()),
            labels: row.map(|row| row.labels.len()),
            detections: row.and_then(|row| row.total(Aggregation::Timestamps, |summary| summary.count)),
            rows: row.and_then(|row| row.total(Aggregation::Timestamps, |summary| summary.rows)),
            segments: row.and_then(|row| row.total(Aggregation::Segments, |summary| summary.count)),
        }
    }
}

/// What became of an event.
#[derive(Debug, Default)]
pub struct Report {
    /// The jobs that are done or under way, in the order of the event.
    pub jobs: Vec<(JobId, Outcome)>,
    /// Why the others, or messages without a job, failed.
    pub errors: Vec<Error>,
    /// The items of the queue; none if the event is not from one.
    items: BTreeSet<String>,
    /// Those that held what failed.
    failed_items: BTreeSet<String>,
    /// True if a message that failed is of no item, so that the queue cannot be told.
    failed_without_item: bool,
}

/// Why an invocation failed.
pub struct Failure {
    /// [`Error::error_type`] of the first error.
    pub error_type: &'static str,
    /// All errors, one after the other.
    pub message: String,
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

/// Handles one event, as the Lambda runtime asks for it.
///
/// # Errors
/// The first job's or message's error, with the text of all. To a queue, failures are a part of the answer, unless all
/// items failed.
pub async fn handle(exporter: &Exporter, event: LambdaEvent<Event>) -> Result<Answer, Failure> {
    let LambdaEvent { payload, context } = event;
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let Some(deadline) = Deadline::of_invocation(left) else {
        // An emulator's: with it, each invocation would hand over to the next at once.
        let (variable, given) = ("Lambda-Runtime-Deadline-Ms", context.deadline.to_string());
        let error = Error::Configuration { variable, given, expected: "a time in the future" };
        error.log();
        return Err(failure(&error, &[]));
    };
    let invocation = Invocation { deadline, function_arn: &context.invoked_function_arn };
    process(exporter, payload, invocation).await.answer()
}

/// Exports the jobs that an event names.
///
/// The same job is exported once, however often the event names it. Jobs that can be exported are, whatever becomes of
/// the others. One that is not begun when it is time to leave is handed to an invocation of its own.
pub async fn process(exporter: &Exporter, event: Event, invocation: Invocation<'_>) -> Report {
    let delivery = match event.0 {
        Ok(event) => Delivery::unwrap_event(&event),
        Err(reason) => {
            let error = Error::invalid_event(format!("it is not JSON: {reason}"));
            error.log();
            return Report { errors: vec![error], ..Report::default() };
        }
    };
    let mut report = Report { items: delivery.items, ..Report::default() };
    let mut items = BTreeMap::<JobId, Vec<String>>::new();
    let mut asked_for: Vec<Completion> = Vec::new();
    for message in delivery.messages {
        match message.completion {
            Ok(completion) => {
                items.entry(completion.job_id.clone()).or_default().extend(message.item);
                match asked_for.iter_mut().find(|earlier| earlier.job_id == completion.job_id) {
                    Some(earlier) => {
                        earlier.overwrite |= completion.overwrite;
                        earlier.replaces |= completion.replaces;
                    }
                    None => asked_for.push(completion),
                }
            }
            Err(error) => report.fail(error, message.item),
        }
    }
    for (index, completion) in asked_for.iter().enumerate() {
        let (before, begun) = (exporter.progress.snapshot(), Instant::now());
        // The first is begun whatever the time.
        let ended = if index == 0 || invocation.deadline.allows(Duration::ZERO) {
            // Boxed: the state of an export is large, and would be copied into that of each caller.
            Box::pin(exporter.export(completion, invocation)).await
        } else {
            exporter.defer(completion, invocation).await
        };
        let (work, duration) = (exporter.progress.snapshot().since(before), begun.elapsed());
        if let Some(function) = &exporter.function_name {
            measure(function, &completion.job_id, ended.as_ref(), work, duration);
        }
        match ended {
            Ok(outcome) => {
                log_answer(&JobAnswer::new(completion.job_id.clone(), &outcome), work, duration);
                report.jobs.push((completion.job_id.clone(), outcome));
            }
            Err(error) => report.fail(error, items.remove(&completion.job_id).into_iter().flatten()),
        }
    }
    report
}

impl Report {
    fn fail(&mut self, error: Error, items: impl IntoIterator<Item = String>) {
        error.log();
        self.errors.push(error);
        let mut items = items.into_iter().peekable();
        self.failed_without_item |= items.peek().is_none();
        self.failed_items.extend(items);
    }

    /// To a queue, the items that failed, unless all did. A mapping without `ReportBatchItemFailures` deletes what a
    /// successful invocation reports; what a failed one was given stays in the queue whatever the mapping says.
    fn answer(self) -> Result<Answer, Failure> {
        let some_succeeded = self.items.iter().any(|item| !self.failed_items.contains(item));
        if some_succeeded && !self.failed_without_item {
            return Ok(Answer::Batch(batch(self.failed_items)));
        }
        if let [first, others @ ..] = self.errors.as_slice() {
            return Err(failure(first, others));
        }
        let jobs = self.jobs.into_iter().map(|(job, outcome)| JobAnswer::new(job, &outcome)).collect();
        Ok(Answer::Jobs(JobsAnswer { jobs }))
    }
}

fn failure(first: &Error, others: &[Error]) -> Failure {
    let messages: Vec<_> = std::iter::once(first).chain(others).map(Error::with_sources).collect();
    Failure { error_type: first.error_type(), message: messages.join("; ") }
}

fn batch(failed_items: BTreeSet<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed_items
        .into_iter()
        .map(|item| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = item;
            failure
        })
        .collect();
    response
}

fn log_answer(answer: &JobAnswer, work: WorkDone, duration: Duration) {
    let JobAnswer { job_id, outcome, status, labels, detections, rows, segments } = answer;
    let WorkDone { pages, files, bytes, .. } = work;
    let duration_ms = duration.as_millis() as u64;
    tracing::info!(
        job = %job_id, outcome, status, labels, detections, rows, segments, pages, files, bytes, duration_ms, "done"
    );
}

/// Writes what an attempt at a job did, for CloudWatch. A duplicate did nothing.
fn measure(function: &str, job: &JobId, ended: Result<&Outcome, &Error>, work: WorkDone, duration: Duration) {
    if matches!(ended, Ok(Outcome::AlreadyCommitted)) {
        return;
    }
    let attempt = Attempt {
        job,
        outcome: ended.map_or_else(Error::error_type, Outcome::name),
        committed: ended.ok().and_then(Outcome::row),
        handed_over: matches!(ended, Ok(Outcome::HandedOver)),
        work,
        duration,
    };
    println!("{}", attempt.line(function, SystemTime::now()));
}
