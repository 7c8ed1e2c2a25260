//! A standard queue, with the operations that a consumer of a dead-letter queue needs.

use std::collections::HashSet;
use std::time::Duration;

use s3s::crypto::{Checksum as _, Md5};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Default visibility timeout, in seconds.
const DEFAULT_VISIBILITY: u64 = 30;
/// Maximum visibility timeout, in seconds: 12 hours.
const MAX_VISIBILITY: u64 = 43_200;

/// Maximum number of entries in a batch.
const MAX_BATCH: usize = 10;

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// `MessageId`.
    pub id: String,
    /// `Body`.
    pub body: String,
    /// Number of times that the message was received.
    pub receive_count: u32,
    /// True if a consumer has received the message and its visibility timeout has not expired.
    pub in_flight: bool,
}

/// The code of an SQS error.
pub(crate) struct ErrorCode(pub(crate) &'static str);

/// A queue.
#[derive(Default)]
pub(crate) struct Queue {
    /// Number of messages sent so far, from which message IDs are made.
    sent: u64,
    messages: Vec<StoredMessage>,
}

struct StoredMessage {
    id: String,
    body: String,
    receive_count: u32,
    /// Receipt handle of the last receive. Earlier receipt handles are no longer valid.
    receipt: String,
    visible_at: Instant,
}

impl Queue {
    /// The messages, oldest first.
    pub(crate) fn messages(&self) -> Vec<QueueMessage> {
        self.messages.iter().map(StoredMessage::describe).collect()
    }

    /// Adds a message. Returns its ID.
    pub(crate) fn send(&mut self, body: &str) -> String {
        self.sent += 1;
        let id = format!("00000000-0000-4000-9000-{:012x}", self.sent);
        let (receipt, visible_at) = (String::new(), Instant::now());
        self.messages.push(StoredMessage {
            id: id.clone(),
            body: body.to_owned(),
            receive_count: 0,
            receipt,
            visible_at,
        });
        id
    }

    pub(crate) fn send_message(&mut self, request: &Value) -> Result<Value, ErrorCode> {
        let body = request["MessageBody"].as_str().ok_or(ErrorCode("MissingParameter"))?;
        Ok(json!({ "MessageId": self.send(body), "MD5OfMessageBody": md5(body) }))
    }

    pub(crate) fn receive(&mut self, request: &Value) -> Result<Value, ErrorCode> {
        let max = number(&request["MaxNumberOfMessages"], 1, 1..=10)?;
        number(&request["WaitTimeSeconds"], 0, 0..=20)?;
        let now = Instant::now();
        let visible_at = now + visibility(request)?.unwrap_or(Duration::from_secs(DEFAULT_VISIBILITY));
        let mut received = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible_at <= now).take(max as usize) {
            message.receive_count += 1;
            message.receipt = format!("{}#{}", message.id, message.receive_count);
            message.visible_at = visible_at;
            let StoredMessage { id, body, receipt, .. } = message;
            received.push(json!({ "MessageId": id, "ReceiptHandle": receipt, "MD5OfBody": md5(body), "Body": body }));
        }
        // SQS omits `Messages` if it is empty.
        Ok(if received.is_empty() { json!({}) } else { json!({ "Messages": received }) })
    }

    /// Deletes a message. As in SQS, it is not an error if the message was already deleted.
    pub(crate) fn delete(&mut self, request: &Value) -> Result<Value, ErrorCode> {
        let receipt = receipt(request)?;
        self.messages.retain(|message| message.receipt != receipt);
        Ok(json!({}))
    }

    pub(crate) fn change_visibility(&mut self, request: &Value) -> Result<Value, ErrorCode> {
        let (receipt, now) = (receipt(request)?, Instant::now());
        let visibility = visibility(request)?.ok_or(ErrorCode("MissingParameter"))?;
        let message = self.messages.iter_mut().find(|message| message.receipt == receipt);
        let message = message.ok_or(ErrorCode("InvalidParameterValue"))?;
        if message.visible_at <= now {
            return Err(ErrorCode("MessageNotInflight"));
        }
        message.visible_at = now + visibility;
        Ok(json!({}))
    }

    /// Changes the visibility of several messages. Each entry succeeds or fails on its own.
    pub(crate) fn change_visibilities(&mut self, request: &Value) -> Result<Value, ErrorCode> {
        let entries = request["Entries"].as_array().ok_or(ErrorCode("MissingParameter"))?;
        let ids: HashSet<_> = entries.iter().map(|entry| entry["Id"].as_str().unwrap_or_default()).collect();
        match entries.len() {
            0 => return Err(ErrorCode("EmptyBatchRequest")),
            entries if entries > MAX_BATCH => return Err(ErrorCode("TooManyEntriesInBatchRequest")),
            entries if entries > ids.len() => return Err(ErrorCode("BatchEntryIdsNotDistinct")),
            _ => {}
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            match self.change_visibility(entry) {
                Ok(_) => successful.push(json!({ "Id": entry["Id"] })),
                Err(ErrorCode(code)) => failed.push(json!({ "Id": entry["Id"], "Code": code, "SenderFault": true })),
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    pub(crate) fn attributes(&self) -> Value {
        let in_flight = self.messages.iter().filter(|message| message.is_in_flight()).count();
        json!({ "Attributes": {
            "ApproximateNumberOfMessages": (self.messages.len() - in_flight).to_string(),
            "ApproximateNumberOfMessagesNotVisible": in_flight.to_string(),
        } })
    }
}

impl StoredMessage {
    fn is_in_flight(&self) -> bool {
        self.visible_at > Instant::now()
    }

    fn describe(&self) -> QueueMessage {
        QueueMessage {
            id: self.id.clone(),
            body: self.body.clone(),
            receive_count: self.receive_count,
            in_flight: self.is_in_flight(),
        }
    }
}

fn visibility(request: &Value) -> Result<Option<Duration>, ErrorCode> {
    let given = &request["VisibilityTimeout"];
    if given.is_null() {
        return Ok(None);
    }
    number(given, 0, 0..=MAX_VISIBILITY).map(|seconds| Some(Duration::from_secs(seconds)))
}

/// Reads a number and checks its range. Returns the default if the value is absent.
fn number(given: &Value, default: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, ErrorCode> {
    let number = if given.is_null() { Some(default) } else { given.as_u64() };
    number.filter(|number| range.contains(number)).ok_or(ErrorCode("InvalidParameterValue"))
}

fn receipt(request: &Value) -> Result<&str, ErrorCode> {
    let receipt = request["ReceiptHandle"].as_str().ok_or(ErrorCode("MissingParameter"))?;
    if receipt.contains('#') { Ok(receipt) } else { Err(ErrorCode("ReceiptHandleIsInvalid")) }
}

/// Returns the message ID that a request's receipt handle names, for the log.
pub(crate) fn message_id(request: &Value) -> &str {
    let receipt = request["ReceiptHandle"].as_str().unwrap_or_default();
    receipt.split_once('#').map_or("", |(id, _)| id)
}

fn md5(body: &str) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::checksum(body.as_bytes())))
}
