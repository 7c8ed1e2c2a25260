//! S3 over the store, with `s3s` for the protocol and the signatures.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use http_body_util::BodyExt;
use hyper::{Method, Request, StatusCode};
use s3s::auth::SimpleAuth;
use s3s::dto::{
    ChecksumMode, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    ETagCondition, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
    HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, PutObjectInput, PutObjectOutput, StreamingBlob,
    Timestamp,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use crate::checksums;
use crate::exchange::{Reply, Service, reply};
use crate::listing;
use crate::requests::Call;
use crate::store::{Condition, Object, Store, StoreError};
use crate::wire::Line;
use crate::{ACCESS_KEY_ID, ACCOUNT, SECRET_ACCESS_KEY};

/// The operations.
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
        let found = self.store(bucket)?.read(key).map_err(error)?;
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
        store.write(&input.key, object, &condition(input.if_none_match, input.if_match)?).map_err(error)?;
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
        // The checksum is of the whole object.
        let whole_is_checked = range.is_none() && wants_checksum(input.checksum_mode.as_ref());
        let (body, content_range) = match &range {
            None => (object.body.clone(), None),
            Some(range) => {
                let header = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                (object.body.slice(range.start as usize..range.end as usize), Some(header))
            }
        };
        Ok(S3Response::new(GetObjectOutput {
            e_tag: Some(ETag::Strong(object.etag())),
            checksum_crc32: whole_is_checked.then(|| checksums::crc32(&object.body)),
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
        self.store(&request.input.bucket)?.remove(&request.input.key).map_err(error)?;
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
            store.remove(&object.key).map_err(error)?;
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

/// The service's words for what the store says.
pub(crate) fn error(error: StoreError) -> S3Error {
    match error {
        StoreError::Precondition => {
            s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
        }
        StoreError::Missing => s3_error!(NoSuchKey, "The specified key does not exist."),
        error @ StoreError::Refused(_) => s3_error!(InvalidRequest, "{error}"),
        error @ StoreError::Disturbed(_) => s3_error!(InternalError, "{error}"),
    }
}

/// The service.
pub(crate) struct S3Front {
    service: S3Service,
}

impl S3Front {
    /// Signatures are checked against the one key pair of the simulator.
    pub(crate) fn new(buckets: Buckets) -> Self {
        let mut builder = S3ServiceBuilder::new(buckets);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        Self { service: builder.build() }
    }

    async fn call(&self, request: Request<Bytes>) -> S3Result<Reply> {
        let owner = request.headers().get("x-amz-expected-bucket-owner");
        let response = if owner.is_some_and(|owner| owner.as_bytes() != ACCOUNT.as_bytes()) {
            s3_error!(AccessDenied, "Access Denied").to_http_response()?
        } else {
            let called = self.service.call(request.map(s3s::Body::from)).await;
            called.map_err(|cause| S3Error::with_source(S3ErrorCode::InternalError, cause.into()))?
        };
        let (head, body) = response.into_parts();
        let body =
            BodyExt::collect(body).await.map_err(|cause| S3Error::with_source(S3ErrorCode::InternalError, cause))?;
        Ok(Reply::from_parts(head, body.to_bytes()))
    }
}

impl Service for S3Front {
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        let query = request.uri().query().unwrap_or_default();
        let parameter = |name: &str| {
            let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.find(|(found, _)| *found == name).map(|(_, value)| decode(value))
        };
        let (_bucket, key) = request.uri().path().trim_start_matches('/').split_once('/').unwrap_or_default();
        let key = decode(key);
        let (operation, target) = match (request.method(), key.is_empty()) {
            (&Method::PUT, false) => ("PutObject", key),
            (&Method::GET, false) => ("GetObject", key),
            (&Method::HEAD, false) => ("HeadObject", key),
            (&Method::DELETE, false) => ("DeleteObject", key),
            (&Method::GET, true) => ("ListObjectsV2", parameter("prefix").unwrap_or_default()),
            (&Method::HEAD, true) => ("HeadBucket", String::new()),
            (&Method::POST, true) if parameter("delete").is_some() => ("DeleteObjects", String::new()),
            _ => ("Unknown", request.uri().to_string()),
        };
        Some(Call { operation, target, ..Call::default() })
    }

    fn error(&self, status: StatusCode, code: &str) -> Reply {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>simulated</Message></Error>"
        );
        reply(status, "application/xml", body)
    }

    async fn answer(&self, request: Request<Bytes>, _: &Line) -> Reply {
        match self.call(request).await {
            Ok(reply) => reply,
            Err(_) => self.error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> String {
    let hex = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let decoded = match (first, after) {
            (b'%', [high, low, tail @ ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| (high * 16 + low, tail)),
            _ => None,
        };
        bytes.push(decoded.map_or(*first, |(byte, _)| byte));
        rest = decoded.map_or(rest, |(_, tail)| tail);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
