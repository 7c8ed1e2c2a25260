//! Scripted faults: an action and the requests it applies to.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::faults::action::Action;
use crate::faults::gate::Gate;
use crate::request_log::Call;

/// A scripted fault: an action, and the requests it is applied to.
///
/// If several faults are due for the same request, the one that was added first fires. All of them count the request.
///
/// ```
/// use rekognition_simulator::Fault;
///
/// // The third PutObject is refused. The SDK's retry is the fourth PutObject and succeeds.
/// let refused = Fault::on("PutObject").nth(3).status(503, "SlowDown");
/// // The object of the first commit is stored, but the reply is lost.
/// let lost = Fault::on("PutObject").key_contains("jobs/").lose_reply();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is added to a simulator"]
pub struct Fault {
    pub(crate) requests: RequestMatcher,
    pub(crate) action: Action,
}

impl Fault {
    /// Starts a fault on an operation, by its name in the API. A retry counts as another request.
    pub fn on(operation: &str) -> RequestMatcher {
        RequestMatcher { operation: Some(operation.to_owned()), key_contains: None, nth: 1, times: Some(1) }
    }

    /// Starts a fault on requests of any operation.
    pub fn on_any() -> RequestMatcher {
        RequestMatcher { operation: None, key_contains: None, nth: 1, times: Some(1) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.requests, self.action)
    }
}

/// Selects the requests that a fault applies to; by default, the first one of the operation.
#[derive(Clone, Debug)]
#[must_use = "a matcher becomes a fault when it is given an action"]
pub struct RequestMatcher {
    /// Name of the operation; `None` matches any.
    operation: Option<String>,
    key_contains: Option<String>,
    nth: usize,
    /// Number of requests to fire at; `None` for no limit.
    times: Option<usize>,
}

impl RequestMatcher {
    /// Counts only requests that have this text in their [`target`](crate::Request::target) or
    /// [`detail`](crate::Request::detail).
    pub fn key_contains(mut self, text: &str) -> Self {
        self.key_contains = Some(text.to_owned());
        self
    }

    /// Fires at the k-th matching request, counted from 1.
    pub fn nth(mut self, k: usize) -> Self {
        self.nth = k;
        self
    }

    /// Fires at this many consecutive matching requests.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Fires at the `nth` matching request and all later ones.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Replies with an error and does not perform the operation.
    pub fn status(self, http: u16, code: &str) -> Fault {
        self.with(Action::Status { http, code: code.to_owned() })
    }

    /// Replies with an error that has an additional header, and does not perform the operation.
    pub fn status_with_header(self, http: u16, code: &str, name: &str, value: &str) -> Fault {
        let [code, name, value] = [code, name, value].map(str::to_owned);
        self.with(Action::StatusWithHeader { http, code, name, value })
    }

    /// Performs the operation, then replies with an error.
    pub fn status_after(self, http: u16, code: &str) -> Fault {
        self.with(Action::StatusAfter { http, code: code.to_owned() })
    }

    /// Performs the operation, then closes the connection without a reply.
    pub fn lose_reply(self) -> Fault {
        self.with(Action::LoseReply)
    }

    /// Resets the connection and does not perform the operation.
    pub fn reset(self) -> Fault {
        self.with(Action::Reset)
    }

    /// Performs the operation, sends this many bytes of the reply, including the head, then resets the connection.
    pub fn reset_after_bytes(self, bytes: usize) -> Fault {
        self.with(Action::ResetAfterBytes(bytes))
    }

    /// Performs the operation, sends the head with the full `Content-Length` and this many bytes of the body, then
    /// closes the connection in an orderly way.
    pub fn truncate(self, bytes: usize) -> Fault {
        self.with(Action::Truncate(bytes))
    }

    /// Reads the request, does not perform the operation, and never replies.
    pub fn stall(self) -> Fault {
        self.with(Action::Stall)
    }

    /// Performs the operation, sends this many bytes of the reply, including the head, then sends nothing more.
    pub fn stall_after_bytes(self, bytes: usize) -> Fault {
        self.with(Action::StallAfterBytes(bytes))
    }

    /// Replies with this body instead of performing the operation. The body can be anything, JSON or not.
    pub fn reply_body(self, status: u16, body: impl Into<Bytes>) -> Fault {
        self.with(Action::ReplyBody { status, body: body.into() })
    }

    /// Waits before performing the operation.
    pub fn delay(self, delay: Duration) -> Fault {
        self.with(Action::Delay(delay))
    }

    /// Waits at the gate before performing the operation. If the client disconnects in the meantime, the operation is
    /// not performed.
    pub fn hold(self, gate: Gate) -> Fault {
        self.with(Action::Hold(gate))
    }

    /// Performs the operation, then waits at the gate before sending the reply.
    pub fn hold_reply(self, gate: Gate) -> Fault {
        self.with(Action::HoldReply(gate))
    }

    /// Performs the operation for the first entries of a batch, and reports an internal error for the remaining ones.
    /// Affects only Glue's batch operations; `BatchGetPartition` returns the remaining entries as unprocessed.
    pub fn only_first(self, entries: usize) -> Fault {
        self.with(Action::OnlyFirst(entries))
    }

    fn with(self, action: Action) -> Fault {
        Fault { requests: self, action }
    }

    pub(crate) fn matches(&self, call: &Call) -> bool {
        let wanted = |text: &String| call.target.contains(text) || call.detail.contains(text);
        self.operation.as_ref().is_none_or(|operation| operation == call.operation)
            && self.key_contains.as_ref().is_none_or(wanted)
    }

    /// Numbers of the matching requests at which the fault fires, counted from 1.
    pub(crate) fn due(&self) -> Range<usize> {
        self.nth..self.times.map_or(usize::MAX, |times| self.nth + times)
    }

    /// Number of times that the fault must fire to count as fired.
    pub(crate) fn expected(&self) -> usize {
        self.times.unwrap_or(1)
    }
}

impl fmt::Display for RequestMatcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.operation.as_deref().unwrap_or("any request"))?;
        if let Some(text) = &self.key_contains {
            write!(formatter, " with {text:?}")?;
        }
        match self.times {
            Some(1) => write!(formatter, " #{}", self.nth),
            Some(times) => write!(formatter, " #{} to #{}", self.nth, (self.nth + times).saturating_sub(1)),
            None => write!(formatter, " from #{}", self.nth),
        }
    }
}
