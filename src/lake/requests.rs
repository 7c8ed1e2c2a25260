//! Requests to S3, each retried until the deadline of its [`LakeJob`].

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::SystemTime;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, Delete, Object, ObjectIdentifier};
use bytes::Bytes;

use super::LakeJob;
use crate::aws::call::{Call, ErrorClass};
use crate::aws::retry::retry_until;
use crate::error::Error;
use crate::table::layout::ObjectKey;

/// The condition of a write. S3 checks it, so of several concurrent writers only one succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition<V> {
    /// The object does not exist: `If-None-Match: *`.
    Create,
    /// The object has this `ETag`: `If-Match`.
    Replace(V),
}

/// An object that was read from the lake.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// The content.
    pub bytes: Bytes,
    /// Time of the last write, if the store returns it.
    pub last_modified: Option<SystemTime>,
}

/// Options of a PUT.
#[derive(Debug, Default)]
pub(super) struct Put {
    /// Without a condition the PUT always replaces an existing object.
    pub(super) condition: Option<Condition<String>>,
    /// User metadata of the object.
    pub(super) metadata: Vec<(&'static str, String)>,
}

/// The outcome of a PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PutOutcome {
    /// The object was written.
    Stored,
    /// The condition failed. If this was not the first attempt, an earlier one may have written the object and lost its
    /// reply.
    Refused {
        /// True if no earlier attempt was made.
        first_attempt: bool,
    },
}

impl LakeJob<'_> {
    /// Returns the object with this key, or `None` if it does not exist.
    pub(super) async fn get(&self, class: ErrorClass, key: &ObjectKey) -> Result<Option<StoredObject>, Error> {
        let call = self.call(class, "s3:GetObject", key.as_str());
        retry_until(self.until, &call, || async {
            let request = self.lake.client.get_object().bucket(&*self.lake.bucket).key(key.as_str());
            match request.set_expected_bucket_owner(self.lake.owner()).send().await {
                Ok(object) => {
                    let last_modified = object.last_modified.and_then(|time| SystemTime::try_from(time).ok());
                    match object.body.collect().await {
                        Ok(body) => Ok(Some(StoredObject { bytes: body.into_bytes(), last_modified })),
                        Err(error) => Err(call.failed(true, error.into())),
                    }
                }
                Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => Ok(None),
                Err(error) => Err(call.error(error)),
            }
        })
        .await
    }

    /// Returns the headers of the object with this key, or `None` if it does not exist.
    pub(super) async fn head(&self, key: &ObjectKey) -> Result<Option<HeadObjectOutput>, Error> {
        // For a missing key, S3 returns 403 to a role that may not list the bucket.
        let call = self.call(ErrorClass::Storage, "s3:GetObject and s3:ListBucket", key.as_str());
        retry_until(self.until, &call, || async {
            let request = self.lake.client.head_object().bucket(&*self.lake.bucket).key(key.as_str());
            let request = request.checksum_mode(ChecksumMode::Enabled).set_expected_bucket_owner(self.lake.owner());
            match request.send().await {
                Ok(head) => Ok(Some(head)),
                Err(error) if matches!(error.as_service_error(), Some(HeadObjectError::NotFound(_))) => Ok(None),
                Err(error) => Err(call.error(error)),
            }
        })
        .await
    }

    /// Writes an object with its CRC-32.
    pub(super) async fn put(
        &self,
        class: ErrorClass,
        key: &ObjectKey,
        bytes: &Bytes,
        put: &Put,
    ) -> Result<PutOutcome, Error> {
        let call = self.call(class, "s3:PutObject", key.as_str());
        let attempts = AtomicU32::new(0);
        retry_until(self.until, &call, || async {
            attempts.fetch_add(1, Relaxed);
            let metadata = put.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let request = self
                .lake
                .client
                .put_object()
                .bucket(&*self.lake.bucket)
                .key(key.as_str())
                .body(ByteStream::from(bytes.clone()))
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .set_metadata(Some(metadata))
                .set_if_none_match(put.if_none_match())
                .set_if_match(put.if_match())
                .set_expected_bucket_owner(self.lake.owner());
            match request.send().await {
                Ok(_) => Ok(PutOutcome::Stored),
                Err(error) if put.is_refused_by(&error) => {
                    Ok(PutOutcome::Refused { first_attempt: attempts.load(Relaxed) == 1 })
                }
                Err(error) => Err(call.error(error)),
            }
        })
        .await
    }

    /// Deletes an object. Succeeds if it does not exist.
    pub(super) async fn delete(&self, class: ErrorClass, key: &ObjectKey) -> Result<(), Error> {
        let call = self.call(class, "s3:DeleteObject", key.as_str());
        retry_until(self.until, &call, || async {
            let request = self.lake.client.delete_object().bucket(&*self.lake.bucket).key(key.as_str());
            request.set_expected_bucket_owner(self.lake.owner()).send().await.map_err(|error| call.error(error))
        })
        .await?;
        Ok(())
    }

    /// Deletes at most 1,000 objects in one request. An error names `prefix`, which their keys start with.
    pub(super) async fn delete_batch(&self, prefix: &str, keys: &[&str]) -> Result<(), Error> {
        let call = self.call(ErrorClass::Storage, "s3:DeleteObject", prefix);
        let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(*key).build());
        let delete = objects.collect::<Result<_, _>>();
        let delete = delete.and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
        let delete = delete.map_err(|error| call.failed(false, error.into()))?;
        retry_until(self.until, &call, || async {
            let request = self.lake.client.delete_objects().bucket(&*self.lake.bucket).delete(delete.clone());
            let request = request.set_expected_bucket_owner(self.lake.owner());
            let reply = request.send().await.map_err(|error| call.error(error))?;
            // The status is 200 even if no key was deleted.
            match reply.errors().first() {
                None => Ok(()),
                Some(error) => Err(call.refused(error.code().unwrap_or_default(), format!("{error:?}").into())),
            }
        })
        .await
    }

    /// Starts to list the objects whose keys begin with `prefix`.
    pub(super) fn list(&self, prefix: String) -> Listing<'_> {
        Listing { objects_of: self, prefix, after: None, is_finished: false }
    }

    async fn list_after(&self, prefix: &str, after: Option<&str>) -> Result<ListObjectsV2Output, Error> {
        let call = self.call(ErrorClass::Storage, "s3:ListBucket", prefix);
        retry_until(self.until, &call, || async {
            let request = self.lake.client.list_objects_v2().bucket(&*self.lake.bucket).prefix(prefix);
            let request =
                request.set_start_after(after.map(str::to_owned)).set_expected_bucket_owner(self.lake.owner());
            request.send().await.map_err(|error| call.error(error))
        })
        .await
    }

    pub(super) fn call(&self, class: ErrorClass, action: &'static str, key: &str) -> Call<'_> {
        self.lake.call(class, self.job, action, key)
    }
}

