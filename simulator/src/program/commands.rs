//! The commands of the program, and their answers.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rekognition_simulator::{Aggregation, Fault, Generated, Invocation, Job, JobStatus, NameOrder, Outcome, Simulator};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::program::args::PAGE;

/// A line of standard input.
pub(crate) struct Request {
    /// ID that the answer repeats.
    pub(crate) id: Option<Value>,
    pub(crate) task: Task,
}

/// The requested work.
pub(crate) enum Task {
    /// An invocation, which takes as long as the function.
    Invoke { event: Value, timeout: Duration },
    /// A command that is executed immediately.
    Command(Command),
}

/// A command that is executed immediately.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    TakeInvoked(#[serde(deserialize_with = "flag")] ()),
    Requests(#[serde(deserialize_with = "flag")] ()),
    ClearRequests(#[serde(deserialize_with = "flag")] ()),
    Idle(String),
    Partitions(TableName),
    AddJob(NewJob),
    Served(ServedJob),
    StartedJobs(#[serde(deserialize_with = "flag")] ()),
    EndJob(EndedJob),
    Fault(StatusFault),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableName {
    database: String,
    table: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewJob {
    id: String,
    pages: usize,
    labels: Option<usize>,
    seed: Option<u64>,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    name_order: Order,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    #[default]
    Succeeded,
    Failed,
    InProgress,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Order {
    #[default]
    Global,
    WithinPages,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServedJob {
    job: String,
    #[serde(default)]
    aggregation: AggregateBy,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndedJob {
    job: String,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AggregateBy {
    #[default]
    Timestamps,
    Segments,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusFault {
    operation: String,
    #[serde(default = "first")]
    nth: usize,
    status: u16,
    code: String,
}

/// Reads the value of a command without parameters, `true`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    bool::deserialize(deserializer).map(drop)
}

fn first() -> usize {
    1
}

impl Request {
    /// Parses a line. The error describes the mistake.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut object: serde_json::Map<String, Value> =
            serde_json::from_str(line).map_err(|error| error.to_string())?;
        let id = object.remove("id");
        let Some(event) = object.remove("invoke") else {
            let command = serde_json::from_value(object.into()).map_err(|error| error.to_string())?;
            return Ok(Self { id, task: Task::Command(command) });
        };
        let timeout = match object.remove("timeout_ms") {
            None => Invocation::default().timeout,
            Some(timeout) => Duration::from_millis(timeout.as_u64().ok_or("timeout_ms must be a number")?),
        };
        match object.keys().next() {
            Some(field) => Err(format!("unknown field `{field}` beside invoke")),
            None => Ok(Self { id, task: Task::Invoke { event, timeout } }),
        }
    }
}

/// Invokes the function and waits for its outcome until the timeout, which the function is told as well.
pub(crate) async fn invoke(simulator: &Simulator, event: &Value, timeout: Duration) -> Value {
    let invocation = Invocation { timeout, ..Invocation::default() };
    match tokio::time::timeout(timeout, simulator.invoke(event.to_string(), invocation)).await {
        Ok(Outcome::Response(response)) => json!({ "response": response }),
        Ok(Outcome::Error { error_type, error_message }) => {
            json!({ "function_error": { "type": error_type, "message": error_message } })
        }
        Err(_) => json!({ "timed_out": true }),
    }
}

/// Executes a command. Returns its answer.
pub(crate) fn execute(simulator: &Simulator, command: Command) -> Value {
    // The library panics if a table or a job does not exist, which is a mistake in a test.
    let answer = catch_unwind(AssertUnwindSafe(|| execute_or_panic(simulator, command)));
    answer.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        json!({ "error": message.unwrap_or_else(|| "the simulator panicked".to_owned()) })
    })
}

fn execute_or_panic(simulator: &Simulator, command: Command) -> Value {
    match command {
        Command::TakeInvoked(()) => return json!({ "invoked": simulator.take_invoked() }),
        Command::Requests(()) => return json!({ "requests": counts(simulator) }),
        Command::ClearRequests(()) => simulator.clear_requests(),
        Command::Idle(operation) => return json!({ "idle_ms": idle(simulator, &operation) }),
        Command::Partitions(TableName { database, table }) => {
            let partitions: Vec<Value> = simulator.partitions(&database, &table).into_values().collect();
            return json!({ "partitions": partitions });
        }
        Command::AddJob(job) => simulator.add_job(&job.id, job.job()),
        Command::Served(ServedJob { job, aggregation }) => {
            let aggregation = match aggregation {
                AggregateBy::Timestamps => Aggregation::Timestamps,
                AggregateBy::Segments => Aggregation::Segments,
            };
            return json!({ "served": simulator.served(&job, aggregation) });
        }
        Command::StartedJobs(()) => {
            let started = simulator.started_jobs();
            let started = started.iter().map(|job| {
                json!({ "id": job.id, "in_progress": job.in_progress, "token": job.token, "request": job.request })
            });
            return json!({ "started_jobs": started.collect::<Vec<_>>() });
        }
        Command::EndJob(EndedJob { job, status }) => {
            return json!({ "completion": simulator.end_job(&job, status.of_job()) });
        }
        Command::Fault(StatusFault { operation, nth, status, code }) => {
            simulator.add_fault(Fault::on(&operation).nth(nth).status(status, &code));
        }
    }
    json!({ "done": true })
}

impl NewJob {
    fn job(&self) -> Job {
        let default = Generated::default();
        let job = Job::generated(Generated {
            detections: self.pages * PAGE,
            label_names: self.labels.unwrap_or(default.label_names),
            seed: self.seed.unwrap_or(default.seed),
            ..default
        })
        .order(match self.name_order {
            Order::Global => NameOrder::Global,
            Order::WithinPages => NameOrder::WithinPages,
        });
        job.status(self.status.of_job())
    }
}

impl Status {
    fn of_job(&self) -> JobStatus {
        match self {
            Self::Succeeded => JobStatus::Succeeded,
            Self::Failed => JobStatus::Failed { message: "simulated".to_owned() },
            Self::InProgress => JobStatus::InProgress { replies: u32::MAX },
        }
    }
}

/// Counts of the requests of an operation.
#[derive(Debug, Default, Serialize)]
struct Traffic {
    count: usize,
    /// Number of requests that were answered with an error or not at all.
    failed: usize,
    bytes_in: usize,
    bytes_out: usize,
}

/// Returns the time that the connection was idle before each request of an operation, in milliseconds.
fn idle(simulator: &Simulator, operation: &str) -> Vec<f64> {
    let requests = simulator.requests();
    let requests = requests.iter().filter(|request| request.operation == operation);
    requests.filter_map(|request| Some(request.idle?.as_secs_f64() * 1e3)).collect()
}

fn counts(simulator: &Simulator) -> BTreeMap<String, Traffic> {
    let mut counts: BTreeMap<String, Traffic> = BTreeMap::new();
    for request in simulator.requests() {
        let count = counts.entry(request.operation).or_default();
        count.count += 1;
        count.failed += usize::from(!(200..300).contains(&request.status));
        count.bytes_in += request.bytes_in;
        count.bytes_out += request.bytes_out;
    }
    counts
}
