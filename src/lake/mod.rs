//! The lake in S3: the objects of each job, and the requests that read and write them.
//!
//! [`Lake::job`] binds a job and a deadline. The methods of [`LakeJob`] are in one file for each kind of object: the
//! Parquet files of labels (`files.rs`), the job's row in `jobs` (`commit.rs`), and the checkpoint of an export in
//! progress (`checkpoint.rs`).

mod checkpoint;
mod commit;
mod files;
mod requests;
pub(crate) mod uploads;

use std::sync::Arc;

use aws_sdk_s3::Client;
use tokio::time::Instant;

use crate::aws::call::{Call, ErrorClass};
use crate::aws::caller::Caller;
use crate::aws::names::{AccountId, BucketName, KeyPrefix};
use crate::error::Error;
use crate::glue::catalog::{Partition, TablePartitions};
use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::layout::{LabelPartition, Layout};
use crate::table::schema::Table;

pub use self::commit::ExistingCommit;
pub(crate) use self::commit::{CommitMetadata, CommitOutcome};
pub use self::files::LakeFile;
pub(crate) use self::files::PartOutcome;
pub use self::requests::{Condition, StoredObject};

/// A lake: a bucket and a key prefix in it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    client: Client,
    bucket: Arc<str>,
    owner: Option<Arc<str>>,
    layout: Arc<Layout>,
    caller: Caller,
}

/// The objects of one job, with the deadline for requests to them.
///
/// Failed requests are retried until the deadline if a retry can succeed.
#[derive(Clone, Copy, Debug)]
pub struct LakeJob<'a> {
    lake: &'a Lake,
    job: &'a JobId,
    until: Instant,
}

impl Lake {
    /// Creates a lake below `prefix` in `bucket`. If `owner` is given, S3 rejects requests when the bucket belongs to
    /// another account.
    pub fn new(client: Client, bucket: &BucketName, prefix: &KeyPrefix, owner: Option<&AccountId>) -> Self {
        let (bucket, owner) = (bucket.as_str().into(), owner.map(|id| Arc::from(id.as_str())));
        Self { client, bucket, owner, layout: Arc::new(Layout::new(prefix)), caller: Caller::Function }
    }

    /// Returns the lake for calls of this program.
    #[must_use]
    pub fn with_caller(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    /// Returns the keys of the lake.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the URL of the folder of a table.
    pub fn table_url(&self, table: &Table) -> String {
        format!("s3://{}/{}", self.bucket, self.layout.table_prefix(table))
    }

    /// Returns the objects of a job. Requests to them are retried until `until`.
    pub fn job<'a>(&'a self, job: &'a JobId, until: Instant) -> LakeJob<'a> {
        LakeJob { lake: self, job, until }
    }

    /// Returns the partitions that the catalog should have for these labels of a job.
    pub fn partitions<'a>(
        &self,
        aggregation: Aggregation,
        job: &JobId,
        labels: impl Iterator<Item = &'a LabelPartition>,
    ) -> TablePartitions {
        let table = aggregation.table();
        let partitions = labels.map(|label| Partition {
            values: [job.to_string(), label.partition_value().to_owned()],
            location: format!("s3://{}/{}", self.bucket, self.layout.partition_prefix(table, job, label)),
        });
        TablePartitions { table, partitions: partitions.collect() }
    }

    /// Returns a retryable [`Error::Storage`] for a commit that failed although S3 returned no error.
    pub(crate) fn commit_error(&self, job: &JobId, reason: &str) -> Error {
        match self.layout.commit_key(job) {
            Ok(key) => self.call(ErrorClass::Storage, job, "s3:PutObject", key.as_str()).failed(true, reason.into()),
            Err(error) => error,
        }
    }

    fn owner(&self) -> Option<String> {
        self.owner.as_deref().map(str::to_owned)
    }

    fn call<'a>(&self, class: ErrorClass, job: &'a JobId, action: &'static str, key: &str) -> Call<'a> {
        let region = self.client.config().region().map(ToString::to_string);
        Call { job, class, action, resource: format!("s3://{}/{key}", self.bucket), region, caller: self.caller }
    }
}
