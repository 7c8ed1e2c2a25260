//! Events on their way to a process that polls the Runtime API, and its answers.

use std::collections::{HashMap, VecDeque};
use std::future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::HeaderValue;
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::FUNCTION_ARN;
use crate::exchange::{Reply, reply};
use crate::wire::Line;

/// How a function is invoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The time that the function is told it has, from when it gets the event. Nothing enforces it.
    pub deadline: Duration,
    /// The ARN that the function is told it was invoked by; it may name a version or an alias.
    pub function_arn: String,
}

impl Default for Invocation {
    /// 15 minutes, the most that Lambda allows; no alias.
    fn default() -> Self {
        Self { deadline: Duration::from_mins(15), function_arn: FUNCTION_ARN.to_owned() }
    }
}

/// How an invocation ended.
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

/// The queue of events.
pub(crate) struct Invocations {
    state: Mutex<State>,
    /// Says that something has changed.
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    numbered: u64,
    queued: VecDeque<Queued>,
    running: HashMap<String, oneshot::Sender<Outcome>>,
    /// Processes that wait for an event, by a number.
    waiting: HashMap<u64, Line>,
    init_error: Option<(String, String)>,
}

struct Queued {
    event: Bytes,
    invocation: Invocation,
    taken: oneshot::Sender<()>,
    outcome: oneshot::Sender<Outcome>,
}

/// An event that a process has taken.
#[derive(Debug)]
pub struct Running(oneshot::Receiver<Outcome>);

impl Running {
    /// Waits for the end of the invocation. Never returns if its process dies.
    pub async fn ended(self) -> Outcome {
        match self.0.await {
            Ok(outcome) => outcome,
            // Its process is gone and another polls: nobody will answer.
            Err(_) => future::pending().await,
        }
    }
}

impl Default for Invocations {
    fn default() -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(()) }
    }
}

impl Invocations {
    /// Queues an event and waits for its end. Dropping the future abandons it: if no process has it yet, none gets
    /// it.
    pub(crate) async fn invoke(&self, event: Bytes, invocation: Invocation) -> Outcome {
        self.begin(event, invocation).await.ended().await
    }

    /// Queues an event and waits until a process takes it.
    pub(crate) async fn begin(&self, event: Bytes, invocation: Invocation) -> Running {
        let (taken, is_taken) = oneshot::channel();
        let (outcome, ended) = oneshot::channel();
        self.lock().queued.push_back(Queued { event, invocation, taken, outcome });
        self.changes.send_replace(());
        // An error would mean that the event was abandoned, which only dropping this future does.
        let _ = is_taken.await;
        Running(ended)
    }

    /// Gives the next event to a process, as soon as there is one.
    pub(crate) async fn next(&self, line: &Line) -> Reply {
        let mut changes = self.changes.subscribe();
        let waiting = Waiting::new(self, line);
        loop {
            changes.borrow_and_update();
            if let Some(reply) = self.take(line) {
                drop(waiting);
                return reply;
            }
            // An error would mean that the sender is gone; it is borrowed here.
            let _ = changes.changed().await;
        }
    }

    fn take(&self, line: &Line) -> Option<Reply> {
        let mut state = self.lock();
        state.queued.retain(|queued| !queued.outcome.is_closed());
        state.running.retain(|_, outcome| !outcome.is_closed());
        // A process that was killed while it waited may not have been noticed yet; it must not take an event along.
        if !line.is_open() {
            return None;
        }
        let Queued { event, invocation, taken, outcome } = state.queued.pop_front()?;
        let _ = taken.send(());
        state.numbered += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", state.numbered);
        let reply = delivery(&id, event, &invocation);
        state.running.insert(id, outcome);
        Some(reply)
    }

    /// Takes a response; says whether there is such an invocation.
    pub(crate) fn respond(&self, id: &str, body: &[u8]) -> bool {
        self.end(id, Outcome::Response(serde_json::from_slice(body).unwrap_or_default()))
    }

    /// Takes an error; says whether there is such an invocation.
    pub(crate) fn fail(&self, id: &str, body: &[u8]) -> bool {
        let (error_type, error_message) = read_error(body);
        self.end(id, Outcome::Error { error_type, error_message })
    }

    fn end(&self, id: &str, outcome: Outcome) -> bool {
        let Some(ended) = self.lock().running.remove(id) else { return false };
        // If the test has abandoned it, nobody listens.
        let _ = ended.send(outcome);
        true
    }

    pub(crate) fn fail_init(&self, body: &[u8]) {
        self.lock().init_error = Some(read_error(body));
    }

    pub(crate) fn init_error(&self) -> Option<(String, String)> {
        self.lock().init_error.clone()
    }

    /// Waits until a process waits for an event.
    pub(crate) async fn idle(&self) {
        let mut changes = self.changes.subscribe();
        // As above: an error cannot be.
        let _ = changes.wait_for(|()| self.lock().waiting.values().any(Line::is_open)).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process's entry among those that wait, as long as it does.
struct Waiting<'a> {
    invocations: &'a Invocations,
    number: u64,
}

impl<'a> Waiting<'a> {
    fn new(invocations: &'a Invocations, line: &Line) -> Self {
        let mut state = invocations.lock();
        state.numbered += 1;
        let number = state.numbered;
        state.waiting.insert(number, line.clone());
        drop(state);
        invocations.changes.send_replace(());
        Self { invocations, number }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.invocations.lock().waiting.remove(&self.number);
    }
}

fn delivery(id: &str, event: Bytes, invocation: &Invocation) -> Reply {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + invocation.deadline).as_millis();
    let trace = format!("Root=1-{:08x}-{:024x};Parent=53995c3f42cd8ad8;Sampled=0", now.as_secs(), now.as_nanos());
    let mut reply = reply(StatusCode::OK, "application/json", event);
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn.clone()),
        ("lambda-runtime-trace-id", trace),
    ];
    for (name, value) in headers {
        // Only an ARN with control characters in it is no header, and then it is left out.
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
