//! Invocations: their way from a caller to a process that polls the Runtime API, and their outcome on the way back.

use std::collections::{HashMap, VecDeque};
use std::future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::HeaderValue;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::server::connection::Connection;
use crate::server::reply::{Reply, reply};

/// Settings of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Time from delivery of the event to the deadline that the function is told. The simulator does not enforce it.
    pub timeout: Duration,
    /// ARN that the function is told it was invoked by, which may include a version or an alias. `None` is
    /// [`Simulator::function_arn`](crate::Simulator::function_arn).
    pub function_arn: Option<String>,
}

impl Default for Invocation {
    /// 15 minutes, the maximum of Lambda; no alias.
    fn default() -> Self {
        Self { timeout: Duration::from_mins(15), function_arn: None }
    }
}

/// The outcome of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The function's response; `null` if it was not JSON.
    Response(Value),
    /// The function's error.
    Error {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        error_message: String,
    },
}

/// The queued and the running invocations.
pub(crate) struct Invocations {
    function_arn: String,
    state: Mutex<State>,
    /// Notifies of every change of the state.
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// Last number used, for request IDs and for the keys of `polling`.
    last_number: u64,
    queued: VecDeque<Queued>,
    /// Running invocations, by request ID.
    running: HashMap<String, oneshot::Sender<Outcome>>,
    /// Connections of the processes that are waiting for an event.
    polling: HashMap<u64, Connection>,
    init_error: Option<(String, String)>,
}

struct Queued {
    event: Bytes,
    invocation: Invocation,
    taken: oneshot::Sender<()>,
    outcome: oneshot::Sender<Outcome>,
}

/// An invocation whose event has been delivered to a process.
#[derive(Debug)]
pub struct RunningInvocation(oneshot::Receiver<Outcome>);

impl RunningInvocation {
    /// Waits for the outcome. Never returns if the process dies.
    pub async fn outcome(self) -> Outcome {
        match self.0.await {
            Ok(outcome) => outcome,
            // The process died and another one is polling, so there will be no outcome.
            Err(_) => future::pending().await,
        }
    }
}

impl Invocations {
    pub(crate) fn new(function_arn: String) -> Self {
        Self { function_arn, state: Mutex::default(), changes: watch::Sender::new(()) }
    }

    /// Queues an event and waits for the outcome. Dropping the future abandons the invocation; an event that has not
    /// been delivered is then removed from the queue.
    pub(crate) async fn invoke(&self, event: Bytes, invocation: Invocation) -> Outcome {
        self.start(event, invocation).await.outcome().await
    }

    /// Queues an event and waits until it is delivered to a process.
    pub(crate) async fn start(&self, event: Bytes, invocation: Invocation) -> RunningInvocation {
        let (taken, is_taken) = oneshot::channel();
        let (outcome, outcome_receiver) = oneshot::channel();
        self.lock().queued.push_back(Queued { event, invocation, taken, outcome });
        self.changes.send_replace(());
        // An error would mean that the event was abandoned, which only dropping this future does.
        let _ = is_taken.await;
        RunningInvocation(outcome_receiver)
    }

    /// Waits for the next event and delivers it to a process.
    pub(crate) async fn next(&self, connection: &Connection) -> Reply {
        let mut changes = self.changes.subscribe();
        let polling = Polling::new(self, connection);
        loop {
            changes.borrow_and_update();
            if let Some(reply) = self.take(connection) {
                drop(polling);
                return reply;
            }
            // An error would mean that the sender was dropped, but it is borrowed here.
            let _ = changes.changed().await;
        }
    }

    fn take(&self, connection: &Connection) -> Option<Reply> {
        let mut state = self.lock();
        state.queued.retain(|queued| !queued.outcome.is_closed());
        state.running.retain(|_, outcome| !outcome.is_closed());
        // The server may not have noticed yet that a polling process was killed. Such a process must not get an event.
        if !connection.is_open() {
            return None;
        }
        let Queued { event, invocation, taken, outcome } = state.queued.pop_front()?;
        let _ = taken.send(());
        state.last_number += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", state.last_number);
        let function_arn = invocation.function_arn.as_deref().unwrap_or(&self.function_arn);
        let reply = delivery(&id, event, invocation.timeout, function_arn);
        state.running.insert(id, outcome);
        Some(reply)
    }

    /// Ends an invocation with a response. Returns false if the request ID is unknown.
    pub(crate) fn respond(&self, id: &str, body: &[u8]) -> bool {
        self.end(id, Outcome::Response(serde_json::from_slice(body).unwrap_or_default()))
    }

    /// Ends an invocation with an error. Returns false if the request ID is unknown.
    pub(crate) fn fail(&self, id: &str, body: &[u8]) -> bool {
        let (error_type, error_message) = read_error(body);
        self.end(id, Outcome::Error { error_type, error_message })
    }

    fn end(&self, id: &str, outcome: Outcome) -> bool {
        let Some(sender) = self.lock().running.remove(id) else { return false };
        // Sending fails if the test has abandoned the invocation.
        let _ = sender.send(outcome);
        true
    }

    pub(crate) fn fail_init(&self, body: &[u8]) {
        self.lock().init_error = Some(read_error(body));
    }

    pub(crate) fn init_error(&self) -> Option<(String, String)> {
        self.lock().init_error.clone()
    }

    /// Waits until a process polls for an event.
    pub(crate) async fn wait_for_poll(&self) {
        let mut changes = self.changes.subscribe();
        // An error would mean that the sender was dropped, but it is borrowed here.
        let _ = changes.wait_for(|()| self.lock().polling.values().any(Connection::is_open)).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process's entry in `State::polling`, which is removed on drop.
struct Polling<'a> {
    invocations: &'a Invocations,
    number: u64,
}

impl<'a> Polling<'a> {
    fn new(invocations: &'a Invocations, connection: &Connection) -> Self {
        let mut state = invocations.lock();
        state.last_number += 1;
        let number = state.last_number;
        state.polling.insert(number, connection.clone());
        drop(state);
        invocations.changes.send_replace(());
        Self { invocations, number }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.invocations.lock().polling.remove(&self.number);
    }
}

/// Returns the reply that delivers an event to a process.
fn delivery(id: &str, event: Bytes, timeout: Duration, function_arn: &str) -> Reply {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + timeout).as_millis();
    let trace = format!("Root=1-{:08x}-{:024x};Parent=53995c3f42cd8ad8;Sampled=0", now.as_secs(), now.as_nanos());
    let mut reply = reply(StatusCode::OK, "application/json", event);
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", function_arn.to_owned()),
        ("lambda-runtime-trace-id", trace),
    ];
    for (name, value) in headers {
        // Only an ARN with control characters is not a valid header; it is left out.
        if let Ok(value) = HeaderValue::try_from(value) {
            reply.headers_mut().insert(name, value);
        }
    }
    reply
}

fn read_error(body: &[u8]) -> (String, String) {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    (text("errorType"), text("errorMessage"))
}
