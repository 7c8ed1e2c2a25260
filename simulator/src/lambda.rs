//! The Lambda Runtime API, by which a function gets its events, and Invoke, by which it calls itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::exchange::{Reply, Service, reply};
use crate::invocations::Invocations;
use crate::requests::Call;
use crate::wire::Line;

const JSON: &str = "application/json";

/// The largest payload of an asynchronous invocation, in bytes (1 MB).
const MAX_PAYLOAD: usize = 1_000_000;

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

    fn invoke(&self, request: &Request<Bytes>) -> Reply {
        let kind = request.headers().get("x-amz-invocation-type").map(hyper::http::HeaderValue::as_bytes);
        if kind != Some(b"Event") {
            return self.error(StatusCode::BAD_REQUEST, "InvalidParameterValueException");
        }
        if request.body().len() > MAX_PAYLOAD {
            return self.error(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException");
        }
        let Ok(payload) = serde_json::from_slice(request.body()) else {
            return self.error(StatusCode::BAD_REQUEST, "InvalidRequestContentException");
        };
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
            self.invoke(&request)
        } else {
            self.error(StatusCode::NOT_FOUND, "ResourceNotFoundException")
        }
    }
}
