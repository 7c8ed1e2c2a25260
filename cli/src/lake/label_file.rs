//! The file of a label, read from a lake.

use anyhow::anyhow;
use label_lake::job_id::JobId;
use label_lake::lake::StoredObject;
use label_lake::table::aggregation::Aggregation;

use super::Lake;
use crate::account::job_report::UNREADABLE_ROW_HINT;
use crate::error::with_hint;
use crate::job_row::LabelRow;

/// The file of a label of a job. It may be missing.
pub(crate) struct LabelFile {
    job: JobId,
    path: String,
    object: Option<StoredObject>,
}

impl Lake {
    /// Fetches the file of a label in the table of an aggregation.
    pub(crate) async fn label_file(
        &self,
        job: &JobId,
        label: &LabelRow,
        aggregation: Aggregation,
    ) -> anyhow::Result<LabelFile> {
        let key = self.layout().part_key(aggregation.table(), job, &label.partition())?;
        let object = self.read(job, &key).await?;
        Ok(LabelFile { job: job.clone(), path: self.path(key.as_str()), object })
    }
}

impl LabelFile {
    /// Decodes the file. An error names the job and the file.
    pub(crate) fn decode<T>(self, decode: impl FnOnce(StoredObject) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let Self { job, path, object } = self;
        object
            .ok_or_else(|| anyhow!("no such file"))
            .and_then(decode)
            .map_err(|error| with_hint(error.context(format!("job {job}: cannot read {path}")), UNREADABLE_ROW_HINT))
    }
}
