//! The Parquet files of a job: one per label in each table.

use std::collections::HashSet;

use bytes::Bytes;

use super::LakeJob;
use super::requests::{Condition, Put, PutOutcome, StoredObject, has_content};
use crate::aws::call::ErrorClass;
use crate::error::Error;
use crate::table::aggregation::Aggregation;
use crate::table::grouping::Completeness;
use crate::table::layout::{LabelPartition, ObjectKey};
use crate::table::rows::JobRow;

/// Number of times that a file may change between the HEAD and the PUT that replaces it. Each copy of an export writes
/// a file once, so more than one change is rare.
const MAX_CONFLICTS: u32 = 10;
/// User metadata of a file that was written after the last page of the job, and therefore has all rows of its label.
const META_COMPLETE: &str = "whole";

/// An object in a partition of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeFile {
    /// The label of the partition; `None` if the object is not a Parquet file in a partition.
    pub label: Option<LabelPartition>,
    /// Size in bytes.
    pub bytes: u64,
}

/// The outcome of writing the file of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartOutcome {
    /// The lake has a file with these bytes.
    Stored,
    /// The lake has a complete file with other bytes, and keeps it. It was written by a copy of this export that found
    /// that the pages are not grouped by label.
    KeptComplete,
}

impl LakeJob<'_> {
    /// Writes the file of a label.
    ///
    /// A complete file always replaces an existing one. A provisional file is written only if the lake does not have
    /// the same bytes already, so that a late or duplicate copy of the export does not rewrite a file that a query may
    /// be reading. It replaces a file with other bytes (from another build, or another reply), but never a complete
    /// one.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub(crate) async fn put_part(
        &self,
        aggregation: Aggregation,
        label: &LabelPartition,
        bytes: Bytes,
        completeness: Completeness,
    ) -> Result<PartOutcome, Error> {
        let key = self.lake.layout.part_key(aggregation.table(), self.job, label)?;
        if completeness == Completeness::Complete {
            let put = Put { condition: None, metadata: vec![(META_COMPLETE, "true".to_owned())] };
            self.put(ErrorClass::Storage, &key, &bytes, &put).await?;
            return Ok(PartOutcome::Stored);
        }
        let mut condition = Condition::Create;
        for _ in 0..MAX_CONFLICTS {
            let put = Put { condition: Some(condition), metadata: Vec::new() };
            if self.put(ErrorClass::Storage, &key, &bytes, &put).await? == PutOutcome::Stored {
                return Ok(PartOutcome::Stored);
            }
            condition = match self.head(&key).await? {
                Some(head) if has_content(&head, &bytes) => return Ok(PartOutcome::Stored),
                Some(head) if head.metadata().is_some_and(|metadata| metadata.contains_key(META_COMPLETE)) => {
                    return Ok(PartOutcome::KeptComplete);
                }
                Some(head) => Condition::Replace(head.e_tag().unwrap_or_default().to_owned()),
                None => Condition::Create,
            };
        }
        let call = self.call(ErrorClass::Storage, "s3:PutObject", key.as_str());
        Err(call.failed(true, format!("another writer changed the object {MAX_CONFLICTS} times").into()))
    }

    /// Returns an object of the job, or `None` if the lake does not have it.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Storage`.
    pub async fn get_object(&self, key: &ObjectKey) -> Result<Option<StoredObject>, Error> {
        self.get(ErrorClass::Storage, key).await
    }

    /// Returns the objects of the job in a table, in the order of their keys.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Storage`.
    pub async fn list_files(&self, aggregation: Aggregation) -> Result<Vec<LakeFile>, Error> {
        let (layout, table) = (&self.lake.layout, aggregation.table());
        let mut listing = self.list(layout.job_prefix(table, self.job));
        let mut files = Vec::new();
        while let Some(objects) = listing.next_page().await? {
            files.extend(objects.iter().map(|object| LakeFile {
                label: object.key().and_then(|key| layout.label_from_key(table, self.job, key)),
                bytes: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            }));
        }
        Ok(files)
    }

    /// Returns true if the lake has every file of a job's row. If `delete_others` is set, also deletes all other
    /// objects of the job in these tables. Stops at the first table in which a file is missing.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub(crate) async fn verify_parts(
        &self,
        row: &JobRow,
        tables: &[Aggregation],
        delete_others: bool,
    ) -> Result<bool, Error> {
        for &aggregation in tables {
            let mut parts = HashSet::new();
            for label in row.labels_in(aggregation) {
                parts.insert(self.lake.layout.part_key(aggregation.table(), self.job, label)?);
            }
            if parts.is_empty() && !delete_others {
                continue;
            }
            let parts: HashSet<_> = parts.iter().map(ObjectKey::as_str).collect();
            let found = self.scan(aggregation, &parts, delete_others).await?;
            if found < parts.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Deletes all objects of the job in both tables.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Storage`.
    pub async fn delete_files(&self) -> Result<(), Error> {
        for aggregation in Aggregation::ALL {
            self.delete_table_files(aggregation).await?;
        }
        Ok(())
    }

    /// Deletes all objects of the job in one table.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Storage`.
    pub(crate) async fn delete_table_files(&self, aggregation: Aggregation) -> Result<(), Error> {
        self.scan(aggregation, &HashSet::new(), true).await?;
        Ok(())
    }

    /// Lists the objects of the job in a table, and returns how many of the `expected` keys exist. If `delete_others`
    /// is set, deletes the objects with other keys.
    async fn scan(
        &self,
        aggregation: Aggregation,
        expected: &HashSet<&str>,
        delete_others: bool,
    ) -> Result<usize, Error> {
        let prefix = self.lake.layout.job_prefix(aggregation.table(), self.job);
        let mut listing = self.list(prefix.clone());
        let mut found = 0;
        while let Some(objects) = listing.next_page().await? {
            let keys = objects.iter().filter_map(|object| object.key());
            let (ours, others): (Vec<_>, Vec<_>) = keys.partition(|key| expected.contains(key));
            found += ours.len();
            if delete_others && !others.is_empty() {
                self.delete_batch(&prefix, &others).await?;
            }
        }
        Ok(found)
    }
}
