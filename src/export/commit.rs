//! The commit of a job: what it does not own is removed, its files are there, and its row is put.

use std::collections::HashSet;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Attempt, Exporter, Outcome};
use crate::error::Error;
use crate::lake::{Commit, Committed};
use crate::layout::Label;
use crate::pacing::Deadline;
use crate::parquet::encode_job;
use crate::protocol::{self, Refused};
use crate::rows::JobRow;
use crate::tables::Aggregation;

/// How often another export may change the row while this one commits.
const MAX_CONFLICTS: u32 = 10;

/// How a commit ended.
pub(super) enum Finished {
    Committed,
    ByAnother,
    /// Files of the row are gone: another copy, or a person, removed them.
    FilesMissing,
}

impl Exporter {
    /// Commits a job whose files and partitions are complete.
    ///
    /// An export that replaces first removes what it does not own. Every export looks whether its files are still there: a
    /// person who deletes the job, or an export that replaces, may have removed them.
    pub(super) async fn commit(&self, row: &JobRow, replaces: bool, until: Instant) -> Result<Finished, Error> {
        let job = &row.completion.job_id;
        let (bytes, commit) = (Bytes::from(encode_job(row)), Commit::of(&self.aggregations, replaces));
        for _ in 0..MAX_CONFLICTS {
            let found = if replaces { self.row(job, until).await? } else { None };
            if replaces {
                self.remove_other_partitions(row, until).await?;
            }
            if !self.lake.has_all_parts(row, replaces, until).await? {
                // An export that replaces removes what it does not own before it commits.
                if !replaces && self.lake.commit_of(job, until).await?.is_some() {
                    self.remove_unclaimed(row, until).await?;
                    return Ok(Finished::ByAnother);
                }
                return Ok(Finished::FilesMissing);
            }
            let condition = protocol::put_row(replaces, found);
            let committed = self.lake.commit(job, &bytes, &commit, &condition, until).await?;
            if committed == Committed::Yes {
                return Ok(Finished::Committed);
            }
            match protocol::refused(replaces, committed == Committed::Already) {
                Refused::Committed => return Ok(Finished::Committed),
                Refused::ByAnother => {
                    self.remove_unclaimed(row, until).await?;
                    return Ok(Finished::ByAnother);
                }
                Refused::Again => {}
            }
        }
        Err(self.lake.commit_failed(job, &format!("another export changed the row {MAX_CONFLICTS} times")))
    }

    /// Removes the partitions of a job that its row does not own: before their files, so that no query looks for a file
    /// that is gone.
    async fn remove_other_partitions(&self, row: &JobRow, until: Instant) -> Result<(), Error> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        for aggregation in Aggregation::ALL {
            let kept = row.labels_in(aggregation).map(Label::partition_value).collect();
            catalog.table(&row.completion.job_id, aggregation.table(), until).remove_others(&kept).await?;
        }
        Ok(())
    }

    /// Removes what this export wrote to a table that the committed row lacks: a copy with other settings was first.
    async fn remove_unclaimed(&self, row: &JobRow, until: Instant) -> Result<(), Error> {
        let job = &row.completion.job_id;
        for &aggregation in &self.aggregations {
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
