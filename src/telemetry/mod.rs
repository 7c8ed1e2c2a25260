//! Logs, and the numbers of the work under way.

pub mod metrics;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The runtime logs each error that a handler returns. Ours are logged before, with their fields, and panics by
/// the hook that [`init`] sets.
const RUNTIME_ERRORS: &str = "lambda_runtime::layers::panic";

/// Logs as Lambda's JSON format: one line an event on standard output, with the fields at its top.
pub fn init(filter: Targets) {
    let json =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    tracing_subscriber::registry().with(filter.with_target(RUNTIME_ERRORS, LevelFilter::OFF)).with(json).init();
    // The default hook writes several lines, and CloudWatch makes an event of each.
    std::panic::set_hook(Box::new(|panic| tracing::error!(error = %panic, "panicked")));
}

/// How far the work is. Counts up from zero over all jobs of a process.
#[derive(Debug, Default)]
pub struct Progress {
    /// Pages fetched.
    pub pages: AtomicU64,
    /// Elements of `Labels` fetched.
    pub labels: AtomicU64,
    /// Calls of `GetLabelDetection` that were throttled.
    pub throttles: AtomicU64,
    /// How long pages were waited for, pauses included: microseconds.
    pub page_wait_us: AtomicU64,
    /// Files stored.
    pub files: AtomicU64,
    /// Rows in them.
    pub rows: AtomicU64,
    /// Bytes in them.
    pub bytes: AtomicU64,
}

impl Progress {
    /// A page came.
    pub fn page_fetched(&self, labels: usize) {
        self.pages.fetch_add(1, Relaxed);
        self.labels.fetch_add(labels as u64, Relaxed);
    }

    /// A call was throttled.
    pub fn throttled(&self) {
        self.throttles.fetch_add(1, Relaxed);
    }

    /// A reply was waited for.
    pub fn waited(&self, wait: Duration) {
        self.page_wait_us.fetch_add(wait.as_micros() as u64, Relaxed);
    }

    /// A file is in the lake.
    pub fn file_stored(&self, rows: u64, bytes: u64) {
        self.files.fetch_add(1, Relaxed);
        self.rows.fetch_add(rows, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// What was done by now.
    pub fn now(&self) -> WorkDone {
        WorkDone {
            pages: self.pages.load(Relaxed),
            throttles: self.throttles.load(Relaxed),
            page_wait: Duration::from_micros(self.page_wait_us.load(Relaxed)),
            files: self.files.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

/// Work that was done, or is done between two moments.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkDone {
    /// Pages fetched.
    pub pages: u64,
    /// Calls of `GetLabelDetection` that were throttled.
    pub throttles: u64,
    /// How long pages were waited for, pauses included: the sum over both aggregations.
    pub page_wait: Duration,
    /// Files stored.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl WorkDone {
    /// What was done since.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            pages: self.pages - earlier.pages,
            throttles: self.throttles - earlier.throttles,
            page_wait: self.page_wait.saturating_sub(earlier.page_wait),
            files: self.files - earlier.files,
            bytes: self.bytes - earlier.bytes,
        }
    }
}
