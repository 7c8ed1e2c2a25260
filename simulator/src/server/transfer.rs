//! Sending the body of a reply, at once or spread over time.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::http::HeaderValue;
use hyper::http::header::CONTENT_LENGTH;

use crate::server::reply::Reply;

/// A reply in the form that the HTTP server sends.
pub(crate) type Sent = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Time that sending the body takes after the head. It is set as an extension of the reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer(pub(crate) Duration);

/// Number of pieces in which a body is sent if it is spread over time.
const PIECES: usize = 20;

pub(crate) fn send(reply: Reply) -> Sent {
    let (mut head, body) = reply.into_parts();
    let Some(Transfer(time)) = head.extensions.remove() else {
        return Response::from_parts(head, Full::new(body).boxed_unsync());
    };
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let size = body.len().div_ceil(PIECES).max(1);
    let pieces = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(time / PIECES as u32).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok(Frame::data(piece)), rest))
    });
    Response::from_parts(head, StreamBody::new(pieces).boxed_unsync())
}
