//! Replies of the services, held in memory until they are sent.

use bytes::Bytes;
use hyper::http::{HeaderName, HeaderValue, header};
use hyper::{Response, StatusCode};

/// A complete reply in memory.
pub(crate) type Reply = Response<Bytes>;

/// Builds a reply.
pub(crate) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// Adds a header. A header that HTTP does not allow is a mistake in the test and is left out.
pub(crate) fn with_header(mut reply: Reply, name: &str, value: &str) -> Reply {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
        reply.headers_mut().insert(name, value);
    }
    reply
}
