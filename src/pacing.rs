//! When to call again, and until when.
//!
//! The SDK's own retries are off. They end after three attempts, or when the bucket of tokens that all calls of a
//! client share is empty, which about a hundred throttles are enough for. Here a call is tried for as long as the
//! invocation has time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::call::Call;
use crate::error::Error;

/// The first pause after a failed call is at most this long; each further one at most twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause between the attempts of a call is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the end of an invocation is kept for, at most: files on their way, the checkpoint and the invocation that goes
/// on. Of a short invocation it is a quarter.
const HAND_OVER: Duration = Duration::from_secs(5);
/// The last part of it, in which nothing is begun: the answer has to reach the Runtime API.
const ANSWER_SHARE: u32 = 5;

/// The two ends of an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    leave: Instant,
    answer: Instant,
}

impl Deadline {
    /// For an invocation with this much time left. None if there is none.
    pub fn of_invocation(left: Duration) -> Option<Self> {
        let hand_over = HAND_OVER.min(left / 4);
        let end = Instant::now() + left;
        let deadline = Self { leave: end - hand_over, answer: end - hand_over / ANSWER_SHARE };
        (!left.is_zero()).then_some(deadline)
    }

    /// When fetching ends: what is not done by then is handed over.
    pub fn leave(self) -> Instant {
        self.leave
    }

    /// When the last call ends.
    pub fn answer(self) -> Instant {
        self.answer
    }

    /// Whether work that takes this long can be begun.
    pub fn allows(self, work: Duration) -> bool {
        Instant::now() + work < self.leave
    }
}

/// Calls until the call succeeds, fails for good, or the time is over. An attempt that is under way then is given up.
///
/// The pause before an attempt is random between nothing and a limit that doubles ("full jitter"), so that many
/// functions that were refused together do not come back together.
///
/// # Errors
/// The last error of the call; [`Call::late`] if there was none.
pub(crate) async fn persist<T, F>(until: Instant, call: &Call<'_>, mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut limit = FIRST_PAUSE;
    let mut last_error = None;
    loop {
        let Ok(done) = timeout_at(until, attempt()).await else {
            return Err(last_error.unwrap_or_else(|| call.late()));
        };
        let error = match done {
            Err(error) if error.is_retryable() => error,
            done => return done,
        };
        let pause = limit.mul_f64(fastrand::f64());
        if Instant::now() + pause >= until {
            return Err(error);
        }
        tracing::debug!(error = error.with_sources(), pause_ms = pause.as_millis(), "trying again after a pause");
        last_error = Some(error);
        sleep(pause).await;
        limit = LONGEST_PAUSE.min(limit * 2);
    }
}

/// The pace of a chain of pages under a quota that it shares with unknown others.
///
/// Each call pauses for a random part of a limit, which is zero until a call is throttled. A throttle doubles the
/// limit, a page takes a fifth of it. After a page the pause is in the lower half of the limit, after a throttle in the
/// upper half: who comes back early finds the quota still used up. So fifty jobs at a quota of five calls a second use
/// nine tenths of it, and send no more than three calls for two that are served. The constants are from a simulation of
/// crowds of 1 to 100 jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    limit: Duration,
    throttled: bool,
}

impl Pace {
    /// Lower, fifty jobs send more in vain; higher, the last of them are still slow when the others are done.
    const LONGEST: Duration = Duration::from_secs(28);
    /// Shorter pauses are none.
    const SHORTEST: Duration = Duration::from_millis(50);
    /// Each throttle adds it. At five calls a second one is free every 200 ms: who pauses for less meets the same throttle.
    const STEP: Duration = Duration::from_millis(300);
    /// What a throttle makes of the limit. More, and a few in a row leave some jobs of a small crowd far behind.
    const GROWTH: u32 = 2;
    /// What a page leaves of the limit.
    const DECAY: f64 = 0.8;

    /// A pace that was kept with [`Pace::limit`].
    pub fn resume(limit: Duration) -> Self {
        Self { limit: limit.min(Self::LONGEST), throttled: false }
    }

    /// The longest pause before the next call.
    pub fn limit(self) -> Duration {
        self.limit
    }

    /// A call was throttled.
    pub fn throttled(&mut self) {
        self.limit = Self::LONGEST.min(self.limit * Self::GROWTH + Self::STEP);
        self.throttled = true;
    }

    /// A call was served.
    pub fn served(&mut self) {
        self.throttled = false;
        self.limit = self.limit.mul_f64(Self::DECAY);
        if self.limit < Self::SHORTEST {
            self.limit = Duration::ZERO;
        }
    }

    /// How long to wait before the next call: a random time in the lower half of the limit after a page, in the upper half
    /// after a throttle.
    pub fn pause(self) -> Duration {
        let least = if self.throttled { 0.5 } else { 0.0 };
        self.limit.mul_f64(least + 0.5 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::call::Service;
    use crate::job_id::JobId;

    fn minute() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    async fn persist_with<F: Future<Output = Result<u32, bool>>>(
        mut attempt: impl FnMut() -> F,
    ) -> Result<u32, String> {
        let job = JobId::try_from("job-1").unwrap();
        let call =
            Call { job: &job, service: Service::Rekognition, action: "a:B", resource: "*".to_owned(), region: None };
        let until = minute();
        let done = persist(until, &call, || {
            let attempt = attempt();
            async { attempt.await.map_err(|transient| call.failed(transient, "reset".into())) }
        });
        let done = done.await;
        assert!(Instant::now() <= until);
        done.map_err(|error| error.with_sources())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_repeated_while_there_is_time() {
        let mut calls = 0;
        let done = persist_with(|| {
            calls += 1;
            ready(if calls < 20 { Err(true) } else { Ok(calls) })
        });
        assert_eq!(done.await.unwrap(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_last_error_when_the_time_is_over() {
        assert!(persist_with(|| ready(Err(true))).await.unwrap_err().contains("reset"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_does_not_end_is_given_up() {
        assert!(persist_with(pending).await.unwrap_err().contains("time"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_not_repeated() {
        let mut calls = 0;
        let failed = persist_with(|| {
            calls += 1;
            ready(Err(false))
        });
        assert!(failed.await.is_err());
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_pace_is_full_until_a_throttle_and_again_some_pages_after_it() {
        let mut pace = Pace::default();
        assert_eq!(pace.pause(), Duration::ZERO);
        pace.throttled();
        assert_eq!(pace.limit(), Pace::STEP);
        for _ in 0..9 {
            pace.served();
        }
        assert_eq!(pace.limit(), Duration::ZERO);
        for _ in 0..10 {
            pace.throttled();
        }
        assert_eq!(pace.limit(), Pace::LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_keeps_time_back_for_handing_over() {
        assert!(Deadline::of_invocation(Duration::ZERO).is_none());
        let deadline = Deadline::of_invocation(Duration::from_mins(15)).unwrap();
        assert!(deadline.allows(Duration::from_secs(894)) && !deadline.allows(Duration::from_secs(896)));
        let short = Deadline::of_invocation(Duration::from_secs(2)).unwrap();
        assert!(short.allows(Duration::from_millis(1400)) && short.leave() < short.answer());
    }
}
