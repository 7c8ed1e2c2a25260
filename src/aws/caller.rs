//! The program that makes the calls, which decides how long and after which errors a call is retried.

use std::time::Duration;

/// Time after which a command reports that it retries a call. Most retries succeed before.
const NOTICE_AFTER: Duration = Duration::from_secs(1);

/// The program that makes a call.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    /// The function. It retries a call for as long as the invocation has time.
    Function,
    /// A command that a person waits for. It fails at once if only a person can remove the cause of an error.
    Command {
        /// Time after which no further attempt at a call starts.
        retries: Duration,
        /// Shows a line of text to the person.
        notice: fn(&str),
    },
}

impl Caller {
    /// Returns the time after which no further attempt starts. `None` for no limit but the deadline.
    pub(crate) fn retry_limit(self) -> Option<Duration> {
        match self {
            Self::Function => None,
            Self::Command { retries, .. } => Some(retries),
        }
    }

    /// Reports that a call is retried. Returns true if the report was due, so that a call is reported once.
    pub(crate) fn report_retry(self, elapsed: Duration, error: impl FnOnce() -> String) -> bool {
        match self {
            Self::Command { retries, notice } if elapsed >= NOTICE_AFTER => {
                notice(&format!("retrying for up to {} s: {}", retries.as_secs(), error()));
                true
            }
            Self::Function | Self::Command { .. } => false,
        }
    }
}
