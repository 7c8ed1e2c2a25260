//! The Lambda endpoint: the Runtime API, which delivers events to the function, and Invoke.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::http::HeaderValue;
use hyper::{Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::lambda::function::Function;
use crate::lambda::invocations::{Invocation, Invocations, Outcome};
use crate::request_log::Call;
use crate::server::connection::Connection;
use crate::server::reply::{Reply, reply};
use crate::server::service::Service;

const JSON: &str = "application/json";

/// Path prefix of the Runtime API.
const RUNTIME: &str = "/2018-06-01/runtime/";

/// Maximum payload of an asynchronous invocation, in bytes (1 MB).
const MAX_PAYLOAD: usize = 1_000_000;
/// Maximum payload of a synchronous invocation, in bytes (6 MB).
const MAX_SYNCHRONOUS_PAYLOAD: usize = 6_291_556;

/// The service.
pub(crate) struct Lambda {
    pub(crate) function: Function,
    pub(crate) invocations: Invocations,
    invoked: Mutex<Vec<Value>>,
}

impl Lambda {
    pub(crate) fn new(function: Function) -> Self {
        let invocations = Invocations::new(function.arn());
        Self { function, invocations, invoked: Mutex::default() }
    }

    /// The payloads of asynchronous invocations.
    pub(crate) fn invoked(&self) -> MutexGuard<'_, Vec<Value>> {
        self.invoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn invoke(&self, request: &Request<Bytes>) -> Reply {
        let kind = request.headers().get("x-amz-invocation-type").map(HeaderValue::as_bytes);
        let (synchronous, max) = match kind {
            Some(b"Event") => (false, MAX_PAYLOAD),
            None | Some(b"RequestResponse") => (true, MAX_SYNCHRONOUS_PAYLOAD),
            Some(_) => return self.error_reply(StatusCode::BAD_REQUEST, "InvalidParameterValueException"),
        };
        if request.body().len() > max {
            return self.error_reply(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException");
        }
        let Ok(payload) = serde_json::from_slice(request.body()) else {
            return self.error_reply(StatusCode::BAD_REQUEST, "InvalidRequestContentException");
        };
        if synchronous {
            return outcome_reply(self.invocations.invoke(request.body().clone(), Invocation::default()).await);
        }
        self.invoked().push(payload);
        reply(StatusCode::ACCEPTED, JSON, Bytes::new())
    }

    async fn runtime(&self, request: &Request<Bytes>, connection: &Connection) -> Reply {
        let path = request.uri().path().trim_start_matches(RUNTIME);
        let body = request.body();
        let parts: Vec<&str> = path.split('/').collect();
        let known = match (request.method(), &*parts) {
            (&Method::GET, ["invocation", "next"]) => return self.invocations.next(connection).await,
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

/// Returns the reply to a synchronous invocation. An error of the function is a successful Invoke, marked by a header.
fn outcome_reply(outcome: Outcome) -> Reply {
    let (error_type, error_message) = match outcome {
        Outcome::Response(response) => return reply(StatusCode::OK, JSON, response.to_string()),
        Outcome::Error { error_type, error_message } => (error_type, error_message),
    };
    let error = json!({ "errorType": error_type, "errorMessage": error_message });
    let mut reply = reply(StatusCode::OK, JSON, error.to_string());
    reply.headers_mut().insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    reply
}

/// Returns the function's name or ARN in the path of an Invoke; `None` if the request is not an Invoke.
fn invoked_function(request: &Request<Bytes>) -> Option<String> {
    let path = request.uri().path().strip_prefix("/2015-03-31/functions/")?;
    let function = path.strip_suffix("/invocations")?;
    Some(percent_decode_str(function).decode_utf8_lossy().into_owned())
}

impl Service for Lambda {
    /// Requests to the Runtime API are not described, and so neither logged nor subject to faults: the Runtime API is
    /// part of the function's environment, not a service that the function calls.
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        if request.uri().path().starts_with(RUNTIME) {
            return None;
        }
        let call = match invoked_function(request) {
            Some(target) => Call { operation: "Invoke", target, ..Call::default() },
            None => Call::unknown(request),
        };
        Some(call)
    }

    fn error_reply(&self, status: StatusCode, code: &str) -> Reply {
        let mut reply = reply(status, JSON, json!({ "Type": "User", "message": "simulated" }).to_string());
        if let Ok(code) = code.parse() {
            reply.headers_mut().insert("x-amzn-errortype", code);
        }
        reply
    }

    async fn handle(&self, request: Request<Bytes>, connection: &Connection) -> Reply {
        if request.uri().path().starts_with(RUNTIME) {
            self.runtime(&request, connection).await
        } else if invoked_function(&request).is_some() {
            self.invoke(&request).await
        } else {
            self.error_reply(StatusCode::NOT_FOUND, "ResourceNotFoundException")
        }
    }
}
