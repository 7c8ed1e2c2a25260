//! The event to run, and the jobs in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use label_lake::notification::{Completion, Delivery};
use serde_json::Value;

/// An event that names at least one job, or none because all its messages are of other APIs.
#[derive(Debug)]
pub(crate) struct Event {
    /// As Lambda would deliver it.
    pub(crate) json: Value,
    /// What it asks for, each job once.
    pub(crate) completions: Vec<Completion>,
}

impl Event {
    /// Reads a file, or standard input for `-`.
    ///
    /// Messages that cannot be understood are left out here, and reported by the function, unless there is nothing
    /// else: then the event is refused at once.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let (text, name) = if path == "-" {
            let mut text = Vec::new();
            io::stdin().read_to_end(&mut text).context("standard input cannot be read")?;
            (text, "standard input".to_owned())
        } else {
            let name = path.display().to_string();
            let text = fs::read(path);
            (text.with_context(|| format!("the event {name} cannot be read; samples are in events/"))?, name)
        };
        let json = serde_json::from_slice(&text)
            .with_context(|| format!("{name} is not JSON; send one of the shapes in events/"))?;

        let mut completions: Vec<Completion> = Vec::new();
        let mut errors = Vec::new();
        for message in Delivery::unwrap_event(&json).messages {
            match message.completion {
                Ok(completion) if completions.iter().any(|other| other.job_id == completion.job_id) => {}
                Ok(completion) => completions.push(completion),
                Err(error) => errors.push(error.with_sources()),
            }
        }
        if completions.is_empty() && !errors.is_empty() {
            bail!("{name}: {}", errors.join("; "));
        }
        Ok(Self { json, completions })
    }

    /// What the messages say of how each job ended. For the function it is a hint, for the simulator an order.
    ///
    /// Looks into objects, arrays, and texts that are JSON themselves.
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
    use serde_json::json;

    use super::*;

    #[test]
    fn the_status_is_found_however_the_message_is_wrapped() {
        let message = json!({"JobId": "job-1", "Status": "FAILED"});
        let envelope = json!({"Type": "Notification", "Message": message.to_string()});
        let sqs = json!({"Records": [{"messageId": "m", "body": envelope.to_string()}]});
        for json in [message, envelope, sqs] {
            let event = Event { json, completions: Vec::new() };
            assert_eq!(event.statuses(), BTreeMap::from([("job-1".to_owned(), "FAILED".to_owned())]));
        }
    }
}
