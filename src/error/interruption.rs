//! The end of an attempt at an export: a restart or a failure.

use super::Error;

/// The reason for which an export cannot continue from its current state.
#[derive(Debug)]
pub(crate) enum Interruption {
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

/// The reason for which an export restarts from page 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestartReason {
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
