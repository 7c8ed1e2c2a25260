//! The S3 operations on the stores of the buckets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use s3s::dto::{
    ChecksumMode, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    ETagCondition, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
    HeadObjectOutput, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsV2Input, ListObjectsV2Output,
    PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use crate::s3::checksums;
use crate::s3::listing;
use crate::s3::object::{Condition, Object};
use crate::s3::store::Store;

/// The buckets, and the settings of their operations.
pub(crate) struct Buckets {
    pub(crate) stores: Vec<(String, Arc<Store>)>,
    pub(crate) listing_allowed: bool,
    pub(crate) put_latency: Duration,
}

impl Buckets {
    fn store(&self, bucket: &str) -> S3Result<&Store> {
        let found = self.stores.iter().find(|(name, _)| name == bucket);
        found.map(|(_, store)| &**store).ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }

    fn object(&self, bucket: &str, key: &str) -> S3Result<Object> {
        let found = self.store(bucket)?.read(key)?;
        found.ok_or_else(|| {
            if self.listing_allowed {
                s3_error!(NoSuchKey, "The specified key does not exist.")
            } else {
                denied("s3:ListBucket")
            }
        })
    }
}

#[async_trait::async_trait]
impl S3 for Buckets {
    async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let store = self.store(&request.input.bucket)?;
        let body = match request.input.body.take() {
            Some(body) => collect(body).await?,
            None => Bytes::new(),
        };
        let trailers = request.trailing_headers.and_then(|trailers| trailers.take()).unwrap_or_default();
        let input = request.input;
        checksums::verify(&input, &trailers, &body)?;
        if !self.put_latency.is_zero() {
            tokio::time::sleep(self.put_latency).await;
        }
        let mut object = Object::new(body);
        object.content_type = input.content_type;
        object.metadata = input.metadata;
        let etag = object.etag();
        store.write(&input.key, object, &condition(input.if_none_match, input.if_match)?)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: input.checksum_crc32,
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let object = self.object(&input.bucket, &input.key)?;
        let length = object.body.len() as u64;
        let range = input.range.map(|range| range.check(length)).transpose().map_err(|_| S3ErrorCode::InvalidRange)?;
        // The stored checksum covers the whole object.
        let with_checksum = range.is_none() && wants_checksum(input.checksum_mode.as_ref());
        let (body, content_range) = match &range {
            None => (object.body.clone(), None),
            Some(range) => {
                let header = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                (object.body.slice(range.start as usize..range.end as usize), Some(header))
            }
        };
        Ok(S3Response::new(GetObjectOutput {
            e_tag: Some(ETag::Strong(object.etag())),
            checksum_crc32: with_checksum.then(|| checksums::crc32(&object.body)),
            content_length: Some(body.len() as i64),
            content_range,
            content_type: object.content_type,
            metadata: object.metadata,
            last_modified: Some(Timestamp::from(object.modified)),
            body: Some(StreamingBlob::wrap(stream::iter([Ok::<_, std::io::Error>(body)]))),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let object = self.object(&input.bucket, &input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            e_tag: Some(ETag::Strong(object.etag())),
            checksum_crc32: wants_checksum(input.checksum_mode.as_ref()).then(|| checksums::crc32(&object.body)),
            content_length: Some(object.body.len() as i64),
            content_type: object.content_type,
            metadata: object.metadata,
            last_modified: Some(Timestamp::from(object.modified)),
            ..HeadObjectOutput::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.store(&request.input.bucket)?.remove(&request.input.key)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let store = self.store(&request.input.bucket)?;
        let quiet = request.input.delete.quiet.unwrap_or_default();
        let mut deleted = Vec::new();
        for object in request.input.delete.objects {
            store.remove(&object.key)?;
            if !quiet {
                deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..DeleteObjectsOutput::default() }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let store = self.store(&request.input.bucket)?;
        if !self.listing_allowed {
            return Err(denied("s3:ListBucket"));
        }
        listing::list(store, request.input).map(S3Response::new)
    }

    async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let store = self.store(&request.input.bucket)?;
        if !self.listing_allowed {
            return Err(denied("s3:ListBucketVersions"));
        }
        listing::list_versions(store, request.input).map(S3Response::new)
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store(&request.input.bucket)?;
        if !self.listing_allowed {
            return Err(denied("s3:ListBucket"));
        }
        Ok(S3Response::new(HeadBucketOutput::default()))
    }
}

fn condition(if_none_match: Option<ETagCondition>, if_match: Option<ETagCondition>) -> S3Result<Condition> {
    match (if_none_match, if_match) {
        (None, None) => Ok(Condition::None),
        (Some(ETagCondition::Any), None) => Ok(Condition::Absent),
        (None, Some(ETagCondition::ETag(etag))) => Ok(Condition::Matches(etag.into_value())),
        _ => Err(s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented")),
    }
}

fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

async fn collect(mut body: StreamingBlob) -> S3Result<Bytes> {
    let mut bytes = Vec::new();
    while let Some(part) = body.next().await {
        bytes.extend_from_slice(&part.map_err(|cause| S3Error::with_source(S3ErrorCode::IncompleteBody, cause))?);
    }
    Ok(bytes.into())
}

fn denied(action: &str) -> S3Error {
    s3_error!(AccessDenied, "User is not authorized to perform: {action}, because no identity-based policy allows it")
}
