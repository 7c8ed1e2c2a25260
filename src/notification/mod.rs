//! Unwraps the event that Lambda delivers into the jobs to export.
//!
//! One recursive function unwraps every shape in which a completion message of Rekognition Video arrives. At each level,
//! the first of these that is present is followed:
//!
//! 1. a list of records: `Records` of an SNS or SQS event, an array from EventBridge Pipes, or `Messages` of
//!    `aws sqs receive-message`; each record holds its content in `Sns`, `body` or `Body`, or is the content itself,
//! 2. `requestPayload`: a failure record that Lambda sent to an on-failure destination,
//! 3. `JobId`: the completion message itself,
//! 4. `detail`: an event of an EventBridge bus,
//! 5. `body`: a single SQS record, as in the `detail` of an event that a pipe sent to a bus,
//! 6. `Message`: an SNS envelope, as found in HTTP deliveries, SQS deliveries and dead-letter queues,
//! 7. `Payload`, `Input` or `input`: a state of Step Functions that passes an event on.
//!
//! Every content may be JSON or a string that contains JSON, because pipes and state machines can parse it on the way.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::job_id::JobId;

/// Maximum number of layers that are unwrapped. An SQS event of failure records of SQS events of SNS envelopes has seven;
/// anything deeper is not a notification but an attack on the stack.
const MAX_DEPTH: u32 = 8;

/// Values of `API` in a label detection message: the first in real messages, the second in the documentation.
const LABEL_DETECTION: [&str; 2] = ["StartLabelDetection", "LABEL_DETECTION"];

/// Rekognition's completion message, with the fields that Label Lake adds.
///
/// `Status` is left out: it is only a hint. The `JobStatus` that GetLabelDetection returns decides.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Completion {
    /// ID of the job.
    pub job_id: JobId,
    /// Time at which the job ended, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// Tag that the caller of StartLabelDetection gave the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_tag: Option<String>,
    /// Video that was analyzed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<Video>,
    /// Added by Label Lake: replace the job if it is already committed.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_false")]
    pub overwrite: bool,
    /// Added by Label Lake: delete the files that an earlier export left, and replace its row. Set in continuations only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replaces: bool,
    /// Added by Label Lake: number of invocations that have already worked on the job.
    #[serde(default, deserialize_with = "null_is_absent", skip_serializing_if = "is_zero")]
    pub continuation: u32,
}

/// Location of a video in S3.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Video {
    /// Object key, not URL-encoded.
    #[serde(rename = "S3ObjectName", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Bucket.
    #[serde(rename = "S3Bucket", skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

impl Completion {
    /// Returns the smallest completion message of a job.
    pub fn new(job_id: JobId) -> Self {
        Self { job_id, timestamp: None, job_tag: None, video: None, overwrite: false, replaces: false, continuation: 0 }
    }
}

fn null_is_absent<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires this signature")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// An unwrapped event.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Jobs to export, each once, in the order of the event. Messages of other Rekognition APIs are left out.
    pub requests: Vec<Request>,
    /// Parts of the event that hold no valid completion message.
    pub rejected: Vec<Rejected>,
    /// `messageId` of each SQS record, including the records that `requests` leaves out. Empty if the event is not from a
    /// queue or a pipe.
    pub items: BTreeSet<String>,
}

/// A request to export one job.
#[derive(Debug)]
pub struct Request {
    /// First completion message of the job, with `overwrite` and `replaces` set if any of its messages sets them.
    pub completion: Completion,
    /// `messageId` of each SQS record that names the job.
    pub items: Vec<String>,
}

/// A part of an event that holds no valid completion message.
#[derive(Debug)]
pub struct Rejected {
    /// `messageId` of the SQS record that holds the part.
    pub item: Option<String>,
    /// Reason.
    pub error: Error,
}

impl Delivery {
    /// Unwraps an event. An invalid part of the event does not affect the others.
    pub fn unwrap_event(event: &Value) -> Self {
        let items = records(event).into_iter().flatten().filter_map(item).map(str::to_owned).collect();
        let mut delivery = Self { items, ..Self::default() };
        delivery.unwrap(event, None, 0);
        delivery
    }

    fn unwrap(&mut self, event: &Value, queue_item: Option<&str>, depth: u32) {
        if let Some(records) = records(event)
            && depth < MAX_DEPTH
        {
            for record in records {
                // A failure record may hold SQS records too, but only the queue that invoked the function expects items
                // in the answer.
                let queue_item = if depth == 0 { item(record) } else { queue_item };
                match content(record) {
                    Ok(content) => self.unwrap(&content, queue_item, depth + 1),
                    Err(error) => self.reject(error, queue_item),
                }
            }
            if records.is_empty() {
                self.reject(Error::invalid_event("the list of records is empty"), None);
            }
            return;
        }
        match layer(event, depth) {
            Ok(Layer::Wrapped(inner)) => self.unwrap(&inner, queue_item, depth + 1),
            Ok(Layer::OtherApi(api)) => tracing::info!(?api, "skipped a message of another Rekognition API"),
            Ok(Layer::Completion(completion)) => self.request(completion, queue_item),
            Err(error) => self.reject(error, queue_item),
        }
    }

