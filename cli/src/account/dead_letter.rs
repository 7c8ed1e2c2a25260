//! Dead letters: the messages of a dead-letter queue, and the jobs in them.

use label_lake::notification::{Completion, Delivery};
use label_lake::starter::message::{self, Content, Video};
use serde_json::Value;

use super::function::ExportError;

/// `errorType` of the starter's failure messages.
const VIDEO_NOT_STARTED: &str = "VideoNotStarted";

/// A message that was received from a dead-letter queue.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetter {
    pub(crate) id: String,
    /// Handle of this receipt, by which the message is deleted or its visibility timeout is changed.
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
}

/// A video whose job was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VideoLetter {
    pub(crate) video: Video,
    /// Message for the queue of videos, as the starter received it.
    pub(crate) message: String,
    /// Reason for which the job was not started. `None` if SQS moved the message because it was received too often.
    pub(crate) reason: Option<String>,
}

impl DeadLetter {
    /// Returns the video, if the message is one of the starter: its failure message, or a message of the queue of videos
    /// that SQS moved.
    pub(crate) fn video(&self) -> Option<VideoLetter> {
        let failure = serde_json::from_str::<Value>(&self.body).ok();
        let failure = failure.filter(|failure| failure["errorType"] == VIDEO_NOT_STARTED);
        let message = match failure.as_ref().map(|failure| &failure["video"]) {
            Some(Value::String(text)) => text.clone(),
            Some(event) => event.to_string(),
            None => self.body.clone(),
        };
        let Content::Video(video) = message::read(&message) else { return None };
        let reason = failure.map(|failure| {
            let text = failure["errorMessage"].as_str().unwrap_or("no reason given").to_owned();
            text.strip_prefix(&format!("video {video}: ")).map(str::to_owned).unwrap_or(text)
        });
        Some(VideoLetter { video, message, reason })
    }

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
        if event["errorType"] == VIDEO_NOT_STARTED {
            let reason = event["errorMessage"].as_str().unwrap_or("no reason given");
            return vec![Err(ExportError::new(VIDEO_NOT_STARTED, reason.to_owned()))];
        }
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

impl VideoLetter {
    /// Returns what identifies the content of the object: its URL, and its version or `ETag`.
    pub(crate) fn content(&self) -> String {
        let Video { version, etag, .. } = &self.video;
        format!("{} {:?}", self.video, version.as_ref().or(etag.as_ref()))
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
    fn finds_the_video_of_a_failed_start() {
        let event = json!({
            "detail-type": "Object Created",
            "detail": { "bucket": { "name": "v" }, "object": { "key": "a.mp4", "etag": "e" } },
        });
        let failure = |video: Value| {
            let text = "video s3://v/a.mp4: not started: too large";
            json!({ "errorType": "VideoNotStarted", "errorMessage": text, "video": video }).to_string()
        };
        for (body, reason) in [
            (event.to_string(), None),
            (failure(event.clone()), Some("not started: too large")),
            (failure(event.to_string().into()), Some("not started: too large")),
        ] {
            let video = letter(&body).video().unwrap();
            assert_eq!((&*video.video.to_string(), video.reason.as_deref()), ("s3://v/a.mp4", reason));
            assert_eq!(video.message, event.to_string());
        }
        for body in [failure("no video".into()), r#"{"JobId": "a"}"#.to_owned(), "no json".to_owned()] {
            assert_eq!(letter(&body).video(), None);
        }
    }

    #[test]
    fn reports_a_message_without_a_job() {
        let error_type = |body: &str| letter(body).completions().remove(0).unwrap_err().error_type;
        assert_eq!(error_type(r#"{"JobId": "a", "API": "StartFaceDetection"}"#), "OtherApi");
        assert_eq!(error_type("{}"), "InvalidEvent");
        assert_eq!(error_type("not json"), "InvalidEvent");
        assert_eq!(error_type(r#"{"errorType": "VideoNotStarted", "video": "no video"}"#), "VideoNotStarted");
    }
}
