//! Files on their way to the lake, beside the fetching of pages.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::error::Error;
use crate::job_id::JobId;
use crate::lake::{Lake, Stored};
use crate::table::aggregation::Aggregation;
use crate::table::grouping::{Completeness, LabelFile};
use crate::telemetry::Progress;

/// A file more is sent at once for so much memory of the function, as its share of a processor grows with it. Each takes a
/// connection, and each connection a TLS handshake: with a seventh of a processor sixteen more take longer than the round
/// of uploads that they save.
const MEMORY_OF_A_SLOT: u64 = 40 << 20;
/// How many are sent at once by the smallest functions, and by the largest.
const SLOTS: RangeInclusive<u64> = 16..=48;
/// The share of the memory that files on their way may take.
const FILES_SHARE: u64 = 8;
/// About what an upload that waits takes beside its file: the state of a call of the SDK.
const CALL_BYTES: usize = 16 * KIB;
/// The unit in which the bytes of waiting files are counted.
const KIB: usize = 1024;

/// What all uploads of an export share: how many there are at once, and how many bytes wait for them.
#[derive(Clone, Debug)]
pub struct UploadLimits {
    slots: Arc<Semaphore>,
    slots_in_all: usize,
    kib: Arc<Semaphore>,
    kib_in_all: usize,
}

impl UploadLimits {
    /// For a function with this much memory, in bytes.
    pub fn of_memory(memory: u64) -> Self {
        let slots_in_all = (memory / MEMORY_OF_A_SLOT).clamp(*SLOTS.start(), *SLOTS.end()) as usize;
        let kib_in_all = ((memory / FILES_SHARE) as usize / KIB).clamp(1, u32::MAX as usize);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { slots: semaphore(slots_in_all), slots_in_all, kib: semaphore(kib_in_all), kib_in_all }
    }

    /// Waits until there is room for a file. One that would take more than all the room waits until it is alone.
    async fn room_for(&self, bytes: usize) -> OwnedSemaphorePermit {
        let kib = bytes.div_ceil(KIB).min(self.kib_in_all);
        acquire(Arc::clone(&self.kib), kib as u32).await
    }
}

/// The semaphores are never closed.
#[expect(clippy::expect_used, reason = "says why it does not happen")]
async fn acquire(semaphore: Arc<Semaphore>, permits: u32) -> OwnedSemaphorePermit {
    semaphore.acquire_many_owned(permits).await.expect("the semaphore is open")
}

/// Where the files of an export go.
#[derive(Clone, Debug)]
pub struct Target {
    /// The lake.
    pub lake: Lake,
    /// The job.
    pub job: JobId,
    /// Which table.
    pub aggregation: Aggregation,
    /// Whether the files may still lack rows.
    pub completeness: Completeness,
}

/// The uploads of one job in one aggregation. Dropping them aborts them.
#[derive(Debug)]
pub struct Uploads {
    target: Target,
    limits: UploadLimits,
    until: Instant,
    progress: Arc<Progress>,
    running: JoinSet<Result<(Stored, Duration), Error>>,
    /// How long the slowest of them took.
    slowest: Duration,
    kept_complete: bool,
}

impl Uploads {
    /// No upload yet.
    pub fn new(target: Target, limits: UploadLimits, until: Instant, progress: Arc<Progress>) -> Self {
        Self { target, limits, until, progress, running: JoinSet::new(), slowest: Duration::ZERO, kept_complete: false }
    }

    /// Begins to send a file. Waits first while too many bytes are on their way.
    ///
    /// # Errors
    /// Of any upload that has ended by now: see [`Lake::put_part`].
    pub async fn begin(&mut self, file: LabelFile) -> Result<(), Error> {
        while let Some(ended) = self.running.try_join_next() {
            self.take(ended)?;
        }
        let room = self.limits.room_for(file.bytes.capacity() + CALL_BYTES).await;
        let (target, until, progress) = (self.target.clone(), self.until, Arc::clone(&self.progress));
        let slots = Arc::clone(&self.limits.slots);
        self.running.spawn(async move {
            let _slot = acquire(slots, 1).await;
            let Target { lake, job, aggregation, completeness } = target;
            let begun = Instant::now();
            let bytes = Bytes::from(file.bytes);
            let size = bytes.len();
            // Boxed: the state of a call is large, and would be moved with the task.
            let put = Box::pin(lake.put_part(&job, aggregation, &file.label, bytes, completeness, until));
            let stored = put.await?;
            drop(room);
            progress.file_stored(file.rows, size as u64);
            tracing::debug!(%job, label = %file.label, rows = file.rows, size_bytes = size, "stored a file");
            Ok((stored, begun.elapsed()))
        });
        Ok(())
    }

    /// Waits for all of them. Returns `KeptComplete` if any file met one that it may not replace.
    ///
    /// # Errors
    /// The first of them: see [`Lake::put_part`].
    pub async fn finish(mut self) -> Result<Stored, Error> {
        while let Some(ended) = self.running.join_next().await {
            self.take(ended)?;
        }
        Ok(if self.kept_complete { Stored::KeptComplete } else { Stored::Yes })
    }

    /// How long those under way may still take, by those that have ended.
    pub fn time_to_finish(&self) -> Duration {
        self.slowest * self.running.len().div_ceil(self.limits.slots_in_all) as u32
    }

    fn take(&mut self, ended: Result<Result<(Stored, Duration), Error>, JoinError>) -> Result<(), Error> {
        let (stored, took) = ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        self.slowest = self.slowest.max(took);
        self.kept_complete |= stored == Stored::KeptComplete;
        Ok(())
    }
}
