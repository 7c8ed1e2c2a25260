//! A quota of calls per second, implemented as a token bucket.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// A token bucket that holds one second's calls and refills at a constant rate. It uses Tokio's clock, which tests can
/// pause.
pub(crate) struct Quota {
    calls_per_second: f64,
    /// Available calls, and the time at which they were computed.
    bucket: Mutex<(f64, Instant)>,
}

impl Quota {
    pub(crate) fn new(calls_per_second: u32) -> Self {
        let calls_per_second = f64::from(calls_per_second);
        Self { calls_per_second, bucket: Mutex::new((calls_per_second, Instant::now())) }
    }

    /// Takes a call from the bucket. Returns false if the bucket is empty.
    pub(crate) fn take(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, filled) = &mut *bucket;
        let now = Instant::now();
        *calls = (*calls + (now - *filled).as_secs_f64() * self.calls_per_second).min(self.calls_per_second);
        *filled = now;
        if *calls < 1.0 {
            return false;
        }
        *calls -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Quota;

    #[tokio::test(start_paused = true)]
    async fn refuses_calls_beyond_the_quota_until_time_passes() {
        let quota = Quota::new(2);
        assert_eq!([quota.take(), quota.take(), quota.take()], [true, true, false]);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!([quota.take(), quota.take()], [true, false]);
    }
}
