//! When to call again, and until when.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// The first pause after a failed call is at most this long; each further one at most twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When the time for work is over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The time for work is over after this long from now.
    pub fn after(left: Duration) -> Self {
        Self(Instant::now() + left)
    }

    /// What is left of it.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Calls until the call succeeds, fails for good, or the next pause would outlast the deadline: then the last
/// error is returned.
///
/// The pause is random between nothing and a limit that doubles ("full jitter"), so that many functions that were
/// throttled together do not come back together.
///
/// # Errors
/// The last error of the call.
pub async fn persist<T, F>(deadline: Deadline, mut call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut limit = FIRST_PAUSE;
    loop {
        let error = match call().await {
            Err(error) if error.is_transient() => error,
            done => return done,
        };
        let pause = limit.mul_f64(fastrand::f64());
        if pause >= deadline.left() {
            return Err(error);
        }
        tracing::debug!(error = error.with_sources(), pause_ms = pause.as_millis(), "trying again after a pause");
        tokio::time::sleep(pause).await;
        limit = LONGEST_PAUSE.min(limit * 2);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::notification::JobId;

    fn failure(transient: bool) -> Error {
        let job = JobId::try_from("job-1").unwrap();
        Error::Upstream { job, action: "rekognition:GetLabelDetection", transient, source: "reset".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_repeated_for_as_long_as_there_is_time() {
        let mut calls = 0;
        let done = persist(Deadline::after(Duration::from_mins(15)), || {
            calls += 1;
            ready(if calls <= 200 { Err(failure(true)) } else { Ok(calls) })
        });
        assert_eq!(done.await.unwrap(), 201);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_last_error_before_the_deadline() {
        let deadline = Deadline::after(Duration::from_mins(1));
        let failed = persist(deadline, || ready(Err::<(), _>(failure(true)))).await.unwrap_err();
        assert_eq!(failed.error_type(), "Upstream");
        assert!(deadline.left() > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_not_repeated() {
        let mut calls = 0;
        let failed = persist(Deadline::after(Duration::from_mins(1)), || {
            calls += 1;
            ready(Err::<(), _>(failure(false)))
        });
        assert!(failed.await.is_err());
        assert_eq!(calls, 1);
    }
}