    /// Adds a completion message, merged into the earlier messages of the same job.
    fn request(&mut self, completion: Completion, item: Option<&str>) {
        let item = item.map(str::to_owned);
        match self.requests.iter_mut().find(|earlier| earlier.completion.job_id == completion.job_id) {
            Some(earlier) => {
                earlier.completion.overwrite |= completion.overwrite;
                earlier.completion.replaces |= completion.replaces;
                earlier.items.extend(item);
            }
            None => self.requests.push(Request { completion, items: item.into_iter().collect() }),
        }
    }

    fn reject(&mut self, error: Error, item: Option<&str>) {
        self.rejected.push(Rejected { item: item.map(str::to_owned), error });
    }
}

/// Returns the records of an event that has several.
fn records(event: &Value) -> Option<&Vec<Value>> {
    let list = |name| event.get(name).and_then(Value::as_array);
    event.as_array().or_else(|| list("Records")).or_else(|| list("Messages"))
}

/// Returns the `messageId` by which SQS is told that a record failed.
fn item(record: &Value) -> Option<&str> {
    record.get("body")?;
    record.get("messageId")?.as_str()
}

/// Returns the content of a record.
fn content(record: &Value) -> Result<Value, Error> {
    match field(record, &["Sns", "body", "Body"]) {
        Some((name, content)) => parsed(content, name),
        None => Ok(record.clone()),
    }
}

/// Returns the first of these fields that is present and not null, with its name.
fn field<'a>(value: &'a Value, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
    names.iter().find_map(|&name| Some((name, value.get(name).filter(|value| !value.is_null())?)))
}

/// One layer of a wrapped message.
enum Layer {
    Wrapped(Value),
    OtherApi(String),
    Completion(Completion),
}

