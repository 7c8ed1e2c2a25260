//! The objects of the lake in S3.

mod inventory;
pub mod uploads;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, Delete, ObjectIdentifier};
use bytes::Bytes;
use tokio::time::Instant;

use crate::aws::call::{Call, ErrorClass};
use crate::aws::names::{AccountId, BucketName, KeyPrefix};
use crate::aws::retry::retry_until;
use crate::error::Error;
use crate::export::protocol::PutRow;
use crate::glue::catalog::{Partition, TablePartitions};
use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::grouping::Completeness;
use crate::table::layout::{LabelPartition, Layout, ObjectKey};
use crate::table::rows::JobRow;
use crate::table::schema::SCHEMA_VERSION;

pub use self::inventory::{LakeFile, Saved};

/// How often a file may be found to be another than the one that was looked at. Each copy of an export writes a file
/// once, so that twice is rare.
const MAX_CONFLICTS: u32 = 10;
/// User metadata of a job's row, so that a HEAD shows what was committed.
const META_SCHEMA_VERSION: &str = "schema-version";
/// As above: the aggregations, with commas.
const META_AGGREGATE_BY: &str = "aggregate-by";
/// As above: an export that replaces wrote the row.
const META_REPLACED: &str = "replaced";
/// User metadata of a file that was written after the job's last page, and so cannot lack a row.
const META_COMPLETE: &str = "whole";

/// One lake: a bucket, and a prefix in it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    client: Client,
    bucket: Arc<str>,
    owner: Option<Arc<str>>,
    layout: Arc<Layout>,
}

/// What a job was committed with, as far as its row's object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The version of the layout.
    pub schema_version: Option<String>,
    /// The aggregations, with commas.
    pub aggregate_by: Option<String>,
    /// True if an export that replaces committed it.
    pub replaced: bool,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The row is in the lake.
    Yes,
    /// Its condition does not hold, but the row is this one: the reply to an earlier attempt was lost.
    Already,
    /// Its condition does not hold.
    Refused,
}

impl Commit {
    /// What this build commits for these aggregations.
    pub fn of(aggregations: &[Aggregation], replaced: bool) -> Self {
        let names: Vec<_> = aggregations.iter().map(|aggregation| aggregation.name()).collect();
        Self { schema_version: Some(SCHEMA_VERSION.to_string()), aggregate_by: Some(names.join(",")), replaced }
    }

    /// Returns true if the object says that this aggregation is not in the lake.
    pub fn lacks(&self, aggregation: Aggregation) -> bool {
        let names = |list: &String| list.split(',').any(|name| name == aggregation.name());
        self.aggregate_by.as_ref().is_some_and(|list| !names(list))
    }

    /// Whether both say something else. A copy of an object may have lost what it said.
    pub fn contradicts(&self, other: &Self) -> bool {
        let contradict = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        contradict(&self.schema_version, &other.schema_version) || contradict(&self.aggregate_by, &other.aggregate_by)
    }
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is in the lake.
    Yes,
    /// The lake has another, made by an export that found the pages not grouped by label.
    KeptComplete,
}

impl Lake {
    /// The lake below `prefix` in `bucket`; with `owner`, S3 refuses a bucket of another account.
    pub fn new(client: Client, bucket: &BucketName, prefix: &KeyPrefix, owner: Option<&AccountId>) -> Self {
        let (bucket, owner) = (bucket.as_str().into(), owner.map(|id| Arc::from(id.as_str())));
        Self { client, bucket, owner, layout: Arc::new(Layout::new(prefix)) }
    }

    /// Returns what the job is committed with, and the ETag of its row, if it is committed: one HEAD.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied` (which S3 also answers for a missing key without `s3:ListBucket`), `Throttled`,
    /// `Storage`.
    pub async fn commit_of(&self, job: &JobId, until: Instant) -> Result<Option<(Commit, String)>, Error> {
        let key = self.layout.commit(job)?;
        let Some(head) = self.head(job, &key, until).await? else { return Ok(None) };
        let metadata = |name| head.metadata()?.get(name).cloned();
        let commit = Commit {
            schema_version: metadata(META_SCHEMA_VERSION),
            aggregate_by: metadata(META_AGGREGATE_BY),
            replaced: metadata(META_REPLACED).is_some(),
        };
        Ok(Some((commit, head.e_tag().unwrap_or_default().to_owned())))
    }