/// A listing in progress.
///
/// Each request starts after the last key seen, so objects may be deleted between two pages.
pub(super) struct Listing<'a> {
    objects_of: &'a LakeJob<'a>,
    prefix: String,
    after: Option<String>,
    is_finished: bool,
}

impl Listing<'_> {
    /// Returns the next objects, at most 1,000 in the order of their keys, or `None` at the end.
    pub(super) async fn next_page(&mut self) -> Result<Option<Vec<Object>>, Error> {
        if self.is_finished {
            return Ok(None);
        }
        let page = self.objects_of.list_after(&self.prefix, self.after.as_deref()).await?;
        self.after = page.contents().last().and_then(|object| object.key()).map(str::to_owned);
        self.is_finished = self.after.is_none() || page.is_truncated() != Some(true);
        Ok(Some(page.contents.unwrap_or_default()))
    }
}

impl Put {
    fn if_none_match(&self) -> Option<String> {
        matches!(self.condition, Some(Condition::Create)).then(|| "*".to_owned())
    }

    fn if_match(&self) -> Option<String> {
        match &self.condition {
            Some(Condition::Replace(e_tag)) => Some(e_tag.clone()),
            Some(Condition::Create) | None => None,
        }
    }

    /// Returns true if the condition failed: S3 returns 412, or 404 if the object to be replaced is gone. A retry of a
    /// write whose reply was lost gets a 412 as well.
    fn is_refused_by(&self, error: &SdkError<PutObjectError, HttpResponse>) -> bool {
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(412) => self.condition.is_some(),
            Some(404) => {
                matches!(self.condition, Some(Condition::Replace(_)))
                    && error.as_service_error().is_some_and(|error| error.code() == Some("NoSuchKey"))
            }
            _ => false,
        }
    }
}

/// Returns true if an object has these bytes, by length and CRC-32. Returns false for a store that keeps no checksums.
pub(super) fn has_content(head: &HeadObjectOutput, bytes: &Bytes) -> bool {
    head.content_length() == i64::try_from(bytes.len()).ok()
        && head.checksum_crc32().is_some_and(|crc32| crc32 == crc32_base64(bytes))
}

fn crc32_base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(crc32fast::hash(bytes).to_be_bytes())
}
