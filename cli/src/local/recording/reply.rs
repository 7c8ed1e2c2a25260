//! Decodes one reply of `GetLabelDetection`, as any SDK prints it, into the form in which Rekognition sends it.
//!
//! SDKs differ in the case of field names (`JobStatus`, `jobStatus`), in how they print absent fields (not at all, `null`,
//! zero) and enums (text, or an object with a `Value`), and they add fields of their own. Every value that the tables need
//! is checked here, because the simulator and the SDK would only notice a wrong one much later.

use std::fmt;

use label_lake::table::aggregation::Aggregation;
use serde_json::{Map, Value};

use self::Shape::{Enum, Integer, List, Number, Object, Text};

/// The expected form of a JSON value.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    /// A text, or an object whose `Value` is the text.
    Enum,
    Integer,
    Number,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
}

const NAMES: Shape = List(&Object(&[("Name", Text)]));
const BOUNDING_BOX: Shape = Object(&[("Width", Number), ("Height", Number), ("Left", Number), ("Top", Number)]);
const COLORS: Shape = List(&Object(&[
    ("Red", Integer),
    ("Green", Integer),
    ("Blue", Integer),
    ("HexCode", Text),
    ("CSSColor", Text),
    ("SimplifiedColor", Text),
    ("PixelPercent", Number),
]));
const INSTANCES: Shape =
    List(&Object(&[("BoundingBox", BOUNDING_BOX), ("Confidence", Number), ("DominantColors", COLORS)]));
const LABEL: Shape = Object(&[
    ("Name", Text),
    ("Confidence", Number),
    ("Instances", INSTANCES),
    ("Parents", NAMES),
    ("Aliases", NAMES),
    ("Categories", NAMES),
]);
const LABELS: Shape = List(&Object(&[
    ("Timestamp", Integer),
    ("Label", LABEL),
    ("StartTimestampMillis", Integer),
    ("EndTimestampMillis", Integer),
    ("DurationMillis", Integer),
]));
const VIDEO_METADATA: Shape = Object(&[
    ("Codec", Text),
    ("DurationMillis", Integer),
    ("Format", Text),
    ("FrameRate", Number),
    ("FrameHeight", Integer),
    ("FrameWidth", Integer),
    ("ColorRange", Enum),
]);
const VIDEO: Shape = Object(&[("S3Object", Object(&[("Bucket", Text), ("Name", Text), ("Version", Text)]))]);
const REPLY: Shape = Object(&[
    ("JobStatus", Enum),
    ("StatusMessage", Text),
    ("VideoMetadata", VIDEO_METADATA),
    ("NextToken", Text),
    ("Labels", LABELS),
    ("LabelModelVersion", Text),
    ("JobId", Text),
    ("Video", VIDEO),
    ("JobTag", Text),
    ("GetRequestMetadata", Object(&[("SortBy", Enum), ("AggregateBy", Enum)])),
]);

/// Fields of the replies of other operations, with what returns them.
const OTHER_REPLIES: [(&str, &str); 11] = [
    ("Faces", "GetFaceDetection"),
    ("FaceDetails", "DetectFaces"),
    ("FaceMatches", "a face search"),
    ("Persons", "GetPersonTracking or GetFaceSearch"),
    ("ModerationLabels", "content moderation"),
    ("TextDetections", "text detection"),
    ("Segments", "GetSegmentDetection"),
    ("Celebrities", "GetCelebrityRecognition"),
    ("CelebrityFaces", "RecognizeCelebrities"),
    ("ProtectiveEquipment", "DetectProtectiveEquipment"),
    ("Blocks", "Amazon Textract"),
];

/// Fields that only a segment has.
const SEGMENT_FIELDS: [&str; 3] = ["StartTimestampMillis", "EndTimestampMillis", "DurationMillis"];

/// The reason for which a JSON value is not a reply.
#[derive(Debug)]
pub(super) struct NotAReply {
    /// Path of the value, as in `Labels[0].Label.Name`. Empty for the whole reply.
    path: String,
    reason: String,
}

impl fmt::Display for NotAReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.reason) } else { write!(f, "{}: {}", self.path, self.reason) }
    }
}

impl std::error::Error for NotAReply {}

