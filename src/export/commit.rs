//! The commit of a job: stale files are deleted, the job's files are verified, and its row is put.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::time::Instant;

use super::begin::Attempt;
use super::protocol::{self, Refused};
use super::{Exporter, Outcome};
use crate::aws::deadline::Deadline;
use crate::error::{Error, Interruption, RestartReason};
use crate::job_id::JobId;
use crate::lake::{CommitMetadata, CommitOutcome};
use crate::table::aggregation::Aggregation;
use crate::table::layout::LabelPartition;
use crate::table::parquet::encode_job;
use crate::table::rows::JobRow;

/// Number of times that another export may change the row while this one commits.
const MAX_CONFLICTS: u32 = 10;

/// The export that committed a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommittedBy {
    ThisExport,
    AnotherExport,
}

impl Exporter {
    /// Commits a job whose files and partitions are complete.
    ///
    /// An export that replaces first deletes what it does not own in its own tables. In another table an export with other
    /// settings may have files, and may commit them at any time. These files are deleted after the commit, when the row
    /// says that the job has none there. Every export verifies that its files are still there: a person who deletes the
    /// job, or an export that replaces it, may have deleted them.
    ///
    /// # Errors
    /// A restart if files are missing; the errors of S3 and Glue.
    pub(super) async fn commit(
        &self,
        row: &JobRow,
        replaces: bool,
        until: Instant,
    ) -> Result<CommittedBy, Interruption> {
        let job = &row.completion.job_id;
        let lake = self.lake.job(job, until);
        let bytes = Bytes::from(encode_job(row));
        let metadata = CommitMetadata::of(&self.aggregations, replaces);
        for _ in 0..MAX_CONFLICTS {
            let found = if replaces { self.row(job, until).await? } else { None };
            if replaces {
                self.delete_other_partitions(row, until).await?;
            }
            let by = if lake.verify_parts(row, &self.aggregations, replaces).await? {
                let condition = protocol::put_row(replaces, found);
                match lake.commit(&bytes, &metadata, &condition).await? {
                    CommitOutcome::Committed => CommittedBy::ThisExport,
                    refused => match protocol::refused(replaces, refused == CommitOutcome::AlreadyCommitted) {
                        Refused::Committed => CommittedBy::ThisExport,
                        Refused::ByAnother => CommittedBy::AnotherExport,
                        Refused::Again => continue,
                    },
                }
            } else if replaces || lake.find_commit().await?.is_none() {
                let error = self
                    .lake
                    .commit_error(job, "files of the job were deleted during the export; is it being deleted?");
                return Err(Interruption::Restart { reason: RestartReason::FilesMissing, error });
            } else {
                // An export that replaces has deleted the files, and has committed the job.
                CommittedBy::AnotherExport
            };
            if replaces || by == CommittedBy::AnotherExport {
                self.delete_unclaimed(job, until).await?;
            }
            return Ok(by);
        }
        Err(self.lake.commit_error(job, &format!("another export changed the row {MAX_CONFLICTS} times")).into())
    }

    /// Deletes the partitions that a job's row does not own from the tables of this export. The files are deleted later,
    /// so that no query looks for a file that is gone.
    async fn delete_other_partitions(&self, row: &JobRow, until: Instant) -> Result<(), Error> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        for &aggregation in self.aggregations.iter() {
            let kept = row.labels_in(aggregation).map(LabelPartition::partition_value).collect();
            catalog.table(&row.completion.job_id, aggregation.table(), until).delete_except(&kept).await?;
        }
        Ok(())
    }

    /// Deletes what the job has in a table that its row does not claim. It was left by a copy with other settings, or by
    /// an export that was replaced.
    pub(super) async fn delete_unclaimed(&self, job: &JobId, until: Instant) -> Result<(), Error> {
        let lake = self.lake.job(job, until);
        for aggregation in Aggregation::ALL {
            // Read again for each table: an export that fills the table may have replaced the row.
            let commit = lake.find_commit().await?;
            if !commit.is_some_and(|commit| commit.metadata.lacks(aggregation)) {
                continue;
            }
            if let Some(catalog) = &self.catalog {
                catalog.table(job, aggregation.table(), until).delete_except(&HashSet::new()).await?;
            }
            lake.delete_table_files(aggregation).await?;
        }
        Ok(())
    }

    /// Deletes the checkpoint of a committed job, and returns how the export ended.
    ///
    /// A leftover checkpoint is harmless, because the row decides, and it expires. So the job is done even if the
    /// checkpoint cannot be deleted.
    pub(super) async fn finish(&self, row: JobRow, by: CommittedBy, attempt: &Attempt, deadline: Deadline) -> Outcome {
        let job = &row.completion.job_id;
        if attempt.saved
            && let Err(error) = self.lake.job(job, deadline.answer()).delete_checkpoint().await
        {
            tracing::warn!(%job, error = error.with_sources(), "cannot delete the checkpoint of a committed job");
        }
        match by {
            CommittedBy::ThisExport => Outcome::Exported(Box::new(row)),
            CommittedBy::AnotherExport => Outcome::CommittedByAnother,
        }
    }
}
