//! What an account's lake knows of a job: its row, its saved state, its files, its partitions.

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

use crate::account::{AccountLake, by_hand, patience};
use crate::committed::{Files, JobRow, LabelRow};

/// All of a job.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) job: JobId,
    pub(crate) commit: Option<Committed>,
    pub(crate) saved: Option<SavedState>,
    /// In both tables, without the row.
    pub(crate) files: Files,
    /// In both tables, if a catalog was asked.
    pub(crate) partitions: Option<Vec<Partitions>>,
}

/// The job's row in `jobs`.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) at: Option<SystemTime>,
    /// Or why it cannot be read.
    pub(crate) row: Result<JobRow, String>,
}

/// The checkpoint of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SavedState {
    pub(crate) at: Option<SystemTime>,
    /// `None` if another build wrote it.
    pub(crate) pages: Option<u64>,
}

/// The partitions of a job in a table.
#[derive(Debug)]
pub(crate) struct Partitions {
    pub(crate) table: &'static Table,
    pub(crate) registered: usize,
    /// How many labels the job has there by its row.
    pub(crate) expected: usize,
    /// Those of them that are not registered.
    pub(crate) missing: usize,
}

/// How far a job is in the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Committed,
    /// Or interrupted: which of them, only Lambda knows.
    UnderWay,
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

impl Known {
    /// Asks S3, and the catalog if there is one.
    pub(crate) async fn read(account: &AccountLake, job: &JobId) -> anyhow::Result<Self> {
        let deadline = patience()?;
        let (row, saved, files) = objects(account, job, deadline).await.map_err(|error| by_hand(&error))?;
        let commit = row.map(|StoredObject { bytes, last_modified: at }| {
            let row = JobRow::read(bytes).map_err(|error| format!("{error:#}"));
            Committed { at, row }
        });
        let row = commit.as_ref().and_then(|commit| commit.row.as_ref().ok());
        let labels = row.and_then(|row| row.labels.as_deref()).unwrap_or_default();
        let partitions = partitions(account, job, labels, deadline).await.map_err(|error| by_hand(&error))?;
        let saved = saved.map(|StoredObject { bytes, last_modified: at }| SavedState { at, pages: pages(&bytes, job) });
        let bytes = files.iter().map(|file| file.bytes).sum();
        let files = Files { count: files.len() as u64, bytes };
        Ok(Self { job: job.clone(), commit, saved, files, partitions })
    }

    pub(crate) fn state(&self) -> State {
        if self.commit.is_some() {
            State::Committed
        } else if self.saved.is_some() || self.files.count > 0 {
            State::UnderWay
        } else {
            State::Unknown
        }
    }

    /// The row, if it can be read.
    pub(crate) fn row(&self) -> Option<&JobRow> {
        self.commit.as_ref()?.row.as_ref().ok()
    }

    /// Says that the row cannot be read, and what to do, if it cannot.
    pub(crate) fn unreadable(&self) -> Option<String> {
        let why = self.commit.as_ref()?.row.as_ref().err()?;
        let job = &self.job;
        Some(format!(
            "job {job}: its row in `jobs` is unreadable; export the job again with \"Overwrite\": true: {why}"
        ))
    }

    /// How many partitions are registered in all.
    pub(crate) fn registered(&self) -> usize {
        self.partitions.iter().flatten().map(|partitions| partitions.registered).sum()
    }
}

async fn objects(
    account: &AccountLake,
    job: &JobId,
    deadline: Deadline,
) -> Result<(Option<StoredObject>, Option<StoredObject>, Vec<LakeFile>), Error> {
    let lake = account.lake.job(job, deadline.leave());
    let saved = lake.get_checkpoint().await?;
    let mut files = Vec::new();
    for aggregation in Aggregation::ALL {
        files.extend(lake.list_files(aggregation).await?);
    }
    // The row is read last: if there is neither a row nor a file, no export has committed the job meanwhile.
    let row = lake.get_row().await?;
    Ok((row, saved, files))
}

async fn partitions(
    account: &AccountLake,
    job: &JobId,
    labels: &[LabelRow],
    deadline: Deadline,
) -> Result<Option<Vec<Partitions>>, Error> {
    let Some(catalog) = &account.catalog else { return Ok(None) };
    let mut found = Vec::new();
    for aggregation in Aggregation::ALL {
        let table = aggregation.table();
        let registered = catalog.table(job, table, deadline.leave()).labels().await?;
        let registered: HashSet<_> = registered.into_iter().collect();
        let rows = |label: &LabelRow| match aggregation {
            Aggregation::Timestamps => label.detections,
            Aggregation::Segments => label.segments,
        };
        let expected = labels.iter().filter(|label| rows(label) > Some(0));
        let expected: HashSet<_> = expected.map(|label| LabelPartition::new(label.label.as_deref())).collect();
        let missing = expected.iter().filter(|label| !registered.contains(label.partition_value())).count();
        found.push(Partitions { table, registered: registered.len(), expected: expected.len(), missing });
    }
    Ok(Some(found))
}

/// How many pages a checkpoint has, whatever the function was asked to export.
fn pages(bytes: &[u8], job: &JobId) -> Option<u64> {
    let asked_for = [&Aggregation::ALL[..], &Aggregation::ALL[..1], &Aggregation::ALL[1..]];
    let checkpoint = asked_for.into_iter().find_map(|some| Checkpoint::decode(bytes, job, some).ok())?;
    Some(checkpoint.pages())
}