/// Returns the reply with Rekognition's names, and without absent fields and fields that an SDK added.
///
/// # Errors
/// The value is not a reply of `GetLabelDetection`, or a field has the wrong type.
pub(super) fn decode_reply(value: &Value) -> Result<Value, NotAReply> {
    let whole = |reason: String| NotAReply { path: String::new(), reason };
    let Some(fields) = value.as_object() else {
        return Err(whole(format!("expected a reply of GetLabelDetection, found {}", describe(value))));
    };
    if let Some((_, operation)) = OTHER_REPLIES.iter().find(|(name, _)| field(fields, name).is_some()) {
        return Err(whole(format!("it is a reply of {operation}, not of GetLabelDetection")));
    }
    let first_label = field(fields, "Labels").and_then(|labels| labels.get(0)).and_then(Value::as_object);
    if first_label.is_some_and(|label| field(label, "Name").is_some() && field(label, "Label").is_none()) {
        return Err(whole("it is a reply of DetectLabels, which analyzes images, not of GetLabelDetection".to_owned()));
    }
    let mut path = String::new();
    let mut reply = match decode(value, REPLY, &mut path) {
        Ok(reply) => reply,
        Err(reason) => return Err(NotAReply { path, reason }),
    };
    match reply["JobStatus"].as_str() {
        Some("SUCCEEDED" | "FAILED" | "IN_PROGRESS") => {}
        Some(other) => {
            let reason = format!("expected SUCCEEDED, FAILED or IN_PROGRESS, found {other:?}");
            return Err(NotAReply { path: "JobStatus".to_owned(), reason });
        }
        None if reply["Labels"].is_array() => {}
        None => return Err(whole("it has neither Labels nor JobStatus".to_owned())),
    }
    if reply["NextToken"] == "" {
        // AWS's SDKs treat an empty token as the end.
        remove(&mut reply, "NextToken");
    }
    remove_zeros(&mut reply);
    Ok(reply)
}

/// Returns the aggregation of a reply: the requested one, or else the one that its first label shows.
pub(super) fn aggregation_of(reply: &Value) -> Aggregation {
    let requested = reply["GetRequestMetadata"]["AggregateBy"].as_str();
    let requested = Aggregation::ALL.into_iter().find(|aggregation| requested == Some(aggregation.name()));
    let labels = reply["Labels"].as_array();
    let has_segments = labels.is_some_and(|labels| {
        // An SDK may print zeros for absent fields. A segment at the start of the video still ends later.
        let positive = |name: &str| labels.iter().any(|label| label[name].as_i64().is_some_and(|number| number > 0));
        SEGMENT_FIELDS.iter().any(|name| positive(name))
            || labels
                .iter()
                .any(|label| label.get("StartTimestampMillis").is_some() && label.get("Timestamp").is_none())
    });
    requested.unwrap_or(if has_segments { Aggregation::Segments } else { Aggregation::Timestamps })
}

/// Removes the fields that detections do not have. Some SDKs print them as zero.
fn remove_zeros(reply: &mut Value) {
    if aggregation_of(reply) == Aggregation::Segments {
        return;
    }
    for label in reply["Labels"].as_array_mut().into_iter().flatten() {
        for name in SEGMENT_FIELDS {
            remove(label, name);
        }
    }
}

fn remove(value: &mut Value, name: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(name);
    }
}

/// Returns the field with this name in any case, unless its value is null.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = fields
        .get(name)
        .or_else(|| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value));
    found.filter(|value| !value.is_null())
}

/// Returns the value in its expected form. After an error, `path` leads to the wrong value.
fn decode(value: &Value, shape: Shape, path: &mut String) -> Result<Value, String> {
    let wrong = |expected: &str| Err(format!("expected {expected}, found {}", describe(value)));
    match (shape, value) {
        (Text | Enum, Value::String(_)) => Ok(value.clone()),
        (Enum, Value::Object(fields)) => match field(fields, "Value") {
            Some(text @ Value::String(_)) => Ok(text.clone()),
            _ => wrong("a string"),
        },
        (Text | Enum, _) => wrong("a string"),
        (Integer, Value::Number(number)) if number.as_i64().is_some() => Ok(value.clone()),
        (Integer, _) => wrong("an integer"),
        (Number, Value::Number(_)) => Ok(value.clone()),
        (Number, _) => wrong("a number"),
        (List(shape), Value::Array(elements)) => {
            let length = path.len();
            let mut decoded = Vec::with_capacity(elements.len());
            for (index, element) in elements.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                decoded.push(decode(element, *shape, path)?);
                path.truncate(length);
            }
            Ok(Value::Array(decoded))
        }
        (List(_), _) => wrong("a list"),
        (Object(shapes), Value::Object(fields)) => {
            let length = path.len();
            let mut decoded = Map::new();
            for (name, shape) in shapes {
                let Some(value) = field(fields, name) else { continue };
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                decoded.insert((*name).to_owned(), decode(value, *shape, path)?);
                path.truncate(length);
            }
            Ok(Value::Object(decoded))
        }
        (Object(_), _) => wrong("an object"),
    }
}

