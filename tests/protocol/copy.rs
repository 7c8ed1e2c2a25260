//! One invocation of the function, request by request, as `src/export.rs` works.

use std::fmt;

use label_lake::export::protocol::{self, Begin, CheckpointFound, Request};

use crate::lake::{Checkpoint, Content, Export, Keys, Lake, Settings, Table};
use crate::rules::Rules;

/// The message that an invocation is started with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Message {
    pub(crate) overwrite: bool,
    pub(crate) replaces: bool,
    pub(crate) continuation: bool,
    /// An invocation with it was killed, or failed.
    pub(crate) again: bool,
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
            if self.again { " again" } else { "" }
        )
    }
}

impl Message {
    pub(crate) const PLAIN: Self = Self { overwrite: false, replaces: false, continuation: false, again: false };
    pub(crate) const OVERWRITE: Self = Self { overwrite: true, ..Self::PLAIN };

    fn request(self) -> Request {
        Request { overwrite: self.overwrite, replaces: self.replaces }
    }
}

/// The request that an invocation makes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Next {
    LoadCheckpoint,
    /// The old one, of an Overwrite.
    DropCheckpoint,
    PutFile,
    Register,
    /// An export that replaces looks at the row before it removes files.
    HeadRow,
    RemoveOtherPartitions,
    List(Table),
    RemoveOthers(Table),
    PutRow,
    /// After a lost reply: whose row is it?
    CompareRow,
    /// After a commit that another copy was first with.
    HeadRowFor(Table),
    RemoveUnclaimedPartitions(Table),
    ListUnclaimed(Table),
    RemoveUnclaimed(Table),
    /// To start over from page 1.
    SaveBeginning,
    SendContinuation,
    DeleteCheckpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Copy {
    pub(crate) message: Message,
    pub(crate) next: Next,
    pub(crate) settings: Settings,
    pub(crate) replaces: bool,
    /// As in [`Checkpoint::done`].
    pub(crate) done: u8,
    pub(crate) failed: bool,
    /// The lake has a checkpoint that this copy has to delete.
    pub(crate) saved: bool,
    /// Files were missing, or the token was refused, and it went back to page 1.
    pub(crate) missed_files: bool,
    pub(crate) token_refused: bool,
    /// The ETag of the row that it saw.
    pub(crate) seen: Option<u8>,
    /// What the last listing found, and this copy will remove.
    pub(crate) listed: Keys,
    pub(crate) missing: bool,
    pub(crate) reply_lost: bool,
    /// One of its files was removed since it listed them.
    pub(crate) robbed: bool,
}

/// How a request leaves the invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Not(Copy),
    /// It is answered as a success.
    Done,
    /// As `Done`, and this message is on its way.
    HandedOver(Message),
    /// An error: the message is delivered again.
    Failed,
}

impl Copy {
    /// Starts an invocation: its first request that changes or reads the lake.
    pub(crate) fn start(message: Message, settings: Settings, lake: &mut Lake, rules: &Rules, expired: bool) -> Ended {
        let copy = Self {
            message,
            next: Next::LoadCheckpoint,
            settings,
            replaces: message.overwrite,
            done: 0,
            failed: false,
            saved: false,
            missed_files: false,
            token_refused: false,
            seen: None,
            listed: 0,
            missing: false,
            reply_lost: false,
            robbed: false,
        };
        let row = lake.row.map(|row| row.seen_with(settings));
        match protocol::begin(message.request(), if message.overwrite { None } else { row.as_ref() }) {
            // What was saved for it is not needed any more, nor what was stored with settings that the row has not.
            Begin::Stop if message.continuation => {
                let next = if rules.mends.loser_cleans_up {
                    Next::HeadRowFor(Table::Detections)
                } else {
                    Next::DeleteCheckpoint
                };
                Ended::Not(Self { next, saved: true, ..copy })
            }
            Begin::Stop => Ended::Done,
            Begin::Load => Ended::Not(copy),
            Begin::Overwrite => {
                if !rules.mends.checkpoint_outlives_commit {
                    lake.checkpoint = None;
                }
                // As a continuation that replaces, where the first page is gone.
                if expired {
                    let request = Request { overwrite: false, replaces: true };
                    if !rules.mends.saved_outlives_results {
                        return Ended::Failed;
                    }
                    return match protocol::begin(request, row.as_ref()) {
                        Begin::Load => Ended::Not(copy),
                        _ => Ended::Failed,
                    };
                }
                lake.row = None;
                Ended::Not(Self { next: Next::DropCheckpoint, ..copy })
            }
        }
    }

    /// True where the invocation can find that its time is over, and something is done that is worth saving.
    pub(crate) fn can_hand_over(&self) -> bool {
        let under_way =
            matches!(self.next, Next::PutFile | Next::Register | Next::HeadRow | Next::List(_) | Next::PutRow);
        under_way && self.done > 0 && !self.reply_lost
    }

    /// True where Rekognition can refuse the token of the next page.
    pub(crate) fn can_start_over(&self) -> bool {
        self.next == Next::PutFile && self.done > 0 && !self.token_refused
    }

    /// Saves the state instead of the next request.
    pub(crate) fn save(mut self, lake: &mut Lake) -> Self {
        lake.checkpoint = Some(self.state());
        self.next = Next::SendContinuation;
        self
    }

    /// Makes the next request.
    pub(crate) fn step(mut self, lake: &mut Lake, rules: &Rules, expired: bool) -> Ended {
        match self.next {
            Next::LoadCheckpoint => {
                let found = lake.checkpoint.map_or(CheckpointFound::None, |state| state.found_with(self.settings));
                self.saved = lake.checkpoint.is_some();
                self.replaces = rules.mends.replaces(self.message.request(), found);
                if let (CheckpointFound::Usable { .. }, Some(state)) = (found, lake.checkpoint) {
                    self.done = state.done;
                }
                return self.resume(lake, rules, expired);
            }
            Next::DropCheckpoint => {
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
            Next::SaveBeginning => {
                let files_are_missing = self.missing || self.robbed;
                (self.done, self.missing, self.robbed) = (0, false, false);
                lake.checkpoint = Some(self.state());
                if files_are_missing && std::mem::replace(&mut self.missed_files, true) {
                    return Ended::Failed;
                }
                self.saved = true;
                return self.resume(lake, rules, expired);
            }
            Next::SendContinuation => {
                let replaces = self.replaces && rules.mends.message_replaces;
                return Ended::HandedOver(Message { replaces, continuation: true, ..Message::PLAIN });
            }
            Next::DeleteCheckpoint => {
                lake.checkpoint = None;
                return Ended::Done;
            }
            _ => return self.commit_step(lake, rules, expired),
        }
        Ended::Not(self)
    }

    fn state(&self) -> Checkpoint {
        Checkpoint { settings: Some(self.settings), replaces: self.replaces, done: self.done }
    }

    pub(crate) fn content(&self) -> Content {
        Content { of: if self.failed { Export::Failed } else { Export::New }, settings: self.settings }
    }

    /// Goes on from where the state is: fetches a page, if that is next.
    fn resume(mut self, lake: &mut Lake, rules: &Rules, expired: bool) -> Ended {
        let labels = self.settings.labels().len();
        let done = usize::from(self.done);
        if done < labels && expired {
            return Ended::Failed;
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
        Ended::Not(self)
    }
}
