//! Concurrent uploads of label files, while the next pages are fetched.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::error::Error;
use crate::job_id::JobId;
use crate::lake::{Lake, PartOutcome};
use crate::table::aggregation::Aggregation;
use crate::table::grouping::{Completeness, LabelFile};
use crate::telemetry::Progress;

/// Memory per concurrent upload. Lambda's CPU share grows with memory, so larger functions upload more files at once.
/// Each upload needs a connection, and each connection a TLS handshake: with a seventh of a CPU, 16 more handshakes
/// take longer than the round of uploads that they save.
const MEMORY_PER_UPLOAD: u64 = 40 << 20;
/// Number of concurrent uploads in the smallest functions, and in the largest.
const CONCURRENT_UPLOADS: RangeInclusive<u64> = 16..=48;
/// Share of the memory for pending files, which wait for their upload or are being uploaded: one part in this many.
const PENDING_FILES_SHARE: u64 = 8;
/// Approximate memory of a waiting upload in addition to its file: the state of an SDK call.
const CALL_BYTES: usize = 16 * KIB;
/// Unit of the semaphore that limits the memory of pending files.
const KIB: usize = 1024;

/// Limits that all uploads of an export share: the number of concurrent uploads, and the memory of pending files.
#[derive(Clone, Debug)]
pub(crate) struct UploadLimits {
    slots: Arc<Semaphore>,
    max_slots: usize,
    /// Free memory for pending files, in KiB.
    memory: Arc<Semaphore>,
    max_memory: usize,
}

impl UploadLimits {
    /// Returns the limits for a function with this much memory, in bytes.
    pub(crate) fn for_memory(bytes: u64) -> Self {
        let max_slots =
            (bytes / MEMORY_PER_UPLOAD).clamp(*CONCURRENT_UPLOADS.start(), *CONCURRENT_UPLOADS.end()) as usize;
        let max_memory = ((bytes / PENDING_FILES_SHARE) as usize / KIB).clamp(1, u32::MAX as usize);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { slots: semaphore(max_slots), max_slots, memory: semaphore(max_memory), max_memory }
    }

    /// Reserves memory for a file. Waits until enough is free; a file larger than the limit waits until no other file
    /// is pending.
    async fn reserve_memory(&self, bytes: usize) -> OwnedSemaphorePermit {
        let kib = bytes.div_ceil(KIB).min(self.max_memory);
        acquire(Arc::clone(&self.memory), kib as u32).await
    }
}

#[expect(clippy::expect_used, reason = "the semaphores are never closed")]
async fn acquire(semaphore: Arc<Semaphore>, permits: u32) -> OwnedSemaphorePermit {
    semaphore.acquire_many_owned(permits).await.expect("the semaphore is open")
}

/// The job and table that files are uploaded to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) lake: Lake,
    pub(crate) job: JobId,
    pub(crate) aggregation: Aggregation,
    /// Completeness of all files of these uploads.
    pub(crate) completeness: Completeness,
}

/// The uploads of one job in one aggregation. Dropping this value aborts them.
#[derive(Debug)]
pub(crate) struct Uploads {
    target: Target,
    limits: UploadLimits,
    until: Instant,
    progress: Arc<Progress>,
    running: JoinSet<Result<(PartOutcome, Duration), Error>>,
    /// Duration of the slowest upload so far.
    slowest: Duration,
    kept_complete: bool,
}

impl Uploads {
    /// Creates an empty set of uploads. Each request is retried until `until`.
    pub(crate) fn new(target: Target, limits: UploadLimits, until: Instant, progress: Arc<Progress>) -> Self {
        Self { target, limits, until, progress, running: JoinSet::new(), slowest: Duration::ZERO, kept_complete: false }
    }

    /// Starts to upload a file. Waits while the pending files take too much memory.
    ///
    /// # Errors
    /// The error of any upload that has ended by now: see [`LakeJob::put_part`](super::LakeJob::put_part).
    pub(crate) async fn start(&mut self, file: LabelFile) -> Result<(), Error> {
        while let Some(ended) = self.running.try_join_next() {
            self.record(ended)?;
        }
        let reserved = self.limits.reserve_memory(file.bytes.capacity() + CALL_BYTES).await;
        let (target, until, progress) = (self.target.clone(), self.until, Arc::clone(&self.progress));
        let slots = Arc::clone(&self.limits.slots);
        self.running.spawn(async move {
            let _slot = acquire(slots, 1).await;
            let Target { lake, job, aggregation, completeness } = target;
            let started = Instant::now();
            let bytes = Bytes::from(file.bytes);
            let size = bytes.len();
            let lake = lake.job(&job, until);
            // Boxed because the state of a call is large, and would be moved with the task.
            let outcome = Box::pin(lake.put_part(aggregation, &file.label, bytes, completeness)).await?;
            drop(reserved);
            progress.file_stored(file.rows, size as u64);
            tracing::debug!(%job, label = %file.label, rows = file.rows, size_bytes = size, "stored file");
            Ok((outcome, started.elapsed()))
        });
        Ok(())
    }

    /// Waits for all uploads. Returns `KeptComplete` if that was the outcome of any of them.
    ///
    /// # Errors
    /// The first error of an upload: see [`LakeJob::put_part`](super::LakeJob::put_part).
    pub(crate) async fn finish(mut self) -> Result<PartOutcome, Error> {
        while let Some(ended) = self.running.join_next().await {
            self.record(ended)?;
        }
        Ok(if self.kept_complete { PartOutcome::KeptComplete } else { PartOutcome::Stored })
    }

    /// Estimates how long the running uploads still take, from the slowest upload so far.
    pub(crate) fn time_to_finish(&self) -> Duration {
        self.slowest * self.running.len().div_ceil(self.limits.max_slots) as u32
    }

    fn record(&mut self, ended: Result<Result<(PartOutcome, Duration), Error>, JoinError>) -> Result<(), Error> {
        let (outcome, took) = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        self.slowest = self.slowest.max(took);
        self.kept_complete |= outcome == PartOutcome::KeptComplete;
        Ok(())
    }
}
