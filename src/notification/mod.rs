//! The event that Lambda delivers → the jobs to export.
//!
//! One recursive unwrapping decodes every shape in which a completion message of Rekognition Video
//! arrives. At each level the first of these that is there leads on:
//!
//! 1. `Records`: an SNS or an SQS event; each record holds the message in `Sns` or in `body`,
//! 2. `requestPayload`: a failure record that Lambda sent to an on-failure destination,
//! 3. `JobId`: the completion message itself,
//! 4. `Message`: an SNS envelope, as raw HTTP or SQS deliveries and redrive queues hold it.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::job_id::JobId;

/// How many layers are unwrapped: an SQS event of failure records of SQS events of SNS envelopes
/// has seven. Deeper is not a notification but an attack on the stack.
const MAX_DEPTH: u32 = 8;

/// The `API` of a label detection message: what real messages carry, and what the documentation says.
const LABEL_DETECTION: [&str; 2] = ["StartLabelDetection", "LABEL_DETECTION"];

/// Rekognition's completion message, with the fields that are ours.
///
/// `Status` is not here: it is a hint, and the `JobStatus` that GetLabelDetection returns decides.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Completion {
    /// The job that is done.
    pub job_id: JobId,
    /// When it was done, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// What the caller of StartLabelDetection named the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_tag: Option<String>,
    /// The video that was analysed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<Video>,
    /// Ours: replace what is committed already.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_false")]
    pub overwrite: bool,
    /// Ours: remove what an earlier export left, and replace its row. Only continuations say so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replaces: bool,
    /// Ours: how many invocations have worked on the job before this one.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_zero")]
    pub continuation: u32,
}

/// Where the video is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Video {
    /// The key, not URL-encoded.
    #[serde(rename = "S3ObjectName", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The bucket.
    #[serde(rename = "S3Bucket", skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

fn null_is_absent<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// One event: what it asks for, in its order.
#[derive(Debug)]
pub struct Delivery {
    /// Each completion message, or why there is none. Messages of other Rekognition APIs are left out.
    pub messages: Vec<Message>,
    /// The `messageId` of each SQS record, also of those that are left out. Empty if the event is not from a queue.
    pub items: BTreeSet<String>,
}

/// One completion message of an event.
#[derive(Debug)]
pub struct Message {
    /// The `messageId` of the SQS record that held it.
    pub item: Option<String>,
    /// What it says.
    pub completion: Result<Completion, Error>,
}

impl Delivery {
    /// Unwraps an event. A part that cannot be understood becomes a message with an error; the rest is kept.
    pub fn unwrap_event(event: &Value) -> Self {
        let items = records(event).into_iter().flatten().filter_map(item).map(str::to_owned).collect();
        let mut messages = Vec::new();
        unwrap(event, None, 0, &mut messages);
        Self { messages, items }
    }
}

fn records(event: &Value) -> Option<&Vec<Value>> {
    event.get("Records")?.as_array()
}

/// The `messageId` that SQS wants back for a record that failed.
fn item(record: &Value) -> Option<&str> {
    record.get("body")?;
    record.get("messageId")?.as_str()
}

fn unwrap(event: &Value, queue_item: Option<&str>, depth: u32, messages: &mut Vec<Message>) {
    if let Some(records) = records(event)
        && depth < MAX_DEPTH
    {
        for record in records {
            // Only the queue that invoked the function takes items back, not one inside a failure record.
            let queue_item = if depth == 0 { item(record) } else { queue_item };
            match content(record) {
                Ok(content) => unwrap(&content, queue_item, depth + 1, messages),
                Err(error) => messages.push(Message { item: queue_item.map(str::to_owned), completion: Err(error) }),
            }
        }
        if records.is_empty() {
            let completion = Err(Error::invalid_event("Records is empty"));
            messages.push(Message { item: None, completion });
        }
        return;
    }
    let completion = match layer(event, depth) {
        Ok(Layer::Wrapped(inner)) => return unwrap(&inner, queue_item, depth + 1, messages),
        Ok(Layer::OtherApi(api)) => {
            tracing::info!(?api, "skipped a message of another Rekognition API");
            return;
        }
        Ok(Layer::Completion(completion)) => Ok(completion),
        Err(error) => Err(error),
    };
    messages.push(Message { item: queue_item.map(str::to_owned), completion });
}

/// What a record of an SNS or SQS event carries.
fn content(record: &Value) -> Result<Value, Error> {
    if let Some(envelope) = record.get("Sns") {
        return Ok(envelope.clone());
    }
    match record.get("body") {
        Some(Value::String(body)) => parse(body, "Records[].body"),
        Some(_) => Err(Error::invalid_event("Records[].body is not a string")),
        None => Err(Error::invalid_event("a record has neither Sns nor body")),
    }
}

enum Layer {
    Wrapped(Value),
    OtherApi(String),
    Completion(Completion),
}

