//! The shape of a reply of `GetLabelDetection`, and the conversion of what an SDK prints to that shape.
//!
//! SDKs differ in the case of field names (`JobStatus`, `jobStatus`, `job_status`) and in how they print absent fields (not at all, or
//! `null`) and enums (text, or an object with a `Value`), and they add fields of their own. Every value that the tables
//! need is checked here, because the simulator and the SDK would only notice a wrong one much later.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};

use self::Shape::{Enum, Integer, List, Number, Object, Text};

/// The expected form of a JSON value.
#[derive(Clone, Copy)]
pub(super) enum Shape {
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
/// An element of `Labels`.
pub(super) const LABEL_DETECTION: Shape = Object(&[
    ("Timestamp", Integer),
    ("Label", LABEL),
    ("StartTimestampMillis", Integer),
    ("EndTimestampMillis", Integer),
    ("DurationMillis", Integer),
]);
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
/// A reply without its `Labels`.
pub(super) const REPLY: Shape = Object(&[
    ("JobStatus", Enum),
    ("StatusMessage", Text),
    ("VideoMetadata", VIDEO_METADATA),
    ("NextToken", Text),
    ("LabelModelVersion", Text),
    ("JobId", Text),
    ("Video", VIDEO),
    ("JobTag", Text),
    ("GetRequestMetadata", Object(&[("SortBy", Enum), ("AggregateBy", Enum)])),
]);

/// The reason for which a JSON value is not a reply.
#[derive(Debug)]
pub(super) struct NotAReply {
    /// Path of the value, as in `Labels[0].Label.Name`. Empty for the whole reply.
    path: String,
    reason: String,
}

impl NotAReply {
    /// The whole reply is wrong.
    pub(super) fn whole(reason: impl Into<String>) -> Self {
        Self::at("", reason)
    }

    /// The value at this path is wrong.
    pub(super) fn at(path: &str, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for NotAReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.reason) } else { write!(f, "{}: {}", self.path, self.reason) }
    }
}

impl std::error::Error for NotAReply {}

/// Returns the value in this shape: with Rekognition's names, and without absent fields and fields that an SDK added.
/// `path` leads to the value.
///
/// # Errors
/// A field has the wrong type.
pub(super) fn decode(value: &Value, shape: Shape, path: &str) -> Result<Value, NotAReply> {
    let mut path = path.to_owned();
    decode_at(value, shape, &mut path).map_err(|reason| NotAReply { path, reason })
}

/// Returns the field with this name as any SDK prints it, unless its value is null.
pub(super) fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = fields.get(name).or_else(|| fields.iter().find(|(key, _)| is_named(key, name)).map(|(_, value)| value));
    found.filter(|value| !value.is_null())
}

/// Returns true if an SDK prints the field `name` as `key`: in another case, or in snake case as Ruby does.
pub(super) fn is_named(key: &str, name: &str) -> bool {
    let letters = key.chars().filter(|&letter| letter != '_').map(|letter| letter.to_ascii_lowercase());
    letters.eq(name.chars().map(|letter| letter.to_ascii_lowercase()))
}

/// Returns the value in its expected form. After an error, `path` leads to the wrong value.
fn decode_at(value: &Value, shape: Shape, path: &mut String) -> Result<Value, String> {
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
        // The tables have floats of 32 bits, as the API does.
        (Number, Value::Number(number)) if number.as_f64().is_some_and(|number| (number as f32).is_finite()) => {
            Ok(value.clone())
        }
        (Number, _) => wrong("a number"),
        (List(shape), Value::Array(elements)) => {
            let length = path.len();
            let mut decoded = Vec::with_capacity(elements.len());
            for (index, element) in elements.iter().enumerate() {
                // Writing to a String does not fail.
                let _ = write!(path, "[{index}]");
                decoded.push(decode_at(element, *shape, path)?);
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
                decoded.insert((*name).to_owned(), decode_at(value, *shape, path)?);
                path.truncate(length);
            }
            Ok(Value::Object(decoded))
        }
        (Object(_), _) => wrong("an object"),
    }
}

/// Describes a value in an error message.
pub(super) fn describe(value: &Value) -> String {
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

    #[test]
    fn names_the_path_and_the_expected_type_of_a_wrong_value() {
        let with_label = |label: Value| json!({"Timestamp": 0, "Label": label});
        for (element, path, expected) in [
            (with_label(json!({"Parents": ["Animal"]})), "Label.Parents[0]", "an object, found \"Animal\""),
            (with_label(json!({"Confidence": "90.5"})), "Label.Confidence", "a number"),
            (with_label(json!({"Instances": [null]})), "Label.Instances[0]", "an object, found null"),
            (with_label(json!({"Confidence": 1e300})), "Label.Confidence", "a number, found 1e"),
            (with_label(json!("Dog")), "Label", "an object"),
            (json!({"Timestamp": "0"}), "Timestamp", "an integer"),
            (json!({"Timestamp": 0.5}), "Timestamp", "an integer, found 0.5"),
        ] {
            let error = decode(&element, LABEL_DETECTION, "Labels[7]").unwrap_err().to_string();
            assert!(error.starts_with(&format!("Labels[7].{path}: expected ")) && error.contains(expected), "{error}");
        }
        let error = decode(&json!({"VideoMetadata": {"FrameRate": "25"}}), REPLY, "").unwrap_err().to_string();
        assert!(error.starts_with("VideoMetadata.FrameRate: expected a number"), "{error}");
    }

    #[test]
    fn drops_null_and_unknown_fields_and_takes_names_in_any_case() {
        let java = json!({"jobStatus": {"value": "FAILED"}, "jobId": null, "responseMetadata": {"x": 1}});
        assert_eq!(decode(&java, REPLY, "").unwrap(), json!({"JobStatus": "FAILED"}));
    }
}