fn layer(event: &Value, depth: u32) -> Result<Layer, Error> {
    if depth >= MAX_DEPTH {
        return Err(Error::invalid_event(format!("the message is wrapped more than {MAX_DEPTH} times")));
    }
    if let Some((name, payload)) = field(event, &["requestPayload"]) {
        return Ok(Layer::Wrapped(parsed(payload, name)?));
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
    match field(event, &["detail", "body", "Body", "Message", "Payload", "Input", "input"]) {
        Some((name, inner)) => Ok(Layer::Wrapped(parsed(inner, name)?)),
        None => Err(Error::invalid_event("found none of Records, requestPayload, JobId, detail, body, Message")),
    }
}

/// Returns the JSON in a field: the value itself, or the JSON that its string contains.
fn parsed(value: &Value, place: &str) -> Result<Value, Error> {
    match value {
        Value::String(text) => parse(text, place),
        Value::Object(_) | Value::Array(_) => Ok(value.clone()),
        _ => Err(Error::invalid_event(format!("{place} is neither an object nor a string of JSON"))),
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

    /// Returns the only job of an event, or the only error.
    fn only(event: &Value) -> Result<Completion, String> {
        let mut delivery = Delivery::unwrap_event(event);
        assert_eq!(delivery.requests.len() + delivery.rejected.len(), 1, "{delivery:?}");
        match delivery.requests.pop() {
            Some(request) => Ok(request.completion),
            None => Err(delivery.rejected.remove(0).error.to_string()),
        }
    }

    #[test]
    fn accepts_a_bare_job_id() {
        let completion = only(&json!({"JobId": "job-1"})).unwrap();
        assert_eq!(completion.job_id.as_str(), "job-1");
        assert_eq!((completion.timestamp, completion.overwrite), (None, false));
    }

    #[test]
    fn treats_a_null_field_as_absent() {
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
    fn finds_the_same_message_in_every_wrapping() {
        let message = json!({
            "JobId": "job-1", "Status": "SUCCEEDED", "API": "LABEL_DETECTION", "Timestamp": 5, "JobTag": "a/b",
            "Video": {"S3ObjectName": "clip 1.mp4", "S3Bucket": "videos"}, "Unknown": [1],
        });
        let envelope = json!({"Type": "Notification", "Message": message.to_string()});
        let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": envelope}]});
        let sqs = |body: &Value| json!({"Records": [{"messageId": "m", "body": body.to_string()}]});
        let failure = json!({"requestContext": {}, "requestPayload": sns});
        let parsed = json!({"messageId": "m", "body": message});
        let bus = |detail: &Value| json!({"detail-type": "Event from aws:sqs", "resources": [], "detail": detail});
        let received = |body: &Value| json!({"Messages": [{"MessageId": "m", "Body": body.to_string()}]});
        let expected = only(&message).unwrap();
        for event in [
            &envelope,
            &sns,
            &sqs(&envelope),
            &sqs(&message),
            &sqs(&failure),
            &failure,
            // Pipes, with the body as a string and parsed.
            &json!([{"messageId": "m", "body": message.to_string()}]),
            &json!([parsed]),
            &json!([{"messageId": "m", "body": {"Message": message}}]),
            // An event bus.
            &bus(&message),
            &bus(&envelope),
            &bus(&parsed),
            &bus(&json!(message.to_string())),
            // The output of receive-message, as Step Functions passes it on too.
            &received(&envelope),
            &received(&message),
            &json!({"Payload": received(&failure)}),
            &json!({"Execution": {}, "Input": sqs(&message)}),
            &json!({"token": "t", "input": message.to_string()}),
            &sqs(&bus(&envelope)),
        ] {
            assert_eq!(only(event).unwrap(), expected, "{event}");
        }
    }

    #[test]
    fn keeps_good_records_when_another_record_is_bad() {
        let event = json!({"Records": [
            {"messageId": "bad", "body": "not json"},
            {"messageId": "good", "body": r#"{"JobId":"job-1"}"#},
        ]});
        let delivery = Delivery::unwrap_event(&event);
        assert_eq!(delivery.items.iter().collect::<Vec<_>>(), ["bad", "good"]);
        assert_eq!(delivery.rejected.iter().map(|part| part.item.as_deref()).collect::<Vec<_>>(), [Some("bad")]);
        assert_eq!(delivery.requests.iter().map(|request| &request.items[..]).collect::<Vec<_>>(), [["good"]]);
    }

    #[test]
    fn names_the_items_of_a_pipe_but_not_of_received_messages() {
        let body = json!({"JobId": "job-1"}).to_string();
        let pipe = Delivery::unwrap_event(&json!([{"messageId": "a", "body": body}, {"messageId": "b", "body": "{"}]));
        assert_eq!(pipe.items.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((&pipe.requests[0].items[..], pipe.rejected[0].item.as_deref()), (&["a".to_owned()][..], Some("b")));
        let received = Delivery::unwrap_event(&json!({"Messages": [{"MessageId": "a", "Body": body}]}));
        assert!(received.items.is_empty() && received.requests[0].items.is_empty());
    }

    #[test]
    fn merges_the_messages_of_a_job() {
        let record = |item: &str, body: &str| json!({"messageId": item, "body": body});
        let event = json!({"Records": [
            record("1", r#"{"JobId":"a","JobTag":"first"}"#),
            record("2", r#"{"JobId":"b"}"#),
            record("3", r#"{"JobId":"a","Overwrite":true}"#),
            record("4", r#"{"JobId":"a","Replaces":true}"#),
        ]});
        let requests = Delivery::unwrap_event(&event).requests;
        let flags: Vec<_> = requests
            .iter()
            .map(|Request { completion, .. }| (completion.job_id.as_str(), completion.overwrite, completion.replaces))
            .collect();
        assert_eq!(flags, [("a", true, true), ("b", false, false)]);
        assert_eq!(requests[0].items, ["1", "3", "4"]);
        assert_eq!(requests[0].completion.job_tag.as_deref(), Some("first"));
    }

    #[test]
    fn skips_a_message_of_another_api() {
        let delivery = Delivery::unwrap_event(&json!({"JobId": "j", "API": "StartFaceDetection"}));
        assert!(delivery.requests.is_empty() && delivery.rejected.is_empty(), "{delivery:?}");
    }

    #[test]
    fn names_the_mistake_in_the_error() {
        for (event, word) in [
            (json!({}), "JobId"),
            (json!([1]), "JobId"),
            (json!({"JobId": "../x"}), "../x"),
            (json!({"JobId": ""}), "JobId"),
            (json!({"JobId": "x".repeat(65)}), "JobId"),
            (json!({"JobId": 12}), "12"),
            (json!({"JobId": "a\nb"}), r"a\nb"),
            (json!({"JobId": "j", "Timestamp": "today"}), "today"),
            (json!({"Records": []}), "records"),
            (json!([]), "records"),
            (json!({"detail": 1}), "detail"),
            (json!({"Records": [{}]}), "body"),
            (json!({"Message": "{"}), "Message"),
        ] {
            let error = only(&event).unwrap_err();
            assert!(error.contains(word) && !error.contains('\n'), "{event}: {error}");
        }
    }

    #[test]
    fn refuses_deep_wrapping() {
        let mut event = json!({"JobId": "job-1"});
        for _ in 0..MAX_DEPTH {
            event = json!({"requestPayload": event});
        }
        assert!(only(&event).unwrap_err().contains("wrapped"));
    }
}
