//! The service that invokes a function asynchronously: a queue of events, each delivered until it is answered.

use std::collections::VecDeque;
use std::future;
use std::time::Duration;

use serde_json::Value;
use simulator::{Gate, Invocation, Outcome};
use tokio::time::{Instant, sleep, timeout};

use crate::function::Function;

/// An event is delivered once, and after an error or the death of its process at most this often more.
const RETRIES: u32 = 2;

/// More deliveries than this go round in a circle.
const MOST_DELIVERIES: usize = 300;

/// What becomes of the events that the function sends to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continuations {
    /// Each is delivered once.
    Once,
    /// Each is delivered twice, one after the other.
    Twice,
    /// The first never arrives.
    FirstLost,
    /// Each is delivered after everything else.
    Late,
}

/// Where an event that has to be delivered again goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retries {
    /// Before the continuations that the failed delivery sent.
    First,
    /// After all that is in the queue.
    Last,
}

/// The service, and the one process that it delivers to.
pub(crate) struct LambdaService {
    pub(crate) function: Function,
    pub(crate) continuations: Continuations,
    pub(crate) retries: Retries,
    pub(crate) tally: Tally,
    settings: &'static [(&'static str, &'static str)],
    limit: Duration,
    /// How much more time a delivery gets than the one of the same event before, if that failed by itself.
    patience: u32,
    queue: VecDeque<Delivery>,
    late: VecDeque<Delivery>,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Answers that name a job which another invocation goes on with.
    pub(crate) handed_over: usize,
    /// The types of the errors, and what they say.
    pub(crate) errors: Vec<(String, String)>,
    /// The longest time that an answer took, as a share of the invocation's limit.
    pub(crate) longest_share: f64,
    delivered: usize,
    /// Invocations that were killed at their limit.
    pub(crate) overrun: usize,
    /// Invocations that were killed at the gate.
    pub(crate) crashed: usize,
    /// Events that were given up.
    pub(crate) dead_lettered: usize,
}

struct Delivery {
    event: Value,
    limit: Duration,
    failed: u32,
}

enum End {
    Answered(Outcome),
    Crashed,
    Overrun,
}

impl LambdaService {
    /// A service that gives every invocation this much time.
    pub(crate) fn new(function: Function, settings: &'static [(&'static str, &'static str)], limit: Duration) -> Self {
        Self {
            function,
            continuations: Continuations::Once,
            retries: Retries::Last,
            tally: Tally::default(),
            settings,
            limit,
            patience: 1,
            queue: VecDeque::new(),
            late: VecDeque::new(),
        }
    }

    /// Gives much more time after a failure that the test has not made, so that a slow machine makes a test slow, and
    /// no dead letters.
    pub(crate) fn patient(mut self) -> Self {
        self.patience = 16;
        self
    }

    /// Gives the invocations from now on this much time.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Puts an event into the queue.
    pub(crate) fn send(&mut self, event: Value) {
        self.queue.push_back(Delivery { event, limit: self.limit, failed: 0 });
    }

    /// Delivers until nothing is left. The process that comes to the gate is killed there.
    pub(crate) async fn run(&mut self, crash: Option<&Gate>) {
        while let Some(delivery) = self.queue.pop_front().or_else(|| self.late.pop_front()) {
            let crash = crash.filter(|_| self.tally.crashed == 0);
            self.tally.delivered += 1;
            assert!(self.tally.delivered <= MOST_DELIVERIES, "it comes to no end: {:?}", self.tally);
            let end = self.deliver(&delivery, crash).await;
            self.take_continuations();
            match end {
                End::Answered(Outcome::Response(answer)) => {
                    let jobs = answer["jobs"].as_array().into_iter().flatten();
                    self.tally.handed_over += jobs.filter(|job| job["outcome"] == "HANDED_OVER").count();
                    continue;
                }
                End::Answered(Outcome::Error { error_type, error_message }) => {
                    self.tally.errors.push((error_type, error_message));
                }
                End::Crashed => {
                    self.tally.crashed += 1;
                    self.retry(delivery, 1);
                    continue;
                }
                End::Overrun => self.tally.overrun += 1,
            }
            self.retry(delivery, self.patience);
        }
    }

    async fn deliver(&mut self, delivery: &Delivery, crash: Option<&Gate>) -> End {
        let simulator = &self.function.simulator;
        // The start of a process is not a part of the invocation's time.
        timeout(Duration::from_mins(1), simulator.wait_for_poll()).await.expect("the process starts");
        let begun = Instant::now();
        let end = tokio::select! {
            biased;
            outcome = simulator.invoke(delivery.event.to_string(), within(delivery.limit)) => End::Answered(outcome),
            () = reached(crash) => End::Crashed,
            () = sleep(delivery.limit) => End::Overrun,
        };
        if matches!(end, End::Answered(_)) {
            let share = begun.elapsed().as_secs_f64() / delivery.limit.as_secs_f64();
            self.tally.longest_share = self.tally.longest_share.max(share);
        } else {
            self.function.restart(self.settings).await;
        }
        end
    }

    fn take_continuations(&mut self) {
        for event in self.function.simulator.take_invoked() {
            let copies = match self.continuations {
                Continuations::FirstLost => {
                    self.continuations = Continuations::Once;
                    0
                }
                Continuations::Twice => 2,
                Continuations::Once | Continuations::Late => 1,
            };
            let queue = if self.continuations == Continuations::Late { &mut self.late } else { &mut self.queue };
            let delivery = || Delivery { event: event.clone(), limit: self.limit, failed: 0 };
            queue.extend(std::iter::repeat_with(delivery).take(copies));
        }
    }

    fn retry(&mut self, delivery: Delivery, patience: u32) {
        let Delivery { event, limit, failed } = delivery;
        if failed == RETRIES {
            self.tally.dead_lettered += 1;
            return;
        }
        let again = Delivery { event, limit: limit * patience, failed: failed + 1 };
        match self.retries {
            Retries::First => self.queue.push_front(again),
            Retries::Last => self.queue.push_back(again),
        }
    }
}

/// An invocation with this much time.
pub(crate) fn within(limit: Duration) -> Invocation {
    Invocation { timeout: limit, ..Invocation::default() }
}

async fn reached(gate: Option<&Gate>) {
    match gate {
        Some(gate) => gate.reached().await,
        None => future::pending().await,
    }
}
