//! `label-lake delete`: the row first, so that no query takes the job for complete, and again until it finds nothing.

use crate::lake::{Lake, Table};

/// The request that `label-lake delete` makes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Delete {
    Row,
    Checkpoint,
    Partitions,
    Files(Table),
    LookForCheckpoint,
    LookForFiles,
    LookForRow,
}

impl Delete {
    /// Makes this request, and returns the next.
    pub(crate) fn step(self, lake: &mut Lake) -> Option<Self> {
        // The command gives up after a few passes, and asks to be run again.
        let again = |found: bool, next| if found { Some(Self::Row) } else { next };
        match self {
            Self::Row => {
                lake.row = None;
                Some(Self::Checkpoint)
            }
            Self::Checkpoint => {
                lake.checkpoint = None;
                Some(Self::Partitions)
            }
            Self::Partitions => {
                lake.partitions = 0;
                Some(Self::Files(Table::Detections))
            }
            Self::Files(table) => {
                lake.files &= !table.keys();
                let next =
                    if table == Table::Detections { Self::Files(Table::Segments) } else { Self::LookForCheckpoint };
                Some(next)
            }
            Self::LookForCheckpoint => again(lake.checkpoint.is_some(), Some(Self::LookForFiles)),
            Self::LookForFiles => again(lake.files | lake.partitions != 0, Some(Self::LookForRow)),
            // Last: a copy that listed its files before they were removed puts its row at any time.
            Self::LookForRow => again(lake.row.is_some(), None),
        }
    }
}
