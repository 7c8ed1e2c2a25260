//! Model of one invocation of the function. Each step is one request, and the requests have the same order as those of
//! `src/export`. `commit.rs` has the steps of the commit.
//!
//! An export *replaces* if it may overwrite the row of a committed job; `protocol::replaces` decides this. *Stale*
//! files and partitions are those that the row of such an export does not own. *Unclaimed* ones are in a table that
//! the committed row lacks.

use std::fmt;

use label_lake::export::protocol::{self, Begin, CheckpointFound, Request};

use crate::lake::{Checkpoint, Content, Export, LabelSet, Lake, Settings, Table};
use crate::rules::Rules;

/// Message that starts an invocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Message {
    /// True for an Overwrite.
    pub(crate) overwrite: bool,
    /// True for a continuation of an export that replaces.
    pub(crate) replaces: bool,
    pub(crate) continuation: bool,
    /// True if an earlier delivery of this message was killed or failed.
    pub(crate) redelivered: bool,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match (self.overwrite, self.continuation) {
            (true, _) => "Overwrite",
            (false, true) => "Continuation",
            (false, false) => "Plain",
        };
        write!(
            f,
            "{kind}{}{}",
            if self.replaces { ", replaces" } else { "" },
            if self.redelivered { ", redelivered" } else { "" }
        )
    }
}

impl Message {
    /// Plain completion message: exports the job unless it is already committed.
    pub(crate) const PLAIN: Self = Self { overwrite: false, replaces: false, continuation: false, redelivered: false };
    pub(crate) const OVERWRITE: Self = Self { overwrite: true, ..Self::PLAIN };

    fn request(self) -> Request {
        Request { overwrite: self.overwrite, replaces: self.replaces }
    }
}

/// Request that an invocation makes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Next {
    LoadCheckpoint,
    /// Deletes the checkpoint of an earlier export before an Overwrite starts at page 1.
    DeleteOldCheckpoint,
    PutFile,
    /// Registers the partitions of all labels.
    Register,
    /// Reads the row's ETag. An export that replaces does so before it removes anything.
    HeadRow,
    /// Removes partitions that the row of this export will not own.
    RemoveStalePartitions,
    /// Lists the files of a table, before the row is put.
    List(Table),
    /// Removes files that the row of this export will not own.
    RemoveStaleFiles(Table),
    /// Puts the row, which commits the export.
    PutRow,
    /// Reads the row to see if this export wrote it. Follows a PUT whose reply was lost and whose retry was refused.
    CompareRow,
    /// Reads the row before the cleanup of a table: the table's files are removed only if the row lacks the table.
    HeadRowBeforeCleanup(Table),
    RemoveUnclaimedPartitions(Table),
    ListUnclaimed(Table),
    RemoveUnclaimedFiles(Table),
    /// Saves an empty checkpoint, because the export restarts from page 1.
    SaveRestart,
    SendContinuation,
    DeleteCheckpoint,
}

/// State of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Invocation {
    pub(crate) message: Message,
    pub(crate) next: Next,
    pub(crate) settings: Settings,
    /// True if the export replaces, by its message or by its checkpoint.
    pub(crate) replaces: bool,
    /// Number of labels whose files are stored, plus one if all are registered.
    pub(crate) done: u8,
    /// True if the job failed at Rekognition.
    pub(crate) failed: bool,
    /// True if there may be a checkpoint, which this invocation has to delete.
    pub(crate) saved: bool,
    /// True if the export restarted because files were missing.
    pub(crate) restarted_for_files: bool,
    /// True if the export restarted because Rekognition refused a token.
    pub(crate) restarted_for_token: bool,
    /// ETag that [`Next::HeadRow`] read, before stale files are removed.
    pub(crate) seen_etag: Option<u8>,
    /// Files that the last listing found and that the next request removes.
    pub(crate) to_remove: LabelSet,
    /// True if the last listing lacked a file of this export.
    pub(crate) files_missing: bool,
    /// True if the row was put, but the reply was lost.
    pub(crate) reply_lost: bool,
    /// True if one of this export's files was removed after it was listed.
    pub(crate) lost_files: bool,
}

/// Result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The invocation continues in this state.
    Running(Invocation),
    /// The invocation ended, and the message is acknowledged.
    Succeeded,
    /// The invocation sent this continuation and ended, and the message is acknowledged.
    HandedOver(Message),
    /// The invocation failed. The message is delivered again.
    Failed,
}

