//! Client-side rate limiting of `GetLabelDetection`, under a quota that all jobs of an account share.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Decides when the next call for a job may be made.
///
/// The jobs of an account share one quota but run in separate processes. All that a job sees is which of its own calls
/// are throttled. So it measures the time from one page to the next (the page time), which reflects its share of the
/// quota, and pauses in proportion: `AFTER_THROTTLE` page times after a throttled call, `AFTER_PAGE` page times after a
/// page. In equilibrium, each of many competing jobs then makes 1 + (1 − `AFTER_PAGE`) ÷ `AFTER_THROTTLE` calls per
/// page, whatever the quota and the number of jobs. A job that was never throttled does not pause at all.
///
/// There are two exceptions. Throttled calls before the third page are followed by shorter pauses, because a job of
/// three pages would spend most of its time in a single pause. And a job most of whose calls are throttled
/// (`OVERLOADED`) stops slowing down, because other callers use up the quota whatever this job does.
///
/// The constants were chosen with the simulation in `tests/whole_program/support/crowd.rs`; bench/RESULTS.md has its results.
#[derive(Clone, Debug)]
pub struct Pace {
    learned: Learned,
    started: Instant,
    last_page: Instant,
    /// Number of pages since `started`.
    pages: u32,
    /// Number of throttled calls since the last page.
    throttles: u32,
    next_call: Instant,
}

/// The part of a pace that the checkpoint saves for the next invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Learned {
    /// Smoothed time from one page to the next. `None` until a call is throttled.
    page_time: Option<Duration>,
    /// Number of throttled calls minus number of served calls: at least 0, at most twice `OVERLOADED`.
    excess: u32,
}

/// Pause after a throttled call, in page times. A longer pause leaves more of the quota unused; a shorter one causes
/// more throttled calls.
const AFTER_THROTTLE: f64 = 2.5;
/// Time from sending a call that is served to sending the next one, in page times. It keeps a job that has just been
/// served from taking the calls that paused jobs are waiting for.
const AFTER_PAGE: f64 = 0.2;
/// Each pause is longer or shorter by up to this fraction, so that jobs that were throttled together do not retry
/// together.
const JITTER: f64 = 0.2;
/// Maximum pause, before jitter. With a smaller maximum, fifty jobs at 5 calls a second have more calls throttled; with
/// a larger one, the last jobs are still backing off after the others have finished.
const MAX_PAUSE: Duration = Duration::from_secs(20);
/// Weight of the newest page in the smoothed page time.
const NEWEST_PAGE: f64 = 0.1;
/// Maximum of the first page time, which is a guess from at most a few calls.
const MAX_FIRST_GUESS: Duration = Duration::from_secs(3);
/// Number of pages at the start of a job during which pauses are shorter.
const FIRST_PAGES: u32 = 3;
/// Number of throttled calls in a row after which the pause has its full length, during the first pages. After the
/// first call it has a quarter of it.
const FIRST_THROTTLES: u32 = 4;
/// Pause after a throttled call while the job is overloaded, in page times. With four throttled calls per page, the
/// page time settles at a few seconds.
const WHILE_OVERLOADED: f64 = 1.0 / 6.0;
/// Excess of throttled calls over served calls from which a job counts as overloaded: slowing down is then useless.
/// Fifty jobs that start together at 5 calls a second rarely reach it.
const OVERLOADED: u32 = 12;

impl Pace {
    /// Creates a pace that continues from a saved state. A new job starts from `Learned::default()`.
    pub fn new(learned: Learned, now: Instant) -> Self {
        Self { learned, started: now, last_page: now, pages: 0, throttles: 0, next_call: now }
    }

    /// Returns the state to save in the checkpoint.
    pub(crate) fn learned(&self) -> Learned {
        self.learned
    }

    /// Returns the earliest time of the next call. It is in the past if the call can be made at once.
    pub fn next_call(&self) -> Instant {
        self.next_call
    }

    /// Records that a call was throttled.
    pub fn throttled(&mut self, now: Instant) {
        let page_time = *self.learned.page_time.get_or_insert_with(|| {
            let time = (now - self.started + Duration::from_secs(1)).div_f64(f64::from(self.pages) + 0.5);
            time.min(MAX_FIRST_GUESS)
        });
        self.throttles += 1;
        self.learned.excess = (self.learned.excess + 1).min(2 * OVERLOADED);
        let page_times = if self.learned.excess >= OVERLOADED {
            WHILE_OVERLOADED
        } else if self.pages < FIRST_PAGES {
            AFTER_THROTTLE * f64::from(self.throttles.min(FIRST_THROTTLES)) / f64::from(FIRST_THROTTLES)
        } else {
            AFTER_THROTTLE
        };
        self.next_call = now + pause(page_time, page_times);
    }

