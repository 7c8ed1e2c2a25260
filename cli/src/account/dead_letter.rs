//! A dead letter: the jobs in it, one by one.

use label_lake::notification::{Completion, Delivery};
use serde_json::Value;

use crate::function::{Done, Failed, Function};
use crate::queue::Letter;

/// What became of a job of a message, or of a part of it that names none.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) job: Option<String>,
    pub(crate) result: Result<Done, Failed>,
}

impl Part {
    /// Whether any other message would fail alike.
    pub(crate) fn fails_for_all(&self) -> bool {
        self.result.as_ref().is_err_and(|failed| failed.for_all)
    }
}

/// Invokes the function with each job of a message, one after the other.
///
/// Each goes as a bare completion message, whose answer says what became of it: to an event of a queue the function
/// would answer with the items that failed, without a reason.
pub(crate) async fn replay_letter(function: &Function, letter: Letter) -> (Letter, Vec<Part>) {
    let mut parts = Vec::new();
    for target in read(&letter) {
        parts.push(match target {
            Ok(completion) => {
                let result = function.export(&completion).await;
                Part { job: Some(completion.job_id.to_string()), result }
            }
            Err(failed) => Part { job: None, result: Err(failed) },
        });
    }
    (letter, parts)
}

/// The jobs of a message, and what is wrong with its other parts.
pub(crate) fn targets(letter: &Letter) -> Vec<(Option<String>, Option<Failed>)> {
    let named = read(letter).into_iter().map(|target| match target {
        Ok(completion) => (Some(completion.job_id.to_string()), None),
        Err(failed) => (None, Some(failed)),
    });
    named.collect()
}

/// Why Lambda gave it up, if it says so.
pub(crate) fn reason(letter: &Letter) -> Option<String> {
    let record: Value = serde_json::from_str(&letter.body).ok()?;
    Some(record["responsePayload"]["errorType"].as_str()?.to_owned())
}

/// Each job once, in the order of the message.
fn read(letter: &Letter) -> Vec<Result<Completion, Failed>> {
    let event: Value = match serde_json::from_str(&letter.body) {
        Ok(event) => event,
        Err(error) => return vec![Err(Failed::new("InvalidEvent", format!("the message is not JSON: {error}")))],
    };
    let mut targets: Vec<Result<Completion, Failed>> = Vec::new();
    for message in Delivery::unwrap_event(&event).messages {
        match message.completion {
            Ok(completion) => {
                let earlier = targets.iter_mut().flatten().find(|earlier| earlier.job_id == completion.job_id);
                match earlier {
                    Some(earlier) => earlier.overwrite |= completion.overwrite,
                    None => targets.push(Ok(completion)),
                }
            }
            Err(error) => targets.push(Err(Failed::new(error.error_type(), error.with_sources()))),
        }
    }
    if targets.is_empty() {
        // Perhaps another function shares the queue.
        let message = "it is of another Rekognition API, which is not for Label Lake".to_owned();
        targets.push(Err(Failed::new("OtherApi", message)));
    }
    targets
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn letter(body: &Value) -> Letter {
        Letter { id: "m".to_owned(), receipt: "r".to_owned(), body: body.to_string() }
    }

    #[test]
    fn every_job_of_a_message_is_found_once_and_what_is_wrong_is_kept() {
        let record = |body: &str| json!({ "messageId": "x", "body": body });
        let event = json!({ "Records": [
            record(r#"{"JobId":"a"}"#), record(r#"{"JobId":"b"}"#), record(r#"{"JobId":"a","Overwrite":true}"#),
            record("no json"),
        ] });
        let letter = letter(&json!({ "requestPayload": event, "responsePayload": { "errorType": "Throttled" } }));
        let targets = read(&letter);
        let jobs: Vec<_> = targets.iter().flatten().map(|job| (job.job_id.as_str(), job.overwrite)).collect();
        assert_eq!(jobs, [("a", true), ("b", false)]);
        assert_eq!(targets[2].as_ref().unwrap_err().error_type, "InvalidEvent");
        assert_eq!(reason(&letter).as_deref(), Some("Throttled"));
    }

    #[test]
    fn a_message_without_a_job_is_left() {
        let failed = |body: &Value| read(&letter(body)).remove(0).unwrap_err().error_type;
        assert_eq!(failed(&json!({ "JobId": "a", "API": "StartFaceDetection" })), "OtherApi");
        assert_eq!(failed(&json!({})), "InvalidEvent");
        let body = "not json".to_owned();
        assert_eq!(read(&Letter { body, ..letter(&json!(1)) }).remove(0).unwrap_err().error_type, "InvalidEvent");
    }
}
