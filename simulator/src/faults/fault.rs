//! Faults as data: which request is met by what, and what has fired.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::action::Action;
use crate::gate::Gate;
use crate::requests::Call;

/// One scripted fault: some requests, and what happens to them.
///
/// Of several faults that are due for the same request the one added first fires; all of them count it.
///
/// ```
/// use simulator::Fault;
///
/// // The third PutObject is refused; the SDK's retry of it is the fourth, and passes.
/// let refused = Fault::on("PutObject").nth(3).status(503, "SlowDown");
/// // The reply to the first commit gets lost, though the object is stored.
/// let lost = Fault::on("PutObject").key_contains("jobs/").lose_reply();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is added to a simulator"]
pub struct Fault {
    requests: Requests,
    action: Action,
}

impl Fault {
    /// Begins a fault on an operation, by the API's name of it. Retries are requests of their own.
    pub fn on(operation: &str) -> Requests {
        Requests { operation: Some(operation.to_owned()), key_contains: None, nth: 1, times: Some(1) }
    }

    /// Begins a fault on requests of any operation.
    pub fn on_any() -> Requests {
        Requests { operation: None, key_contains: None, nth: 1, times: Some(1) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.requests, self.action)
    }
}

/// The requests that a fault is about: by default the first of the operation.
#[derive(Clone, Debug)]
#[must_use = "an action makes it a fault"]
pub struct Requests {
    /// Any, if there is none.
    operation: Option<String>,
    key_contains: Option<String>,
    nth: usize,
    times: Option<usize>,
}

impl Requests {
    /// Counts only requests with this text in their target or detail, as the log shows them.
    pub fn key_contains(mut self, text: &str) -> Self {
        self.key_contains = Some(text.to_owned());
        self
    }

    /// Fires at the k-th matching request, from 1.
    pub fn nth(mut self, k: usize) -> Self {
        self.nth = k;
        self
    }

    /// Fires at this many matching requests, one after the other.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Fires at every matching request from the `nth` on.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Answers with an error and does no work.
    pub fn status(self, http: u16, code: &str) -> Fault {
        self.with(Action::Status { http, code: code.to_owned() })
    }

    /// Answers with an error that has one header more, and does no work.
    pub fn status_with_header(self, http: u16, code: &str, name: &str, value: &str) -> Fault {
        let [code, name, value] = [code, name, value].map(str::to_owned);
        self.with(Action::StatusWithHeader { http, code, name, value })
    }

    /// Does the work, and answers with an error.
    pub fn status_after(self, http: u16, code: &str) -> Fault {
        self.with(Action::StatusAfter { http, code: code.to_owned() })
    }

    /// Does the work, and closes the connection without a reply.
    pub fn lose_reply(self) -> Fault {
        self.with(Action::LoseReply)
    }

    /// Resets the connection, and does no work.
    pub fn reset(self) -> Fault {
        self.with(Action::Reset)
    }

    /// Does the work, sends this many bytes of the reply, head included, and resets the connection.
    pub fn reset_after_bytes(self, bytes: usize) -> Fault {
        self.with(Action::ResetAfterBytes(bytes))
    }

    /// Does the work, announces the whole body, sends this many bytes of it, and closes in good order.
    pub fn truncate(self, bytes: usize) -> Fault {
        self.with(Action::Truncate(bytes))
    }

    /// Takes the request, does no work, and never answers.
    pub fn stall(self) -> Fault {
        self.with(Action::Stall)
    }

    /// Does the work, sends this many bytes of the reply, head included, and then nothing more.
    pub fn stall_after_bytes(self, bytes: usize) -> Fault {
        self.with(Action::StallAfterBytes(bytes))
    }

    /// Answers with this body instead of doing the work. It may be anything, JSON or not.
    pub fn reply_body(self, status: u16, body: impl Into<Bytes>) -> Fault {
        self.with(Action::ReplyBody { status, body: body.into() })
    }

    /// Waits before the work.
    pub fn delay(self, delay: Duration) -> Fault {
        self.with(Action::Delay(delay))
    }

    /// Waits at the gate before the work. If the client goes away meanwhile, the work is not done.
    pub fn hold(self, gate: Gate) -> Fault {
        self.with(Action::Hold(gate))
    }

    /// Does the work, and waits at the gate before the reply.
    pub fn hold_reply(self, gate: Gate) -> Fault {
        self.with(Action::HoldReply(gate))
    }

    /// Does the work for the first entries of a batch, and answers that the others failed inside the service. Only
    /// Glue's batches heed it; `BatchGetPartition` leaves the others unprocessed.
    pub fn only_first(self, entries: usize) -> Fault {
        self.with(Action::OnlyFirst(entries))
    }

    fn with(self, action: Action) -> Fault {
        Fault { requests: self, action }
    }

    fn matches(&self, call: &Call) -> bool {
        let wanted = |text: &String| call.target.contains(text) || call.detail.contains(text);
        self.operation.as_ref().is_none_or(|operation| operation == call.operation)
            && self.key_contains.as_ref().is_none_or(wanted)
    }

    /// The numbers of the matching requests, from 1, that are due.
    fn due(&self) -> Range<usize> {
        self.nth..self.times.map_or(usize::MAX, |times| self.nth + times)
    }
}

impl fmt::Display for Requests {
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

