//! `label-lake delete`: removes the row first, so that no query takes the job for complete, and repeats until it finds
//! nothing.

use crate::lake::{Lake, Table};

/// Next request of `label-lake delete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Delete {
    Row,
    Checkpoint,
    Partitions,
    Files(Table),
    CheckForCheckpoint,
    CheckForFiles,
    CheckForRow,
}

impl Delete {
    /// Makes this request and returns the next one.
    pub(crate) fn step(self, lake: &mut Lake) -> Option<Self> {
        // The real command stops after a few passes, and asks to be run again.
        let repeat_if = |found: bool, next| if found { Some(Self::Row) } else { next };
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
                lake.files &= !table.label_set();
                let next =
                    if table == Table::Detections { Self::Files(Table::Segments) } else { Self::CheckForCheckpoint };
                Some(next)
            }
            Self::CheckForCheckpoint => repeat_if(lake.checkpoint.is_some(), Some(Self::CheckForFiles)),
            Self::CheckForFiles => repeat_if(lake.files | lake.partitions != 0, Some(Self::CheckForRow)),
            // The row comes last: an export that listed its files before they were removed may put its row at any time.
            Self::CheckForRow => repeat_if(lake.row.is_some(), None),
        }
    }
}
