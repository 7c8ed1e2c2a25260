//! Replies.

/// A reply in memory.
pub(crate) type Reply = Response<Bytes>;

/// Makes a reply.
pub(crate) fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    reply
}

/// Adds a header. One that HTTP does not allow is a mistake in a test: it is left out.
fn with_header(mut reply: Reply, name: &str, value: &str) -> Reply {
    if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
        reply.headers_mut().insert(name, value);
    }
    reply
}
