//! Dead letters: the messages of a dead-letter queue, and the jobs in them.

use label_lake::notification::{Completion, Delivery};
use serde_json::Value;

use super::function::ExportError;

/// A message that was received from a dead-letter queue.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetter {
    pub(crate) id: String,
    /// Handle of this receipt, by which the message is deleted or its visibility timeout is changed.
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
}

impl DeadLetter {
    /// Returns the completion message of each job in the message, then an error for each part that has none.
    ///
    /// The list is never empty: a message for another Rekognition API results in an error.
    pub(crate) fn completions(&self) -> Vec<Result<Completion, ExportError>> {
        let event: Value = match serde_json::from_str(&self.body) {
            Ok(event) => event,
            Err(error) => {
                return vec![Err(ExportError::new("InvalidEvent", format!("the message is not JSON: {error}")))];
            }
        };
        let Delivery { requests, rejected, .. } = Delivery::unwrap_event(&event);
        let requests = requests.into_iter().map(|request| Ok(request.completion));
        let errors = rejected.into_iter().map(|part| part.error);
        let errors = errors.map(|error| Err(ExportError::new(error.error_type(), error.for_operator())));
        let mut completions: Vec<_> = requests.chain(errors).collect();
        if completions.is_empty() {
            // Another function may share the queue.
            let message = "the message belongs to another Rekognition API, not to Label Lake".to_owned();
            completions.push(Err(ExportError::new("OtherApi", message)));
        }
        completions
    }

    /// Returns the `errorType` for which Lambda gave up on the message, if the message is a failure record.
    pub(crate) fn error_type(&self) -> Option<String> {
        let record: Value = serde_json::from_str(&self.body).ok()?;
        Some(record["responsePayload"]["errorType"].as_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn letter(body: &str) -> DeadLetter {
        DeadLetter { id: "m".to_owned(), receipt_handle: "r".to_owned(), body: body.to_owned() }
    }

    #[test]
    fn finds_every_job_once_and_reports_bad_parts() {
        let record = |body: &str| json!({ "messageId": "x", "body": body });
        let event = json!({ "Records": [
            record(r#"{"JobId":"a"}"#), record("no json"), record(r#"{"JobId":"b"}"#),
            record(r#"{"JobId":"a","Overwrite":true}"#),
        ] });
        let body = json!({ "requestPayload": event, "responsePayload": { "errorType": "Throttled" } });
        let letter = letter(&body.to_string());
        let completions = letter.completions();
        let jobs: Vec<_> = completions.iter().flatten().map(|job| (job.job_id.as_str(), job.overwrite)).collect();
        assert_eq!(jobs, [("a", true), ("b", false)]);
        assert_eq!(completions[2].as_ref().unwrap_err().error_type, "InvalidEvent");
        assert_eq!(letter.error_type().as_deref(), Some("Throttled"));
    }

    #[test]
    fn reports_a_message_without_a_job() {
        let error_type = |body: &str| letter(body).completions().remove(0).unwrap_err().error_type;
        assert_eq!(error_type(r#"{"JobId": "a", "API": "StartFaceDetection"}"#), "OtherApi");
        assert_eq!(error_type("{}"), "InvalidEvent");
        assert_eq!(error_type("not json"), "InvalidEvent");
    }
}