    /// Records a page: the reply, at `now`, to a call that was sent at `sent`.
    pub fn served(&mut self, sent: Instant, now: Instant) {
        self.pages += 1;
        self.throttles = 0;
        self.learned.excess = self.learned.excess.saturating_sub(1);
        if let Some(page_time) = &mut self.learned.page_time {
            *page_time = page_time.mul_f64(1.0 - NEWEST_PAGE) + (now - self.last_page).mul_f64(NEWEST_PAGE);
            self.next_call = sent + pause(*page_time, AFTER_PAGE);
        }
        self.last_page = now;
    }
}

/// Returns a pause of this many page times, at most [`MAX_PAUSE`], with jitter.
fn pause(page_time: Duration, page_times: f64) -> Duration {
    let jitter = JITTER * (2.0 * fastrand::f64() - 1.0);
    page_time.mul_f64(page_times).min(MAX_PAUSE).mul_f64(1.0 + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Duration = Duration::from_millis(400);
    const THROTTLE: Duration = Duration::from_millis(20);

    /// A pace with a simulated clock.
    struct SimulatedJob {
        pace: Pace,
        now: Instant,
    }

    impl SimulatedJob {
        fn new(learned: Learned) -> Self {
            let now = Instant::now();
            Self { pace: Pace::new(learned, now), now }
        }

        /// Makes the next call as soon as the pace allows it. Returns the time until then.
        fn call(&mut self, is_served: bool) -> Duration {
            let sent = self.now.max(self.pace.next_call());
            let waited = sent - self.now;
            if is_served {
                self.now = sent + PAGE;
                self.pace.served(sent, self.now);
            } else {
                self.now = sent + THROTTLE;
                self.pace.throttled(self.now);
            }
            waited
        }

        /// Returns the pause before the next call, in seconds, without making the call.
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
    fn a_job_that_is_never_throttled_never_pauses() {
        let mut job = SimulatedJob::new(Learned::default());
        assert!((0..1000).all(|_| job.call(true).is_zero()));
        assert_eq!(job.pace.learned(), Learned::default());
    }

    #[test]
    fn the_first_pauses_grow_with_each_throttled_call_in_a_row() {
        let mut job = SimulatedJob::new(Learned::default());
        for quarters in [1.0, 2.0, 3.0, 4.0, 4.0] {
            job.call(false);
            // No page within 20 ms: the guess is 1.02 s divided by half a page.
            assert_about(job.pause(), 2.5 * 2.04 * quarters / 4.0);
        }
        job.call(true);
        job.call(false);
        assert!(job.pause() < 3.5, "a quarter of the full pause again; the page time has grown to 4 s at most");
    }

    #[test]
    fn pauses_are_proportional_to_the_page_time() {
        for page_time in [1, 4] {
            let mut job = SimulatedJob::new(learned(page_time, 0));
            for _ in 0..FIRST_PAGES {
                job.call(true);
            }
            let page_time = job.pace.learned().page_time.unwrap().as_secs_f64();
            job.call(false);
            assert_about(job.pause(), 2.5 * page_time);
        }
        let mut slow = SimulatedJob::new(learned(10, 0));
        slow.call(true);
        let page_time = slow.pace.learned().page_time.unwrap().as_secs_f64();
        assert_about(slow.pause() + PAGE.as_secs_f64(), page_time / 5.0);
    }

    #[test]
    fn the_page_time_follows_the_pages() {
        let mut job = SimulatedJob::new(learned(10, 0));
        for _ in 0..60 {
            job.call(true);
        }
        assert!(job.pace.learned().page_time.unwrap() < 2 * PAGE);
    }

    #[test]
    fn no_pause_is_longer_than_the_limit() {
        let mut job = SimulatedJob::new(learned(900, 0));
        for _ in 0..FIRST_THROTTLES {
            job.call(false);
        }
        assert_about(job.pause(), MAX_PAUSE.as_secs_f64());
        job.call(true);
        assert!(job.pause() <= MAX_PAUSE.as_secs_f64() * (1.0 + JITTER));
    }

    #[test]
    fn a_job_most_of_whose_calls_are_throttled_stops_slowing_down() {
        let mut job = SimulatedJob::new(learned(10, 0));
        for _ in 1..OVERLOADED {
            job.call(false);
        }
        assert_about(job.pause(), 20.0);
        job.call(false);
        assert_about(job.pause(), 10.0 / 6.0);
        // After enough served calls it slows down again.
        while job.pace.learned().excess >= OVERLOADED {
            job.call(true);
        }
        let mut resumed = SimulatedJob::new(job.pace.learned());
        for _ in 0..FIRST_PAGES {
            resumed.call(true);
        }
        resumed.call(false);
        assert!(resumed.pause() > 15.0);
    }
}
