//! The SQS endpoint: SQS over JSON 1.0.
//!
//! `ReceiveMessage` returns immediately if there is no message, whatever `WaitTimeSeconds` says. Only the test itself
//! sends messages, so waiting would be pointless.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::http::HeaderValue;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::request_log::Call;
use crate::server::connection::Connection;
use crate::server::reply::{Reply, reply};
use crate::server::service::Service;
use crate::sqs::queue::{ErrorCode, Queue, Redrive, message_id};

const JSON: &str = "application/x-amz-json-1.0";

const OPERATIONS: [&str; 8] = [
    "SendMessage",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "GetQueueAttributes",
];

/// The service.
pub(crate) struct Sqs {
    queues: BTreeMap<String, Mutex<Queue>>,
}

impl Sqs {
    pub(crate) fn new(queues: Vec<(String, Option<Redrive>)>, clock: &Arc<Clock>) -> Self {
        let queue = |(name, redrive)| (name, Mutex::new(Queue::new(Arc::clone(clock), redrive)));
        Self { queues: queues.into_iter().map(queue).collect() }
    }

    /// Returns a queue; `None` if it does not exist.
    pub(crate) fn queue(&self, name: &str) -> Option<MutexGuard<'_, Queue>> {
        Some(self.queues.get(name)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn call(&self, operation: Option<&str>, request: &Value) -> Result<Value, ErrorCode> {
        let mut queue = self.queue(queue_name(request)).ok_or(ErrorCode("QueueDoesNotExist"))?;
        match operation {
            Some("SendMessage") => queue.send_message(request),
            Some("SendMessageBatch") => queue.batch(request, Queue::send_message),
            Some("ReceiveMessage") => {
                let dead_letters = queue.take_dead_letters();
                let received = queue.receive(request);
                drop(queue);
                if let Some((name, messages)) = dead_letters
                    && let Some(mut queue) = self.queue(&name)
                {
                    queue.add_dead_letters(messages);
                }
                received
            }
            Some("DeleteMessage") => queue.delete(request),
            Some("DeleteMessageBatch") => queue.batch(request, Queue::delete),
            Some("ChangeMessageVisibility") => queue.change_visibility(request),
            Some("ChangeMessageVisibilityBatch") => queue.batch(request, Queue::change_visibility),
            Some("GetQueueAttributes") => Ok(queue.attributes()),
            _ => Err(ErrorCode("UnsupportedOperation")),
        }
    }
}

fn queue_name(request: &Value) -> &str {
    let url = request["QueueUrl"].as_str().unwrap_or_default();
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

fn operation(request: &Request<Bytes>) -> Option<&'static str> {
    let requested = request.headers().get("x-amz-target")?.to_str().ok()?.strip_prefix("AmazonSQS.")?;
    OPERATIONS.into_iter().find(|operation| *operation == requested)
}

impl Service for Sqs {
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        let Some(operation) = operation(request) else { return Some(Call::unknown(request)) };
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        Some(Call { operation, target: queue_name(&body).to_owned(), detail: message_id(&body).to_owned() })
    }

    fn error_reply(&self, status: StatusCode, code: &str) -> Reply {
        let error = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": "simulated" });
        let mut reply = reply(status, JSON, error.to_string());
        if code == "QueueDoesNotExist" {
            // Clients recognize this error by its code in the older query protocol.
            let code = HeaderValue::from_static("AWS.SimpleQueueService.NonExistentQueue;Sender");
            reply.headers_mut().insert("x-amzn-query-error", code);
        }
        reply
    }

    async fn handle(&self, request: Request<Bytes>, _: &Connection) -> Reply {
        let body: Result<Value, _> = serde_json::from_slice(request.body());
        let body = body.map_err(|_| ErrorCode("SerializationException"));
        match body.and_then(|body| self.call(operation(&request), &body)) {
            Ok(answer) => reply(StatusCode::OK, JSON, answer.to_string()),
            Err(ErrorCode(code)) => self.error_reply(StatusCode::BAD_REQUEST, code),
        }
    }
}