impl Invocation {
    /// Starts an invocation, and makes its first request to the lake: it reads the row, or an Overwrite deletes it.
    ///
    /// `expired` is true if Rekognition has deleted the results.
    pub(crate) fn start(
        message: Message,
        settings: Settings,
        lake: &mut Lake,
        rules: &Rules,
        expired: bool,
    ) -> Progress {
        let invocation = Self {
            message,
            next: Next::LoadCheckpoint,
            settings,
            replaces: message.overwrite,
            done: 0,
            failed: false,
            saved: false,
            restarted_for_files: false,
            restarted_for_token: false,
            seen_etag: None,
            to_remove: 0,
            files_missing: false,
            reply_lost: false,
            lost_files: false,
        };
        let row = lake.row.map(|row| row.seen_with(settings));
        match protocol::begin(message.request(), if message.overwrite { None } else { row.as_ref() }) {
            // The job is committed. The continuation deletes the checkpoint, and first the files of tables that the row
            // lacks.
            Begin::Stop if message.continuation => {
                let next = if rules.safeguards.loser_cleans_up {
                    Next::HeadRowBeforeCleanup(Table::Detections)
                } else {
                    Next::DeleteCheckpoint
                };
                Progress::Running(Self { next, saved: true, ..invocation })
            }
            Begin::Stop => Progress::Succeeded,
            Begin::Load => Progress::Running(invocation),
            Begin::Overwrite => {
                if !rules.safeguards.checkpoint_outlives_commit {
                    lake.checkpoint = None;
                }
                // If the results have expired, an Overwrite can only resume from the checkpoint, as a continuation
                // does.
                if expired {
                    let request = Request { overwrite: false, replaces: true };
                    if !rules.safeguards.checkpoint_outlives_results {
                        return Progress::Failed;
                    }
                    return match protocol::begin(request, row.as_ref()) {
                        Begin::Load => Progress::Running(invocation),
                        _ => Progress::Failed,
                    };
                }
                lake.row = None;
                Progress::Running(Self { next: Next::DeleteOldCheckpoint, ..invocation })
            }
        }
    }

    /// Returns true if the invocation can stop here for lack of time, save its progress, and send a continuation.
    pub(crate) fn can_hand_over(&self) -> bool {
        let can_pause =
            matches!(self.next, Next::PutFile | Next::Register | Next::HeadRow | Next::List(_) | Next::PutRow);
        can_pause && self.done > 0 && !self.reply_lost
    }

    /// Returns true if Rekognition may refuse the token of the next page.
    pub(crate) fn can_have_token_refused(&self) -> bool {
        self.next == Next::PutFile && self.done > 0 && !self.restarted_for_token
    }

    /// Saves a checkpoint instead of making the next request. The continuation is sent after that.
    pub(crate) fn save(mut self, lake: &mut Lake) -> Self {
        lake.checkpoint = Some(self.checkpoint());
        self.next = Next::SendContinuation;
        self
    }

    /// Makes the next request, and chooses the one after it.
    pub(crate) fn step(mut self, lake: &mut Lake, rules: &Rules, expired: bool) -> Progress {
        match self.next {
            Next::LoadCheckpoint => {
                let found = lake.checkpoint.map_or(CheckpointFound::None, |saved| saved.found_with(self.settings));
                self.saved = lake.checkpoint.is_some();
                self.replaces = rules.safeguards.replaces(self.message.request(), found);
                if let (CheckpointFound::Usable { .. }, Some(saved)) = (found, lake.checkpoint) {
                    self.done = saved.done;
                }
                return self.resume(lake, rules, expired);
            }
            Next::DeleteOldCheckpoint => {
                lake.checkpoint = None;
                return self.resume(lake, rules, expired);
            }
            Next::PutFile => {
                lake.files |= self.settings.labels()[usize::from(self.done)];
                self.done += 1;
                return self.resume(lake, rules, expired);
            }
            Next::Register => {
                lake.partitions |= self.content().label_set();
                self.done += 1;
                self.begin_commit(lake, rules);
            }
            Next::SaveRestart => {
                let restarts_for_files = self.files_missing || self.lost_files;
                (self.done, self.files_missing, self.lost_files) = (0, false, false);
                lake.checkpoint = Some(self.checkpoint());
                if restarts_for_files && std::mem::replace(&mut self.restarted_for_files, true) {
                    return Progress::Failed;
                }
                self.saved = true;
                return self.resume(lake, rules, expired);
            }
            Next::SendContinuation => {
                let replaces = self.replaces && rules.safeguards.continuation_says_replaces;
                return Progress::HandedOver(Message { replaces, continuation: true, ..Message::PLAIN });
            }
            Next::DeleteCheckpoint => {
                lake.checkpoint = None;
                return Progress::Succeeded;
            }
            _ => return self.commit_step(lake, rules, expired),
        }
        Progress::Running(self)
    }

    /// Returns the checkpoint that this invocation saves.
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { settings: Some(self.settings), replaces: self.replaces, done: self.done }
    }

    /// Returns the content of the row that this export commits.
    pub(crate) fn content(&self) -> Content {
        Content { export: if self.failed { Export::Failed } else { Export::New }, settings: self.settings }
    }

    /// Chooses the next request from `done`: the next file, the registration, or the commit. Fails if the export still
    /// needs a page and the results have expired.
    fn resume(mut self, lake: &mut Lake, rules: &Rules, expired: bool) -> Progress {
        let labels = self.settings.labels().len();
        let done = usize::from(self.done);
        if done < labels && expired {
            return Progress::Failed;
        }
        if rules.job_failed {
            self.failed = true;
            self.begin_commit(lake, rules);
        } else if done < labels {
            self.next = Next::PutFile;
        } else if done == labels {
            self.next = Next::Register;
        } else {
            self.begin_commit(lake, rules);
        }
        Progress::Running(self)
    }
}
