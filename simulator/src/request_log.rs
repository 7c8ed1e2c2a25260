//! The log of requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One request that came in, in order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The API's name of the operation: `GetLabelDetection`, `PutObject`, `Invoke`, …
    pub operation: String,
    /// What it is about: the job id, the key, the prefix of a listing, the function's name or ARN, a database or
    /// `database.table`.
    pub target: String,
    /// Of `GetLabelDetection` the order, the aggregation and the position: `NAME TIMESTAMPS from 2000`
    /// (`from ?` for a token that is not ours). Of a batch of partitions its size and their values:
    /// `2 entries [["job-1","Car"],["job-1","Dog"]]`. Of `GetPartitions` the expression. Otherwise empty.
    pub detail: String,
    /// The status of the reply; 0 as long as none was sent.
    pub status: u16,
    /// The length of the request's body.
    pub bytes_in: usize,
    /// The length of the reply's body; 0 as long as none was sent. A fault may cut it on its way.
    pub bytes_out: usize,
    /// The fault that met this request.
    pub fault: Option<String>,
    /// When it came.
    pub at: Instant,
    /// How long its connection had been silent since the reply before; `None` on a new connection.
    pub idle: Option<Duration>,
}

/// What a service says a request is, before any work is done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) target: String,
    pub(crate) detail: String,
}

/// The log.
#[derive(Default)]
pub(crate) struct Log {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Requests cleared away before the first of `entries`.
    cleared: usize,
    entries: Vec<Request>,
}

impl Log {
    /// Adds a request that has no reply yet, and gives its number.
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

    /// Notes the reply. A request that was cleared away meanwhile stays so.
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
