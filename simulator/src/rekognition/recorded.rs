//! Jobs recorded with `aws rekognition get-label-detection`.

use std::fmt;
use std::sync::Arc;

use serde_json::{Deserializer, Map, Value};

use crate::rekognition::job::{Job, JobStatus};
use crate::rekognition::labels::explicit::{Element, ExplicitLabels};
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
        let mut recorded = RecordedReplies::default();
        for (text, bytes) in texts.into_iter().enumerate() {
            for value in Deserializer::from_slice(bytes.as_ref()).into_iter::<Value>() {
                match value.map_err(|source| RecordedError::NotJson { text, source })? {
                    Value::Array(values) => values.into_iter().try_for_each(|reply| recorded.add(text, reply))?,
                    reply => recorded.add(text, reply)?,
                }
            }
        }
        recorded.into_job()
    }
}

/// The parts of the replies read so far. The labels are by far the largest, and are kept as compact JSON.
#[derive(Default)]
struct RecordedReplies {
    /// Fields of the job, each from the first reply that has it.
    fields: Map<String, Value>,
    detections: Vec<Element>,
    segments: Vec<Element>,
    /// `StatusMessage` of the first reply with the status `FAILED`.
    failure: Option<String>,
    /// True if all replies so far have the status `IN_PROGRESS`.
    in_progress: Option<bool>,
}

impl RecordedReplies {
    fn add(&mut self, text: usize, mut reply: Value) -> Result<(), RecordedError> {
        if !reply["Labels"].is_array() && !reply["JobStatus"].is_string() {
            return Err(RecordedError::NotReply { text });
        }
        if let (Some(one), Some(other)) = (self.text("JobId"), reply["JobId"].as_str())
            && one != other
        {
            return Err(RecordedError::TwoJobs { one: one.to_owned(), other: other.to_owned() });
        }
        let status = reply["JobStatus"].as_str();
        self.in_progress = Some(self.in_progress.unwrap_or(true) && status == Some("IN_PROGRESS"));
        if status == Some("FAILED") {
            let message = || reply["StatusMessage"].as_str().unwrap_or_default().to_owned();
            self.failure.get_or_insert_with(message);
        }
        // Segments are the elements with a `StartTimestampMillis`.
        for element in reply["Labels"].as_array().into_iter().flatten() {
            let is_segment = element.get("StartTimestampMillis").is_some();
            let elements = if is_segment { &mut self.segments } else { &mut self.detections };
            elements.push(Element::new(element));
        }
        for name in ["JobId", "LabelModelVersion", "JobTag"] {
            self.set_if(name, &mut reply, Value::is_string);
        }
        for name in ["VideoMetadata", "Video"] {
            self.set_if(name, &mut reply, Value::is_object);
        }
        Ok(())
    }

    /// Takes a field from the reply, unless an earlier reply had it or its value is invalid.
    fn set_if(&mut self, name: &str, reply: &mut Value, is_valid: fn(&Value) -> bool) {
        if is_valid(&reply[name]) {
            self.fields.entry(name).or_insert_with(|| reply[name].take());
        }
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    fn into_job(mut self) -> Result<Job, RecordedError> {
        let status = match (self.in_progress, self.failure.take()) {
            (None, _) => return Err(RecordedError::Empty),
            (_, Some(message)) => JobStatus::Failed { message },
            // Recorded too early: the job stays in progress.
            (Some(true), None) => JobStatus::InProgress { replies: u32::MAX },
            (Some(false), None) => JobStatus::Succeeded,
        };
        let mut labels = ExplicitLabels::from_detections(self.detections);
        if !self.segments.is_empty() {
            labels = labels.with_segments(self.segments);
        }
        let id = self.fields.remove("JobId");
        let id = id.as_ref().and_then(Value::as_str).map(str::to_owned);
        let mut job = Job::new(Labels::Explicit(Arc::new(labels))).with_recorded_id(id).status(status);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for (field, value) in self.fields {
            job = match &*field {
                "LabelModelVersion" => job.model_version(&text(&value)),
                "JobTag" => job.job_tag(&text(&value)),
                "VideoMetadata" => job.video_metadata(value),
                _ => job.video_value(value),
            };
        }
        Ok(job)
    }
}
