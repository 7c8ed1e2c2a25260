//! The two ends of an invocation: when fetching stops, and when the last call ends.

use std::time::Duration;

use tokio::time::Instant;

/// Time reserved at the end of an invocation for files in flight, the checkpoint and the continuation. A short invocation
/// reserves a quarter of its time instead.
const HAND_OVER: Duration = Duration::from_secs(5);
/// One part in this many of the reserved time starts no call: the answer has to reach the Runtime API.
const ANSWER_SHARE: u32 = 5;

/// The deadline of an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    leave: Instant,
    answer: Instant,
}

impl Deadline {
    /// Returns the deadline of an invocation with this much time left, or `None` if there is none left.
    pub fn of_invocation(left: Duration) -> Option<Self> {
        let hand_over = HAND_OVER.min(left / 4);
        let end = Instant::now() + left;
        let deadline = Self { leave: end - hand_over, answer: end - hand_over / ANSWER_SHARE };
        (!left.is_zero()).then_some(deadline)
    }

    /// Returns when fetching stops. A continuation does the rest.
    pub fn leave(self) -> Instant {
        self.leave
    }

    /// Returns when the last call has to end.
    pub fn answer(self) -> Instant {
        self.answer
    }

    /// Returns true if work that takes this long ends before fetching stops.
    pub fn allows(self, work: Duration) -> bool {
        Instant::now() + work < self.leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn reserves_time_for_the_continuation() {
        assert!(Deadline::of_invocation(Duration::ZERO).is_none());
        let deadline = Deadline::of_invocation(Duration::from_mins(15)).unwrap();
        assert!(deadline.allows(Duration::from_secs(894)) && !deadline.allows(Duration::from_secs(896)));
        let short = Deadline::of_invocation(Duration::from_secs(2)).unwrap();
        assert!(short.allows(Duration::from_millis(1400)) && short.leave() < short.answer());
    }
}
