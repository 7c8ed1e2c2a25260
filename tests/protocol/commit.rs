//! The end of an export: it looks at its files, removes what it does not own, and puts the row.

use label_lake::export::protocol::{Refused, Row};
use label_lake::lake::Condition;

use crate::copy::{Copy, Ended, Next};
use crate::lake::{Keys, Lake, Settings, Stored, Table};
use crate::rules::Rules;

impl Copy {
    pub(crate) fn begin_commit(&mut self, lake: &mut Lake, rules: &Rules) {
        if self.saved && !rules.mends.checkpoint_outlives_commit {
            (self.saved, lake.checkpoint) = (false, None);
        }
        self.next = match (self.replaces, self.failed) {
            (true, _) => Next::HeadRow,
            (false, false) if rules.mends.files_are_listed => Next::List(Table::Detections),
            (false, _) => Next::PutRow,
        };
    }

    /// Makes the next request of a commit.
    pub(crate) fn commit_step(mut self, lake: &mut Lake, rules: &Rules, expired: bool) -> Ended {
        match self.next {
            Next::HeadRow => {
                self.seen = lake.row.map(|row| row.version);
                self.next = Next::RemoveOtherPartitions;
            }
            Next::RemoveOtherPartitions => {
                let tables = if rules.mends.others_go_last { self.settings.keys() } else { Keys::MAX };
                lake.partitions &= self.content().keys() | !tables;
                self.next = Next::List(Table::Detections);
            }
            Next::List(table) => {
                let (own, found) = (self.content().keys() & table.keys(), lake.files & table.keys());
                self.missing = own & !found != 0 && rules.mends.files_are_listed;
                self.listed = if self.replaces { found & !own } else { 0 };
                if self.listed == 0 {
                    self.after_list(table, rules);
                } else {
                    self.next = Next::RemoveOthers(table);
                }
            }
            Next::RemoveOthers(table) => {
                lake.files &= !std::mem::take(&mut self.listed);
                self.after_list(table, rules);
            }
            Next::PutRow => {
                let mut after = *lake;
                if self.put_row(&mut after, rules) {
                    if self.robbed {
                        self.next = Next::SaveBeginning;
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
            Next::HeadRowFor(table) => {
                if lake.row.is_none() || lake.has(table) {
                    return self.after_unclaimed(table);
                }
                if !rules.windows.head_to_remove {
                    lake.partitions &= !table.keys();
                    lake.files &= !table.keys();
                    return self.after_unclaimed(table);
                }
                self.next = Next::RemoveUnclaimedPartitions(table);
            }
            Next::RemoveUnclaimedPartitions(table) => {
                lake.partitions &= !table.keys();
                self.next = Next::ListUnclaimed(table);
            }
            Next::ListUnclaimed(table) => {
                self.listed = lake.files & table.keys();
                if self.listed == 0 {
                    return self.after_unclaimed(table);
                }
                self.next = Next::RemoveUnclaimed(table);
            }
            Next::RemoveUnclaimed(table) => {
                lake.files &= !std::mem::take(&mut self.listed);
                return self.after_unclaimed(table);
            }
            _ => unreachable!("{:?} is no part of a commit", self.next),
        }
        Ended::Not(self)
    }

    /// Puts the row, if its condition holds.
    pub(crate) fn put_row(&self, lake: &mut Lake, rules: &Rules) -> bool {
        let seen = self.seen.map(|version| Row { version, replaced: false, our_settings: true });
        let holds = match rules.mends.put_row(self.replaces, seen) {
            Condition::Create => lake.row.is_none(),
            Condition::Replace(version) => lake.row.is_some_and(|row| row.version == version),
        };
        if holds {
            let content = self.content();
            lake.writes += u8::from(rules.etag_of_each_write);
            let of_content = 100 + 10 * content.of as u8 + content.settings as u8;
            let version = if rules.etag_of_each_write { lake.writes } else { of_content };
            lake.row = Some(Stored { content, replaced: self.replaces, version });
        }
        holds
    }

    /// Notes that another removed these files. Nothing is to come between the listing and the commit, unless that window
    /// is open: then the listing finds out.
    pub(crate) fn rob(&mut self, removed: Keys, rules: &Rules) {
        let listed = match self.next {
            Next::PutRow => self.content().keys(),
            Next::List(Table::Segments) | Next::RemoveOthers(_) => self.content().keys() & Table::Detections.keys(),
            _ => 0,
        };
        self.robbed |= !rules.windows.list_to_put && rules.mends.files_are_listed && listed & removed != 0;
    }

    fn after_list(&mut self, table: Table, rules: &Rules) {
        self.next = match table {
            _ if self.missing => Next::SaveBeginning,
            Table::Detections if self.settings == Settings::Both || (self.replaces && !rules.mends.others_go_last) => {
                Next::List(Table::Segments)
            }
            _ => Next::PutRow,
        };
    }

    fn refused(mut self, is_ours: bool, lake: &mut Lake, rules: &Rules) -> Ended {
        self.reply_lost = false;
        match rules.mends.refused(self.replaces, is_ours) {
            Refused::Committed => return self.committed(rules),
            Refused::ByAnother if rules.mends.loser_cleans_up => self.next = Next::HeadRowFor(Table::Detections),
            Refused::ByAnother => return self.finish(),
            Refused::Again => self.begin_commit(lake, rules),
        }
        Ended::Not(self)
    }

    /// Tables that the row lacks may hold files of the export that it replaced.
    fn committed(mut self, rules: &Rules) -> Ended {
        if !self.replaces || !rules.mends.others_go_last {
            return self.finish();
        }
        self.next = Next::HeadRowFor(Table::Detections);
        Ended::Not(self)
    }

    fn after_unclaimed(mut self, table: Table) -> Ended {
        match table {
            Table::Detections => self.next = Next::HeadRowFor(Table::Segments),
            Table::Segments => return self.finish(),
        }
        Ended::Not(self)
    }

    fn finish(mut self) -> Ended {
        if !self.saved {
            return Ended::Done;
        }
        self.next = Next::DeleteCheckpoint;
        Ended::Not(self)
    }
}
