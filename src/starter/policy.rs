//! Decides when to start a video. Plain functions over values: the simulation of a queue in virtual time calls them too.
//!
//! An account has few slots for jobs. The end of a job frees a slot, and its completion message wakes the starter, which
//! starts one video. A wake-up each minute fills slots of which no message tells: at first, after a lost message, and after
//! jobs of other programs. It starts videos until Rekognition refuses one. Then the wake-ups of the next minutes start
//! nothing, unless the queue was empty in the meantime.

use std::time::Duration;

use crate::aws::retry::Backoff;

/// Time for which a received message stays hidden from other receivers, unless it is put back before. A process that dies
/// leaves its message hidden for so long.
pub const HIDDEN: Duration = Duration::from_mins(2);
/// Time after a refusal during which a wake-up by the clock starts nothing, because completion messages tell of free slots.
/// With a shorter time, more calls are refused; with a longer one, the slot of a job whose message is lost stays free for
/// longer. It is a little less than four minutes, because wake-ups by the clock are not exactly a minute apart.
const REFUSED_PAUSE: Duration = Duration::from_secs(220);
/// Time after which a completion message tries again: the message can arrive before the slot is free.
const SLOT_DELAY: Duration = Duration::from_secs(1);
/// Number of times that a start is retried if it is throttled or has no reply.
const MAX_RETRIES: u32 = 4;
/// Upper bound of the first pause before a retry. The bound doubles with each retry.
const FIRST_PAUSE: Duration = Duration::from_millis(800);
/// Time for which a message is hidden that is put back after its first receive. Each further receive adds as much.
const FIRST_HIDDEN: Duration = Duration::from_mins(2);
/// Longest time for which a message that was put back is hidden.
const LONGEST_HIDDEN: Duration = Duration::from_mins(30);

/// The event that woke the starter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeUp {
    /// A completion message. A job has ended, and its slot is free.
    JobEnded,
    /// The clock.
    Minute,
}

/// The result of an attempt to start a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The job is started, now or by an earlier attempt.
    Started,
    /// All slots of the account are in use.
    NoSlot,
    /// The call was throttled, failed for the moment, or had no reply.
    Unavailable,
    /// The video can never be started, or the message is not one of a video.
    Impossible,
    /// No video can be started: a permission or a setting of the stack is wrong.
    Blocked,
}

/// The next step after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try the same video again after a pause.
    Retry(Duration),
    /// Delete the message, or move it to the failures, and receive another one.
    Receive,
    /// Delete the message and stop.
    Done,
    /// Put the message back and stop.
    PutBack,
}

/// The decisions of one invocation.
#[derive(Debug)]
pub struct Round {
    wake_up: WakeUp,
    retries: u32,
    pauses: Backoff,
}

impl Round {
    /// Begins a round. `None` if a wake-up by the clock follows a refusal of the last one too soon.
    pub fn begin(wake_up: WakeUp, since_refusal: Option<Duration>) -> Option<Self> {
        let too_soon = wake_up == WakeUp::Minute && since_refusal.is_some_and(|since| since < REFUSED_PAUSE);
        (!too_soon).then(|| Self { wake_up, retries: 0, pauses: Backoff::new(FIRST_PAUSE) })
    }

    /// Returns the next step after an attempt.
    pub fn after(&mut self, attempt: Attempt) -> Next {
        match attempt {
            Attempt::Started if self.wake_up == WakeUp::JobEnded => Next::Done,
            Attempt::Started | Attempt::Impossible => {
                *self = Self { retries: 0, pauses: Backoff::new(FIRST_PAUSE), ..*self };
                Next::Receive
            }
            Attempt::NoSlot if self.wake_up == WakeUp::JobEnded && self.retries == 0 => {
                self.retries = 1;
                Next::Retry(SLOT_DELAY)
            }
            Attempt::Unavailable if self.retries < MAX_RETRIES => {
                self.retries += 1;
                Next::Retry(self.pauses.next_pause())
            }
            Attempt::NoSlot | Attempt::Unavailable | Attempt::Blocked => Next::PutBack,
        }
    }

    /// Returns true if the wake-ups by the clock should pause after this attempt.
    pub fn refused(&self, attempt: Attempt) -> bool {
        self.wake_up == WakeUp::Minute && attempt == Attempt::NoSlot
    }
}

/// Returns for how long a message stays hidden that is put back after this many receives.
///
/// The time grows with each receive, so that a video that waits for its whole 14 days is received less often than the
/// queue allows before it moves the message to the failures.
pub fn hidden_after(receives: u32) -> Duration {
    LONGEST_HIDDEN.min(FIRST_HIDDEN * receives.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(wake_up: WakeUp) -> Round {
        Round::begin(wake_up, None).unwrap()
    }

    #[test]
    fn a_completion_starts_one_video_and_the_clock_all() {
        assert_eq!(round(WakeUp::JobEnded).after(Attempt::Started), Next::Done);
        assert_eq!(round(WakeUp::Minute).after(Attempt::Started), Next::Receive);
    }

    #[test]
    fn a_video_that_cannot_be_started_does_not_use_up_the_slot() {
        let mut round = round(WakeUp::JobEnded);
        assert_eq!(round.after(Attempt::Impossible), Next::Receive);
        assert_eq!(round.after(Attempt::Started), Next::Done);
    }

    #[test]
    fn a_refusal_ends_the_round_and_the_clock_pauses() {
        let mut minute = round(WakeUp::Minute);
        assert_eq!(minute.after(Attempt::NoSlot), Next::PutBack);
        assert!(minute.refused(Attempt::NoSlot));
        for (since, begins) in [(0, false), (180, false), (237, true)] {
            let since = Some(Duration::from_secs(since));
            assert_eq!(Round::begin(WakeUp::Minute, since).is_some(), begins);
            assert!(Round::begin(WakeUp::JobEnded, since).is_some());
        }
    }

    #[test]
    fn a_completion_waits_a_moment_for_its_slot() {
        let mut ended = round(WakeUp::JobEnded);
        assert_eq!(ended.after(Attempt::NoSlot), Next::Retry(SLOT_DELAY));
        assert_eq!(ended.after(Attempt::NoSlot), Next::PutBack);
        assert!(!ended.refused(Attempt::NoSlot));
    }

    #[test]
    fn a_throttled_start_is_retried_a_few_times() {
        for wake_up in [WakeUp::Minute, WakeUp::JobEnded] {
            let mut round = round(wake_up);
            let mut waited = Duration::ZERO;
            for _ in 0..MAX_RETRIES {
                let Next::Retry(pause) = round.after(Attempt::Unavailable) else { panic!("{round:?}") };
                waited += pause;
            }
            assert!(waited < Duration::from_secs(12), "{waited:?}");
            assert_eq!(round.after(Attempt::Unavailable), Next::PutBack);
        }
    }

    #[test]
    fn a_blocked_stack_stops_at_once() {
        assert_eq!(round(WakeUp::Minute).after(Attempt::Blocked), Next::PutBack);
    }

    /// The template allows 1,000 receives, and keeps a message for 14 days.
    #[test]
    fn waiting_alone_never_uses_up_the_receives() {
        let (mut waited, mut receives) = (Duration::ZERO, 0);
        while waited < Duration::from_hours(14 * 24) {
            receives += 1;
            waited += hidden_after(receives);
        }
        assert!(receives < 750, "{receives}");
    }
}
