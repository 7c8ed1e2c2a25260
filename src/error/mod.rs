//! Errors, classified by what to do next.
//!
//! Each variant names the job and the resource, keeps its source, and has a stable [`Error::error_type`] for alarms and
//! dead-letter queues. `docs/OPERATIONS.md` lists the types.

mod diagnosis;
mod interruption;
mod message;

use std::error::Error as StdError;
use std::time::Duration;

use serde_json::Value;

pub(crate) use self::diagnosis::Diagnosed;
pub use self::diagnosis::Diagnosis;
pub(crate) use self::interruption::{Interruption, RestartReason};
use self::message::Audience;
pub use self::message::with_sources;
use crate::job_id::JobId;

/// The cause of an error.
pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// The reason for which an event, or one job in it, was not exported.
///
/// The `Display` text states the fact. [`Error::with_sources`] and [`Error::for_operator`] add advice for their reader, and
/// the sources.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event is not one of the shapes in which a notification arrives. No AWS call was made.
    #[error("the event has no completion message: {reason}")]
    InvalidEvent {
        /// The part that was expected and not found.
        reason: String,
    },
    /// The `JobId` is not valid. No AWS call was made.
    #[error("JobId {given} is not a job ID: expected 1 to 64 characters of a-z A-Z 0-9 - _")]
    InvalidJobId {
        /// The given value as JSON, shortened.
        given: String,
    },
    /// Rekognition does not know the job.
    #[error("job {job}: not found; Rekognition keeps results for 7 days, in the account and region of the job")]
    JobNotFound {
        /// ID of the job.
        job: JobId,
        /// The error reply.
        source: Source,
    },
    /// The completion message arrived, but the job was still in progress after the wait.
    #[error("job {job}: still IN_PROGRESS after {} s of waiting", waited.as_secs())]
    JobStillRunning {
        /// ID of the job.
        job: JobId,
        /// Length of the wait.
        waited: Duration,
    },
    /// The role of the function lacks a permission.
    #[error("job {job}: access denied")]
    AccessDenied {
        /// ID of the job.
        job: JobId,
        /// IAM action or actions.
        action: &'static str,
        /// Resource, as an ARN, a URL or a description.
        resource: String,
        /// The error reply.
        source: Source,
    },
    /// The call was still throttled when the time for retries was over.
    #[error("job {job}: {action} on {resource} is throttled")]
    Throttled {
        /// ID of the job.
        job: JobId,
        /// IAM action.
        action: &'static str,
        /// Resource.
        resource: String,
        /// The error reply.
        source: Source,
    },
    /// Rekognition or Lambda failed or did not reply.
    #[error("job {job}: {action} failed")]
    Upstream {
        /// ID of the job.
        job: JobId,
        /// IAM action.
        action: &'static str,
        /// True if a retry can succeed.
        transient: bool,
        /// The error reply, or the reason for which there is none.
        source: Source,
    },
    /// Rekognition replied, but the reply cannot be used as a page of the job.
    #[error("job {job}: page {page} of {aggregation} cannot be used: {reason}")]
    UnexpectedPage {
        /// ID of the job.
        job: JobId,
        /// `TIMESTAMPS` or `SEGMENTS`.
        aggregation: &'static str,
        /// Page number, from 1.
        page: u64,
        /// The problem with the page.
        reason: String,
    },
    /// The key is longer than the 1,024 bytes that S3 allows.
    #[error("job {job}: the key {key:?} has {} bytes, S3 allows 1024", key.len())]
    KeyTooLong {
        /// ID of the job.
        job: JobId,
        /// The key.
        key: String,
    },
    /// A call to S3 failed.
    #[error("job {job}: {action} on {resource} failed")]
    Storage {
        /// ID of the job.
        job: JobId,
        /// IAM action.
        action: &'static str,
        /// Bucket and key, as a URL.
        resource: String,
        /// True if a retry can succeed.
        transient: bool,
        /// The error reply, or the reason for which there is none.
        source: Source,
    },
    /// The checkpoint cannot be read, written or deleted.
    #[error("job {job}: {action} on the checkpoint {resource} failed")]
    Checkpoint {
        /// ID of the job.
        job: JobId,
        /// IAM action.
        action: &'static str,
        /// Bucket and key, as a URL.
        resource: String,
        /// True if a retry can succeed.
        transient: bool,
        /// The error reply, or the reason for which there is none.
        source: Source,
    },
    /// Glue cannot register the partitions. The files are stored, but the job is not committed.
    #[error("job {job}: {action} on {resource} failed")]
    Catalog {
        /// ID of the job.
        job: JobId,
        /// IAM action.
        action: &'static str,
        /// The table.
        resource: String,
        /// True if a retry can succeed.
        transient: bool,
        /// The error reply, or the reason for which there is none.
        source: Source,
    },
    /// Several continuations in a row made no progress.
    #[error("job {job}: {stalled} invocations in a row made no progress")]
    TooManyContinuations {
        /// ID of the job.
        job: JobId,
        /// Number of invocations in a row without progress.
        stalled: u32,
    },
    /// Rekognition can never start a job for the video, or the message in the queue of videos is not one of a video.
    #[error("{subject}: not started: {reason}")]
    VideoNotStarted {
        /// The video as a URL, or the message.
        subject: String,
        /// The reason, and the next step.
        reason: String,
    },
    /// The starter can start no video at all: a permission or a setting of the stack is wrong, or a service does not reply.
    #[error("no video can be started: {action} on {resource} failed")]
    StartsBlocked {
        /// IAM action.
        action: &'static str,
        /// Resource, as an ARN, a URL or a description.
        resource: String,
        /// The kind of failure.
        kind: Blockage,
        /// The error reply, or the reason for which there is none.
        source: Source,
    },
    /// A setting is missing or invalid. The function does not start.
    #[error("{variable} is {given}: expected {expected}")]
    Configuration {
        /// Name of the environment variable.
        variable: &'static str,
        /// Its value, or `not set`.
        given: String,
        /// A description of a valid value.
        expected: &'static str,
    },
}

