//! The row of a committed job, read from a lake.

use std::time::SystemTime;

use anyhow::anyhow;
use label_lake::job_id::JobId;

use super::Lake;
use crate::account::job_report::UNREADABLE_ROW_HINT;
use crate::args::LakeLocation;
use crate::error::with_hint;
use crate::job_row::JobRow;
use crate::output::text::count;

/// A job that is committed in a lake.
pub(crate) struct CommittedJob {
    pub(crate) row: JobRow,
    /// Size of the row's file in bytes.
    pub(crate) bytes: u64,
    /// Time at which the row was written.
    pub(crate) committed_at: Option<SystemTime>,
}

impl Lake {
    /// Returns a job. `location` is named in errors.
    ///
    /// # Errors
    /// The job is not committed, or its row cannot be read.
    pub(crate) async fn committed_job(&self, job: &JobId, location: &LakeLocation) -> anyhow::Result<CommittedJob> {
        let key = self.layout().commit_key(job)?;
        let Some(file) = self.read(job, &key).await? else {
            return Err(self.not_committed(job, location).await?);
        };
        let (bytes, committed_at) = (file.bytes.len() as u64, file.last_modified);
        let row = JobRow::read(file.bytes).and_then(|row| row.of_job(job));
        let row = row.map_err(|error| {
            let path = self.path(key.as_str());
            with_hint(error.context(format!("job {job}: cannot read its row from {path}")), UNREADABLE_ROW_HINT)
        })?;
        Ok(CommittedJob { row, bytes, committed_at })
    }

    /// Returns the error for a job without a row, by the files that the lake has of it.
    async fn not_committed(&self, job: &JobId, lake: &LakeLocation) -> anyhow::Result<anyhow::Error> {
        let files = self.count_files(job).await?;
        if files.count == 0 {
            let hint = format!("`label-lake list --lake {lake}` lists its jobs");
            return Ok(with_hint(anyhow!("job {job} not found in {lake}"), hint));
        }
        let found = count(files.count as usize, "file");
        let error = anyhow!(
            "job {job} is not committed in {lake}: an export has written {found}, and is in progress or was interrupted"
        );
        Ok(with_hint(error, "wait for the export, or run it again"))
    }
}
