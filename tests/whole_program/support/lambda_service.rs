//! Lambda's asynchronous invocation: a queue of events, each delivered until it succeeds or runs out of retries.

use std::collections::VecDeque;
use std::future;
use std::time::Duration;

use rekognition_simulator::{Gate, Invocation, Outcome};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::Function;

/// Retries of an event after an error or the death of its process, as in Lambda.
const RETRIES: u32 = 2;

/// Deliveries after which a test fails, as it is in an endless loop.
const MAX_DELIVERIES: usize = 300;

/// Factor of [`LambdaService::with_longer_retries`].
const LONGER_RETRIES: u32 = 16;

/// Delivery of the events that the function sends to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continuations {
    /// Each is delivered once.
    Once,
    /// Each is delivered twice in a row.
    Twice,
    /// The first is lost; each of the rest is delivered once.
    FirstLost,
    /// Each is delivered after everything else.
    Late,
}

/// Position in the queue of an event that is delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retries {
    /// Before the continuations that the failed delivery sent.
    First,
    /// After all queued events.
    Last,
}

/// The queue, and the one process that it delivers to.
pub(crate) struct LambdaService {
    pub(crate) function: Function,
    pub(crate) continuations: Continuations,
    pub(crate) retries: Retries,
    pub(crate) stats: DeliveryStats,
    settings: &'static [(&'static str, &'static str)],
    timeout: Duration,
    /// Factor by which the timeout grows after a failure that the test did not cause.
    retry_factor: u32,
    queue: VecDeque<Delivery>,
    late: VecDeque<Delivery>,
}

/// Counts of what has happened so far.
#[derive(Debug, Default)]
pub(crate) struct DeliveryStats {
    /// Jobs that an invocation handed over to a continuation.
    pub(crate) handed_over: usize,
    /// Type and message of each error.
    pub(crate) errors: Vec<(String, String)>,
    /// Duration of the slowest answer as a share of its timeout.
    pub(crate) longest_share: f64,
    /// Deliveries, retries included.
    delivered: usize,
    /// Invocations that were killed at their timeout.
    pub(crate) timed_out: usize,
    /// Invocations that were killed at the gate.
    pub(crate) crashed: usize,
    /// Events that ran out of retries.
    pub(crate) dead_lettered: usize,
}

/// An event and its next delivery.
struct Delivery {
    event: Value,
    timeout: Duration,
    failed: u32,
}

/// End of a delivery.
enum End {
    Answered(Outcome),
    Crashed,
    TimedOut,
}

impl LambdaService {
    /// Creates a service with this timeout for every invocation.
    pub(crate) fn new(
        function: Function,
        settings: &'static [(&'static str, &'static str)],
        timeout: Duration,
    ) -> Self {
        Self {
            function,
            continuations: Continuations::Once,
            retries: Retries::Last,
            stats: DeliveryStats::default(),
            settings,
            timeout,
            retry_factor: 1,
            queue: VecDeque::new(),
            late: VecDeque::new(),
        }
    }

    /// Makes the timeout of a retry much longer if the test did not cause the failure. A slow machine then makes the
    /// test slow, and does not dead-letter events.
    pub(crate) fn with_longer_retries(mut self) -> Self {
        self.retry_factor = LONGER_RETRIES;
        self
    }

    /// Sets the timeout of events that are sent from now on.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Queues an event.
    pub(crate) fn send(&mut self, event: Value) {
        self.queue.push_back(Delivery { event, timeout: self.timeout, failed: 0 });
    }

    /// Delivers events until the queue is empty. Kills the first process that reaches the gate.
    pub(crate) async fn run(&mut self, crash: Option<&Gate>) {
        while let Some(delivery) = self.queue.pop_front().or_else(|| self.late.pop_front()) {
            let crash = crash.filter(|_| self.stats.crashed == 0);
            self.stats.delivered += 1;
            assert!(self.stats.delivered <= MAX_DELIVERIES, "endless loop of deliveries: {:?}", self.stats);
            let end = self.deliver(&delivery, crash).await;
            self.queue_continuations();
            match end {
                End::Answered(Outcome::Response(answer)) => {
                    let jobs = answer["jobs"].as_array().into_iter().flatten();
                    self.stats.handed_over += jobs.filter(|job| job["outcome"] == "HANDED_OVER").count();
                    continue;
                }
                End::Answered(Outcome::Error { error_type, error_message }) => {
                    self.stats.errors.push((error_type, error_message));
                }
                End::Crashed => {
                    self.stats.crashed += 1;
                    self.retry(delivery, 1);
                    continue;
                }
                End::TimedOut => self.stats.timed_out += 1,
            }
            self.retry(delivery, self.retry_factor);
        }
    }

    async fn deliver(&mut self, delivery: &Delivery, crash: Option<&Gate>) -> End {
        let simulator = &self.function.simulator;
        // The start of the process does not count towards the timeout.
        timeout(Duration::from_mins(1), simulator.wait_for_poll()).await.expect("the process starts");
        let begun = Instant::now();
        let end = tokio::select! {
            biased;
            outcome = simulator.invoke(delivery.event.to_string(), within(delivery.timeout)) => End::Answered(outcome),
            () = reached(crash) => End::Crashed,
            () = sleep(delivery.timeout) => End::TimedOut,
        };
        if matches!(end, End::Answered(_)) {
            let share = begun.elapsed().as_secs_f64() / delivery.timeout.as_secs_f64();
            self.stats.longest_share = self.stats.longest_share.max(share);
        } else {
            self.function.restart(self.settings).await;
        }
        end
    }

    fn queue_continuations(&mut self) {
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
            let delivery = || Delivery { event: event.clone(), timeout: self.timeout, failed: 0 };
            queue.extend(std::iter::repeat_with(delivery).take(copies));
        }
    }

    fn retry(&mut self, delivery: Delivery, factor: u32) {
        let Delivery { event, timeout, failed } = delivery;
        if failed == RETRIES {
            self.stats.dead_lettered += 1;
            return;
        }
        let again = Delivery { event, timeout: timeout * factor, failed: failed + 1 };
        match self.retries {
            Retries::First => self.queue.push_front(again),
            Retries::Last => self.queue.push_back(again),
        }
    }
}

/// Returns an invocation with this timeout.
pub(crate) fn within(timeout: Duration) -> Invocation {
    Invocation { timeout, ..Invocation::default() }
}

async fn reached(gate: Option<&Gate>) {
    match gate {
        Some(gate) => gate.reached().await,
        None => future::pending().await,
    }
}
