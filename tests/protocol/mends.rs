//! The decisions of `label_lake::export::protocol`, and what the model does without one of the mends.

use label_lake::export::protocol::{self, CheckpointFound, Refused, Request, Row};
use label_lake::lake::Condition;

/// What keeps deliveries from spoiling each other. Each can be taken out, to see that the model finds out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mends {
    /// A continuation's message says that the export replaces.
    pub(crate) message_replaces: bool,
    /// An export that replaces puts its row where another is, and a refusal is no success.
    pub(crate) row_is_replaced: bool,
    /// The checkpoint is deleted after the commit, and by an Overwrite after its first page.
    pub(crate) checkpoint_outlives_commit: bool,
    /// Files are listed before the commit.
    pub(crate) files_are_listed: bool,
    /// A checkpoint that cannot be used makes the export one that replaces.
    pub(crate) unusable_replaces: bool,
    /// A copy that lost the commit removes the files of a table that the row lacks.
    pub(crate) loser_cleans_up: bool,
    /// An export that replaces removes the files of a table that its row lacks after its commit.
    pub(crate) others_go_last: bool,
    /// An Overwrite whose results are gone goes on from the checkpoint.
    pub(crate) saved_outlives_results: bool,
}

impl Mends {
    pub(crate) const ALL: Self = Self {
        message_replaces: true,
        row_is_replaced: true,
        checkpoint_outlives_commit: true,
        files_are_listed: true,
        unusable_replaces: true,
        loser_cleans_up: true,
        others_go_last: true,
        saved_outlives_results: true,
    };

    pub(crate) fn replaces(self, request: Request, checkpoint: CheckpointFound) -> bool {
        let ignored = checkpoint == CheckpointFound::Unusable && !self.unusable_replaces;
        protocol::replaces(request, if ignored { CheckpointFound::None } else { checkpoint })
    }

    pub(crate) fn put_row(self, replaces: bool, row: Option<Row<u8>>) -> Condition<u8> {
        protocol::put_row(replaces && self.row_is_replaced, row)
    }

    pub(crate) fn refused(self, replaces: bool, is_ours: bool) -> Refused {
        protocol::refused(replaces && self.row_is_replaced, is_ours)
    }
}
