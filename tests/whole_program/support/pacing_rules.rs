//! Pacing rules for the simulated jobs of [`crowd`](super::crowd): the function's own, and its predecessor for
//! comparison.

use std::time::Duration;

use label_lake::rekognition::pace::{Learned, Pace};
use tokio::time::Instant;

/// Decides when a job sends its next call.
pub(crate) trait Rule {
    /// Creates the rule of a job that starts now.
    fn new(now: Instant) -> Self;
    /// Records a refused call.
    fn refused(&mut self, now: Instant);
    /// Records a page that arrives now, and the time its call was sent.
    fn served(&mut self, sent: Instant, now: Instant);
    /// Returns the time of the next call.
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

/// The rule until November 2026: a refusal doubles the upper bound of the pause, and a page lowers it by a fifth.
pub(crate) struct Doubling {
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
