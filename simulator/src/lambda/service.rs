//! The Lambda Runtime API, by which a function gets its events, and Invoke, by which it calls itself, or others call it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::exchange::{Reply, Service, reply};
use crate::invocations::{Invocation, Invocations, Outcome};
use crate::requests::Call;
use crate::wire::Line;

const JSON: &str = "application/json";

/// The largest payload of an asynchronous invocation, in bytes (1 MB).
const MAX_PAYLOAD: usize = 1_000_000;
/// The largest payload of a synchronous invocation, in bytes (6 MB).
const MAX_SYNCHRONOUS_PAYLOAD: usize = 6_291_556;

/// The service.
pub(crate) struct Lambda {
    pub(crate) invocations: Arc<Invocations>,
    invoked: Mutex<Vec<Value>>,
}

impl Lambda {
    pub(crate) fn new() -> Self {
        Self { invocations: Arc::default(), invoked: Mutex::default() }
    }

    /// The payloads that Invoke has taken.
    pub(crate) fn invoked(&self) -> MutexGuard<'_, Vec<Value>> {
        self.invoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn invoke(&self, request: &Request<Bytes>) -> Reply {
        let kind = request.headers().get("x-amz-invocation-type").map(hyper::http::HeaderValue::as_bytes);
        let (synchronous, most) = match kind {
            Some(b"Event") => (false, MAX_PAYLOAD),
            None | Some(b"RequestResponse") => (true, MAX_SYNCHRONOUS_PAYLOAD),
            Some(_) => return self.error(StatusCode::BAD_REQUEST, "InvalidParameterValueException"),
        };
        if request.body().len() > most {
            return self.error(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException");
        }
        let Ok(payload) = serde_json::from_slice(request.body()) else {
            return self.error(StatusCode::BAD_REQUEST, "InvalidRequestContentException");
        };
        if synchronous {
            return outcome(self.invocations.invoke(request.body().clone(), Invocation::default()).await);
        }
        self.invoked().push(payload);
        reply(StatusCode::ACCEPTED, JSON, Bytes::new())
    }

    async fn runtime(&self, request: &Request<Bytes>, line: &Line) -> Reply {
        let path = request.uri().path().trim_start_matches(RUNTIME);
        let body = request.body();
        let parts: Vec<&str> = path.split('/').collect();
        let known = match (request.method(), &*parts) {
            (&Method::GET, ["invocation", "next"]) => return self.invocations.next(line).await,
            (&Method::POST, ["invocation", id, "response"]) => self.invocations.respond(id, body),
            (&Method::POST, ["invocation", id, "error"]) => self.invocations.fail(id, body),
            (&Method::POST, ["init", "error"]) => {
                self.invocations.fail_init(body);
                true
            }
            _ => return reply(StatusCode::NOT_FOUND, JSON, "{}"),
        };
        if known {
            reply(StatusCode::ACCEPTED, JSON, r#"{"status":"OK"}"#)
        } else {
            reply(
                StatusCode::BAD_REQUEST,
                JSON,
                r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#,
            )
        }
    }
}

/// The reply to a synchronous invocation: that a function failed is a success of Invoke.
fn outcome(outcome: Outcome) -> Reply {
    let (error_type, error_message) = match outcome {
        Outcome::Response(response) => return reply(StatusCode::OK, JSON, response.to_string()),
        Outcome::Error { error_type, error_message } => (error_type, error_message),
    };
    let error = json!({ "errorType": error_type, "errorMessage": error_message });
    let mut reply = reply(StatusCode::OK, JSON, error.to_string());
    reply.headers_mut().insert("x-amz-function-error", hyper::http::HeaderValue::from_static("Unhandled"));
    reply
}

const RUNTIME: &str = "/2018-06-01/runtime/";

/// The function of an Invoke, percent-decoded as far as ARNs need it.
fn function(request: &Request<Bytes>) -> Option<String> {
    let path = request.uri().path().strip_prefix("/2015-03-31/functions/")?;
    let function = path.strip_suffix("/invocations")?;
    Some(function.replace("%3A", ":").replace("%3a", ":").replace("%24", "$"))
}

impl Service for Lambda {
    /// The Runtime API belongs to the machine, not to the services that can fail.
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        if request.uri().path().starts_with(RUNTIME) {
            return None;
        }
        let call = match function(request) {
            Some(target) => Call { operation: "Invoke", target, ..Call::default() },
            None => Call { operation: "Unknown", target: request.uri().to_string(), ..Call::default() },
        };
        Some(call)
    }

    fn error(&self, status: StatusCode, code: &str) -> Reply {
        let mut reply = reply(status, JSON, json!({ "Type": "User", "message": "simulated" }).to_string());
        if let Ok(code) = code.parse() {
            reply.headers_mut().insert("x-amzn-errortype", code);
        }
        reply
    }

    async fn answer(&self, request: Request<Bytes>, line: &Line) -> Reply {
        if request.uri().path().starts_with(RUNTIME) {
            self.runtime(&request, line).await
        } else if function(&request).is_some() {
            self.invoke(&request).await
        } else {
            self.error(StatusCode::NOT_FOUND, "ResourceNotFoundException")
        }
    }
}
