//! The pace of `GetLabelDetection` calls under a quota that is shared with unknown others.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Decides when a chain of pages makes its next call.
///
/// The jobs of an account share one quota but run in separate processes: all that a job sees is which of its own calls
/// are refused. So it measures the time from one page to the next, which is its share of the quota, and waits in
/// proportion: `AFTER_REFUSAL` page times after a refusal, `AFTER_PAGE` after a page. Where a crowd is in balance,
/// each job then sends 1 + (1 − `AFTER_PAGE`) ÷ `AFTER_REFUSAL` calls for one page, whatever the quota and the number of
/// jobs. A job that was never refused does not wait at all.
///
/// There are two exceptions. Refusals before the third page are followed by shorter pauses, because a job of three
/// pages would spend most of its time in a single pause. And a job most of whose calls are refused
/// (`OVERLOADED`) stops slowing down, because others use up the quota whatever this job does.
///
/// The constants were chosen with the simulation in `tests/whole_program/fairness/`; bench/RESULTS.md has its figures.
#[derive(Clone, Debug)]
pub struct Pace {
    learned: Learned,
    begun: Instant,
    last_page: Instant,
    /// Pages since `begun`.
    pages: u32,
    /// Refusals since the last page.
    refusals: u32,
    next_call: Instant,
}

/// What a pace has learned, as the checkpoint keeps it for the next invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Learned {
    /// The smoothed time from one page to the next. `None` until a call is refused.
    page_time: Option<Duration>,
    /// Refused calls minus served calls: at least 0, at most twice `OVERLOADED`.
    excess: u32,
}

/// The pause after a refusal, in page times. A longer pause leaves more of the quota unused, a shorter one sends more
/// calls that are refused.
const AFTER_REFUSAL: f64 = 2.5;
/// The time from sending a call that is served to sending the next, in page times. It keeps a job that has just been
/// served from taking the calls that the paused jobs wait for.
const AFTER_PAGE: f64 = 0.2;
/// Each pause is longer or shorter by up to this share, so that jobs that were refused together come back apart.
const JITTER: f64 = 0.2;
/// No pause is longer, apart from the jitter. With a lower limit fifty jobs at 5 calls a second have more calls refused;
/// with a higher one the last of them are still pausing when the others have finished.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Weight of the newest page in the page time.
const NEWEST_PAGE: f64 = 0.1;
/// Upper bound of the first page time, which is a guess from at most a few calls.
const LONGEST_GUESS: Duration = Duration::from_secs(3);
/// Pages at the start of a job during which the pauses are shorter.
const FIRST_PAGES: u32 = 3;
/// During the first pages only this many refusals in a row lead to a whole pause: the first to a quarter of it.
const FIRST_REFUSALS: u32 = 4;
/// The pause after a refusal while slowing down is useless, in page times. With four refusals for each page the page time
/// settles at a few seconds.
const WHILE_OVERLOADED: f64 = 1.0 / 6.0;
/// Refused calls in excess of the served ones from which slowing down is taken to be useless. Fifty jobs that start
/// together at 5 calls a second rarely get there.
const OVERLOADED: u32 = 12;

impl Pace {
    /// A pace that goes on from what an earlier one learned; `Learned::default()` for a new job.
    pub fn new(learned: Learned, now: Instant) -> Self {
        Self { learned, begun: now, last_page: now, pages: 0, refusals: 0, next_call: now }
    }

    /// What the checkpoint keeps.
    pub fn learned(&self) -> Learned {
        self.learned
    }

    /// The earliest time of the next call. In the past if the call need not wait.
    pub fn next_call(&self) -> Instant {
        self.next_call
    }

    /// Records that a call was refused because the quota is used up.
    pub fn refused(&mut self, now: Instant) {
        let page_time = *self.learned.page_time.get_or_insert_with(|| {
            let time = (now - self.begun + Duration::from_secs(1)).div_f64(f64::from(self.pages) + 0.5);
            time.min(LONGEST_GUESS)
        });
        self.refusals += 1;
        self.learned.excess = (self.learned.excess + 1).min(2 * OVERLOADED);
        let page_times = if self.learned.excess >= OVERLOADED {
            WHILE_OVERLOADED
        } else if self.pages < FIRST_PAGES {
            AFTER_REFUSAL * f64::from(self.refusals.min(FIRST_REFUSALS)) / f64::from(FIRST_REFUSALS)
        } else {
            AFTER_REFUSAL
        };
        self.next_call = now + pause(page_time, page_times);
    }

    /// Records that a page came: the reply, at `now`, to a call that was sent at `sent`.
    pub fn served(&mut self, sent: Instant, now: Instant) {
        self.pages += 1;
        self.refusals = 0;
        self.learned.excess = self.learned.excess.saturating_sub(1);
        if let Some(page_time) = &mut self.learned.page_time {
            *page_time = page_time.mul_f64(1.0 - NEWEST_PAGE) + (now - self.last_page).mul_f64(NEWEST_PAGE);
            self.next_call = sent + pause(*page_time, AFTER_PAGE);
        }
        self.last_page = now;
    }
}

