//! Jobs recorded with `aws rekognition get-label-detection`.

use std::fmt;
use std::sync::Arc;

use serde_json::{Deserializer, Value};

use crate::rekognition::job::{Job, JobStatus};
use crate::rekognition::labels::explicit::ExplicitLabels;
use crate::rekognition::labels::job_labels::Labels;

/// Reason why texts are not a recording of one job.
#[derive(Debug)]
pub enum RecordedError {
    /// The texts contain no reply.
    Empty,
    /// A text is not JSON.
    NotJson {
        /// Index of the text, from 0.
        text: usize,
        /// Error of the JSON parser.
        source: serde_json::Error,
    },
    /// A text contains JSON that is not a reply of `GetLabelDetection`.
    NotReply {
        /// Index of the text, from 0.
        text: usize,
    },
    /// The replies belong to different jobs.
    TwoJobs {
        /// ID of the first job.
        one: String,
        /// ID of another job.
        other: String,
    },
}

impl fmt::Display for RecordedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("found no GetLabelDetection reply"),
            Self::NotJson { text, .. } => write!(formatter, "text {text} is not JSON"),
            Self::NotReply { text } => {
                write!(formatter, "text {text} is not a GetLabelDetection reply: it has neither Labels nor JobStatus")
            }
            Self::TwoJobs { one, other } => write!(formatter, "the replies belong to two jobs: {one} and {other}"),
        }
    }
}

impl std::error::Error for RecordedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotJson { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Job {
    /// Creates a job from the output of `aws rekognition get-label-detection`: one or more texts, in any order, each
    /// with one or more replies. The replies may have both aggregations and any order.
    ///
    /// # Errors
    ///
    /// If the texts are not replies, or belong to different jobs.
    pub fn recorded<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<Self, RecordedError> {
        job_of(&replies_of(texts)?)
    }
}

/// Reads the replies in the texts. A reply can also be an element of a JSON array.
fn replies_of<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<Vec<Value>, RecordedError> {
    let mut replies = Vec::new();
    for (text, bytes) in texts.into_iter().enumerate() {
        for value in Deserializer::from_slice(bytes.as_ref()).into_iter::<Value>() {
            match value.map_err(|source| RecordedError::NotJson { text, source })? {
                Value::Array(values) => replies.extend(values.into_iter().map(|value| (text, value))),
                value => replies.push((text, value)),
            }
        }
    }
    if let Some((text, _)) =
        replies.iter().find(|(_, reply)| !reply["Labels"].is_array() && !reply["JobStatus"].is_string())
    {
        return Err(RecordedError::NotReply { text: *text });
    }
    Ok(replies.into_iter().map(|(_, reply)| reply).collect())
}

fn job_of(replies: &[Value]) -> Result<Job, RecordedError> {
    if replies.is_empty() {
        return Err(RecordedError::Empty);
    }
    let texts = |field: &'static str| replies.iter().filter_map(move |reply| reply[field].as_str());
    let id = texts("JobId").next();
    if let (Some(one), Some(other)) = (id, texts("JobId").find(|other| Some(*other) != id)) {
        return Err(RecordedError::TwoJobs { one: one.to_owned(), other: other.to_owned() });
    }
    let object = |field: &str| replies.iter().map(|reply| &reply[field]).find(|value| value.is_object()).cloned();

    let mut job = Job::new(labels_of(replies)).with_recorded_id(id.map(str::to_owned)).status(status_of(replies));
    if let Some(version) = texts("LabelModelVersion").next() {
        job = job.model_version(version);
    }
    if let Some(tag) = texts("JobTag").next() {
        job = job.job_tag(tag);
    }
    if let Some(metadata) = object("VideoMetadata") {
        job = job.video_metadata(metadata);
    }
    if let Some(video) = object("Video") {
        job = job.video_value(video);
    }
    Ok(job)
}

/// Returns the labels in the replies. Segments are the elements with a `StartTimestampMillis`; if there are none, they
/// are derived from the detections.
fn labels_of(replies: &[Value]) -> Labels {
    let elements = replies.iter().filter_map(|reply| reply["Labels"].as_array()).flatten().cloned();
    let (segments, detections): (Vec<_>, Vec<_>) =
        elements.partition(|element| element.get("StartTimestampMillis").is_some());
    Labels::Explicit(Arc::new(if segments.is_empty() {
        ExplicitLabels::from_detections(&detections)
    } else {
        ExplicitLabels::new(&detections, &segments)
    }))
}

/// Returns the status. A job whose replies all say `IN_PROGRESS` was recorded too early and stays in progress.
fn status_of(replies: &[Value]) -> JobStatus {
    if let Some(failed) = replies.iter().find(|reply| reply["JobStatus"] == "FAILED") {
        return JobStatus::Failed { message: failed["StatusMessage"].as_str().unwrap_or_default().to_owned() };
    }
    if replies.iter().all(|reply| reply["JobStatus"] == "IN_PROGRESS") {
        return JobStatus::InProgress { replies: u32::MAX };
    }
    JobStatus::Succeeded
}
