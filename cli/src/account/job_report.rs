//! Report on one job in an account: its row, checkpoint, files and partitions.

use std::collections::HashSet;
use std::time::SystemTime;

use label_lake::aws::deadline::Deadline;
use label_lake::error::Error;
use label_lake::export::checkpoint::Checkpoint;
use label_lake::job_id::JobId;
use label_lake::lake::{LakeFile, StoredObject};
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::LabelPartition;
use label_lake::table::schema::Table;

use super::lake::AccountLake;
use super::{call_deadline, for_operator};
use crate::job_row::{JobRow, LabelRow};

/// The next step for a job whose row or files cannot be read.
pub(crate) const UNREADABLE_ROW_HINT: &str =
    "export the job again with `label-lake export --overwrite`, or with \"Overwrite\": true";

/// Everything that the lake and the catalog contain for a job.
#[derive(Debug)]
pub(crate) struct JobReport {
    pub(crate) job: JobId,
    /// `None` if the job is not committed.
    pub(crate) commit: Option<Commit>,
    pub(crate) checkpoint: Option<CheckpointSummary>,
    /// Number of files in `label_detections` and `label_segments`.
    pub(crate) table_files: u64,
    /// Total size of these files, in bytes.
    pub(crate) table_bytes: u64,
    /// Number of files that the tables should have according to the job's row, and that are missing.
    pub(crate) missing_files: usize,
    /// One element per table. `None` if no catalog was given.
    pub(crate) partitions: Option<Vec<PartitionCounts>>,
}

/// The commit of a job: its row in `jobs`, and when the row was written.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) committed_at: Option<SystemTime>,
    /// Size of the file with the row, in bytes.
    pub(crate) bytes: u64,
    /// The row, or the reason for which it cannot be read.
    pub(crate) row: Result<JobRow, String>,
}

/// The checkpoint of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckpointSummary {
    pub(crate) saved_at: Option<SystemTime>,
    /// Number of pages read so far. `None` if the checkpoint cannot be decoded, usually because another build wrote it.
    pub(crate) pages: Option<u64>,
}

/// The partitions of a job in one table.
#[derive(Debug)]
pub(crate) struct PartitionCounts {
    pub(crate) table: &'static Table,
    pub(crate) registered: usize,
    /// Number of partitions that the table should have according to the job's row.
    pub(crate) expected: usize,
    /// Number of expected partitions that are not registered.
    pub(crate) missing: usize,
}

/// State of a job in the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Committed,
    /// The job has files or a checkpoint, but no row. An export is in progress, or an export or a delete was interrupted.
    UnderWay,
    /// The lake contains nothing for the job.
    Unknown,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Committed => "COMMITTED",
            Self::UnderWay => "UNDER_WAY",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl JobReport {
    /// Reads the objects from S3, and the partitions from the catalog if there is one.
    pub(crate) async fn read(account: &AccountLake, job: &JobId) -> anyhow::Result<Self> {
        let deadline = call_deadline()?;
        let (row, checkpoint, files) = read_objects(account, job, deadline).await.map_err(for_operator)?;
        let commit = row.map(|StoredObject { bytes, last_modified }| {
            let size = bytes.len() as u64;
            let row = JobRow::read(bytes).map_err(|error| format!("{error:#}"));
            Commit { committed_at: last_modified, bytes: size, row }
        });
        let row = commit.as_ref().and_then(|commit| commit.row.as_ref().ok());
        let labels = row.and_then(|row| row.labels.as_deref()).unwrap_or_default();
        let partitions = count_partitions(account, job, labels, deadline).await.map_err(for_operator)?;
        let checkpoint = checkpoint.map(|StoredObject { bytes, last_modified }| CheckpointSummary {
            saved_at: last_modified,
            pages: pages_in_checkpoint(&bytes, job),
        });
        let missing_files = files.iter().map(|(aggregation, files)| {
            let found: HashSet<_> = files.iter().filter_map(|file| file.label.as_ref()).collect();
            expected_labels(labels, *aggregation).iter().filter(|label| !found.contains(label)).count()
        });
        let missing_files = missing_files.sum();
        let files = || files.iter().flat_map(|(_, files)| files);
        let (table_files, table_bytes) = (files().count() as u64, files().map(|file| file.bytes).sum());
        Ok(Self { job: job.clone(), commit, checkpoint, table_files, table_bytes, missing_files, partitions })
    }

    /// Returns the number of files of the job, including its row in `jobs`.
    pub(crate) fn files(&self) -> u64 {
        self.table_files + u64::from(self.commit.is_some())
    }

    /// Returns the total size of the files of the job, including its row in `jobs`, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.table_bytes + self.commit.as_ref().map_or(0, |commit| commit.bytes)
    }

    /// Returns true if files or partitions of a committed job are missing.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.missing_files > 0 || self.partitions.iter().flatten().any(|partitions| partitions.missing > 0)
    }

    pub(crate) fn state(&self) -> State {
        if self.commit.is_some() {
            State::Committed
        } else if self.checkpoint.is_some() || self.table_files > 0 {
            State::UnderWay
        } else {
            State::Unknown
        }
    }

    /// Returns the row, if the job is committed and its row can be read.
    pub(crate) fn row(&self) -> Option<&JobRow> {
        self.commit.as_ref()?.row.as_ref().ok()
    }

    /// Returns an error message, if the job is committed and its row cannot be read. [`UNREADABLE_ROW_HINT`] says what to
    /// do.
    pub(crate) fn row_error(&self) -> Option<String> {
        let reason = self.commit.as_ref()?.row.as_ref().err()?;
        Some(format!("job {}: cannot read its row in `jobs`: {reason}", self.job))
    }

    /// Returns the number of registered partitions in both tables.
    pub(crate) fn registered_partitions(&self) -> usize {
        self.partitions.iter().flatten().map(|partitions| partitions.registered).sum()
    }

    /// Returns true if neither the lake nor the catalog contains anything for the job.
    pub(crate) fn is_empty(&self) -> bool {
        self.state() == State::Unknown && self.registered_partitions() == 0
    }
}

