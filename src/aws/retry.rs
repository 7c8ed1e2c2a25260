//! When to call again after a failure, and until when.
//!
//! The SDK's own retries are off. They end after three attempts, or when the bucket of tokens that all calls of a
//! client share is empty, which about a hundred throttles are enough for. Here a call is tried for as long as the
//! invocation has time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::aws::call::Call;
use crate::error::Error;

/// The first pause after a failed call is at most this long; each further one at most twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause between the attempts of a call is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Calls until the call succeeds, fails for good, or the time is over. An attempt that is under way then is given up.
///
/// The pause before an attempt is random between nothing and a limit that doubles ("full jitter"), so that many
/// functions that were refused together do not come back together.
///
/// # Errors
/// The last error of the call; [`Call::late`] if there was none.
pub(crate) async fn retry_until<T, F>(
    until: Instant,
    call: &Call<'_>,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::aws::call::ErrorClass;
    use crate::job_id::JobId;

    fn minute() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    async fn retry_until_with<F: Future<Output = Result<u32, bool>>>(
        mut attempt: impl FnMut() -> F,
    ) -> Result<u32, String> {
        let job = JobId::try_from("job-1").unwrap();
        let call =
            Call { job: &job, class: ErrorClass::Upstream, action: "a:B", resource: "*".to_owned(), region: None };
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
    async fn a_call_is_repeated_while_there_is_time() {
        let mut calls = 0;
        let done = retry_until_with(|| {
            calls += 1;
            ready(if calls < 20 { Err(true) } else { Ok(calls) })
        });
        assert_eq!(done.await.unwrap(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_last_error_when_the_time_is_over() {
        assert!(retry_until_with(|| ready(Err(true))).await.unwrap_err().contains("reset"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_does_not_end_is_given_up() {
        assert!(retry_until_with(pending).await.unwrap_err().contains("time"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_not_repeated() {
        let mut calls = 0;
        let failed = retry_until_with(|| {
            calls += 1;
            ready(Err(false))
        });
        assert!(failed.await.is_err());
        assert_eq!(calls, 1);
    }
}
