//! The clock of queues and start requests, which a test can move forward.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Tokio's clock, plus the time that the test has skipped.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    skipped_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        Instant::now() + self.skipped()
    }

    /// Returns the Unix time in milliseconds.
    pub(crate) fn unix_ms(&self) -> u64 {
        let time = SystemTime::now() + self.skipped();
        time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
    }

    /// Skips this much time.
    pub(crate) fn advance(&self, time: Duration) {
        self.skipped_ms.fetch_add(time.as_millis() as u64, Relaxed);
    }

    fn skipped(&self) -> Duration {
        Duration::from_millis(self.skipped_ms.load(Relaxed))
    }
}
