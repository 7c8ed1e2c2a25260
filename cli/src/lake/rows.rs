//! The rows of the committed jobs of a lake.

use std::time::SystemTime;

use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _};
use label_lake::job_id::JobId;

use super::Lake;
use crate::job_row::JobRow;
use crate::output::progress::counter;

/// Number of rows that are read concurrently. S3 allows thousands of requests a second for a prefix.
const CONCURRENCY: usize = 32;

/// The row of a job, without its labels.
#[derive(Debug)]
pub(crate) struct ReadRow {
    pub(crate) row: JobRow,
    /// Time at which the row was written.
    pub(crate) committed_at: Option<SystemTime>,
}

/// The rows of jobs, in no particular order.
#[derive(Debug, Default)]
pub(crate) struct JobRows {
    pub(crate) rows: Vec<ReadRow>,
    /// An error message for each file that is not a row.
    pub(crate) errors: Vec<String>,
}

impl Lake {
    /// Reads the rows of jobs with a progress bar. A job that has been deleted since it was listed is left out.
    pub(crate) async fn job_rows(&self, jobs: &[JobId], quiet: bool) -> anyhow::Result<JobRows> {
        let bar = counter(jobs.len() as u64, "jobs", quiet)?;
        let mut reads = stream::iter(jobs.iter().map(|job| self.job_row(job))).buffer_unordered(CONCURRENCY);
        let mut found = JobRows::default();
        while let Some(read) = reads.next().await {
            bar.inc(1);
            match read? {
                Some(Ok(row)) => found.rows.push(row),
                Some(Err(error)) => found.errors.push(error),
                None => {}
            }
        }
        drop(reads);
        bar.finish_and_clear();
        Ok(found)
    }

    /// Reads the row of a job. Returns an error message instead if its file is not a row, or `None` if the job is not
    /// committed.
    pub(crate) async fn job_row(&self, job: &JobId) -> anyhow::Result<Option<Result<ReadRow, String>>> {
        let key = self.layout().commit_key(job)?;
        let Some(file) = self.read(job, &key).await? else { return Ok(None) };
        let row = JobRow::read_without_labels(file.bytes).and_then(|row| row.of_job(job));
        let row = row.with_context(|| format!("cannot read the row of a job from {}", self.path(key.as_str())));
        let row = row.map(|row| ReadRow { row, committed_at: file.last_modified });
        Ok(Some(row.map_err(|error| format!("{error:#}"))))
    }
}
