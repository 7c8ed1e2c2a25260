//! The event to process, and the jobs in it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use label_lake::error::with_sources;
use label_lake::job_id::JobId;
use label_lake::notification::{Completion, Delivery};
use serde_json::{Deserializer, Value, json};

use crate::error::{with_hint, with_hint_if_any};
use crate::input::Input;

/// Event of a run without EVENT.
const SAMPLE: &[u8] = include_bytes!("../../../events/sns.json");

/// An event for the function.
///
/// Names at least one job, unless all its messages belong to other Rekognition APIs.
#[derive(Debug)]
pub(crate) struct Event {
    /// The event as Lambda would deliver it.
    pub(crate) json: Value,
    /// The jobs of the event, each once.
    pub(crate) completions: Vec<Completion>,
}

impl Event {
    /// Reads an event from a file, or from standard input if the path is `-`.
    ///
    /// Invalid messages are skipped here, and reported when the function processes the event.
    ///
    /// # Errors
    /// The event cannot be read, or all its messages are invalid.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        Self::parse(&Input::read(path, "event file")?)
    }

    /// Returns the built-in event, for a first run without any file.
    ///
    /// # Errors
    /// None in practice: a test parses the event.
    pub(crate) fn sample() -> anyhow::Result<Self> {
        Self::parse(&Input { name: "the sample event".to_owned(), bytes: SAMPLE.to_vec() })
    }

    /// Parses the content of an event file.
    fn parse(Input { name, bytes }: &Input) -> anyhow::Result<Self> {
        let is_reply = |value: &Value| value.get("JobStatus").is_some() || value.get("Labels").is_some();
        // A file of replies may have one on each line.
        let first =
            Deserializer::from_slice(bytes).into_iter::<Value>().next().and_then(Result::ok).unwrap_or_default();
        if is_reply(&first) || first.get(0).is_some_and(is_reply) {
            let error = anyhow!("{name} is a reply of GetLabelDetection, not an event");
            return Err(with_hint(error, "pass it with --recorded"));
        }
        let json = serde_json::from_slice(bytes).map_err(|error| {
            with_hint(anyhow!(error).context(format!("{name} is not JSON")), r#"the smallest event is {"JobId": "ID"}"#)
        })?;
        let Delivery { requests, rejected, .. } = Delivery::unwrap_event(&json);
        if requests.is_empty() && !rejected.is_empty() {
            let errors: Vec<_> = rejected.iter().map(|part| with_sources(&part.error)).collect();
            let hint = rejected.iter().find_map(|part| part.error.hint());
            return Err(with_hint_if_any(anyhow!("{name}: {}", errors.join("; ")), hint));
        }
        Ok(Self { json, completions: requests.into_iter().map(|request| request.completion).collect() })
    }

    /// Returns the smallest event that names a job.
    pub(crate) fn for_job(job: JobId, overwrite: bool) -> Self {
        let json = json!({ "JobId": job.as_str(), "Overwrite": overwrite });
        Self { json, completions: vec![Completion { overwrite, ..Completion::new(job) }] }
    }

    /// Returns the `Status` of each job in the event. The function treats it as a hint; the simulator generates the job
    /// accordingly.
    ///
    /// Searches objects, arrays, and strings that contain JSON.
    pub(crate) fn statuses(&self) -> BTreeMap<String, String> {
        let mut statuses = BTreeMap::new();
        let mut values = vec![self.json.clone()];
        while let Some(value) = values.pop() {
            if let (Some(job), Some(status)) = (value["JobId"].as_str(), value["Status"].as_str()) {
                statuses.insert(job.to_owned(), status.to_owned());
            }
            match value {
                Value::Object(fields) => values.extend(fields.into_iter().map(|(_, value)| value)),
                Value::Array(elements) => values.extend(elements),
                Value::String(text) => values.extend(serde_json::from_str::<Value>(&text)),
                _ => {}
            }
        }
        statuses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_event_names_one_job() {
        let completions = Event::sample().expect("the sample event is valid").completions;
        assert_eq!(completions.len(), 1);
    }

    #[test]
    fn finds_the_status_in_every_wrapping() {
        let message = json!({"JobId": "job-1", "Status": "FAILED"});
        let envelope = json!({"Type": "Notification", "Message": message.to_string()});
        let sqs = json!({"Records": [{"messageId": "m", "body": envelope.to_string()}]});
        for json in [message, envelope, sqs] {
            let event = Event { json, completions: Vec::new() };
            assert_eq!(event.statuses(), BTreeMap::from([("job-1".to_owned(), "FAILED".to_owned())]));
        }
    }
}