/// Describes a value in an error message.
fn describe(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => {
            let text = scalar.to_string();
            if text.chars().count() > 40 { "a long string".to_owned() } else { text }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(reply: &Value) -> String {
        decode_reply(reply).unwrap_err().to_string()
    }

    fn with_label(label: &Value) -> Value {
        json!({"JobStatus": "SUCCEEDED", "Labels": [{"Timestamp": 0, "Label": label}]})
    }

    #[test]
    fn names_the_path_and_the_expected_type_of_a_wrong_value() {
        for (reply, path, expected) in [
            (with_label(&json!({"Parents": ["Animal"]})), "Labels[0].Label.Parents[0]", "an object, found \"Animal\""),
            (with_label(&json!({"Confidence": "90.5"})), "Labels[0].Label.Confidence", "a number"),
            (with_label(&json!({"Instances": [null]})), "Labels[0].Label.Instances[0]", "an object, found null"),
            (with_label(&json!("Dog")), "Labels[0].Label", "an object"),
            (json!({"Labels": [{"Timestamp": "0"}]}), "Labels[0].Timestamp", "an integer"),
            (json!({"Labels": [{"Timestamp": 0.5}]}), "Labels[0].Timestamp", "an integer, found 0.5"),
            (json!({"Labels": [], "VideoMetadata": {"FrameRate": "25"}}), "VideoMetadata.FrameRate", "a number"),
            (json!({"JobStatus": 1, "Labels": []}), "JobStatus", "a string"),
            (json!({"JobStatus": "WAT", "Labels": []}), "JobStatus", "FAILED or IN_PROGRESS, found \"WAT\""),
            (json!({"Labels": {}}), "Labels", "a list"),
        ] {
            let error = error(&reply);
            assert!(error.starts_with(&format!("{path}: expected ")) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn names_the_operation_of_another_reply() {
        for (reply, operation) in [
            (json!({"JobStatus": "SUCCEEDED", "Faces": []}), "GetFaceDetection"),
            (json!({"JobStatus": "SUCCEEDED", "Segments": []}), "GetSegmentDetection"),
            (json!({"Blocks": []}), "Textract"),
            (json!({"labels": [{"name": "Dog", "confidence": 99.1}]}), "DetectLabels"),
            (json!({"JobId": "x"}), "neither Labels nor JobStatus"),
            (json!("text"), "expected a reply"),
        ] {
            let error = error(&reply);
            assert!(error.contains(operation), "{error}");
        }
    }

    #[test]
    fn every_dialect_decodes_to_the_same_reply() {
        let expected = json!({
            "JobStatus": "SUCCEEDED", "JobId": "job-1",
            "Labels": [{"Timestamp": 5, "Label": {"Name": "Dog", "Confidence": 90.5, "Instances": [], "Parents": []}}],
            "GetRequestMetadata": {"SortBy": "NAME", "AggregateBy": "TIMESTAMPS"},
        });
        let mut go = expected.clone();
        go["NextToken"] = Value::Null;
        go["ResultMetadata"] = json!({});
        go["Labels"][0]["StartTimestampMillis"] = Value::Null;
        let mut boto3 = expected.clone();
        boto3["ResponseMetadata"] = json!({"HTTPStatusCode": 200});
        let mut dotnet = expected.clone();
        dotnet["JobStatus"] = json!({"Value": "SUCCEEDED"});
        dotnet["GetRequestMetadata"]["AggregateBy"] = json!({"Value": "TIMESTAMPS"});
        dotnet["NextToken"] = json!("");
        for name in SEGMENT_FIELDS {
            dotnet["Labels"][0][name] = json!(0);
        }
        let java = json!({
            "jobStatus": "SUCCEEDED", "jobId": "job-1",
            "labels": [{"timestamp": 5, "label": {"name": "Dog", "confidence": 90.5, "instances": [], "parents": []}}],
            "getRequestMetadata": {"sortBy": "NAME", "aggregateBy": "TIMESTAMPS"},
        });
        for reply in [&expected, &go, &boto3, &dotnet, &java] {
            assert_eq!(decode_reply(reply).unwrap(), expected);
        }
    }

    #[test]
    fn segments_keep_their_times() {
        let segment =
            json!({"Timestamp": 0, "StartTimestampMillis": 0, "EndTimestampMillis": 500, "DurationMillis": 500});
        let reply = json!({"JobStatus": "SUCCEEDED", "Labels": [segment]});
        assert_eq!(decode_reply(&reply).unwrap(), reply);
        assert_eq!(aggregation_of(&reply), Aggregation::Segments);
    }
}
