//! What went wrong, and what to do next.
//!
//! One enum, by what a person or a caller does next. Each variant names the job and the resource, keeps
//! its source, and has an [`Error::error_type`] that alarms and dead-letter queues can rely on.
//! `docs/OPERATIONS.md` lists them.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::job_id::JobId;

/// What an error was caused by.
pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// Why an event, or one job of it, was not exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event is none that a notification comes in. Nothing was called.
    #[error("the event holds no completion message: {reason}; send one of the shapes in events/")]
    InvalidEvent {
        /// What was looked for and not found.
        reason: String,
    },
    /// The `JobId` is not one of Rekognition's. Nothing was called.
    #[error("JobId {given} is not a job id: 1 to 64 characters of a-z A-Z 0-9 - _ were expected")]
    InvalidJobId {
        /// What was given, as JSON, shortened.
        given: String,
    },
    /// Rekognition does not know the job.
    #[error("job {job}: Rekognition does not know it; results are kept for 7 days, in the job's account and region")]
    JobNotFound {
        /// The job.
        job: JobId,
        /// The reply.
        source: Source,
    },
    /// The completion message came, and yet the job did not end while it was waited for.
    #[error("job {job}: still IN_PROGRESS after {} s of waiting; deliver the message again later", waited.as_secs())]
    JobStillRunning {
        /// The job.
        job: JobId,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The function's role may not do this.
    #[error("job {job}: access denied; allow {action} on {resource} in the role of the function")]
    AccessDenied {
        /// The job.
        job: JobId,
        /// The IAM action or actions.
        action: &'static str,
        /// The resource, as an ARN, a URL or in words.
        resource: String,
        /// The reply.
        source: Source,
    },
    /// The service still throttles when the time for trying is over.
    #[error("job {job}: {action} on {resource} is throttled; deliver the message again, or raise the quota")]
    Throttled {
        /// The job.
        job: JobId,
        /// The IAM action.
        action: &'static str,
        /// The resource.
        resource: String,
        /// The reply.
        source: Source,
    },
    /// Rekognition does not answer, or not with a result.
    #[error("job {job}: {action} failed; {}", retry_hint(*.transient))]
    Upstream {
        /// The job.
        job: JobId,
        /// The IAM action.
        action: &'static str,
        /// Whether trying again can help.
        transient: bool,
        /// What came instead.
        source: Source,
    },
    /// Rekognition answered, but not with a page that may go into the lake.
    #[error("job {job}: page {page} of {aggregation} cannot be used: {reason}")]
    UnexpectedPage {
        /// The job.
        job: JobId,
        /// `TIMESTAMPS` or `SEGMENTS`.
        aggregation: &'static str,
        /// The page, from 1.
        page: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// S3 allows 1,024 bytes a key.
    #[error("job {job}: the key {key:?} has {} bytes, S3 allows 1024; shorten OUTPUT_PREFIX", key.len())]
    KeyTooLong {
        /// The job.
        job: JobId,
        /// The key.
        key: String,
    },
    /// S3 does not do what it was asked for.
    #[error("job {job}: {action} on {resource} failed; {}", retry_hint(*.transient))]
    Storage {
        /// The job.
        job: JobId,
        /// The IAM action.
        action: &'static str,
        /// The bucket and the key, as a URL.
        resource: String,
        /// Whether trying again can help.
        transient: bool,
        /// The reply, or what came instead.
        source: Source,
    },
    /// The checkpoint cannot be read, written or removed.
    #[error("job {job}: {action} on the checkpoint {resource} failed; {}", retry_hint(*.transient))]
    Checkpoint {
        /// The job.
        job: JobId,
        /// The IAM action.
        action: &'static str,
        /// The bucket and the key, as a URL.
        resource: String,
        /// Whether trying again can help.
        transient: bool,
        /// The reply, or what came instead.
        source: Source,
    },
    /// Glue does not register the partitions. The files are there, the commit is not.
    #[error("job {job}: {action} on {resource} failed; {}", retry_hint(*.transient))]
    Catalog {
        /// The job.
        job: JobId,
        /// The IAM action.
        action: &'static str,
        /// The table.
        resource: String,
        /// Whether trying again can help.
        transient: bool,
        /// The reply, or what came instead.
        source: Source,
    },
    /// Continuations follow each other and do nothing.
    #[error("job {job}: {stalled} invocations in a row made no progress; give the function more time")]
    TooManyContinuations {
        /// The job.
        job: JobId,
        /// How many.
        stalled: u32,
    },
    /// A setting is missing or wrong. The function does not start.
    #[error("{variable} is {given}: expected {expected}")]
    Configuration {
        /// The environment variable.
        variable: &'static str,
        /// Its value, or `not set`.
        given: String,
        /// What would be right.
        expected: &'static str,
    },
}

fn retry_hint(transient: bool) -> &'static str {
    if transient { "deliver the message again" } else { "it will fail again until its cause is removed" }
}