fn layer(event: &Value, depth: u32) -> Result<Layer, Error> {
    if depth >= MAX_DEPTH {
        return Err(Error::invalid_event(format!("the message is wrapped more than {MAX_DEPTH} times")));
    }
    if let Some(payload) = event.get("requestPayload") {
        return Ok(Layer::Wrapped(payload.clone()));
    }
    if let Some(id) = event.get("JobId") {
        if let Some(api) = event.get("API").and_then(Value::as_str)
            && !LABEL_DETECTION.contains(&api)
        {
            return Ok(Layer::OtherApi(api.to_owned()));
        }
        if id.as_str().is_none_or(|id| JobId::try_from(id).is_err()) {
            return Err(Error::invalid_job_id(id));
        }
        return Ok(Layer::Completion(decode(event.clone(), "the completion message")?));
    }
    match event.get("Message") {
        Some(Value::String(message)) => Ok(Layer::Wrapped(parse(message, "Message")?)),
        Some(_) => Err(Error::invalid_event("Message is not a string")),
        None => Err(Error::invalid_event("found none of Records, requestPayload, JobId, Message")),
    }
}

fn parse(text: &str, place: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| Error::invalid_event(format!("{place} is not JSON: {error}")))
}

fn decode<T: DeserializeOwned>(value: Value, place: &str) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::invalid_event(format!("{place}: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn only(event: &Value) -> Result<Completion, String> {
        let mut messages = Delivery::unwrap_event(event).messages;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0).completion.map_err(|error| error.to_string())
    }

    #[test]
    fn a_bare_job_id_is_enough() {
        let completion = only(&json!({"JobId": "job-1"})).unwrap();
        assert_eq!(completion.job_id.as_str(), "job-1");
        assert_eq!((completion.timestamp, completion.overwrite), (None, false));
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let fields = ["Timestamp", "JobTag", "Video", "Overwrite", "Continuation", "Status", "API"];
        let mut message = json!({"JobId": "job-1"});
        for field in fields {
            message[field] = Value::Null;
        }
        assert_eq!(only(&message).unwrap(), only(&json!({"JobId": "job-1"})).unwrap());
        let video = json!({"JobId": "job-1", "Video": {"S3ObjectName": null, "S3Bucket": null}});
        assert_eq!(only(&video).unwrap().video, Some(Video::default()));
    }

    #[test]
    fn every_wrapping_leads_to_the_same_message() {
        let message = json!({
            "JobId": "job-1", "Status": "SUCCEEDED", "API": "LABEL_DETECTION", "Timestamp": 5, "JobTag": "a/b",
            "Video": {"S3ObjectName": "clip 1.mp4", "S3Bucket": "videos"}, "Unknown": [1],
        });
        let envelope = json!({"Type": "Notification", "Message": message.to_string()});
        let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": envelope}]});
        let sqs = |body: &Value| json!({"Records": [{"messageId": "m", "body": body.to_string()}]});
        let failure = json!({"requestContext": {}, "requestPayload": sns});
        let expected = only(&message).unwrap();
        for event in [&envelope, &sns, &sqs(&envelope), &sqs(&message), &sqs(&failure), &failure] {
            assert_eq!(only(event).unwrap(), expected, "{event}");
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_does_not_hide_the_others() {
        let event = json!({"Records": [
            {"messageId": "bad", "body": "not json"},
            {"messageId": "good", "body": r#"{"JobId":"job-1"}"#},
        ]});
        let delivery = Delivery::unwrap_event(&event);
        assert_eq!(delivery.items.iter().collect::<Vec<_>>(), ["bad", "good"]);
        let items: Vec<_> =
            delivery.messages.iter().map(|m| (m.item.as_deref().unwrap(), m.completion.is_ok())).collect();
        assert_eq!(items, [("bad", false), ("good", true)]);
    }

    #[test]
    fn another_api_is_skipped() {
        assert!(Delivery::unwrap_event(&json!({"JobId": "j", "API": "StartFaceDetection"})).messages.is_empty());
    }

    #[test]
    fn the_error_names_what_is_wrong() {
        for (event, word) in [
            (json!({}), "JobId"),
            (json!([1]), "JobId"),
            (json!({"JobId": "../x"}), "../x"),
            (json!({"JobId": ""}), "JobId"),
            (json!({"JobId": "x".repeat(65)}), "JobId"),
            (json!({"JobId": 12}), "12"),
            (json!({"JobId": "a\nb"}), r"a\nb"),
            (json!({"JobId": "j", "Timestamp": "today"}), "today"),
            (json!({"Records": []}), "Records"),
            (json!({"Records": [{}]}), "body"),
            (json!({"Message": "{"}), "Message"),
        ] {
            let error = only(&event).unwrap_err();
            assert!(error.contains(word) && !error.contains('\n'), "{event}: {error}");
        }
    }

    #[test]
    fn wrapping_is_bounded() {
        let mut event = json!({"JobId": "job-1"});
        for _ in 0..MAX_DEPTH {
            event = json!({"requestPayload": event});
        }
        assert!(only(&event).unwrap_err().contains("wrapped"));
    }
}
