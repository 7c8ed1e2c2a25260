//! A job, everything that works on it, and what may happen next.

use crate::copy::{Copy, Ended, Message, Next};
use crate::delete::Delete;
use crate::lake::{Keys, Lake, Settings, Table};
use crate::rules::{MISSING_FILE, MISSING_PARTITION, NOT_OVERWRITTEN, Rules, UNOWNED, VANISHED};

/// How many invocations may run at once, and how many messages may wait.
const COPIES: usize = 3;
const MESSAGES: usize = 5;

/// What may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Invocations that are killed.
    pub(crate) kills: u8,
    /// Messages that are delivered twice.
    pub(crate) twice: u8,
    pub(crate) hand_overs: u8,
    /// Replies to the PUT of a row that are lost.
    pub(crate) lost_replies: u8,
    /// Tokens that are refused.
    pub(crate) refused_tokens: u8,
    /// Errors after which Lambda delivers again.
    pub(crate) retries: u8,
    /// `AGGREGATE_BY` changes to this value.
    pub(crate) change_to: Option<Settings>,
    /// Rekognition drops the results, 7 days later: nothing runs, and all that is to be known is in the checkpoint.
    pub(crate) expires: bool,
    /// `label-lake delete` is run.
    pub(crate) deletes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) lake: Lake,
    pub(crate) copies: [Option<Copy>; COPIES],
    pub(crate) messages: [Option<Message>; MESSAGES],
    pub(crate) delete: Option<Delete>,
    pub(crate) settings: Settings,
    pub(crate) budget: Budget,
    pub(crate) expired: bool,
    /// A delivery was answered as a success; an Overwrite was.
    pub(crate) answered: bool,
    pub(crate) overwritten: bool,
    /// What was given up, or taken away.
    pub(crate) dead_letter: bool,
    pub(crate) deleted: bool,
    pub(crate) changed: bool,
    /// An invocation was killed, or failed.
    pub(crate) interrupted: bool,
}

/// What happens.
#[expect(dead_code, reason = "read by Debug")]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Deliver(Message, Settings),
    DeliverTwice(Message, Settings),
    Request(Message, Settings, Next),
    Kill(Message, Settings, Next),
    HandOver(Message, Settings, Next),
    RefuseToken(Message),
    LoseReply(Message),
    Change(Settings),
    Expire,
    Delete(Delete),
}

impl World {
    pub(crate) fn new(lake: Lake, settings: Settings, messages: &[Message], budget: Budget) -> Self {
        let mut world = Self {
            lake,
            copies: [None; COPIES],
            messages: [None; MESSAGES],
            delete: None,
            settings,
            budget,
            expired: false,
            answered: false,
            overwritten: false,
            dead_letter: false,
            deleted: false,
            changed: false,
            interrupted: false,
        };
        for message in messages {
            world.send(*message);
        }
        world
    }

    /// Calls `next` with all that may happen next, and the world after it.
    pub(crate) fn steps(&self, rules: &Rules, next: &mut impl FnMut(Step, Self)) {
        self.deliveries(rules, next);
        for (index, copy) in self.copies.iter().enumerate() {
            if let Some(copy) = copy
                && (index == 0 || self.copies[index - 1] != Some(*copy))
            {
                self.steps_of(index, copy, rules, next);
            }
        }
        if let Some(settings) = self.budget.change_to {
            let budget = Budget { change_to: None, ..self.budget };
            next(Step::Change(settings), Self { settings, changed: true, budget, ..*self });
        }
        if self.budget.expires && self.copies == [None; COPIES] && self.all_is_saved() {
            let budget = Budget { expires: false, ..self.budget };
            next(Step::Expire, Self { expired: true, budget, ..*self });
        }
        if let Some(delete) = self.delete {
            next(Step::Delete(delete), self.deleting(delete, rules));
        } else if self.budget.deletes > 0 {
            let mut world = *self;
            world.budget.deletes -= 1;
            next(Step::Delete(Delete::Row), world.deleting(Delete::Row, rules));
        }
    }

    /// True if all that was asked for has been done, or given up.
    pub(crate) fn is_quiet(&self) -> bool {
        self.copies == [None; COPIES] && self.messages == [None; MESSAGES] && self.delete.is_none()
    }

