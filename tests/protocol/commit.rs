//! The commit of an export: it lists its files, removes stale ones, puts the row, and cleans up.

use label_lake::export::protocol::{Refused, Row};
use label_lake::lake::Condition;

use crate::invocation::{Invocation, Next, Progress};
use crate::lake::{LabelSet, Lake, Settings, StoredRow, Table};
use crate::rules::Rules;

impl Invocation {
    /// Chooses the first request of the commit.
    pub(crate) fn begin_commit(&mut self, lake: &mut Lake, rules: &Rules) {
        if self.saved && !rules.safeguards.checkpoint_outlives_commit {
            (self.saved, lake.checkpoint) = (false, None);
        }
        self.next = match (self.replaces, self.failed) {
            (true, _) => Next::HeadRow,
            (false, false) if rules.safeguards.files_are_listed => Next::List(Table::Detections),
            (false, _) => Next::PutRow,
        };
    }

    /// Makes the next request of the commit.
    pub(crate) fn commit_step(mut self, lake: &mut Lake, rules: &Rules, expired: bool) -> Progress {
        match self.next {
            Next::HeadRow => {
                self.seen_etag = lake.row.map(|row| row.etag);
                self.next = Next::RemoveStalePartitions;
            }
            Next::RemoveStalePartitions => {
                let tables =
                    if rules.safeguards.other_table_removed_last { self.settings.label_set() } else { LabelSet::MAX };
                lake.partitions &= self.content().label_set() | !tables;
                self.next = Next::List(Table::Detections);
            }
            Next::List(table) => {
                let (own, found) = (self.content().label_set() & table.label_set(), lake.files & table.label_set());
                self.files_missing = own & !found != 0 && rules.safeguards.files_are_listed;
                self.to_remove = if self.replaces { found & !own } else { 0 };
                if self.to_remove == 0 {
                    self.after_list(table, rules);
                } else {
                    self.next = Next::RemoveStaleFiles(table);
                }
            }
            Next::RemoveStaleFiles(table) => {
                lake.files &= !std::mem::take(&mut self.to_remove);
                self.after_list(table, rules);
            }
            Next::PutRow => {
                let mut after = *lake;
                if self.put_row(&mut after, rules) {
                    if self.lost_files {
                        self.next = Next::SaveRestart;
                        return self.step(lake, rules, expired);
                    }
                    *lake = after;
                    return self.committed(rules);
                }
                if self.reply_lost {
                    self.next = Next::CompareRow;
                } else {
                    return self.refused(false, lake, rules);
                }
            }
            Next::CompareRow => {
                let is_ours = lake.row.is_some_and(|row| row.content == self.content());
                return self.refused(is_ours, lake, rules);
            }
            Next::HeadRowBeforeCleanup(table) => {
                if lake.row.is_none() || lake.row_has(table) {
                    return self.after_cleanup(table);
                }
                if !rules.windows.head_to_remove {
                    lake.partitions &= !table.label_set();
                    lake.files &= !table.label_set();
                    return self.after_cleanup(table);
                }
                self.next = Next::RemoveUnclaimedPartitions(table);
            }
            Next::RemoveUnclaimedPartitions(table) => {
                lake.partitions &= !table.label_set();
                self.next = Next::ListUnclaimed(table);
            }
            Next::ListUnclaimed(table) => {
                self.to_remove = lake.files & table.label_set();
                if self.to_remove == 0 {
                    return self.after_cleanup(table);
                }
                self.next = Next::RemoveUnclaimedFiles(table);
            }
            Next::RemoveUnclaimedFiles(table) => {
                lake.files &= !std::mem::take(&mut self.to_remove);
                return self.after_cleanup(table);
            }
            _ => unreachable!("{:?} is not part of a commit", self.next),
        }
        Progress::Running(self)
    }

    /// Puts the row if its condition holds. Returns true if it did.
    pub(crate) fn put_row(&self, lake: &mut Lake, rules: &Rules) -> bool {
        let seen = self.seen_etag.map(|version| Row { version, replaced: false, our_settings: true });
        let holds = match rules.safeguards.put_row(self.replaces, seen) {
            Condition::Create => lake.row.is_none(),
            Condition::Replace(etag) => lake.row.is_some_and(|row| row.etag == etag),
        };
        if holds {
            let content = self.content();
            lake.row_writes += u8::from(rules.unique_etags);
            let content_etag = 100 + 10 * content.export as u8 + content.settings as u8;
            let etag = if rules.unique_etags { lake.row_writes } else { content_etag };
            lake.row = Some(StoredRow { content, replaced: self.replaces, etag });
        }
        holds
    }

    /// Records that another copy, or a deletion, removed these files after this invocation listed them.
    ///
    /// If the window between the listing and the commit is closed, the invocation then behaves as if its listing had
    /// shown that they are missing. If it is open, the loss goes unnoticed.
    pub(crate) fn note_removed_files(&mut self, removed: LabelSet, rules: &Rules) {
        let listed = match self.next {
            Next::PutRow => self.content().label_set(),
            Next::List(Table::Segments) | Next::RemoveStaleFiles(_) => {
                self.content().label_set() & Table::Detections.label_set()
            }
            _ => 0,
        };
        self.lost_files |= !rules.windows.list_to_put && rules.safeguards.files_are_listed && listed & removed != 0;
    }

    /// Chooses the request after a listing and the removal of its stale files.
    fn after_list(&mut self, table: Table, rules: &Rules) {
        self.next = match table {
            _ if self.files_missing => Next::SaveRestart,
            Table::Detections
                if self.settings == Settings::Both || (self.replaces && !rules.safeguards.other_table_removed_last) =>
            {
                Next::List(Table::Segments)
            }
            _ => Next::PutRow,
        };
    }

    /// Continues after a refused commit.
    fn refused(mut self, is_ours: bool, lake: &mut Lake, rules: &Rules) -> Progress {
        self.reply_lost = false;
        match rules.safeguards.refused(self.replaces, is_ours) {
            Refused::Committed => return self.committed(rules),
            Refused::ByAnother if rules.safeguards.loser_cleans_up => {
                self.next = Next::HeadRowBeforeCleanup(Table::Detections);
            }
            Refused::ByAnother => return self.finish(),
            Refused::Again => self.begin_commit(lake, rules),
        }
        Progress::Running(self)
    }

    /// Continues after a successful commit. Tables that the row lacks may hold files of the export that it replaced.
    fn committed(mut self, rules: &Rules) -> Progress {
        if !self.replaces || !rules.safeguards.other_table_removed_last {
            return self.finish();
        }
        self.next = Next::HeadRowBeforeCleanup(Table::Detections);
        Progress::Running(self)
    }

    /// Continues after the cleanup of a table that the row lacks.
    fn after_cleanup(mut self, table: Table) -> Progress {
        match table {
            Table::Detections => self.next = Next::HeadRowBeforeCleanup(Table::Segments),
            Table::Segments => return self.finish(),
        }
        Progress::Running(self)
    }

    /// Ends the invocation. If a checkpoint is stored, its deletion is the last request.
    fn finish(mut self) -> Progress {
        if !self.saved {
            return Progress::Succeeded;
        }
        self.next = Next::DeleteCheckpoint;
        Progress::Running(self)
    }
}
