//! The message of a video that can never be started, for the queue of failures. `label-lake replay` reads it.

use serde_json::{Value, json};

use crate::error::Error;

/// Returns the body of the message. It holds the message of the queue of videos as it was received.
pub(super) fn body(error: &Error, received: &str) -> String {
    let video = serde_json::from_str(received).unwrap_or_else(|_| Value::from(received));
    json!({ "errorType": error.error_type(), "errorMessage": error.with_sources(), "video": video }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_reason_and_the_message_as_it_was_received() {
        let error = Error::VideoNotStarted { subject: "video s3://v/a.mp4".into(), reason: "too large".into() };
        let event = json!({ "detail": { "object": { "key": "a.mp4" } } });
        for (received, expected) in [(event.to_string(), event), ("no json".to_owned(), "no json".into())] {
            let body: Value = serde_json::from_str(&body(&error, &received)).unwrap();
            assert_eq!(body["errorType"], "VideoNotStarted");
            assert_eq!(body["errorMessage"], "video s3://v/a.mp4: not started: too large");
            assert_eq!(body["video"], expected);
        }
    }
}
