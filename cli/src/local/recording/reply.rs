//! One recorded reply of `GetLabelDetection`.

use std::collections::BTreeMap;

use label_lake::table::aggregation::Aggregation;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::labels::Labels;
use super::shape::{NotAReply, REPLY, decode, describe, field, is_named};

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

/// Status of the job when the reply was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Succeeded,
    Failed,
    InProgress,
}

/// A reply, in the form in which Rekognition sends it.
#[derive(Debug)]
pub(super) struct Reply {
    /// All fields but `Labels`. A `NextToken` is not empty.
    fields: Map<String, Value>,
    pub(super) labels: Labels,
    /// The requested aggregation, or else the one that the labels show.
    pub(super) aggregation: Aggregation,
    /// `None` if the reply has no `JobStatus`.
    pub(super) status: Option<Status>,
}

impl Reply {
    /// Checks the fields of a reply, which have the names that an SDK gives them. `labels` is `None` without `Labels`.
    fn new(fields: Map<String, Value>, labels: Option<Labels>) -> Result<Self, NotAReply> {
        if let Some((_, operation)) = OTHER_REPLIES.iter().find(|(name, _)| field(&fields, name).is_some()) {
            return Err(NotAReply::whole(format!("it is a reply of {operation}, not of GetLabelDetection")));
        }
        let mut fields = match decode(&Value::Object(fields), REPLY, "")? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let status = match fields.get("JobStatus").and_then(Value::as_str) {
            Some("SUCCEEDED") => Some(Status::Succeeded),
            Some("FAILED") => Some(Status::Failed),
            Some("IN_PROGRESS") => Some(Status::InProgress),
            Some(other) => {
                let reason = format!("expected SUCCEEDED, FAILED or IN_PROGRESS, found {other:?}");
                return Err(NotAReply::at("JobStatus", reason));
            }
            None if labels.is_some() => None,
            None => return Err(NotAReply::whole("it has neither Labels nor JobStatus")),
        };
        if fields.get("NextToken").is_some_and(|token| token == "") {
            // AWS's SDKs treat an empty token as the end.
            fields.remove("NextToken");
        }
        let requested = fields.get("GetRequestMetadata").and_then(|metadata| metadata["AggregateBy"].as_str());
        let requested = Aggregation::ALL.into_iter().find(|aggregation| requested == Some(aggregation.name()));
        let mut labels = labels.unwrap_or_default();
        let aggregation = requested.unwrap_or_else(|| labels.aggregation());
        labels.aggregated_by(aggregation)?;
        Ok(Self { fields, labels, aggregation, status })
    }

    /// Returns a field that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    /// Returns the requested order of the labels.
    pub(super) fn sort_by(&self) -> Option<&str> {
        self.fields.get("GetRequestMetadata")?["SortBy"].as_str()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Returns the reply as one or more pages of JSON. A reply with all labels of a job would be large.
    pub(super) fn pages(&self) -> impl Iterator<Item = String> {
        let fields: Vec<_> = self.fields.iter().map(|(name, value)| format!("\"{name}\":{value},")).collect();
        let fields = fields.concat();
        self.labels.parts().map(move |labels| format!("{{{fields}\"Labels\":{labels}}}"))
    }
}

/// Reads a JSON value that is a reply or a list of replies.
pub(super) fn read_replies(json: &RawValue) -> Vec<Result<Reply, NotAReply>> {
    match serde_json::from_str::<Vec<&RawValue>>(json.get()) {
        Ok(replies) => replies.into_iter().map(read_reply).collect(),
        Err(_) => vec![read_reply(json)],
    }
}

/// Reads a reply, one label at a time.
fn read_reply(json: &RawValue) -> Result<Reply, NotAReply> {
    let Ok(raw_fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json.get()) else {
        return Err(NotAReply::whole(format!(
            "expected a reply of GetLabelDetection, found {}",
            describe(&parse(json)?)
        )));
    };
    let (mut fields, mut labels) = (Map::new(), None);
    for (name, value) in raw_fields {
        if is_named(&name, "Labels") {
            labels = read_labels(value)?;
        } else {
            fields.insert(name, parse(value)?);
        }
    }
    Reply::new(fields, labels)
}

/// Reads the value of `Labels`. Returns `None` for null.
fn read_labels(json: &RawValue) -> Result<Option<Labels>, NotAReply> {
    let Ok(elements) = serde_json::from_str::<Option<Vec<&RawValue>>>(json.get()) else {
        return Err(NotAReply::at("Labels", format!("expected a list, found {}", describe(&parse(json)?))));
    };
    let Some(elements) = elements else { return Ok(None) };
    let mut labels = Labels::default();
    for element in elements {
        labels.add(&parse(element)?)?;
    }
    Ok(Some(labels))
}

/// Parses a value that is known to be JSON. Fails only if the value is nested too deeply.
fn parse(json: &RawValue) -> Result<Value, NotAReply> {
    serde_json::from_str(json.get()).map_err(|error| NotAReply::whole(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(reply: &Value) -> Result<Reply, NotAReply> {
        read_reply(&serde_json::value::to_raw_value(reply).unwrap())
    }

    #[test]
    fn names_the_operation_or_the_value_of_another_reply() {
        for (reply, words) in [
            (json!({"JobStatus": "SUCCEEDED", "Faces": []}), "GetFaceDetection"),
            (json!({"JobStatus": "SUCCEEDED", "Segments": []}), "GetSegmentDetection"),
            (json!({"Blocks": []}), "Textract"),
            (json!({"labels": [{"name": "Dog", "confidence": 99.1}]}), "DetectLabels"),
            (json!({"JobId": "x"}), "neither Labels nor JobStatus"),
            (json!({"JobId": "x", "Labels": null}), "neither Labels nor JobStatus"),
            (json!({"Labels": {}}), "Labels: expected a list, found an object"),
            (json!({"JobStatus": 1, "Labels": []}), "JobStatus: expected a string, found 1"),
            (json!({"JobStatus": "WAT", "Labels": []}), "JobStatus: expected SUCCEEDED, FAILED or IN_PROGRESS, found"),
            (json!("text"), "expected a reply of GetLabelDetection, found \"text\""),
            (json!(null), "expected a reply of GetLabelDetection, found null"),
        ] {
            let error = read(&reply).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn every_dialect_reads_as_the_same_reply() {
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
        dotnet["Labels"][0]["EndTimestampMillis"] = json!(0);
        let java = json!({
            "jobStatus": "SUCCEEDED", "jobId": "job-1",
            "labels": [{"timestamp": 5, "label": {"name": "Dog", "confidence": 90.5, "instances": [], "parents": []}}],
            "getRequestMetadata": {"sortBy": "NAME", "aggregateBy": "TIMESTAMPS"},
        });
        let ruby = json!({
            "job_status": "SUCCEEDED", "job_id": "job-1", "next_token": null,
            "labels": [{"timestamp": 5, "label": {"name": "Dog", "confidence": 90.5, "instances": [], "parents": []}}],
            "get_request_metadata": {"sort_by": "NAME", "aggregate_by": "TIMESTAMPS"},
        });
        for reply in [&expected, &go, &boto3, &dotnet, &java, &ruby] {
            let pages: Vec<_> = read(reply).unwrap().pages().collect();
            let page: Value = serde_json::from_str(&pages[0]).unwrap();
            assert_eq!((pages.len(), page), (1, expected.clone()));
        }
    }
}