impl Error {
    /// The event holds no completion message.
    pub fn invalid_event(reason: impl Into<String>) -> Self {
        Self::InvalidEvent { reason: reason.into() }
    }

    /// `JobId` is not one. What was given is quoted as JSON, so that it stays on one line.
    pub fn invalid_job_id(given: &Value) -> Self {
        let mut given = given.to_string();
        if given.chars().count() > 80 {
            given = given.chars().take(80).chain("…".chars()).collect();
        }
        Self::InvalidJobId { given }
    }

    /// The stable name: `errorType` of a failed invocation.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidEvent { .. } => "InvalidEvent",
            Self::InvalidJobId { .. } => "InvalidJobId",
            Self::JobNotFound { .. } => "JobNotFound",
            Self::JobStillRunning { .. } => "JobStillRunning",
            Self::AccessDenied { .. } => "AccessDenied",
            Self::Throttled { .. } => "Throttled",
            Self::Upstream { .. } => "Upstream",
            Self::UnexpectedPage { .. } => "UnexpectedPage",
            Self::KeyTooLong { .. } => "KeyTooLong",
            Self::Storage { .. } => "Storage",
            Self::Checkpoint { .. } => "Checkpoint",
            Self::Catalog { .. } => "Catalog",
            Self::TooManyContinuations { .. } => "TooManyContinuations",
            Self::Configuration { .. } => "Configuration",
        }
    }

    /// Whether the same, done again a little later, can succeed without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::JobStillRunning { .. } | Self::Throttled { .. } => true,
            Self::Upstream { transient, .. }
            | Self::Storage { transient, .. }
            | Self::Checkpoint { transient, .. }
            | Self::Catalog { transient, .. } => *transient,
            Self::InvalidEvent { .. }
            | Self::InvalidJobId { .. }
            | Self::JobNotFound { .. }
            | Self::AccessDenied { .. }
            | Self::UnexpectedPage { .. }
            | Self::KeyTooLong { .. }
            | Self::TooManyContinuations { .. }
            | Self::Configuration { .. } => false,
        }
    }

    /// Logs that the job, or the event, was not exported: a warning if it is tried again anyway.
    pub fn log(&self) {
        let (job, error_type, error) = (self.job().map(JobId::as_str), self.error_type(), self.with_sources());
        if self.is_retryable() {
            tracing::warn!(job, error_type, error, "not exported");
        } else {
            tracing::error!(job, error_type, error, "not exported");
        }
    }

    /// The job, if the error is of one.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::InvalidEvent { .. } | Self::InvalidJobId { .. } | Self::Configuration { .. } => None,
            Self::JobNotFound { job, .. }
            | Self::JobStillRunning { job, .. }
            | Self::AccessDenied { job, .. }
            | Self::Throttled { job, .. }
            | Self::Upstream { job, .. }
            | Self::UnexpectedPage { job, .. }
            | Self::KeyTooLong { job, .. }
            | Self::Storage { job, .. }
            | Self::Checkpoint { job, .. }
            | Self::Catalog { job, .. }
            | Self::TooManyContinuations { job, .. } => Some(job),
        }
    }

    /// The error and all its sources on one line.
    pub fn with_sources(&self) -> String {
        with_sources(self)
    }
}

/// Why an export cannot continue from its current state.
#[derive(Debug)]
pub enum Interruption {
    /// The state is unusable, but a restart from page 1 may succeed. `error` is reported if it does not.
    Restart {
        /// The cause.
        reason: RestartReason,
        /// The error of the job, if this invocation has restarted for the same reason before.
        error: Error,
    },
    /// The export fails.
    Failed(Error),
}

