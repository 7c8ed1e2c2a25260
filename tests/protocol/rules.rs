//! Promises that the model checks, and the rules that stay the same during an exploration.

use crate::safeguards::Safeguards;

/// Each promise, named by how it is broken.
pub(crate) const MISSING_FILE: &str = "a committed row lacks a file";
pub(crate) const MISSING_PARTITION: &str = "a committed row lacks a partition";
pub(crate) const UNOWNED: &str = "a file, a partition or a checkpoint is left that no row owns";
pub(crate) const VANISHED: &str = "an acknowledged job is lost";
pub(crate) const NOT_OVERWRITTEN: &str = "an Overwrite was acknowledged, and the row is not its own";

/// Race windows between two requests of an invocation. While a window is open, other requests may come in between, as
/// in S3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RaceWindows {
    /// Between the listing of an export's files and the PUT of its row.
    pub(crate) list_to_put: bool,
    /// Between the HEAD that shows that the row lacks a table, and the removal of that table's files.
    pub(crate) head_to_remove: bool,
}

/// Leftovers that `docs/SEMANTICS.md` allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AllowedLeftovers {
    /// Files of a table that the row lacks, after a change of settings and a kill or an error.
    pub(crate) other_table: bool,
    /// Fewer partitions than the row says, after a change of settings or a `delete`.
    pub(crate) partitions: bool,
}

/// Rules of an exploration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) safeguards: Safeguards,
    pub(crate) windows: RaceWindows,
    pub(crate) leftovers: AllowedLeftovers,
    /// True if the job failed at Rekognition.
    pub(crate) job_failed: bool,
    /// True if each write has its own ETag, as with a KMS key. Otherwise equal rows have the same ETag.
    pub(crate) unique_etags: bool,
}
