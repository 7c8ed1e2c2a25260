//! State of the model: a job's lake, everything that works on it, and what may happen next.

use crate::delete::Delete;
use crate::invocation::{Invocation, Message, Next, Progress};
use crate::lake::{LabelSet, Lake, Settings, Table};
use crate::rules::{MISSING_FILE, MISSING_PARTITION, NOT_OVERWRITTEN, Rules, UNOWNED, VANISHED};

/// Maximum number of concurrent invocations.
const MAX_INVOCATIONS: usize = 3;
/// Maximum number of queued messages.
const MAX_MESSAGES: usize = 5;

/// Faults and changes that may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Invocations that are killed.
    pub(crate) kills: u8,
    /// Messages that are delivered twice.
    pub(crate) duplicates: u8,
    /// Invocations that hand over.
    pub(crate) handovers: u8,
    /// Replies to the PUT of a row that are lost.
    pub(crate) lost_replies: u8,
    /// Tokens that are refused.
    pub(crate) refused_tokens: u8,
    /// Errors after which Lambda redelivers the message.
    pub(crate) retries: u8,
    /// Value that `AGGREGATE_BY` changes to.
    pub(crate) new_settings: Option<Settings>,
    /// Rekognition deletes the results after 7 days. This happens when nothing runs and the checkpoint covers all
    /// pages.
    pub(crate) expires: bool,
    /// Runs of `label-lake delete`.
    pub(crate) deletes: u8,
}

/// State of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) lake: Lake,
    pub(crate) invocations: [Option<Invocation>; MAX_INVOCATIONS],
    pub(crate) messages: [Option<Message>; MAX_MESSAGES],
    pub(crate) delete: Option<Delete>,
    pub(crate) settings: Settings,
    pub(crate) budget: Budget,
    /// True if Rekognition has deleted the results.
    pub(crate) expired: bool,
    /// True if a message was acknowledged.
    pub(crate) acknowledged: bool,
    /// True if an Overwrite was acknowledged.
    pub(crate) overwrite_acknowledged: bool,
    /// True if a message ran out of retries.
    pub(crate) dead_letter: bool,
    /// True if `label-lake delete` has started.
    pub(crate) deleted: bool,
    pub(crate) settings_changed: bool,
    /// True if an invocation was killed or failed.
    pub(crate) interrupted: bool,
}

/// Step from one state to the next.
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
    ChangeSettings(Settings),
    Expire,
    Delete(Delete),
}

impl World {
    pub(crate) fn new(lake: Lake, settings: Settings, messages: &[Message], budget: Budget) -> Self {
        let mut world = Self {
            lake,
            invocations: [None; MAX_INVOCATIONS],
            messages: [None; MAX_MESSAGES],
            delete: None,
            settings,
            budget,
            expired: false,
            acknowledged: false,
            overwrite_acknowledged: false,
            dead_letter: false,
            deleted: false,
            settings_changed: false,
            interrupted: false,
        };
        for message in messages {
            world.send(*message);
        }
        world
    }

    /// Calls `next` with every possible step and the state after it.
    pub(crate) fn steps(&self, rules: &Rules, next: &mut impl FnMut(Step, Self)) {
        self.deliveries(rules, next);
        for (index, invocation) in self.invocations.iter().enumerate() {
            if let Some(invocation) = invocation
                && (index == 0 || self.invocations[index - 1] != Some(*invocation))
            {
                self.steps_of_invocation(index, invocation, rules, next);
            }
        }
        if let Some(settings) = self.budget.new_settings {
            let budget = Budget { new_settings: None, ..self.budget };
            next(Step::ChangeSettings(settings), Self { settings, settings_changed: true, budget, ..*self });
        }
        if self.budget.expires && self.invocations == [None; MAX_INVOCATIONS] && self.all_pages_are_saved() {
            let budget = Budget { expires: false, ..self.budget };
            next(Step::Expire, Self { expired: true, budget, ..*self });
        }
        if let Some(delete) = self.delete {
            next(Step::Delete(delete), self.after_delete_step(delete, rules));
        } else if self.budget.deletes > 0 {
            let mut world = *self;
            world.budget.deletes -= 1;
            next(Step::Delete(Delete::Row), world.after_delete_step(Delete::Row, rules));
        }
    }

    /// Returns true if nothing is left to do.
    pub(crate) fn is_quiet(&self) -> bool {
        self.invocations == [None; MAX_INVOCATIONS] && self.messages == [None; MAX_MESSAGES] && self.delete.is_none()
    }

