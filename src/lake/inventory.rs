//! What the lake has of a job, for those who look after it. The function itself only needs the saved state.

use std::collections::HashSet;
use std::time::SystemTime;

use aws_sdk_s3::operation::get_object::GetObjectError;
use bytes::Bytes;
use tokio::time::Instant;

use super::Lake;
use crate::aws::call::ErrorClass;
use crate::aws::retry::retry_until;
use crate::error::Error;
use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::layout::{LabelPartition, Layout, ObjectKey};

/// An object with its bytes.
#[derive(Clone, Debug)]
pub struct Saved {
    /// All of it.
    pub bytes: Bytes,
    /// When it was written, if the store says so.
    pub at: Option<SystemTime>,
}

/// An object in a partition of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeFile {
    /// The label of its partition; `None` if it is no Parquet file of a partition.
    pub label: Option<LabelPartition>,
    /// Its size.
    pub bytes: u64,
}

impl Lake {
    /// Where things are in the bucket.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The job's row in `jobs`, as Parquet, if the job is committed.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub async fn row(&self, job: &JobId, until: Instant) -> Result<Option<Saved>, Error> {
        self.get(ErrorClass::Storage, job, &self.layout.commit(job)?, until).await
    }

    /// The saved state of a job, and when it was saved, if there is one.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Checkpoint`.
    pub async fn saved_checkpoint(&self, job: &JobId, until: Instant) -> Result<Option<Saved>, Error> {
        self.get(ErrorClass::Checkpoint, job, &self.layout.checkpoint(job)?, until).await
    }

    /// The objects of a job in a table, by their keys.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Storage`.
    pub async fn files(&self, aggregation: Aggregation, job: &JobId, until: Instant) -> Result<Vec<LakeFile>, Error> {
        let table = aggregation.table();
        let prefix = self.layout.partitions(table, job);
        let (mut files, mut after) = (Vec::new(), None);
        loop {
            let listing = self.list(job, &prefix, after, until).await?;
            files.extend(listing.contents().iter().map(|object| LakeFile {
                label: object.key().and_then(|key| self.layout.label_of(table, job, key)),
                bytes: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            }));
            after = listing.contents().last().and_then(|object| object.key()).map(str::to_owned);
            if after.is_none() || listing.is_truncated() != Some(true) {
                return Ok(files);
            }
        }
    }

    /// Removes all objects of a job in both tables.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Storage`.
    pub async fn delete_files(&self, job: &JobId, until: Instant) -> Result<(), Error> {
        for aggregation in Aggregation::ALL {
            self.delete_table_files(aggregation, job, until).await?;
        }
        Ok(())
    }

    /// Removes all objects of a job in one table.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Storage`.
    pub async fn delete_table_files(&self, aggregation: Aggregation, job: &JobId, until: Instant) -> Result<(), Error> {
        let prefix = self.layout.partitions(aggregation.table(), job);
        self.walk(job, &prefix, &HashSet::new(), true, until).await?;
        Ok(())
    }

    async fn get(
        &self,
        class: ErrorClass,
        job: &JobId,
        key: &ObjectKey,
        until: Instant,
    ) -> Result<Option<Saved>, Error> {
        let call = self.call(class, job, "s3:GetObject", key.as_str());
        retry_until(until, &call, || async {
            let request = self.client.get_object().bucket(&*self.bucket).key(key.as_str());
            match request.set_expected_bucket_owner(self.owner()).send().await {
                Ok(object) => {
                    let at = object.last_modified.and_then(|at| SystemTime::try_from(at).ok());
                    match object.body.collect().await {
                        Ok(body) => Ok(Some(Saved { bytes: body.into_bytes(), at })),
                        Err(error) => Err(call.failed(true, error.into())),
                    }
                }
                Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => Ok(None),
                Err(error) => Err(call.error(error)),
            }
        })
        .await
    }
}
