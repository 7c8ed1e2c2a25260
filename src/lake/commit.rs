//! The commit of a job: its row in `jobs`, and the conditions under which the row is written.

use bytes::Bytes;

use super::LakeJob;
use super::requests::{Condition, Put, PutOutcome, StoredObject, has_content};
use crate::aws::call::ErrorClass;
use crate::error::Error;
use crate::table::aggregation::{Aggregation, Aggregations};
use crate::table::schema::SCHEMA_VERSION;

/// User metadata of a job's row: the version of layout and columns. With it, a HEAD shows what was committed.
const META_SCHEMA_VERSION: &str = "schema-version";
/// User metadata of a job's row: the exported aggregations, separated by commas.
const META_AGGREGATE_BY: &str = "aggregate-by";
/// User metadata of a job's row: present if a replacing export wrote the row.
const META_REPLACED: &str = "replaced";

/// The user metadata of a job's row. A copy of the object may have lost some of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommitMetadata {
    /// Version of layout and columns.
    pub(crate) schema_version: Option<String>,
    /// The exported aggregations, separated by commas.
    pub(crate) aggregate_by: Option<String>,
    /// True if a replacing export committed the job.
    pub(crate) replaced: bool,
}

/// The commit of a job, as a HEAD of its row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingCommit {
    /// The metadata of the row.
    pub(crate) metadata: CommitMetadata,
    /// The `ETag` of the row.
    pub(crate) e_tag: String,
}

/// The outcome of writing a job's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitOutcome {
    /// The row was written.
    Committed,
    /// The condition failed because an earlier attempt of this call had written the row, and its reply was lost.
    AlreadyCommitted,
    /// The condition failed: another row exists, or the row to be replaced has changed.
    Refused,
}

impl CommitMetadata {
    /// Returns the metadata that this build writes for an export of these aggregations.
    pub(crate) fn of(aggregations: &Aggregations, replaced: bool) -> Self {
        let (schema_version, aggregate_by) = (SCHEMA_VERSION.to_string(), aggregations.to_string());
        Self { schema_version: Some(schema_version), aggregate_by: Some(aggregate_by), replaced }
    }

    /// Returns true if the metadata lists the exported aggregations and this one is not among them.
    pub(crate) fn lacks(&self, aggregation: Aggregation) -> bool {
        let names = |list: &String| list.split(',').any(|name| name == aggregation.name());
        self.aggregate_by.as_ref().is_some_and(|list| !names(list))
    }

    /// Returns true if schema version or aggregations differ. A value that is missing on one side does not count as a
    /// difference.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        let contradict = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        contradict(&self.schema_version, &other.schema_version) || contradict(&self.aggregate_by, &other.aggregate_by)
    }

    fn to_user_metadata(&self) -> Vec<(&'static str, String)> {
        let metadata = [
            (META_SCHEMA_VERSION, self.schema_version.clone()),
            (META_AGGREGATE_BY, self.aggregate_by.clone()),
            (META_REPLACED, self.replaced.then(|| "true".to_owned())),
        ];
        metadata.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl LakeJob<'_> {
    /// Returns the commit of the job, or `None` if the job is not committed. Makes one HEAD request.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied` (S3 also returns it for a missing key if the role lacks `s3:ListBucket`),
    /// `Throttled`, `Storage`.
    pub async fn find_commit(&self) -> Result<Option<ExistingCommit>, Error> {
        let key = self.lake.layout.commit_key(self.job)?;
        let Some(head) = self.head(&key).await? else { return Ok(None) };
        let metadata = |name| head.metadata()?.get(name).cloned();
        let metadata = CommitMetadata {
            schema_version: metadata(META_SCHEMA_VERSION),
            aggregate_by: metadata(META_AGGREGATE_BY),
            replaced: metadata(META_REPLACED).is_some(),
        };
        Ok(Some(ExistingCommit { metadata, e_tag: head.e_tag().unwrap_or_default().to_owned() }))
    }

    /// Returns the job's row in `jobs` as a Parquet file, or `None` if the job is not committed.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub async fn get_row(&self) -> Result<Option<StoredObject>, Error> {
        self.get(ErrorClass::Storage, &self.lake.layout.commit_key(self.job)?).await
    }

    /// Commits the job: writes its row to `jobs` if `condition` holds.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub(crate) async fn commit(
        &self,
        row: &Bytes,
        metadata: &CommitMetadata,
        condition: &Condition<String>,
    ) -> Result<CommitOutcome, Error> {
        let key = self.lake.layout.commit_key(self.job)?;
        let put = Put { condition: Some(condition.clone()), metadata: metadata.to_user_metadata() };
        match self.put(ErrorClass::Storage, &key, row, &put).await? {
            PutOutcome::Stored => Ok(CommitOutcome::Committed),
            PutOutcome::Refused { first_attempt: true } => Ok(CommitOutcome::Refused),
            PutOutcome::Refused { first_attempt: false } => {
                let head = self.head(&key).await?;
                let is_ours = head.is_some_and(|head| has_content(&head, row));
                Ok(if is_ours { CommitOutcome::AlreadyCommitted } else { CommitOutcome::Refused })
            }
        }
    }

    /// Deletes the job's row, so that readers no longer see the job as complete. Succeeds if the job is not committed.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub async fn delete_commit(&self) -> Result<(), Error> {
        self.delete(ErrorClass::Storage, &self.lake.layout.commit_key(self.job)?).await
    }
}