/// Why an export restarts from page 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartReason {
    /// The pages are not grouped by label: all labels have to stay open.
    NotGrouped,
    /// Rekognition no longer accepts the pagination token.
    TokenRefused,
    /// Files of closed labels are gone from the lake.
    FilesMissing,
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// An error and all its sources on one line.
pub fn with_sources(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // The SDK's errors repeat the text of their source in their own.
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `errorType`, retryable, one of each.
    fn table() -> Vec<(&'static str, &'static str, Error)> {
        let job = || JobId::try_from("job-1").unwrap();
        let source = || Source::from("reset by peer");
        let (action, resource) = ("s3:PutObject", || "s3://lake/key".to_owned());
        let upstream = |transient| Error::Upstream { job: job(), action, transient, source: source() };
        let storage =
            |transient| Error::Storage { job: job(), action, resource: resource(), transient, source: source() };
        let checkpoint =
            |transient| Error::Checkpoint { job: job(), action, resource: resource(), transient, source: source() };
        let catalog =
            |transient| Error::Catalog { job: job(), action, resource: resource(), transient, source: source() };
        vec![
            ("InvalidEvent", "no", Error::invalid_event("found no JobId")),
            ("InvalidJobId", "no", Error::invalid_job_id(&Value::from("../x"))),
            ("JobNotFound", "no", Error::JobNotFound { job: job(), source: source() }),
            ("JobStillRunning", "yes", Error::JobStillRunning { job: job(), waited: Duration::from_secs(30) }),
            ("AccessDenied", "no", Error::AccessDenied { job: job(), action, resource: resource(), source: source() }),
            ("Throttled", "yes", Error::Throttled { job: job(), action, resource: resource(), source: source() }),
            ("Upstream", "yes", upstream(true)),
            ("Upstream", "no", upstream(false)),
            (
                "UnexpectedPage",
                "no",
                Error::UnexpectedPage {
                    job: job(),
                    aggregation: "SEGMENTS",
                    page: 3,
                    reason: "it is of no use".into(),
                },
            ),
            ("KeyTooLong", "no", Error::KeyTooLong { job: job(), key: "k".repeat(1025) }),
            ("Storage", "yes", storage(true)),
            ("Storage", "no", storage(false)),
            ("Checkpoint", "yes", checkpoint(true)),
            ("Checkpoint", "no", checkpoint(false)),
            ("Catalog", "yes", catalog(true)),
            ("Catalog", "no", catalog(false)),
            ("TooManyContinuations", "no", Error::TooManyContinuations { job: job(), stalled: 3 }),
            (
                "Configuration",
                "no",
                Error::Configuration { variable: "OUTPUT_BUCKET", given: "not set".into(), expected: "a bucket" },
            ),
        ]
    }

    #[test]
    fn every_error_has_its_type_and_says_whether_it_is_tried_again() {
        for (error_type, retried, error) in table() {
            assert_eq!(error.error_type(), error_type);
            assert_eq!(error.is_retryable(), retried == "yes", "{error_type}");
        }
    }

    #[test]
    fn a_retryable_error_is_logged_as_a_warning_and_any_other_as_an_error() {
        for (error_type, retried, error) in table() {
            let line = logged(&error);
            let level = if retried == "yes" { "WARN" } else { "ERROR" };
            assert!(line.contains(level) && line.contains(error_type), "{line}");
            assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn a_source_of_several_lines_comes_on_one() {
        let source = "no answer\n  from the proxy".into();
        let error = Error::Storage {
            job: JobId::try_from("job-1").unwrap(),
            action: "s3:PutObject",
            resource: String::new(),
            transient: true,
            source,
        };
        let text = error.with_sources();
        assert!(text.ends_with(": no answer, from the proxy"), "{text}");
    }

    #[test]
    fn the_operations_guide_lists_every_error() {
        let guide = include_str!("../docs/OPERATIONS.md");
        let mut listed: Vec<_> = guide
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .filter_map(|(error_type, rest)| Some((error_type, rest.split_once(" | ")?.0)))
            .filter(|(_, retried)| matches!(*retried, "yes" | "no" | "yes or no"))
            .collect();
        listed.sort_unstable();
        let mut expected = std::collections::BTreeMap::<_, Vec<_>>::new();
        for (error_type, retried, _) in table() {
            expected.entry(error_type).or_default().push(retried);
        }
        let expected: Vec<_> = expected.into_iter().map(|(name, retried)| (name, retried.join(" or "))).collect();
        let listed: Vec<_> = listed.into_iter().map(|(name, retried)| (name, retried.to_owned())).collect();
        assert_eq!(listed, expected);
    }

    fn logged(error: &Error) -> String {
        use std::sync::{Arc, Mutex};

        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);

        impl std::io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || error.log());
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }
}