/// So many page times, within the limit, with jitter.
fn pause(page_time: Duration, page_times: f64) -> Duration {
    let jitter = JITTER * (2.0 * fastrand::f64() - 1.0);
    page_time.mul_f64(page_times).min(LONGEST_PAUSE).mul_f64(1.0 + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Duration = Duration::from_millis(400);
    const REFUSAL: Duration = Duration::from_millis(20);

    /// A pace with a clock of its own.
    struct Clocked {
        pace: Pace,
        now: Instant,
    }

    impl Clocked {
        fn new(learned: Learned) -> Self {
            let now = Instant::now();
            Self { pace: Pace::new(learned, now), now }
        }

        /// Makes the next call as soon as it may be made; returns how long it waited for that.
        fn call(&mut self, is_served: bool) -> Duration {
            let sent = self.now.max(self.pace.next_call());
            let waited = sent - self.now;
            if is_served {
                self.now = sent + PAGE;
                self.pace.served(sent, self.now);
            } else {
                self.now = sent + REFUSAL;
                self.pace.refused(self.now);
            }
            waited
        }

        /// The pause before the next call, without calling.
        fn pause(&self) -> f64 {
            self.pace.next_call().saturating_duration_since(self.now).as_secs_f64()
        }
    }

    fn learned(page_time: u64, excess: u32) -> Learned {
        Learned { page_time: Some(Duration::from_secs(page_time)), excess }
    }

    #[track_caller]
    fn assert_about(pause: f64, seconds: f64) {
        let range = seconds * (1.0 - JITTER) - 1e-6..=seconds * (1.0 + JITTER) + 1e-6;
        assert!(range.contains(&pause), "{pause} is not about {seconds}");
    }

    #[test]
    fn a_job_that_is_never_refused_never_waits() {
        let mut job = Clocked::new(Learned::default());
        assert!((0..1000).all(|_| job.call(true).is_zero()));
        assert_eq!(job.pace.learned(), Learned::default());
    }

    #[test]
    fn the_first_pauses_grow_with_each_refusal_in_a_row() {
        let mut job = Clocked::new(Learned::default());
        for quarters in [1.0, 2.0, 3.0, 4.0, 4.0] {
            job.call(false);
            // No page within 20 ms: a guess of 1.02 s over a half.
            assert_about(job.pause(), 2.5 * 2.04 * quarters / 4.0);
        }
        job.call(true);
        job.call(false);
        assert!(job.pause() < 3.5, "a quarter again, of a page time that has grown to 4 s at most");
    }

    #[test]
    fn pauses_are_in_proportion_to_the_page_time() {
        for page_time in [1, 4] {
            let mut job = Clocked::new(learned(page_time, 0));
            for _ in 0..FIRST_PAGES {
                job.call(true);
            }
            let page_time = job.pace.learned().page_time.unwrap().as_secs_f64();
            job.call(false);
            assert_about(job.pause(), 2.5 * page_time);
        }
        let mut slow = Clocked::new(learned(10, 0));
        slow.call(true);
        let page_time = slow.pace.learned().page_time.unwrap().as_secs_f64();
        assert_about(slow.pause() + PAGE.as_secs_f64(), page_time / 5.0);
    }

    #[test]
    fn the_page_time_follows_the_pages() {
        let mut job = Clocked::new(learned(10, 0));
        for _ in 0..60 {
            job.call(true);
        }
        assert!(job.pace.learned().page_time.unwrap() < 2 * PAGE);
    }

    #[test]
    fn no_pause_is_longer_than_the_limit() {
        let mut job = Clocked::new(learned(900, 0));
        for _ in 0..FIRST_REFUSALS {
            job.call(false);
        }
        assert_about(job.pause(), LONGEST_PAUSE.as_secs_f64());
        job.call(true);
        assert!(job.pause() <= LONGEST_PAUSE.as_secs_f64() * (1.0 + JITTER));
    }

    #[test]
    fn a_job_most_of_whose_calls_are_refused_stops_slowing_down() {
        let mut job = Clocked::new(learned(10, 0));
        for _ in 1..OVERLOADED {
            job.call(false);
        }
        assert_about(job.pause(), 20.0);
        job.call(false);
        assert_about(job.pause(), 10.0 / 6.0);
        // It slows down again when it is served again.
        while job.pace.learned().excess >= OVERLOADED {
            job.call(true);
        }
        let mut resumed = Clocked::new(job.pace.learned());
        for _ in 0..FIRST_PAGES {
            resumed.call(true);
        }
        resumed.call(false);
        assert!(resumed.pause() > 15.0);
    }
}
