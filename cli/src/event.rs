//! The event to run, and the jobs in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use label_lake::notification::{Completion, Delivery};
use serde_json::Value;

/// How deep a message is looked for; the function itself gives up before.
const MAX_DEPTH: u32 = 32;

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
    pub(crate) fn statuses(&self) -> BTreeMap<String, String> {
        let mut statuses = BTreeMap::new();
        find_statuses(&self.json, 0, &mut statuses);
        statuses
    }
}

/// Looks into objects, arrays, and texts that are JSON themselves.
fn find_statuses(json: &Value, depth: u32, statuses: &mut BTreeMap<String, String>) {
    if depth > MAX_DEPTH {
        return;
    }
    match json {
        Value::Object(fields) => {
            if let (Some(Value::String(job)), Some(Value::String(status))) = (fields.get("JobId"), fields.get("Status"))
            {
                statuses.insert(job.clone(), status.clone());
            }
            fields.values().for_each(|value| find_statuses(value, depth + 1, statuses));
        }
        Value::Array(values) => values.iter().for_each(|value| find_statuses(value, depth + 1, statuses)),
        Value::String(text) if text.starts_with('{') => {
            if let Ok(inner) = serde_json::from_str(text) {
                find_statuses(&inner, depth + 1, statuses);
            }
        }
        _ => {}
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
