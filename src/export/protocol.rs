//! The decisions by which copies of an export, overwrites and continuations leave one consistent lake.
//!
//! The functions are plain, so that `tests/protocol` can run them through every order of events. [`crate::export`] acts on
//! them with real clients. S3 has no transactions: what makes a decision hold is a condition of the request that follows
//! it, and the job's row in `jobs` is the object that all copies agree on.

use crate::lake::Condition;

/// What a delivery asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// The message is an Overwrite.
    pub overwrite: bool,
    /// The message is a continuation of an export that replaces.
    pub replaces: bool,
}

/// What the object of a job's row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row<V> {
    /// Its ETag.
    pub version: V,
    /// An export that replaces wrote it.
    pub replaced: bool,
    /// It was exported with the settings of this function.
    pub our_settings: bool,
}

/// How a delivery begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Begin {
    /// The job is committed: there is nothing to do.
    Stop,
    /// Load the checkpoint, and start at page 1 without one.
    Load,
    /// Start at page 1. When the first page says that the job has ended, take back the row and the checkpoint.
    Overwrite,
}

/// Decides how a delivery begins, by the row that it finds. An Overwrite need not look for one.
///
/// A continuation that replaces goes on beside a row: a copy that knew nothing of the Overwrite may have written it. It
/// stops at a row that an export that replaces has written since. Such a row is newer than the Overwrite, which took back
/// the one before.
pub fn begin<V>(request: Request, row: Option<&Row<V>>) -> Begin {
    if request.overwrite {
        return Begin::Overwrite;
    }
    match row {
        None => Begin::Load,
        Some(row) if request.replaces && !(row.replaced && row.our_settings) => Begin::Load,
        Some(_) => Begin::Stop,
    }
}

/// Decides whether an export replaces: whether it removes what it does not own, and replaces the row.
///
/// The message and the checkpoint may each know of an Overwrite that the other does not: any copy of the export may have
/// written the checkpoint. A checkpoint that cannot be used (another build, other settings) may have belonged to an export
/// that replaced, or that left files which this one does not own.
pub fn replaces(request: Request, checkpoint: CheckpointFound) -> bool {
    let by_checkpoint = match checkpoint {
        CheckpointFound::None => false,
        CheckpointFound::Usable { replaces } => replaces,
        CheckpointFound::Unusable => true,
    };
    request.overwrite || request.replaces || by_checkpoint
}

/// The checkpoint that a delivery finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckpointFound {
    /// There is none.
    None,
    /// It can be resumed from.
    Usable {
        /// It is that of an export that replaces.
        replaces: bool,
    },
    /// It cannot be read, or is of other settings.
    Unusable,
}

/// Decides the condition of the commit. An export that replaces looks at the row before it removes anything: if another
/// copy changes the row after that, the condition fails and the export looks again.
pub fn put_row<V>(replaces: bool, row: Option<Row<V>>) -> Condition<V> {
    match row {
        Some(row) if replaces => Condition::Replace(row.version),
        _ => Condition::Create,
    }
}

/// What a refused commit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// The row is ours: an earlier attempt wrote it, and its reply was lost.
    Committed,
    /// Another copy committed the job.
    ByAnother,
    /// Another copy changed the row: remove and commit again.
    Again,
}

/// Decides what a refused commit means. `is_ours` is true if an earlier attempt had no reply, and the row has our bytes.
pub fn refused(replaces: bool, is_ours: bool) -> Refused {
    match (is_ours, replaces) {
        (true, _) => Refused::Committed,
        (false, true) => Refused::Again,
        (false, false) => Refused::ByAnother,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Request = Request { overwrite: false, replaces: false };

    #[test]
    fn only_an_overwrite_and_its_continuations_pass_a_row() {
        let row = |replaced, our_settings| Row { version: 1, replaced, our_settings };
        let replacing = Request { replaces: true, ..PLAIN };
        let overwrite = Request { overwrite: true, ..PLAIN };
        for replaced in [false, true] {
            for our_settings in [false, true] {
                let row = row(replaced, our_settings);
                assert_eq!(begin(PLAIN, Some(&row)), Begin::Stop);
                assert_eq!(begin(overwrite, Some(&row)), Begin::Overwrite);
                let expected = if replaced && our_settings { Begin::Stop } else { Begin::Load };
                assert_eq!(begin(replacing, Some(&row)), expected);
            }
        }
        for request in [PLAIN, replacing] {
            assert_eq!(begin::<u8>(request, None), Begin::Load);
        }
    }

    #[test]
    fn an_export_replaces_if_the_message_or_the_checkpoint_says_so() {
        let replacing = Request { replaces: true, ..PLAIN };
        assert!(!replaces(PLAIN, CheckpointFound::None));
        assert!(!replaces(PLAIN, CheckpointFound::Usable { replaces: false }));
        assert!(replaces(PLAIN, CheckpointFound::Usable { replaces: true }));
        assert!(replaces(PLAIN, CheckpointFound::Unusable));
        assert!(replaces(replacing, CheckpointFound::None));
        assert!(replaces(replacing, CheckpointFound::Usable { replaces: false }));
    }

    #[test]
    fn only_an_export_that_replaces_changes_a_row() {
        let row = Row { version: 7, replaced: false, our_settings: true };
        assert_eq!(put_row(false, Some(row)), Condition::Create);
        assert_eq!(put_row(true, Some(row)), Condition::Replace(7));
        assert_eq!(put_row::<u8>(true, None), Condition::Create);
        assert_eq!(refused(false, false), Refused::ByAnother);
        assert_eq!(refused(true, false), Refused::Again);
        assert_eq!([refused(false, true), refused(true, true)], [Refused::Committed; 2]);
    }
}
