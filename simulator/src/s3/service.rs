//! The S3 endpoint, with `s3s` for the protocol and the signatures.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::account::{ACCESS_KEY_ID, ACCOUNT, SECRET_ACCESS_KEY};
use crate::request_log::Call;
use crate::s3::buckets::Buckets;
use crate::server::connection::Connection;
use crate::server::reply::{Reply, reply};
use crate::server::service::Service;

/// The service.
pub(crate) struct S3Endpoint {
    service: S3Service,
}

impl S3Endpoint {
    /// Signatures are checked against the simulator's only key pair.
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

impl Service for S3Endpoint {
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        let query = request.uri().query().unwrap_or_default();
        let parameter = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
        };
        let (_bucket, key) = request.uri().path().trim_start_matches('/').split_once('/').unwrap_or_default();
        let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
        let (operation, target) = match (request.method(), key.is_empty()) {
            (&Method::PUT, false) => ("PutObject", key),
            (&Method::GET, false) => ("GetObject", key),
            (&Method::HEAD, false) => ("HeadObject", key),
            (&Method::DELETE, false) => ("DeleteObject", key),
            (&Method::GET, true) if parameter("versions").is_some() => {
                ("ListObjectVersions", parameter("prefix").unwrap_or_default())
            }
            (&Method::GET, true) => ("ListObjectsV2", parameter("prefix").unwrap_or_default()),
            (&Method::HEAD, true) => ("HeadBucket", String::new()),
            (&Method::POST, true) if parameter("delete").is_some() => ("DeleteObjects", String::new()),
            _ => return Some(Call::unknown(request)),
        };
        Some(Call { operation, target, ..Call::default() })
    }

    fn error_reply(&self, status: StatusCode, code: &str) -> Reply {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>simulated</Message></Error>"
        );
        reply(status, "application/xml", body)
    }

    async fn handle(&self, request: Request<Bytes>, _: &Connection) -> Reply {
        match self.call(request).await {
            Ok(reply) => reply,
            Err(_) => self.error_reply(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        }
    }
}
