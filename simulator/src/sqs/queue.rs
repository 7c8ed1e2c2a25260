//! A standard queue, with the operations that a consumer needs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use s3s::crypto::{Checksum as _, Md5};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::clock::Clock;

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
pub(crate) struct Queue {
    clock: Arc<Clock>,
    redrive: Option<Redrive>,
    /// Number of messages sent so far, from which message IDs are made.
    sent: u64,
    messages: Vec<StoredMessage>,
}

/// A redrive policy.
#[derive(Clone, Debug)]
pub(crate) struct Redrive {
    /// Name of the dead-letter queue.
    pub(crate) dead_letters: String,
    /// `maxReceiveCount`.
    pub(crate) max_receives: u32,
}

/// A message with its state.
pub(crate) struct StoredMessage {
    id: String,
    body: String,
    /// Unix time at which the message was sent, in milliseconds.
    sent_at: u64,
    receive_count: u32,
    /// Receipt handle of the last receive. Earlier receipt handles are no longer valid.
    receipt: String,
    visible_at: Instant,
}

impl Queue {
    pub(crate) fn new(clock: Arc<Clock>, redrive: Option<Redrive>) -> Self {
        Self { clock, redrive, sent: 0, messages: Vec::new() }
    }

    /// The messages, oldest first.
    pub(crate) fn messages(&self) -> Vec<QueueMessage> {
        let now = self.clock.now();
        self.messages.iter().map(|message| message.describe(now)).collect()
    }

    /// Adds a message. Returns its ID.
    pub(crate) fn send(&mut self, body: &str) -> String {
        self.sent += 1;
        let id = format!("00000000-0000-4000-9000-{:012x}", self.sent);
        self.messages.push(StoredMessage {
            id: id.clone(),
            body: body.to_owned(),
            sent_at: self.clock.unix_ms(),
            receive_count: 0,
            receipt: String::new(),
            visible_at: self.clock.now(),
        });
        id
    }

    /// Adds messages of another queue, whose receive counts start again.
    pub(crate) fn add_dead_letters(&mut self, messages: Vec<StoredMessage>) {
        let now = self.clock.now();
        let received =
            messages.into_iter().map(|message| StoredMessage { receive_count: 0, visible_at: now, ..message });
        self.messages.extend(received);
    }

    /// Removes the messages that the redrive policy moves to the dead-letter queue. Returns its name and the messages.
    pub(crate) fn take_dead_letters(&mut self) -> Option<(String, Vec<StoredMessage>)> {
        let Redrive { dead_letters, max_receives } = self.redrive.clone()?;
        let now = self.clock.now();
        let is_dead = |message: &mut StoredMessage| message.visible_at <= now && message.receive_count >= max_receives;
        Some((dead_letters, self.messages.extract_if(.., is_dead).collect()))
    }

    pub(crate) fn send_message(&mut self, request: &Value) -> Result<Value, ErrorCode> {
        let body = request["MessageBody"].as_str().ok_or(ErrorCode("MissingParameter"))?;
        Ok(json!({ "MessageId": self.send(body), "MD5OfMessageBody": md5(body) }))
    }

    pub(crate) fn receive(&mut self, request: &Value) -> Result<Value, ErrorCode> {
        let max = number(&request["MaxNumberOfMessages"], 1, 1..=10)?;
        number(&request["WaitTimeSeconds"], 0, 0..=20)?;
        let now = self.clock.now();
        let visible_at = now + visibility(request)?.unwrap_or(Duration::from_secs(DEFAULT_VISIBILITY));
        let mut received = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.visible_at <= now).take(max as usize) {
            message.receive_count += 1;
            message.receipt = format!("{}#{}", message.id, message.receive_count);
            message.visible_at = visible_at;
            let StoredMessage { id, body, receipt, .. } = &*message;
            let mut fields = json!({ "MessageId": id, "ReceiptHandle": receipt, "MD5OfBody": md5(body), "Body": body });
            let attributes = message.attributes(request);
            if !attributes.is_empty() {
                fields["Attributes"] = attributes.into();
            }
            received.push(fields);
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
        let (receipt, now) = (receipt(request)?, self.clock.now());
        let visibility = visibility(request)?.ok_or(ErrorCode("MissingParameter"))?;
        let message = self.messages.iter_mut().find(|message| message.receipt == receipt);
        let message = message.ok_or(ErrorCode("InvalidParameterValue"))?;
        if message.visible_at <= now {
            return Err(ErrorCode("MessageNotInflight"));
        }
        message.visible_at = now + visibility;
        Ok(json!({}))
    }

    /// Performs an operation for each entry of a batch. Each entry succeeds or fails on its own.
    pub(crate) fn batch(
        &mut self,
        request: &Value,
        operation: fn(&mut Self, &Value) -> Result<Value, ErrorCode>,
    ) -> Result<Value, ErrorCode> {
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
            match operation(self, entry) {
                Ok(mut answer) => {
                    answer["Id"] = entry["Id"].clone();
                    successful.push(answer);
                }
                Err(ErrorCode(code)) => failed.push(json!({ "Id": entry["Id"], "Code": code, "SenderFault": true })),
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    pub(crate) fn attributes(&self) -> Value {
        let now = self.clock.now();
        let in_flight = self.messages.iter().filter(|message| message.visible_at > now).count();
        json!({ "Attributes": {
            "ApproximateNumberOfMessages": (self.messages.len() - in_flight).to_string(),
            "ApproximateNumberOfMessagesNotVisible": in_flight.to_string(),
        } })
    }
}

impl StoredMessage {
    fn describe(&self, now: Instant) -> QueueMessage {
        QueueMessage {
            id: self.id.clone(),
            body: self.body.clone(),
            receive_count: self.receive_count,
            in_flight: self.visible_at > now,
        }
    }

    /// Returns the system attributes that a receive asks for.
    fn attributes(&self, request: &Value) -> Map<String, Value> {
        let names = request["MessageSystemAttributeNames"].as_array().or_else(|| request["AttributeNames"].as_array());
        let wanted = |name: &str| names.is_some_and(|names| names.iter().any(|it| it == name || it == "All"));
        [("ApproximateReceiveCount", u64::from(self.receive_count)), ("SentTimestamp", self.sent_at)]
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (name.to_owned(), value.to_string().into()))
            .collect()
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
