//! SQS over JSON 1.0: standard queues, as far as a reader of a dead-letter queue needs them.
//!
//! A receive that finds nothing answers at once, however long it may wait: nothing arrives behind the back of a test.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::http::HeaderValue;
use hyper::{Request, StatusCode};
use s3s::crypto::{Checksum as _, Md5};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::exchange::{Reply, Service, reply};
use crate::requests::Call;
use crate::wire::Line;
use crate::{ACCOUNT, Simulator};

const JSON: &str = "application/x-amz-json-1.0";
/// The visibility timeout of a queue.
const DEFAULT_VISIBILITY: u64 = 30;
/// 12 hours, in seconds.
const MAX_VISIBILITY: u64 = 43_200;

/// The most entries of a batch.
const MAX_BATCH: usize = 10;

const OPERATIONS: [&str; 6] = [
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "GetQueueAttributes",
];

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// `MessageId`.
    pub id: String,
    /// `Body`.
    pub body: String,
    /// How often it was received.
    pub received: u32,
    /// Whether a receiver holds it, so that no other gets it.
    pub held: bool,
}

/// The service.
pub(crate) struct Sqs {
    queues: BTreeMap<String, Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    numbered: u64,
    messages: Vec<Stored>,
}

struct Stored {
    id: String,
    body: String,
    received: u32,
    /// Of the last receive; an older one is of no use.
    receipt: String,
    visible_at: Instant,
}