/// Returns the row, the checkpoint, and the files in each table.
async fn read_objects(
    account: &AccountLake,
    job: &JobId,
    deadline: Deadline,
) -> Result<(Option<StoredObject>, Option<StoredObject>, Vec<(Aggregation, Vec<LakeFile>)>), Error> {
    let lake = account.lake.job(job, deadline.leave());
    let checkpoint = lake.get_checkpoint().await?;
    let mut files = Vec::new();
    for aggregation in Aggregation::ALL {
        files.push((aggregation, lake.list_files(aggregation).await?));
    }
    // The row is read last, so that a job that is committed in the meantime is reported as committed.
    let row = lake.get_row().await?;
    Ok((row, checkpoint, files))
}

/// Compares the partitions in the catalog with the labels of the job's row. Returns `None` if no catalog was given.
async fn count_partitions(
    account: &AccountLake,
    job: &JobId,
    labels: &[LabelRow],
    deadline: Deadline,
) -> Result<Option<Vec<PartitionCounts>>, Error> {
    let Some(catalog) = &account.catalog else { return Ok(None) };
    let mut counts = Vec::new();
    for aggregation in Aggregation::ALL {
        let table = aggregation.table();
        let registered = catalog.table(job, table, deadline.leave()).labels().await?;
        let registered: HashSet<_> = registered.into_iter().collect();
        let expected = expected_labels(labels, aggregation);
        let missing = expected.iter().filter(|label| !registered.contains(label.partition_value())).count();
        counts.push(PartitionCounts { table, registered: registered.len(), expected: expected.len(), missing });
    }
    Ok(Some(counts))
}

/// Returns the labels that a job has in a table according to its row.
fn expected_labels(labels: &[LabelRow], aggregation: Aggregation) -> HashSet<LabelPartition> {
    labels.iter().filter(|label| label.is_in(aggregation)).map(LabelRow::partition).collect()
}

/// Returns the number of pages in a checkpoint. Tries each value of `AGGREGATE_BY`, because decoding needs the value
/// that the checkpoint was saved with.
fn pages_in_checkpoint(bytes: &[u8], job: &JobId) -> Option<u64> {
    let settings = [&Aggregation::ALL[..], &Aggregation::ALL[..1], &Aggregation::ALL[1..]];
    let checkpoint = settings.into_iter().find_map(|aggregations| Checkpoint::decode(bytes, job, aggregations).ok())?;
    Some(checkpoint.pages())
}
