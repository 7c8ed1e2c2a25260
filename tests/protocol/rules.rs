//! What is promised, and what stays the same in a run.

use crate::mends::Mends;

/// The promises, by how they are broken.
pub(crate) const MISSING_FILE: &str = "a committed row lacks a file";
pub(crate) const MISSING_PARTITION: &str = "a committed row lacks a partition";
pub(crate) const UNOWNED: &str = "a file, a partition or a checkpoint is left that no row owns";
pub(crate) const VANISHED: &str = "an acknowledged job is lost";
pub(crate) const NOT_OVERWRITTEN: &str = "an Overwrite was acknowledged, and the row is not its own";

/// Between two requests S3 lets anything happen. In an open window the model does, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// An export lists its files, and then puts its row.
    pub(crate) list_to_put: bool,
    /// A copy sees that the row lacks a table, and then removes what the table has.
    pub(crate) head_to_remove: bool,
}

/// What may be left, as `docs/SEMANTICS.md` says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Residue {
    /// Files of a table that the row lacks, after a change of settings and a kill or an error.
    pub(crate) other_table: bool,
    /// A partition less than the row says, after a change of settings or a `delete`.
    pub(crate) partitions: bool,
}

/// What stays the same in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) mends: Mends,
    pub(crate) windows: Windows,
    pub(crate) residue: Residue,
    /// The job failed at Rekognition.
    pub(crate) job_failed: bool,
    /// Each write has an ETag of its own (with a KMS key); otherwise equal rows have equal ones.
    pub(crate) etag_of_each_write: bool,
}
