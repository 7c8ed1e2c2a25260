//! Reading what `aws rekognition get-label-detection` printed.

use std::fmt;
use std::sync::Arc;

use serde_json::{Deserializer, Value};

use crate::given::GivenLabels;
use crate::job::{Job, JobStatus, Labels};

/// Why texts are not a recording of one job.
#[derive(Debug)]
pub enum RecordedError {
    /// There was no reply at all.
    Empty,
    /// A text, counted from 0, is not JSON.
    NotJson {
        /// The text's place among those given.
        text: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A text, counted from 0, has JSON that is not a reply of `GetLabelDetection`.
    NotReply {
        /// The text's place among those given.
        text: usize,
    },
    /// Replies of two jobs are mixed.
    TwoJobs {
        /// The one job's id.
        one: String,
        /// The other's.
        other: String,
    },
}

impl fmt::Display for RecordedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("no reply of GetLabelDetection"),
            Self::NotJson { text, .. } => write!(formatter, "text {text} is not JSON"),
            Self::NotReply { text } => {
                write!(
                    formatter,
                    "text {text} is not a reply of GetLabelDetection: it has neither Labels nor JobStatus"
                )
            }
            Self::TwoJobs { one, other } => write!(formatter, "replies of two jobs: {one} and {other}"),
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

/// Reads texts with one reply or more each, also as elements of a JSON array.
pub(crate) fn read<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<Job, RecordedError> {
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
    let replies: Vec<Value> = replies.into_iter().map(|(_, reply)| reply).collect();
    job_of(&replies)
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

/// Segments tell themselves apart by their start. Without any the segments are derived.
fn labels_of(replies: &[Value]) -> Labels {
    let elements = replies.iter().filter_map(|reply| reply["Labels"].as_array()).flatten().cloned();
    let (segments, detections): (Vec<_>, Vec<_>) =
        elements.partition(|element| element.get("StartTimestampMillis").is_some());
    Labels::Given(Arc::new(if segments.is_empty() {
        GivenLabels::new(&detections)
    } else {
        GivenLabels::of_both(&detections, &segments)
    }))
}

/// A job whose every reply says that it runs was recorded too early, and runs for ever.
fn status_of(replies: &[Value]) -> JobStatus {
    if let Some(failed) = replies.iter().find(|reply| reply["JobStatus"] == "FAILED") {
        return JobStatus::Failed { message: failed["StatusMessage"].as_str().unwrap_or_default().to_owned() };
    }
    if replies.iter().all(|reply| reply["JobStatus"] == "IN_PROGRESS") {
        return JobStatus::InProgress { replies: u32::MAX };
    }
    JobStatus::Succeeded
}
