//! One invocation of the function, request by request, in the order of `src/export`.

use std::fmt;

use label_lake::export::protocol::{self, Begin, CheckpointFound, Request};

use crate::lake::{Checkpoint, Content, Export, Keys, Lake, Settings, Table};
use crate::rules::Rules;

/// Message that starts an invocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Message {
    pub(crate) overwrite: bool,
    pub(crate) replaces: bool,
    pub(crate) continuation: bool,
    /// True if an earlier delivery was killed or failed.
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
            if self.replaces { " that replaces" } else { "" },
            if self.redelivered { " redelivered" } else { "" }
        )
    }
}

impl Message {
    pub(crate) const PLAIN: Self = Self { overwrite: false, replaces: false, continuation: false, redelivered: false };
    pub(crate) const OVERWRITE: Self = Self { overwrite: true, ..Self::PLAIN };

    fn request(self) -> Request {
        Request { overwrite: self.overwrite, replaces: self.replaces }
    }
}

/// Next request of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Next {
    LoadCheckpoint,
    /// An Overwrite deletes the checkpoint of earlier exports.
    DeleteOldCheckpoint,
    PutFile,
    Register,
    /// An export that replaces reads the row's ETag before it removes files.
    HeadRow,
    /// Removes partitions that the new row does not own.
    RemoveStalePartitions,
    List(Table),
    /// Removes files that the new row does not own.
    RemoveStaleFiles(Table),
    PutRow,
    /// After a lost reply and a refused retry: is the row our own?
    CompareRow,
    /// Starts the cleanup of a table, which is removed only if the row lacks it.
    HeadRowBeforeCleanup(Table),
    RemoveUnclaimedPartitions(Table),
    ListUnclaimed(Table),
    RemoveUnclaimedFiles(Table),
    /// Saves a checkpoint of an export that restarts from page 1.
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
    pub(crate) replaces: bool,
    /// As in [`Checkpoint::done`].
    pub(crate) done: u8,
    /// True if the job failed at Rekognition.
    pub(crate) failed: bool,
    /// True if a checkpoint is stored that this invocation has to delete.
    pub(crate) saved: bool,
    /// True if the export restarted because files were missing.
    pub(crate) restarted_for_files: bool,
    /// True if the export restarted because a token was refused.
    pub(crate) restarted_for_token: bool,
    /// ETag of the row before the removal of stale files.
    pub(crate) seen_etag: Option<u8>,
    /// Files that the last listing found and that the next request removes.
    pub(crate) to_remove: Keys,
    /// True if the last listing lacked a file of this export.
    pub(crate) files_missing: bool,
    /// True if the row was put and the reply was lost.
    pub(crate) reply_lost: bool,
    /// True if one of this export's files was removed after it was listed.
    pub(crate) lost_files: bool,
}

/// State of an invocation after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Running(Invocation),
    /// The message is acknowledged.
    Succeeded,
    /// The message is acknowledged, and this continuation was sent.
    HandedOver(Message),
    /// An error. The message is delivered again.
    Failed,
}

impl Invocation {
    /// Starts an invocation, and makes its first request that reads or changes the lake.
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
            // Neither the checkpoint of a committed job is needed, nor files in a table that its row lacks.
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
                // With expired results, an Overwrite proceeds as a continuation that replaces.
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

    /// Returns true if the invocation may run out of time now and has progress to save.
    pub(crate) fn can_hand_over(&self) -> bool {
        let saves_progress =
            matches!(self.next, Next::PutFile | Next::Register | Next::HeadRow | Next::List(_) | Next::PutRow);
        saves_progress && self.done > 0 && !self.reply_lost
    }

    /// Returns true if Rekognition may refuse the token of the next page.
    pub(crate) fn can_have_token_refused(&self) -> bool {
        self.next == Next::PutFile && self.done > 0 && !self.restarted_for_token
    }

    /// Saves a checkpoint in place of the next request.
    pub(crate) fn save(mut self, lake: &mut Lake) -> Self {
        lake.checkpoint = Some(self.checkpoint());
        self.next = Next::SendContinuation;
        self
    }

    /// Makes the next request.
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
                lake.partitions |= self.content().keys();
                self.done += 1;
                self.begin_commit(lake, rules);
            }
            Next::SaveRestart => {
                let files_are_missing = self.files_missing || self.lost_files;
                (self.done, self.files_missing, self.lost_files) = (0, false, false);
                lake.checkpoint = Some(self.checkpoint());
                if files_are_missing && std::mem::replace(&mut self.restarted_for_files, true) {
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

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { settings: Some(self.settings), replaces: self.replaces, done: self.done }
    }

    /// Returns the content of the row that this export commits.
    pub(crate) fn content(&self) -> Content {
        Content { export: if self.failed { Export::Failed } else { Export::New }, settings: self.settings }
    }

    /// Chooses the next request by the labels that are done. Fails if a page is needed and the results have expired.
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
