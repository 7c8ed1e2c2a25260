//! The facts of a stack: its resources, as they are in the account.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::check::Fault;
use super::names::Names;
use crate::account::stack::{Resources, Stack};

/// Qualifier of the handling of asynchronous events, which SAM sets for the version that the topic invokes.
pub(crate) const LATEST: &str = "$LATEST";

/// A resource as it is in the account: `None` if it does not exist, an error if it cannot be read.
pub(crate) type Reading<T> = Result<Option<T>, Fault>;

/// Everything that the checks look at.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) stack: Stack,
    pub(crate) resources: Resources,
    pub(crate) names: Names,
    pub(crate) function: Reading<Function>,
    pub(crate) topic: Reading<Topic>,
    pub(crate) failed_queue: Reading<Queue>,
    /// Queue of jobs. `None` without `UseQueue`.
    pub(crate) job_queue: Option<Reading<Queue>>,
    pub(crate) function_role: Reading<Role>,
    pub(crate) rekognition_role: Reading<Role>,
    /// The part that starts jobs for new videos. `None` without `VideoBucket`.
    pub(crate) videos: Option<Videos>,
    pub(crate) alarms: Result<Vec<Alarm>, Fault>,
    /// Subscriptions of the topic that the alarms notify: their ARNs, or `PendingConfirmation`. Empty without such a topic.
    pub(crate) alarm_subscriptions: Reading<Vec<String>>,
    /// Locations of the tables by name.
    pub(crate) tables: BTreeMap<&'static str, Reading<String>>,
    /// The jobs that were committed last, newest first.
    pub(crate) jobs: Result<Vec<Job>, Fault>,
    /// The part that keeps the tables of all jobs. `None` without `AllJobs`.
    pub(crate) all_jobs: Option<AllJobs>,
}

/// The deployed function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Function {
    pub(crate) state: String,
    /// Seconds.
    pub(crate) timeout: i32,
    /// MB.
    pub(crate) memory: i32,
    /// ARN of the role.
    pub(crate) role: String,
    pub(crate) environment: BTreeMap<String, String>,
    /// `None` if no concurrency is reserved.
    pub(crate) reserved_concurrency: Option<i32>,
    /// `Allow` or `Terminate`.
    pub(crate) recursive_loop: String,
    /// `None` if Lambda's defaults apply.
    pub(crate) failures: Option<Failures>,
    /// Policy of the function, or `null`.
    pub(crate) policy: Value,
    pub(crate) mappings: Vec<Mapping>,
}

/// The part of a stack that starts jobs for new videos.
#[derive(Clone, Debug)]
pub(crate) struct Videos {
    /// True if the bucket of the videos sends events to EventBridge.
    pub(crate) bucket_sends_events: Reading<bool>,
    pub(crate) rule: Reading<Rule>,
    pub(crate) queue: Reading<Queue>,
    /// Time for which the oldest video has waited. `None` if it is not known.
    pub(crate) oldest: Result<Option<Duration>, Fault>,
    pub(crate) starter: Reading<Function>,
    pub(crate) starter_role: Reading<Role>,
    /// Schedule that wakes the starter, as EventBridge Scheduler describes it.
    pub(crate) schedule: Reading<Value>,
    pub(crate) schedule_role: Reading<Role>,
}

/// A rule of EventBridge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    /// `ENABLED` or `DISABLED`.
    pub(crate) state: String,
    /// Pattern of events, or `null`.
    pub(crate) pattern: Value,
    /// ARNs of the targets.
    pub(crate) targets: Vec<String>,
}

/// The handling of asynchronous events that fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) retries: Option<i32>,
    /// Seconds.
    pub(crate) maximum_age: Option<i32>,
    /// ARN of the destination for events that fail.
    pub(crate) destination: Option<String>,
}

/// An event source mapping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    pub(crate) uuid: String,
    /// ARN of the queue.
    pub(crate) queue: String,
    pub(crate) state: String,
    pub(crate) reports_batch_item_failures: bool,
}

/// The topic to which jobs publish.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// Policy of the topic, or `null`.
    pub(crate) policy: Value,
    /// Subscriptions of the function or its queue.
    pub(crate) subscriptions: Vec<Subscription>,
    /// Subscriptions of the starter.
    pub(crate) starter_subscriptions: Vec<Subscription>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Subscription {
    pub(crate) arn: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// A queue: its attributes by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    pub(crate) attributes: BTreeMap<String, String>,
}

/// A role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Role {
    pub(crate) arn: String,
    /// Policy that says who may assume the role.
    pub(crate) trust: Value,
    /// Required permissions that the role lacks.
    pub(crate) denied: Vec<Denied>,
}

/// A required permission that a role lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) action: String,
    pub(crate) resource: String,
    /// True if a statement denies it, false if no statement allows it.
    pub(crate) is_explicit: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub(crate) state: String,
    pub(crate) reason: String,
    pub(crate) actions_enabled: bool,
    /// ARNs of the actions when the alarm fires.
    pub(crate) actions: Vec<String>,
}

/// A committed job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// Status in its row, or the reason for which the row cannot be read.
    pub(crate) status: Result<String, String>,
    pub(crate) missing_files: usize,
    pub(crate) missing_partitions: usize,
}

/// The part of a stack that keeps the tables of all jobs.
#[derive(Debug)]
pub(crate) struct AllJobs {
    pub(crate) machine: Reading<Machine>,
    /// Names and states of the schedules. A state is `ENABLED` or `DISABLED`.
    pub(crate) schedules: Vec<(String, Reading<String>)>,
}

/// The state machine of the tables of all jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// Time since it was created.
    pub(crate) age: Duration,
    /// The execution that was started last.
    pub(crate) last: Option<Execution>,
}

/// An execution of the state machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Execution {
    /// Time since it was started.
    pub(crate) age: Duration,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `ABORTED` or `TIMED_OUT`.
    pub(crate) status: String,
    /// Name of the error if it failed, or empty.
    pub(crate) error: String,
    /// Reason of the error, or empty.
    pub(crate) cause: String,
}
