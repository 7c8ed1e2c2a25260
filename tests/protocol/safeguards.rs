//! Decisions of `label_lake::export::protocol`, and what the model does when one of the safeguards is removed.

use label_lake::export::protocol::{self, CheckpointFound, Refused, Request, Row};
use label_lake::lake::Condition;

/// Safeguards that keep overlapping deliveries from damaging the lake. A test removes one to show that the model
/// notices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Safeguards {
    /// A continuation's message says that the export replaces.
    pub(crate) continuation_says_replaces: bool,
    /// An export that replaces writes its row over an existing one, and treats a refusal as a conflict, not as a
    /// success.
    pub(crate) row_is_replaced: bool,
    /// The checkpoint is deleted after the commit; an Overwrite deletes the old one after its first page.
    pub(crate) checkpoint_outlives_commit: bool,
    /// Files are listed before the commit.
    pub(crate) files_are_listed: bool,
    /// An unusable checkpoint makes the export one that replaces.
    pub(crate) unusable_checkpoint_replaces: bool,
    /// A copy that lost the commit removes the files of a table that the row lacks.
    pub(crate) loser_cleans_up: bool,
    /// An export that replaces removes the files of a table that its row lacks only after its commit.
    pub(crate) other_table_removed_last: bool,
    /// An Overwrite resumes from the checkpoint if the results have expired.
    pub(crate) checkpoint_outlives_results: bool,
}

impl Safeguards {
    pub(crate) const ALL: Self = Self {
        continuation_says_replaces: true,
        row_is_replaced: true,
        checkpoint_outlives_commit: true,
        files_are_listed: true,
        unusable_checkpoint_replaces: true,
        loser_cleans_up: true,
        other_table_removed_last: true,
        checkpoint_outlives_results: true,
    };

    pub(crate) fn replaces(self, request: Request, checkpoint: CheckpointFound) -> bool {
        let ignored = checkpoint == CheckpointFound::Unusable && !self.unusable_checkpoint_replaces;
        protocol::replaces(request, if ignored { CheckpointFound::None } else { checkpoint })
    }

    pub(crate) fn put_row(self, replaces: bool, row: Option<Row<u8>>) -> Condition<u8> {
        protocol::put_row(replaces && self.row_is_replaced, row)
    }

    pub(crate) fn refused(self, replaces: bool, is_ours: bool) -> Refused {
        protocol::refused(replaces && self.row_is_replaced, is_ours)
    }
}