/// The kind of an error that blocks the starter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blockage {
    /// The role lacks a permission.
    Denied,
    /// A retry can succeed.
    Transient,
    /// A person has to remove the cause.
    Permanent,
}

impl Error {
    /// Returns the error of an event without a completion message.
    pub(crate) fn invalid_event(reason: impl Into<String>) -> Self {
        Self::InvalidEvent { reason: reason.into() }
    }

    /// Returns the error of an invalid `JobId`. The value is quoted as JSON, so that it stays on one line.
    pub(crate) fn invalid_job_id(given: &Value) -> Self {
        let mut given = given.to_string();
        if given.chars().count() > 80 {
            given = given.chars().take(80).chain("…".chars()).collect();
        }
        Self::InvalidJobId { given }
    }

    /// Returns the stable name of the type: `errorType` of a failed invocation.
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
            Self::VideoNotStarted { .. } => "VideoNotStarted",
            Self::StartsBlocked { .. } => "StartsBlocked",
            Self::Configuration { .. } => "Configuration",
        }
    }

    /// Returns true if a later retry can succeed without anyone fixing anything.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::JobStillRunning { .. } | Self::Throttled { .. } => true,
            Self::Upstream { transient, .. }
            | Self::Storage { transient, .. }
            | Self::Checkpoint { transient, .. }
            | Self::Catalog { transient, .. } => *transient,
            Self::StartsBlocked { kind, .. } => *kind == Blockage::Transient,
            Self::InvalidEvent { .. }
            | Self::InvalidJobId { .. }
            | Self::JobNotFound { .. }
            | Self::AccessDenied { .. }
            | Self::UnexpectedPage { .. }
            | Self::KeyTooLong { .. }
            | Self::TooManyContinuations { .. }
            | Self::VideoNotStarted { .. }
            | Self::Configuration { .. } => false,
        }
    }

    /// Logs that the job or the event was not exported. Retryable errors are warnings.
    pub fn log(&self) {
        let (job, error_type, error) = (self.job().map(JobId::as_str), self.error_type(), self.with_sources());
        if self.is_retryable() {
            tracing::warn!(job, error_type, error, "not exported");
        } else {
            tracing::error!(job, error_type, error, "not exported");
        }
    }

    /// Returns the job, if the error belongs to one.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::InvalidEvent { .. }
            | Self::InvalidJobId { .. }
            | Self::VideoNotStarted { .. }
            | Self::StartsBlocked { .. }
            | Self::Configuration { .. } => None,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `errorType`, retryable, and one error of each type.
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
        let blocked = |kind| Error::StartsBlocked { action, resource: resource(), kind, source: source() };
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
            (
                "VideoNotStarted",
                "no",
                Error::VideoNotStarted { subject: "s3://v/a.mp4".into(), reason: "too large".into() },
            ),
            ("StartsBlocked", "yes", blocked(Blockage::Transient)),
            ("StartsBlocked", "no", blocked(Blockage::Permanent)),
            ("TooManyContinuations", "no", Error::TooManyContinuations { job: job(), stalled: 3 }),
            (
                "Configuration",
                "no",
                Error::Configuration { variable: "OUTPUT_BUCKET", given: "not set".into(), expected: "a bucket" },
            ),
        ]
    }

    #[test]
    fn every_error_has_a_type_and_a_retry_rule() {
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
    fn a_source_of_several_lines_is_joined_to_one() {
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
    fn advises_an_operator_to_run_the_command_and_the_log_to_deliver_the_message() {
        for (error_type, _, error) in table() {
            let (log, operator) = (error.with_sources(), error.for_operator());
            assert!(log.starts_with(&error.to_string()) && operator.starts_with(&error.to_string()), "{error_type}");
            assert!(!log.contains("command"), "{log}");
            assert!(!operator.contains("deliver") && !operator.contains("role of the function"), "{operator}");
        }
        let job = JobId::try_from("job-1").unwrap();
        let (action, resource) = ("s3:ListBucket", "s3://lake/jobs/".to_owned());
        let denied = Error::AccessDenied { job, action, resource, source: "no".into() };
        assert_eq!(
            denied.for_operator(),
            "job job-1: access denied; you lack permission s3:ListBucket on s3://lake/jobs/: no"
        );
    }

    #[test]
    fn names_the_region_of_the_bucket_once() {
        let diagnosis = Diagnosis::WrongRegion { region: Some("eu-west-1".to_owned()) };
        let source = Diagnosed { diagnosis, source: "moved".into() };
        let error = Error::Storage {
            job: JobId::try_from("job-1").unwrap(),
            action: "s3:GetObject",
            resource: "s3://lake/key".to_owned(),
            transient: false,
            source: source.into(),
        };
        assert_eq!(
            error.for_operator(),
            "job job-1: s3:GetObject on s3://lake/key failed; the bucket is in eu-west-1; run the command with \
             --region eu-west-1: moved"
        );
    }

    #[test]
    fn advises_against_a_bad_login_instead_of_a_missing_permission() {
        for (diagnosis, words) in [
            (Diagnosis::InvalidKey, "the access key is not valid"),
            (Diagnosis::WrongSecret, "the access key is not valid"),
            (Diagnosis::ExpiredLogin, "the login has expired"),
        ] {
            let error = Error::AccessDenied {
                job: JobId::try_from("job-1").unwrap(),
                action: "s3:GetObject",
                resource: "s3://lake/key".to_owned(),
                source: Diagnosed { diagnosis, source: "403".into() }.into(),
            };
            for text in [error.with_sources(), error.for_operator()] {
                assert_eq!(text.matches(words).count(), 1, "{text}");
                assert!(text.ends_with(": 403") && !text.contains("allow s3:GetObject"), "{text}");
            }
        }
    }

    #[test]
    fn the_operations_guide_lists_every_error() {
        let guide = include_str!("../../docs/OPERATIONS.md");
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