    /// Stores the file of a label.
    ///
    /// A file is created, or found there already with the same bytes. So a copy of this export that is late, or
    /// duplicated, writes nothing that a query may be reading. Other bytes are replaced (another build, another
    /// reply), but never those of an export that saw the whole job by those of one that relies on the order of its
    /// pages.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub async fn put_part(
        &self,
        job: &JobId,
        aggregation: Aggregation,
        label: &LabelPartition,
        bytes: Bytes,
        completeness: Completeness,
        until: Instant,
    ) -> Result<Stored, Error> {
        let key = self.layout.part(aggregation.table(), job, label)?;
        if completeness == Completeness::Complete {
            let put = Put { metadata: vec![(META_COMPLETE, "true".to_owned())], ..Put::always() };
            self.put(ErrorClass::Storage, job, &key, &bytes, &put, until).await?;
            return Ok(Stored::Yes);
        }
        let mut put = Put::create();
        for _ in 0..MAX_CONFLICTS {
            if self.put(ErrorClass::Storage, job, &key, &bytes, &put, until).await? == PutEnd::Stored {
                return Ok(Stored::Yes);
            }
            put = match self.head(job, &key, until).await? {
                Some(head) if holds(&head, &bytes) => return Ok(Stored::Yes),
                Some(head) if head.metadata().is_some_and(|metadata| metadata.contains_key(META_COMPLETE)) => {
                    return Ok(Stored::KeptComplete);
                }
                Some(head) => Put::replace(head.e_tag().unwrap_or_default()),
                None => Put::create(),
            };
        }
        let call = self.call(ErrorClass::Storage, job, "s3:PutObject", key.as_str());
        Err(call.failed(true, format!("another writer was first {MAX_CONFLICTS} times").into()))
    }

    /// The partitions of a job with these labels, as a catalog has to know them.
    pub fn partitions<'a>(
        &self,
        aggregation: Aggregation,
        job: &JobId,
        labels: impl Iterator<Item = &'a LabelPartition>,
    ) -> TablePartitions {
        let table = aggregation.table();
        let partitions = labels.map(|label| Partition {
            values: [job.to_string(), label.partition_value().to_owned()],
            location: format!("s3://{}/{}", self.bucket, self.layout.partition(table, job, label)),
        });
        (table, partitions.collect())
    }

    /// Commits the job: puts its row in `jobs`, under a condition.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub async fn commit(
        &self,
        job: &JobId,
        row: &Bytes,
        commit: &Commit,
        condition: &PutRow<String>,
        until: Instant,
    ) -> Result<Committed, Error> {
        let key = self.layout.commit(job)?;
        let mut put = match condition {
            PutRow::Create => Put::create(),
            PutRow::Replace(e_tag) => Put::replace(e_tag),
        };
        let replaced = commit.replaced.then(|| "true".to_owned());
        let metadata = [
            (META_SCHEMA_VERSION, commit.schema_version.clone()),
            (META_AGGREGATE_BY, commit.aggregate_by.clone()),
            (META_REPLACED, replaced),
        ];
        put.metadata = metadata.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        match self.put(ErrorClass::Storage, job, &key, row, &put, until).await? {
            PutEnd::Stored => Ok(Committed::Yes),
            PutEnd::Refused { first_attempt: true } => Ok(Committed::Refused),
            PutEnd::Refused { first_attempt: false } => {
                let head = self.head(job, &key, until).await?;
                let is_ours = head.is_some_and(|head| holds(&head, row));
                Ok(if is_ours { Committed::Already } else { Committed::Refused })
            }
        }
    }

    /// The error of a commit that cannot be made for now, for a reason that is no reply of S3.
    pub(crate) fn commit_failed(&self, job: &JobId, reason: &str) -> Error {
        match self.layout.commit(job) {
            Ok(key) => self.call(ErrorClass::Storage, job, "s3:PutObject", key.as_str()).failed(true, reason.into()),
            Err(error) => error,
        }
    }

    /// Takes back the commit of a job, so that no reader takes it for complete.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub async fn delete_commit(&self, job: &JobId, until: Instant) -> Result<(), Error> {
        self.delete(ErrorClass::Storage, job, &self.layout.commit(job)?, until).await
    }

    /// Returns true if all files of a job's row are in the lake. With `remove_others`, the job's other files in these
    /// tables are removed.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Storage`.
    pub async fn has_all_parts(
        &self,
        row: &JobRow,
        tables: &[Aggregation],
        remove_others: bool,
        until: Instant,
    ) -> Result<bool, Error> {
        let job = &row.completion.job_id;
        for &aggregation in tables {
            let mut parts = HashSet::new();
            for label in row.labels_in(aggregation) {
                parts.insert(self.layout.part(aggregation.table(), job, label)?);
            }
            if parts.is_empty() && !remove_others {
                continue;
            }
            let parts: HashSet<_> = parts.iter().map(ObjectKey::as_str).collect();
            let prefix = self.layout.partitions(aggregation.table(), job);
            let found = self.walk(job, &prefix, &parts, remove_others, until).await?;
            if found < parts.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Saves a job that is under way.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Checkpoint`.
    pub async fn put_checkpoint(&self, job: &JobId, bytes: Vec<u8>, until: Instant) -> Result<(), Error> {
        let key = self.layout.checkpoint(job)?;
        tracing::debug!(%job, size_bytes = bytes.len(), "saving a checkpoint");
        self.put(ErrorClass::Checkpoint, job, &key, &bytes.into(), &Put::always(), until).await?;
        Ok(())
    }

    /// The saved state of a job, if there is one.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Checkpoint`.
    pub async fn get_checkpoint(&self, job: &JobId, until: Instant) -> Result<Option<Bytes>, Error> {
        Ok(self.saved_checkpoint(job, until).await?.map(|saved| saved.bytes))
    }

    /// Removes the saved state of a job, if there is one.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Checkpoint`.
    pub async fn delete_checkpoint(&self, job: &JobId, until: Instant) -> Result<(), Error> {
        self.delete(ErrorClass::Checkpoint, job, &self.layout.checkpoint(job)?, until).await
    }

    async fn delete(&self, class: ErrorClass, job: &JobId, key: &ObjectKey, until: Instant) -> Result<(), Error> {
        let call = self.call(class, job, "s3:DeleteObject", key.as_str());
        retry_until(until, &call, || async {
            let request = self.client.delete_object().bucket(&*self.bucket).key(key.as_str());
            request.set_expected_bucket_owner(self.owner()).send().await.map_err(|error| call.error(error))
        })
        .await?;
        Ok(())
    }

    /// Lists the objects below a prefix, and returns how many of these keys are there. With `remove_others`, the others
    /// are removed.
    async fn walk(
        &self,
        job: &JobId,
        prefix: &str,
        expected: &HashSet<&str>,
        remove_others: bool,
        until: Instant,
    ) -> Result<usize, Error> {
        let (mut found, mut after) = (0, None);
        loop {
            let listing = self.list(job, prefix, after, until).await?;
            let keys: Vec<_> = listing.contents().iter().filter_map(|object| object.key()).collect();
            let Some(last) = keys.last() else { return Ok(found) };
            after = Some((*last).to_owned());
            let (ours, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| expected.contains(key));
            found += ours.len();
            if remove_others && !others.is_empty() {
                self.delete_all(job, prefix, &others, until).await?;
            }
            if listing.is_truncated() != Some(true) {
                return Ok(found);
            }
        }
    }

    /// Lists at most a thousand objects below a prefix, those after a key.
    async fn list(
        &self,
        job: &JobId,
        prefix: &str,
        after: Option<String>,
        until: Instant,
    ) -> Result<ListObjectsV2Output, Error> {
        let call = self.call(ErrorClass::Storage, job, "s3:ListBucket", prefix);
        retry_until(until, &call, || async {
            let request = self.client.list_objects_v2().bucket(&*self.bucket).prefix(prefix);
            let request = request.set_start_after(after.clone()).set_expected_bucket_owner(self.owner());
            request.send().await.map_err(|error| call.error(error))
        })
        .await
    }

    async fn delete_all(&self, job: &JobId, prefix: &str, keys: &[&str], until: Instant) -> Result<(), Error> {
        let call = self.call(ErrorClass::Storage, job, "s3:DeleteObject", prefix);
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(*key).build());
        let delete = objects.collect::<Result<_, _>>();
        let delete = delete.and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
        let delete = delete.map_err(|error| call.failed(false, error.into()))?;
        retry_until(until, &call, || async {
            let request = self.client.delete_objects().bucket(&*self.bucket).delete(delete.clone());
            let request = request.set_expected_bucket_owner(self.owner());
            let reply = request.send().await.map_err(|error| call.error(error))?;
            // The reply is a success even if not one of the keys was deleted.
            match reply.errors().first() {
                None => Ok(()),
                Some(error) => Err(call.refused(error.code().unwrap_or_default(), format!("{error:?}").into())),
            }
        })
        .await
    }

    async fn head(&self, job: &JobId, key: &ObjectKey, until: Instant) -> Result<Option<HeadObjectOutput>, Error> {
        // For a key that is not there S3 answers 403 to a role that may not list the bucket.
        let call = self.call(ErrorClass::Storage, job, "s3:GetObject and s3:ListBucket", key.as_str());
        retry_until(until, &call, || async {
            let request = self.client.head_object().bucket(&*self.bucket).key(key.as_str());
            let request = request.checksum_mode(ChecksumMode::Enabled).set_expected_bucket_owner(self.owner());
            match request.send().await {
                Ok(head) => Ok(Some(head)),
                Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => Ok(None),
                Err(error) => Err(call.error(error)),
            }
        })
        .await
    }

    async fn put(
        &self,
        class: ErrorClass,
        job: &JobId,
        key: &ObjectKey,
        bytes: &Bytes,
        put: &Put,
        until: Instant,
    ) -> Result<PutEnd, Error> {
        let call = self.call(class, job, "s3:PutObject", key.as_str());
        let attempts = AtomicU32::new(0);
        retry_until(until, &call, || async {
            attempts.fetch_add(1, Relaxed);
            let metadata = put.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let request = self
                .client
                .put_object()
                .bucket(&*self.bucket)
                .key(key.as_str())
                .body(ByteStream::from(bytes.clone()))
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .set_metadata(Some(metadata))
                .set_if_none_match(put.only_if_absent.then(|| "*".to_owned()))
                .set_if_match(put.only_if.clone())
                .set_expected_bucket_owner(self.owner());
            match request.send().await {
                Ok(_) => Ok(PutEnd::Stored),
                Err(error) if put.is_refused_by(&error) => {
                    Ok(PutEnd::Refused { first_attempt: attempts.load(Relaxed) == 1 })
                }
                Err(error) => Err(call.error(error)),
            }
        })
        .await
    }

    fn owner(&self) -> Option<String> {
        self.owner.as_deref().map(str::to_owned)
    }

    fn call<'a>(&self, class: ErrorClass, job: &'a JobId, action: &'static str, key: &str) -> Call<'a> {
        let region = self.client.config().region().map(ToString::to_string);
        Call { job, class, action, resource: format!("s3://{}/{key}", self.bucket), region }
    }
}

