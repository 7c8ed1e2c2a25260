//! The protocol: decisions that keep the lake consistent when copies of an export, Overwrites and continuations overlap.
//!
//! An export *replaces* if it overwrites a committed job: it deletes the files that it does not own, and replaces the row.
//! An Overwrite replaces, and so do its continuations.
//!
//! The functions are pure, so that `tests/protocol` can run them through every order of events. [`crate::export`] carries the
//! decisions out with real clients. S3 has no transactions. A decision holds because the request that follows it is
//! conditional, and all copies agree on one object: the job's row in `jobs`.

use crate::lake::Condition;

/// The request that a delivery makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// True if the message is an Overwrite.
    pub overwrite: bool,
    /// True if the message is a continuation of an export that replaces a committed job.
    pub replaces: bool,
}

/// The metadata of a job's row in `jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row<V> {
    /// ETag of the object.
    pub version: V,
    /// True if an export that replaces wrote the row.
    pub replaced: bool,
    /// True if the row was exported with the settings of this function.
    pub our_settings: bool,
}

/// The first step of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Begin {
    /// Stop: the job is committed.
    Stop,
    /// Load the checkpoint. Without one, start at page 1.
    Load,
    /// Start at page 1. When page 1 says that the job has ended, delete the row and the checkpoint.
    Overwrite,
}

/// Decides how a delivery begins, given the row that it finds. An Overwrite does not look for a row.
///
/// A continuation that replaces continues even if there is a row: a copy that knew nothing of the Overwrite may have written
/// it. It stops if an export that replaces has written the row. Such a row is newer than the Overwrite, which deleted the
/// row before it.
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

/// Decides if an export replaces a committed job: if it deletes what it does not own, and replaces the row.
///
/// The message may know of an Overwrite that the checkpoint does not know of, and vice versa: any copy of the export may
/// have written the checkpoint. An unusable checkpoint (another build, other settings) may belong to an export that
/// replaces, or to one that left files which this export does not own.
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
    /// There is no checkpoint.
    None,
    /// The export can resume from the checkpoint.
    Usable {
        /// True if the checkpoint belongs to an export that replaces.
        replaces: bool,
    },
    /// The checkpoint cannot be parsed, or was saved with other settings.
    Unusable,
}

/// Decides the condition of the commit. An export that replaces reads the row before it deletes anything. If another copy
/// changes the row after that, the condition fails and the export reads the row again.
pub fn put_row<V>(replaces: bool, row: Option<Row<V>>) -> Condition<V> {
    match row {
        Some(row) if replaces => Condition::Replace(row.version),
        _ => Condition::Create,
    }
}

/// The meaning of a refused commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// The row is the one of this export: an earlier attempt wrote it, and the reply was lost.
    Committed,
    /// Another copy committed the job.
    ByAnother,
    /// Another copy changed the row: delete what is stale, and commit again.
    Again,
}

/// Decides what a refused commit means. `is_ours` is true if an earlier attempt had no reply and the row has the bytes of this
/// export.
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
    fn only_an_overwrite_and_its_continuations_ignore_a_row() {
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