struct Refusal(&'static str);

impl Sqs {
    pub(crate) fn new(queues: Vec<String>) -> Self {
        Self { queues: queues.into_iter().map(|name| (name, Mutex::default())).collect() }
    }

    #[expect(clippy::panic, reason = "a test has nothing to look at")]
    fn queue(&self, name: &str) -> MutexGuard<'_, Queue> {
        self.find(name).unwrap_or_else(|| panic!("no queue {name}"))
    }

    fn find(&self, name: &str) -> Option<MutexGuard<'_, Queue>> {
        Some(self.queues.get(name)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn call(&self, operation: Option<&str>, request: &Value) -> Result<Value, Refusal> {
        let mut queue = self.find(queue_name(request)).ok_or(Refusal("QueueDoesNotExist"))?;
        match operation {
            Some("SendMessage") => {
                let body = request["MessageBody"].as_str().ok_or(Refusal("MissingParameter"))?;
                Ok(json!({ "MessageId": queue.send(body), "MD5OfMessageBody": md5(body) }))
            }
            Some("ReceiveMessage") => queue.receive(request),
            Some("DeleteMessage") => queue.delete(request),
            Some("ChangeMessageVisibility") => queue.change_visibility(request),
            Some("ChangeMessageVisibilityBatch") => queue.change_visibilities(request),
            Some("GetQueueAttributes") => Ok(queue.attributes()),
            _ => Err(Refusal("UnsupportedOperation")),
        }
    }
}

impl Queue {
    fn send(&mut self, body: &str) -> String {
        self.numbered += 1;
        let id = format!("00000000-0000-4000-9000-{:012x}", self.numbered);
        let (receipt, visible_at) = (String::new(), Instant::now());
        self.messages.push(Stored { id: id.clone(), body: body.to_owned(), received: 0, receipt, visible_at });
        id
    }

    fn receive(&mut self, request: &Value) -> Result<Value, Refusal> {
        let most = within(&request["MaxNumberOfMessages"], 1, 1..=10)?;
        within(&request["WaitTimeSeconds"], 0, 0..=20)?;
        let now = Instant::now();
        let visible_at = now + visibility(request)?.unwrap_or(Duration::from_secs(DEFAULT_VISIBILITY));
        let mut received = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible_at <= now).take(most as usize) {
            message.received += 1;
            message.receipt = format!("{}#{}", message.id, message.received);
            message.visible_at = visible_at;
            let Stored { id, body, receipt, .. } = message;
            received.push(json!({ "MessageId": id, "ReceiptHandle": receipt, "MD5OfBody": md5(body), "Body": body }));
        }
        // An empty list is left out, as by the real one.
        Ok(if received.is_empty() { json!({}) } else { json!({ "Messages": received }) })
    }

    /// That the message is gone already is no error, as it is none at the real one.
    fn delete(&mut self, request: &Value) -> Result<Value, Refusal> {
        let receipt = receipt(request)?;
        self.messages.retain(|message| message.receipt != receipt);
        Ok(json!({}))
    }

    fn change_visibility(&mut self, request: &Value) -> Result<Value, Refusal> {
        let (receipt, now) = (receipt(request)?, Instant::now());
        let visibility = visibility(request)?.ok_or(Refusal("MissingParameter"))?;
        let message = self.messages.iter_mut().find(|message| message.receipt == receipt);
        let message = message.ok_or(Refusal("InvalidParameterValue"))?;
        if message.visible_at <= now {
            return Err(Refusal("MessageNotInflight"));
        }
        message.visible_at = now + visibility;
        Ok(json!({}))
    }

    /// Each entry succeeds or fails by itself.
    fn change_visibilities(&mut self, request: &Value) -> Result<Value, Refusal> {
        let entries = request["Entries"].as_array().ok_or(Refusal("MissingParameter"))?;
        let ids: HashSet<_> = entries.iter().map(|entry| entry["Id"].as_str().unwrap_or_default()).collect();
        match entries.len() {
            0 => return Err(Refusal("EmptyBatchRequest")),
            entries if entries > MAX_BATCH => return Err(Refusal("TooManyEntriesInBatchRequest")),
            entries if entries > ids.len() => return Err(Refusal("BatchEntryIdsNotDistinct")),
            _ => {}
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            match self.change_visibility(entry) {
                Ok(_) => successful.push(json!({ "Id": entry["Id"] })),
                Err(Refusal(code)) => failed.push(json!({ "Id": entry["Id"], "Code": code, "SenderFault": true })),
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    fn attributes(&self) -> Value {
        let held = self.messages.iter().filter(|message| message.is_held()).count();
        json!({ "Attributes": {
            "ApproximateNumberOfMessages": (self.messages.len() - held).to_string(),
            "ApproximateNumberOfMessagesNotVisible": held.to_string(),
        } })
    }
}

impl Stored {
    fn is_held(&self) -> bool {
        self.visible_at > Instant::now()
    }

    fn describe(&self) -> QueueMessage {
        QueueMessage { id: self.id.clone(), body: self.body.clone(), received: self.received, held: self.is_held() }
    }
}

fn visibility(request: &Value) -> Result<Option<Duration>, Refusal> {
    let given = &request["VisibilityTimeout"];
    if given.is_null() {
        return Ok(None);
    }
    within(given, 0, 0..=MAX_VISIBILITY).map(|seconds| Some(Duration::from_secs(seconds)))
}

fn within(given: &Value, default: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, Refusal> {
    let number = if given.is_null() { Some(default) } else { given.as_u64() };
    number.filter(|number| range.contains(number)).ok_or(Refusal("InvalidParameterValue"))
}

fn receipt(request: &Value) -> Result<&str, Refusal> {
    let receipt = request["ReceiptHandle"].as_str().ok_or(Refusal("MissingParameter"))?;
    if receipt.contains('#') { Ok(receipt) } else { Err(Refusal("ReceiptHandleIsInvalid")) }
}

fn md5(body: &str) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::checksum(body.as_bytes())))
}

fn queue_name(request: &Value) -> &str {
    let url = request["QueueUrl"].as_str().unwrap_or_default();
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

fn operation(request: &Request<Bytes>) -> Option<&'static str> {
    let asked = request.headers().get("x-amz-target")?.to_str().ok()?.strip_prefix("AmazonSQS.")?;
    OPERATIONS.into_iter().find(|operation| *operation == asked)
}

impl Service for Sqs {
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let (operation, target) = (operation(request).unwrap_or("Unknown"), queue_name(&body).to_owned());
        // The part of a receipt before its number is the message's id.
        let receipt = body["ReceiptHandle"].as_str().unwrap_or_default();
        let detail = receipt.split_once('#').map_or("", |(id, _)| id).to_owned();
        Some(Call { operation, target, detail })
    }

    fn error(&self, status: StatusCode, code: &str) -> Reply {
        let error = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": "simulated" });
        let mut reply = reply(status, JSON, error.to_string());
        if code == "QueueDoesNotExist" {
            // Clients go by the code that the older protocol had.
            let code = HeaderValue::from_static("AWS.SimpleQueueService.NonExistentQueue;Sender");
            reply.headers_mut().insert("x-amzn-query-error", code);
        }
        reply
    }

    async fn answer(&self, request: Request<Bytes>, _: &Line) -> Reply {
        let body: Result<Value, _> = serde_json::from_slice(request.body());
        let body = body.map_err(|_| Refusal("SerializationException"));
        match body.and_then(|body| self.call(operation(&request), &body)) {
            Ok(answer) => reply(StatusCode::OK, JSON, answer.to_string()),
            Err(Refusal(code)) => self.error(StatusCode::BAD_REQUEST, code),
        }
    }
}
