//! The log of requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

/// A logged request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The API's name of the operation: `GetLabelDetection`, `PutObject`, `Invoke`, …
    pub operation: String,
    /// The resource that the request names: a job ID, a video as `bucket/key`, a key, the prefix of a listing, a queue, the
    /// function's name or ARN, a database, or `database.table`.
    pub target: String,
    /// More about the request; empty for operations that are not in this list.
    ///
    /// - `GetLabelDetection`: order, aggregation and position, as in `NAME TIMESTAMPS from 2000`. An invalid token
    ///   shows as `from ?`.
    /// - `StartLabelDetection`: the client request token.
    /// - Batches of partitions: the number of entries and their values, as in
    ///   `2 entries [["job-1","Car"],["job-1","Dog"]]`.
    /// - `GetPartitions`: the expression.
    /// - `DeleteMessage` and `ChangeMessageVisibility`: the message ID.
    /// - `Unknown`, a request without a known operation: its headers `x-amz-target` and `user-agent`. Its `target` is
    ///   method and URI.
    pub detail: String,
    /// HTTP status of the reply; 0 until a reply is sent.
    pub status: u16,
    /// Length of the request's body, in bytes.
    pub bytes_in: usize,
    /// Length of the reply's body, in bytes; 0 until a reply is sent. A fault may still truncate the body.
    pub bytes_out: usize,
    /// Description of the fault that was applied to this request.
    pub fault: Option<String>,
    /// Time of arrival.
    pub at: Instant,
    /// Time that the connection was idle since its previous reply; `None` for the first request of a connection.
    pub idle: Option<Duration>,
}

/// A service's description of a request, made before the request is processed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) target: String,
    pub(crate) detail: String,
}

impl Call {
    /// Describes a request that names no operation of the service it was sent to.
    pub(crate) fn unknown(request: &hyper::Request<Bytes>) -> Self {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            operation: "Unknown",
            target: format!("{} {}", request.method(), request.uri()),
            detail: format!("x-amz-target {:?}, user-agent {:?}", header("x-amz-target"), header("user-agent")),
        }
    }
}

/// All requests so far, in order of arrival.
#[derive(Default)]
pub(crate) struct RequestLog {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Number of requests that were cleared before the first of `entries`.
    cleared: usize,
    entries: Vec<Request>,
}

impl RequestLog {
    /// Adds a request that has no reply yet. Returns its number.
    pub(crate) fn begin(&self, call: &Call, fault: Option<String>, bytes_in: usize, idle: Option<Duration>) -> usize {
        let mut inner = self.lock();
        inner.entries.push(Request {
            operation: call.operation.to_owned(),
            target: call.target.clone(),
            detail: call.detail.clone(),
            status: 0,
            bytes_in,
            bytes_out: 0,
            fault,
            at: Instant::now(),
            idle,
        });
        inner.cleared + inner.entries.len() - 1
    }

    /// Records the reply to a request. Does nothing if the request was cleared in the meantime.
    pub(crate) fn end(&self, number: usize, status: u16, bytes_out: usize) {
        let mut inner = self.lock();
        let entry = number.checked_sub(inner.cleared).and_then(|index| inner.entries.get_mut(index));
        if let Some(entry) = entry {
            entry.status = status;
            entry.bytes_out = bytes_out;
        }
    }

    pub(crate) fn entries(&self) -> Vec<Request> {
        self.lock().entries.clone()
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.cleared += inner.entries.len();
        inner.entries.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
