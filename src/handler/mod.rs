//! One invocation: unwraps the event, exports its jobs one after the other, and answers.

mod answer;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::aws::deadline::Deadline;
use crate::error::Error;
use crate::export::{Exporter, Invocation, Outcome};
use crate::job_id::JobId;
use crate::notification::{Delivery, Rejected, Request};
use crate::table::rows::JobStatus;
use crate::telemetry::WorkDone;
use crate::telemetry::metrics::{self, Attempt};

pub use self::answer::{Answer, JobAnswer, JobsAnswer, OutcomeName};

/// An event as Lambda delivers it.
///
/// Deserialization always succeeds. Otherwise the runtime would answer with an error type of its own; this way an event
/// that is not JSON is an `InvalidEvent` like every other invalid event.
#[derive(Debug)]
pub struct Event(Result<Value, String>);

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value::deserialize(deserializer).map_err(|error| error.to_string())))
    }
}

impl Event {
    /// Returns the event, if it is JSON.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.0.as_ref().ok()
    }
}

impl From<Value> for Event {
    fn from(event: Value) -> Self {
        Self(Ok(event))
    }
}

/// The results of one event.
#[derive(Debug, Default)]
pub struct Report {
    /// Jobs that are committed or handed over, in the order of the event.
    pub jobs: Vec<(JobId, Outcome)>,
    /// Errors of the other jobs, and of messages that name no job.
    pub errors: Vec<Error>,
    /// `messageId` of each SQS record. Empty if the event is not from a queue.
    items: BTreeSet<String>,
    /// The items that hold a failed job or message.
    failed_items: BTreeSet<String>,
    /// True if a failed message belongs to no item, so that the answer to SQS cannot name it.
    failed_without_item: bool,
}

/// The error of an invocation.
pub struct Failure {
    /// [`Error::error_type`] of the first error.
    pub error_type: &'static str,
    /// The texts of all errors.
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

/// Handles one event from the Lambda runtime.
///
/// # Errors
/// The type of the first error, with the text of all. For an event from a queue, failed items are part of the answer
/// instead, unless all items failed.
pub async fn handle(exporter: &Exporter, event: LambdaEvent<Event>) -> Result<Answer, Failure> {
    let LambdaEvent { payload, context } = event;
    let deadline = match deadline_of(&context) {
        Ok(deadline) => deadline,
        Err(error) => {
            error.log();
            write_rejection(exporter, &error);
            return Err(failure(&error, &[]));
        }
    };
    let invocation = Invocation { deadline, function_arn: &context.invoked_function_arn };
    process(exporter, payload, invocation).await.answer()
}

/// Returns the deadline of an invocation.
///
/// # Errors
/// `Configuration`. Some emulators send a deadline in the past. Each invocation would then hand over to the next one at
/// once.
pub(crate) fn deadline_of(context: &Context) -> Result<Deadline, Error> {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Deadline::of_invocation(left).ok_or_else(|| {
        let (variable, given) = ("Lambda-Runtime-Deadline-Ms", context.deadline.to_string());
        Error::Configuration { variable, given, expected: "a time in the future" }
    })
}

/// Exports the jobs that an event names.
///
/// Each job is exported once, even if several messages name it. The failure of one job does not affect the others. A job
/// that has not started when the time is nearly over is handed over to an invocation of its own.
pub async fn process(exporter: &Exporter, event: Event, invocation: Invocation<'_>) -> Report {
    let delivery = match event.0 {
        Ok(event) => Delivery::unwrap_event(&event),
        Err(reason) => {
            let error = Error::invalid_event(format!("it is not JSON: {reason}"));
            error.log();
            write_rejection(exporter, &error);
            return Report { errors: vec![error], ..Report::default() };
        }
    };
    let mut report = Report { items: delivery.items, ..Report::default() };
    for Rejected { item, error } in delivery.rejected {
        write_rejection(exporter, &error);
        report.fail(error, item);
    }
    for (index, Request { completion, items }) in delivery.requests.into_iter().enumerate() {
        let (before, begun) = (exporter.progress.snapshot(), Instant::now());
        // The first job always starts, so that every invocation makes progress.
        let ended = if index == 0 || invocation.deadline.allows(Duration::ZERO) {
            // Boxed because the state of an export is large, and would be copied into the future of each caller.
            Box::pin(exporter.export(&completion, invocation)).await
        } else {
            exporter.defer(&completion, invocation).await
        };
        let (work, duration) = (exporter.progress.snapshot().since(before), begun.elapsed());
        if let Some(function) = &exporter.function_name {
            write_metrics(function, &completion.job_id, ended.as_ref(), work, duration);
        }
        match ended {
            Ok(outcome) => {
                log_answer(&JobAnswer::new(completion.job_id.clone(), &outcome), work, duration);
                report.jobs.push((completion.job_id, outcome));
            }
            Err(error) => report.fail(error, items),
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

    /// Returns the answer: to a queue, the items that failed; to any other caller, the outcome of each job.
    ///
    /// # Errors
    /// A job or message failed, and the event is not from a queue or all of its items failed. An event source mapping
    /// without `ReportBatchItemFailures` deletes the items that a successful invocation reports, but never those of a
    /// failed invocation.
    fn answer(self) -> Result<Answer, Failure> {
        let some_succeeded = self.items.iter().any(|item| !self.failed_items.contains(item));
        if some_succeeded && !self.failed_without_item {
            return Ok(Answer::Batch(answer::batch(self.failed_items)));
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

fn log_answer(answer: &JobAnswer, work: WorkDone, duration: Duration) {
    let &JobAnswer { ref job_id, outcome, status, labels, detections, rows, segments } = answer;
    let (outcome, status) = (outcome.as_str(), status.map(JobStatus::name));
    let WorkDone { pages, files, bytes, .. } = work;
    let duration_ms = duration.as_millis() as u64;
    tracing::info!(
        job = %job_id, outcome, status, labels, detections, rows, segments, pages, files, bytes, duration_ms, "done"
    );
}

/// Writes the metrics of an attempt at a job. A duplicate delivery has none.
fn write_metrics(function: &str, job: &JobId, ended: Result<&Outcome, &Error>, work: WorkDone, duration: Duration) {
    if matches!(ended, Ok(Outcome::AlreadyCommitted)) {
        return;
    }
    let attempt = Attempt {
        job,
        outcome: ended.map_or_else(Error::error_type, |outcome| OutcomeName::from(outcome).as_str()),
        committed: ended.ok().and_then(Outcome::row),
        failed: ended.is_err(),
        handed_over: matches!(ended, Ok(Outcome::HandedOver)),
        work,
        duration,
    };
    println!("{}", attempt.line(function, SystemTime::now()));
}

/// Writes the metric of a failed attempt for which no job was started.
fn write_rejection(exporter: &Exporter, error: &Error) {
    if let Some(function) = &exporter.function_name {
        println!("{}", metrics::rejection_line(function, error.error_type(), SystemTime::now()));
    }
}
