//! Logs, and counters of the work in progress.

pub(crate) mod metrics;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Log target of the runtime for errors that a handler returns, and for panics. It is turned off: this crate logs its
/// own errors with their fields, and [`init`] sets a hook that logs panics.
const RUNTIME_ERRORS: &str = "lambda_runtime::layers::panic";

/// Starts logging in Lambda's JSON format: one line per event on standard output, with the fields at the top level.
pub fn init(filter: Targets) {
    let json =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    tracing_subscriber::registry().with(filter.with_target(RUNTIME_ERRORS, LevelFilter::OFF)).with(json).init();
    // The default hook writes several lines, and CloudWatch would store each as a separate event.
    std::panic::set_hook(Box::new(|panic| tracing::error!(error = %panic, "panicked")));
}

/// Counters of the work done since the process started, over all its jobs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Number of pages fetched.
    pub pages: AtomicU64,
    /// Number of elements of `Labels` fetched.
    pub labels: AtomicU64,
    /// Number of throttled calls to `GetLabelDetection`.
    throttles: AtomicU64,
    /// Time spent waiting for pages, including pauses, in microseconds.
    page_wait_us: AtomicU64,
    /// Number of files stored.
    pub files: AtomicU64,
    /// Number of rows in these files.
    pub rows: AtomicU64,
    /// Size of these files, in bytes.
    bytes: AtomicU64,
}

impl Progress {
    /// Counts a fetched page with this many labels.
    pub(crate) fn page_fetched(&self, labels: usize) {
        self.pages.fetch_add(1, Relaxed);
        self.labels.fetch_add(labels as u64, Relaxed);
    }

    /// Counts a throttled call.
    pub(crate) fn throttled(&self) {
        self.throttles.fetch_add(1, Relaxed);
    }

    /// Adds the time spent waiting for a page.
    pub(crate) fn waited(&self, wait: Duration) {
        self.page_wait_us.fetch_add(wait.as_micros() as u64, Relaxed);
    }

    /// Counts a stored file.
    pub(crate) fn file_stored(&self, rows: u64, bytes: u64) {
        self.files.fetch_add(1, Relaxed);
        self.rows.fetch_add(rows, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Returns the work done so far.
    pub(crate) fn snapshot(&self) -> WorkDone {
        WorkDone {
            pages: self.pages.load(Relaxed),
            throttles: self.throttles.load(Relaxed),
            page_wait: Duration::from_micros(self.page_wait_us.load(Relaxed)),
            files: self.files.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

/// Work done since the process started, or since an earlier snapshot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WorkDone {
    /// Number of pages fetched.
    pub(crate) pages: u64,
    /// Number of throttled calls to `GetLabelDetection`.
    pub(crate) throttles: u64,
    /// Time spent waiting for pages, including pauses. The sum over both aggregations.
    pub(crate) page_wait: Duration,
    /// Number of files stored.
    pub(crate) files: u64,
    /// Size of these files, in bytes.
    pub(crate) bytes: u64,
}

impl WorkDone {
    /// Returns the work done since an earlier snapshot.
    #[must_use]
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            pages: self.pages - earlier.pages,
            throttles: self.throttles - earlier.throttles,
            page_wait: self.page_wait.saturating_sub(earlier.page_wait),
            files: self.files - earlier.files,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

/// Counts of an invocation of the starter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoCounts {
    /// Videos whose job is started.
    pub started: u64,
    /// Calls that Rekognition refused for now.
    pub refused: u64,
    /// Videos that can never be started, and other messages.
    pub not_started: u64,
}
