//! The commit of a job: what it does not own is removed, its files are there, and its row is put.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Attempt, Exporter, Outcome};
use crate::aws::deadline::Deadline;
use crate::error::Error;
use crate::export::protocol::{self, Refused};
use crate::job_id::JobId;
use crate::lake::{Commit, Committed};
use crate::table::aggregation::Aggregation;
use crate::table::layout::LabelPartition;
use crate::table::parquet::encode_job;
use crate::table::rows::JobRow;

/// How often another export may change the row while this one commits.
const MAX_CONFLICTS: u32 = 10;

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    Committed,
    ByAnother,
    /// Files of the row are gone: another copy, or a person, removed them.
    FilesMissing,
}

impl Exporter {
    /// Commits a job whose files and partitions are complete.
    ///
    /// An export that replaces first removes what it does not own in its own tables. In another table an export with
    /// other settings may have files, and commit them at any time: so these go after the commit, when the row says that
    /// the job has none there. Every export looks whether its files are still there: a person who deletes the job, or an
    /// export that replaces, may have removed them.
    pub(super) async fn commit(&self, row: &JobRow, replaces: bool, until: Instant) -> Result<Finished, Error> {
        let job = &row.completion.job_id;
        let (bytes, commit) = (Bytes::from(encode_job(row)), Commit::of(&self.aggregations, replaces));
        for _ in 0..MAX_CONFLICTS {
            let found = if replaces { self.row(job, until).await? } else { None };
            if replaces {
                self.remove_other_partitions(row, until).await?;
            }
            let finished = if self.lake.has_all_parts(row, &self.aggregations, replaces, until).await? {
                let condition = protocol::put_row(replaces, found);
                match self.lake.commit(job, &bytes, &commit, &condition, until).await? {
                    Committed::Yes => Finished::Committed,
                    refused => match protocol::refused(replaces, refused == Committed::Already) {
                        Refused::Committed => Finished::Committed,
                        Refused::ByAnother => Finished::ByAnother,
                        Refused::Again => continue,
                    },
                }
            } else if replaces || self.lake.commit_of(job, until).await?.is_none() {
                return Ok(Finished::FilesMissing);
            } else {
                // An export that replaces has removed them, and has committed the job.
                Finished::ByAnother
            };
            if replaces || finished == Finished::ByAnother {
                self.remove_unclaimed(job, until).await?;
            }
            return Ok(finished);
        }
        Err(self.lake.commit_failed(job, &format!("another export changed the row {MAX_CONFLICTS} times")))
    }

    /// Removes the partitions that a job's row does not own from its tables: before their files, so that no query looks
    /// for a file that is gone.
    async fn remove_other_partitions(&self, row: &JobRow, until: Instant) -> Result<(), Error> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        for &aggregation in &self.aggregations {
            let kept = row.labels_in(aggregation).map(LabelPartition::partition_value).collect();
            catalog.table(&row.completion.job_id, aggregation.table(), until).remove_others(&kept).await?;
        }
        Ok(())
    }

    /// Removes what the job has in a table that its row lacks: of a copy with other settings, or of an export that was
    /// replaced.
    pub(super) async fn remove_unclaimed(&self, job: &JobId, until: Instant) -> Result<(), Error> {
        for aggregation in Aggregation::ALL {
            // The row may have been replaced meanwhile, by an export that has the table.
            let committed = self.lake.commit_of(job, until).await?;
            if !committed.is_some_and(|(committed, _)| committed.lacks(aggregation)) {
                continue;
            }
            if let Some(catalog) = &self.catalog {
                catalog.table(job, aggregation.table(), until).remove_others(&HashSet::new()).await?;
            }
            self.lake.delete_table_files(aggregation, job, until).await?;
        }
        Ok(())
    }

    /// Removes the checkpoint of a job that is committed, and says how the job ended.
    ///
    /// A checkpoint that stays is harmless, as the row decides, and expires. So the job is done even if it cannot be
    /// removed.
    pub(super) async fn finished(
        &self,
        row: JobRow,
        finished: Finished,
        attempt: &Attempt,
        deadline: Deadline,
    ) -> Outcome {
        let job = &row.completion.job_id;
        if attempt.saved
            && let Err(error) = self.lake.delete_checkpoint(job, deadline.answer()).await
        {
            tracing::warn!(%job, error = error.with_sources(), "the checkpoint of a committed job was not deleted");
        }
        match finished {
            Finished::Committed => Outcome::Exported(Box::new(row)),
            Finished::ByAnother | Finished::FilesMissing => Outcome::CommittedByAnother,
        }
    }
}
