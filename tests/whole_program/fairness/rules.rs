//! The rules that a simulated crowd can go by: the function's, and an earlier one to compare it with.

use std::time::Duration;

use label_lake::rekognition::pace::{Learned, Pace};
use tokio::time::Instant;

/// Decides when a job calls again.
pub(super) trait Rule {
    fn new(now: Instant) -> Self;
    fn refused(&mut self, now: Instant);
    fn served(&mut self, sent: Instant, now: Instant);
    fn next_call(&self) -> Instant;
}

impl Rule for Pace {
    fn new(now: Instant) -> Self {
        Self::new(Learned::default(), now)
    }

    fn refused(&mut self, now: Instant) {
        self.throttled(now);
    }

    fn served(&mut self, sent: Instant, now: Instant) {
        self.served(sent, now);
    }

    fn next_call(&self) -> Instant {
        self.next_call()
    }
}

/// The rule until November 2026: a limit of the pause that a refusal doubles and a page lowers by a fifth.
pub(super) struct Doubling {
    limit: f64,
    next_call: Instant,
}

impl Rule for Doubling {
    fn new(now: Instant) -> Self {
        Self { limit: 0.0, next_call: now }
    }

    fn refused(&mut self, now: Instant) {
        self.limit = (self.limit * 2.0 + 0.3).min(28.0);
        self.next_call = now + Duration::from_secs_f64(self.limit * (0.5 + 0.5 * fastrand::f64()));
    }

    fn served(&mut self, _: Instant, now: Instant) {
        self.limit = if self.limit < 0.0625 { 0.0 } else { self.limit * 0.8 };
        self.next_call = now + Duration::from_secs_f64(self.limit * 0.5 * fastrand::f64());
    }

    fn next_call(&self) -> Instant {
        self.next_call
    }
}
