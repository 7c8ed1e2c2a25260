//! Retries with exponential backoff, for as long as the invocation has time.
//!
//! The SDK's own retries are off. They stop after three attempts, or when the token bucket that all calls of a client share
//! is empty, for which about a hundred throttled calls are enough.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::aws::call::Call;
use crate::error::{Error, with_sources};

/// Upper bound of the first pause. The bound doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Upper bound of every pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Random pauses below a bound that doubles with each pause ("full jitter"), so that functions that were throttled
/// together do not retry together.
#[derive(Debug)]
pub(crate) struct Backoff {
    limit: Duration,
}

impl Backoff {
    /// Returns pauses of which the first has this upper bound.
    pub(crate) fn new(first: Duration) -> Self {
        Self { limit: first }
    }

    /// Returns the next pause.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let pause = self.limit.mul_f64(fastrand::f64());
        self.limit = LONGEST_PAUSE.min(self.limit * 2);
        pause
    }
}

/// Retries a call until it succeeds, fails permanently, or the time is over. An attempt in flight is then dropped.
///
/// The pauses are those of [`Backoff`].
///
/// A command stops earlier than the function: see [`Caller`](crate::aws::caller::Caller).
///
/// # Errors
/// The last error of the call, or [`Call::timed_out`] if no attempt ended.
pub(crate) async fn retry_until<T, F>(
    until: Instant,
    call: &Call<'_>,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let started = Instant::now();
    let last_start = call.caller.retry_limit().map_or(until, |limit| until.min(started + limit));
    let mut reported = false;
    let report = |error: &Error| {
        reported = reported || call.caller.report_retry(started.elapsed(), || with_sources(error));
    };
    let done = retry(until, last_start, report, &mut attempt).await;
    done.unwrap_or_else(|| Err(call.timed_out()))
}

/// Retries a call until it succeeds, fails permanently, or no attempt may start any more. An attempt that has not ended at
/// `until` is dropped. Calls `report` before each pause.
///
/// Returns `None` if no attempt ended.
pub(crate) async fn retry<T, F>(
    until: Instant,
    last_start: Instant,
    mut report: impl FnMut(&Error),
    mut attempt: impl FnMut() -> F,
) -> Option<Result<T, Error>>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pauses = Backoff::new(FIRST_PAUSE);
    let mut last_error = None;
    loop {
        let Ok(done) = timeout_at(until, attempt()).await else { return last_error.map(Err) };
        let error = match done {
            Err(error) if error.is_retryable() => error,
            done => return Some(done),
        };
        let pause = pauses.next_pause();
        if Instant::now() + pause >= last_start {
            return Some(Err(error));
        }
        report(&error);
        tracing::debug!(error = error.with_sources(), pause_ms = pause.as_millis(), "retrying after a pause");
        last_error = Some(error);
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::aws::call::ErrorClass;
    use crate::aws::caller::Caller;
    use crate::job_id::JobId;

    fn minute() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    async fn retry_with<F: Future<Output = Result<u32, bool>>>(attempt: impl FnMut() -> F) -> Result<u32, String> {
        retry_by(Caller::Function, attempt).await
    }

    async fn retry_by<F>(caller: Caller, mut attempt: impl FnMut() -> F) -> Result<u32, String>
    where
        F: Future<Output = Result<u32, bool>>,
    {
        let job = JobId::try_from("job-1").unwrap();
        let (class, action, resource) = (ErrorClass::Upstream, "a:B", "*".to_owned());
        let call = Call { job: &job, class, action, resource, region: None, caller };
        let until = minute();
        let done = retry_until(until, &call, || {
            let attempt = attempt();
            async { attempt.await.map_err(|transient| call.failed(transient, "reset".into())) }
        });
        let done = done.await;
        assert!(Instant::now() <= until);
        done.map_err(|error| error.with_sources())
    }

    #[tokio::test(start_paused = true)]
    async fn retries_while_there_is_time() {
        let mut calls = 0;
        let done = retry_with(|| {
            calls += 1;
            ready(if calls < 20 { Err(true) } else { Ok(calls) })
        });
        assert_eq!(done.await.unwrap(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn returns_the_last_error_when_the_time_is_over() {
        assert!(retry_with(|| ready(Err(true))).await.unwrap_err().contains("reset"));
    }

    #[tokio::test(start_paused = true)]
    async fn drops_an_attempt_that_does_not_end() {
        assert!(retry_with(pending).await.unwrap_err().contains("time"));
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_retry_a_permanent_error() {
        let mut calls = 0;
        let failed = retry_with(|| {
            calls += 1;
            ready(Err(false))
        });
        assert!(failed.await.is_err());
        assert_eq!(calls, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_gives_up_after_ten_seconds_and_reports_each_call_once() {
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

        static NOTICES: AtomicUsize = AtomicUsize::new(0);
        let command = Caller::Command {
            retries: Duration::from_secs(10),
            notice: |line| {
                assert_eq!(line, "retrying for up to 10 s: job job-1: a:B failed: reset");
                NOTICES.fetch_add(1, Relaxed);
            },
        };
        let started = Instant::now();
        assert!(retry_by(command, || ready(Err(true))).await.is_err());
        let elapsed = started.elapsed();
        assert!(elapsed > Duration::from_secs(5) && elapsed <= Duration::from_secs(10), "{elapsed:?}");
        assert_eq!(NOTICES.load(Relaxed), 1);

        let mut calls = 0;
        let soon = retry_by(command, || {
            calls += 1;
            ready(if calls < 3 { Err(true) } else { Ok(calls) })
        });
        assert_eq!((soon.await, NOTICES.load(Relaxed)), (Ok(3), 1), "a retry that helps at once is not reported");
    }
}