    /// Says which promise is broken.
    pub(crate) fn broken(&self, rules: &Rules) -> Option<&'static str> {
        let begun = |message: &Message| message.again || message.continuation;
        let in_flight = self.copies != [None; COPIES] || self.messages.iter().flatten().any(begun);
        if !in_flight && self.delete.is_none() {
            if self.lake.missing(self.lake.files) != 0 {
                return Some(MISSING_FILE);
            }
            let residue = rules.residue.partitions && (self.changed || self.deleted);
            if self.lake.missing(self.lake.partitions) != 0 && !residue {
                return Some(MISSING_PARTITION);
            }
        }
        if !self.is_quiet() {
            return None;
        }
        let left = self.lake.unowned();
        match self.lake.row {
            None if self.answered && !self.deleted => Some(VANISHED),
            None if (left != 0 || self.lake.checkpoint.is_some()) && !self.dead_letter => Some(UNOWNED),
            None => None,
            Some(_) if left != 0 => {
                let residue = rules.residue.other_table && self.changed && self.interrupted;
                (!residue || left != Table::Segments.keys()).then_some(UNOWNED)
            }
            Some(row) => {
                (self.overwritten && !row.replaced && !self.deleted && !self.expired).then_some(NOT_OVERWRITTEN)
            }
        }
    }

    fn deliveries(&self, rules: &Rules, next: &mut impl FnMut(Step, Self)) {
        if self.copies[COPIES - 1].is_some() {
            return;
        }
        for (index, message) in self.messages.iter().enumerate() {
            let Some(message) = *message else { break };
            if index > 0 && self.messages[index - 1] == Some(message) {
                continue;
            }
            let start = |mut world: Self| {
                let ended = Copy::start(message, world.settings, &mut world.lake, rules, world.expired);
                world.end(COPIES - 1, message, ended);
                world
            };
            let mut once = *self;
            once.messages[index] = None;
            next(Step::Deliver(message, self.settings), start(once));
            if self.budget.twice > 0 {
                let mut twice = *self;
                twice.budget.twice -= 1;
                next(Step::DeliverTwice(message, self.settings), start(twice));
            }
        }
    }

    fn steps_of(&self, index: usize, copy: &Copy, rules: &Rules, next: &mut impl FnMut(Step, Self)) {
        let (message, settings, request) = (copy.message, copy.settings, copy.next);
        let mut world = *self;
        let ended = copy.step(&mut world.lake, rules, self.expired);
        world.rob(index, self.lake.files, rules);
        world.end(index, message, ended);
        next(Step::Request(message, settings, request), world);

        // A copy that has done nothing may as well not have been delivered yet.
        if self.budget.kills > 0 && copy.next != Next::LoadCheckpoint {
            let mut world = *self;
            world.budget.kills -= 1;
            world.interrupted = true;
            world.copies[index] = None;
            world.send(Message { again: true, ..message });
            next(Step::Kill(message, settings, request), world);
        }
        if self.budget.hand_overs > 0 && copy.can_hand_over() {
            let mut world = *self;
            world.budget.hand_overs -= 1;
            let copy = copy.save(&mut world.lake);
            world.end(index, message, Ended::Not(copy));
            next(Step::HandOver(message, settings, request), world);
        }
        if self.budget.refused_tokens > 0 && copy.can_start_over() {
            let mut world = *self;
            world.budget.refused_tokens -= 1;
            let copy = Copy { next: Next::SaveBeginning, token_refused: true, ..*copy };
            world.end(index, message, Ended::Not(copy));
            next(Step::RefuseToken(message), world);
        }
        if self.budget.lost_replies > 0 && copy.next == Next::PutRow && !copy.reply_lost && !copy.robbed {
            let mut world = *self;
            world.budget.lost_replies -= 1;
            if copy.put_row(&mut world.lake, rules) {
                world.end(index, message, Ended::Not(Copy { reply_lost: true, ..*copy }));
                next(Step::LoseReply(message), world);
            }
        }
    }

    /// Tells the copies but this one which files are gone.
    fn rob(&mut self, but: usize, before: Keys, rules: &Rules) {
        let removed = before & !self.lake.files;
        if removed != 0 {
            for (index, copy) in self.copies.iter_mut().enumerate() {
                if let Some(copy) = copy
                    && index != but
                {
                    copy.rob(removed, rules);
                }
            }
        }
    }

    fn end(&mut self, index: usize, message: Message, ended: Ended) {
        self.copies[index] = None;
        self.interrupted |= ended == Ended::Failed;
        match ended {
            Ended::Not(copy) => self.copies[index] = Some(copy),
            Ended::Done | Ended::HandedOver(_) => {
                self.answered = true;
                self.overwritten |= message.overwrite;
            }
            Ended::Failed if self.budget.retries > 0 => {
                self.budget.retries -= 1;
                self.send(Message { again: true, ..message });
            }
            Ended::Failed => self.dead_letter = true,
        }
        if let Ended::HandedOver(next) = ended {
            self.send(next);
        }
        // Worlds that differ in the order of their copies alone are one.
        self.copies.sort_unstable_by(|a, b| b.cmp(a));
        self.messages.sort_unstable_by(|a, b| b.cmp(a));
    }

    fn send(&mut self, message: Message) {
        let free = self.messages.iter_mut().find(|waiting| waiting.is_none());
        *free.expect("the budget allows no more messages") = Some(message);
        self.copies.sort_unstable_by(|a, b| b.cmp(a));
        self.messages.sort_unstable_by(|a, b| b.cmp(a));
    }

    fn all_is_saved(&self) -> bool {
        let saved = self.lake.checkpoint.filter(|saved| saved.settings == Some(self.settings));
        self.lake.row.is_none() && saved.is_some_and(|saved| usize::from(saved.done) >= self.settings.labels().len())
    }

    fn deleting(mut self, delete: Delete, rules: &Rules) -> Self {
        let before = self.lake.files;
        self.deleted = true;
        self.delete = delete.step(&mut self.lake);
        self.rob(COPIES, before, rules);
        self
    }
}