    /// Returns the promise that this state breaks, if any.
    pub(crate) fn broken_promise(&self, rules: &Rules) -> Option<&'static str> {
        let started = |message: &Message| message.redelivered || message.continuation;
        let in_flight = self.invocations != [None; MAX_INVOCATIONS] || self.messages.iter().flatten().any(started);
        if !in_flight && self.delete.is_none() {
            if self.lake.missing(self.lake.files) != 0 {
                return Some(MISSING_FILE);
            }
            let allowed = rules.leftovers.partitions && (self.settings_changed || self.deleted);
            if self.lake.missing(self.lake.partitions) != 0 && !allowed {
                return Some(MISSING_PARTITION);
            }
        }
        if !self.is_quiet() {
            return None;
        }
        let unowned = self.lake.unowned();
        match self.lake.row {
            None if self.acknowledged && !self.deleted => Some(VANISHED),
            None if (unowned != 0 || self.lake.checkpoint.is_some()) && !self.dead_letter => Some(UNOWNED),
            None => None,
            Some(_) if unowned != 0 => {
                let allowed = rules.leftovers.other_table && self.settings_changed && self.interrupted;
                (!allowed || unowned != Table::Segments.label_set()).then_some(UNOWNED)
            }
            Some(row) => {
                let is_promised = self.overwrite_acknowledged && !self.deleted && !self.expired;
                (is_promised && !row.replaced).then_some(NOT_OVERWRITTEN)
            }
        }
    }

    /// Calls `next` with every possible delivery.
    fn deliveries(&self, rules: &Rules, next: &mut impl FnMut(Step, Self)) {
        if self.invocations[MAX_INVOCATIONS - 1].is_some() {
            return;
        }
        for (index, message) in self.messages.iter().enumerate() {
            let Some(message) = *message else { break };
            if index > 0 && self.messages[index - 1] == Some(message) {
                continue;
            }
            let start = |mut world: Self| {
                let progress = Invocation::start(message, world.settings, &mut world.lake, rules, world.expired);
                world.apply(MAX_INVOCATIONS - 1, message, progress);
                world
            };
            let mut once = *self;
            once.messages[index] = None;
            next(Step::Deliver(message, self.settings), start(once));
            if self.budget.duplicates > 0 {
                let mut twice = *self;
                twice.budget.duplicates -= 1;
                next(Step::DeliverTwice(message, self.settings), start(twice));
            }
        }
    }

    /// Calls `next` with every possible step of an invocation.
    fn steps_of_invocation(
        &self,
        index: usize,
        invocation: &Invocation,
        rules: &Rules,
        next: &mut impl FnMut(Step, Self),
    ) {
        let (message, settings, request) = (invocation.message, invocation.settings, invocation.next);
        let mut world = *self;
        let progress = invocation.step(&mut world.lake, rules, self.expired);
        world.note_removed_files(index, self.lake.files, rules);
        world.apply(index, message, progress);
        next(Step::Request(message, settings, request), world);

        // Killing an invocation that has done nothing is the same as not having delivered its message yet.
        if self.budget.kills > 0 && invocation.next != Next::LoadCheckpoint {
            let mut world = *self;
            world.budget.kills -= 1;
            world.interrupted = true;
            world.invocations[index] = None;
            world.send(Message { redelivered: true, ..message });
            next(Step::Kill(message, settings, request), world);
        }
        if self.budget.handovers > 0 && invocation.can_hand_over() {
            let mut world = *self;
            world.budget.handovers -= 1;
            let invocation = invocation.save(&mut world.lake);
            world.apply(index, message, Progress::Running(invocation));
            next(Step::HandOver(message, settings, request), world);
        }
        if self.budget.refused_tokens > 0 && invocation.can_have_token_refused() {
            let mut world = *self;
            world.budget.refused_tokens -= 1;
            let invocation = Invocation { next: Next::SaveRestart, restarted_for_token: true, ..*invocation };
            world.apply(index, message, Progress::Running(invocation));
            next(Step::RefuseToken(message), world);
        }
        let may_lose_reply = invocation.next == Next::PutRow && !invocation.reply_lost && !invocation.lost_files;
        if self.budget.lost_replies > 0 && may_lose_reply {
            let mut world = *self;
            world.budget.lost_replies -= 1;
            if invocation.put_row(&mut world.lake, rules) {
                world.apply(index, message, Progress::Running(Invocation { reply_lost: true, ..*invocation }));
                next(Step::LoseReply(message), world);
            }
        }
    }

    /// Tells all invocations except this one which files were removed.
    fn note_removed_files(&mut self, except: usize, before: LabelSet, rules: &Rules) {
        let removed = before & !self.lake.files;
        if removed != 0 {
            for (index, invocation) in self.invocations.iter_mut().enumerate() {
                if let Some(invocation) = invocation
                    && index != except
                {
                    invocation.note_removed_files(removed, rules);
                }
            }
        }
    }

    /// Records the state of an invocation after a request.
    fn apply(&mut self, index: usize, message: Message, progress: Progress) {
        self.invocations[index] = None;
        self.interrupted |= progress == Progress::Failed;
        match progress {
            Progress::Running(invocation) => self.invocations[index] = Some(invocation),
            Progress::Succeeded | Progress::HandedOver(_) => {
                self.acknowledged = true;
                self.overwrite_acknowledged |= message.overwrite;
            }
            Progress::Failed if self.budget.retries > 0 => {
                self.budget.retries -= 1;
                self.send(Message { redelivered: true, ..message });
            }
            Progress::Failed => self.dead_letter = true,
        }
        if let Progress::HandedOver(next) = progress {
            self.send(next);
        }
        self.sort();
    }

    /// Queues a message.
    fn send(&mut self, message: Message) {
        let free = self.messages.iter_mut().find(|waiting| waiting.is_none());
        *free.expect("the budget allows no more messages") = Some(message);
        self.sort();
    }

    /// Sorts invocations and messages, so that states that differ only in their order are equal.
    fn sort(&mut self) {
        self.invocations.sort_unstable_by(|a, b| b.cmp(a));
        self.messages.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// Returns true if the checkpoint covers all pages of the uncommitted job.
    fn all_pages_are_saved(&self) -> bool {
        let saved = self.lake.checkpoint.filter(|saved| saved.settings == Some(self.settings));
        self.lake.row.is_none() && saved.is_some_and(|saved| usize::from(saved.done) >= self.settings.labels().len())
    }

    /// Returns the state after a request of `label-lake delete`.
    fn after_delete_step(mut self, delete: Delete, rules: &Rules) -> Self {
        let before = self.lake.files;
        self.deleted = true;
        self.delete = delete.step(&mut self.lake);
        self.note_removed_files(MAX_INVOCATIONS, before, rules);
        self
    }
}