/// How an object is put.
struct Put {
    only_if_absent: bool,
    /// The ETag that the object must have.
    only_if: Option<String>,
    metadata: Vec<(&'static str, String)>,
}

/// How a put ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PutEnd {
    Stored,
    /// Its condition does not hold. After the first attempt, that may be so because an earlier one was stored and its
    /// reply was lost.
    Refused {
        first_attempt: bool,
    },
}

impl Put {
    fn create() -> Self {
        Self { only_if_absent: true, only_if: None, metadata: Vec::new() }
    }

    fn replace(e_tag: &str) -> Self {
        Self { only_if_absent: false, only_if: Some(e_tag.to_owned()), metadata: Vec::new() }
    }

    fn always() -> Self {
        Self { only_if_absent: false, only_if: None, metadata: Vec::new() }
    }

    /// 412: the object is there, or is another. A lost reply to our own put, tried again, ends here too. With an
    /// ETag, 404 says that the object is gone.
    fn is_refused_by(&self, error: &SdkError<PutObjectError, aws_sdk_s3::config::http::HttpResponse>) -> bool {
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(412) => self.only_if_absent || self.only_if.is_some(),
            Some(404) => {
                self.only_if.is_some()
                    && error
                        .as_service_error()
                        .is_some_and(|error| aws_sdk_s3::error::ProvideErrorMetadata::code(error) == Some("NoSuchKey"))
            }
            _ => false,
        }
    }
}

/// Whether an object has these bytes: same length, same CRC-32. A store that keeps no checksum says no.
fn holds(head: &HeadObjectOutput, bytes: &Bytes) -> bool {
    head.content_length() == i64::try_from(bytes.len()).ok()
        && head.checksum_crc32().is_some_and(|crc32| crc32 == crc32_base64(bytes))
}

fn crc32_base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(crc32fast::hash(bytes).to_be_bytes())
}
