//! The log of a stack's starter: what became of the videos in its queue.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use label_lake::aws::service::Service;
use label_lake::aws::service::json::{JsonClient, JsonService};
use label_lake::error::with_sources;
use serde::Deserialize;
use serde_json::json;

use super::Account;
use super::call_error::call_error;
use super::stack::Stack;

const CLOUDWATCH_LOGS: JsonService = JsonService {
    service: Service { name: "logs", id: "CloudWatch Logs", host: "logs", is_global: false },
    target: "Logs_20140328",
    content_type: "application/x-amz-json-1.1",
};
/// Age of the oldest line that is read: as long as the queue keeps a video.
const AGE: Duration = Duration::from_hours(14 * 24);
/// Selects the lines about videos.
const PATTERN: &str = r#"{ $.message = "started" || $.message = "not started" || $.message = "put back" }"#;

/// The last line about each video, by URL.
#[derive(Debug, Default)]
pub(crate) struct StarterLog {
    lines: HashMap<String, LogLine>,
}

/// A step of the starter with a video.
#[derive(Clone, Debug)]
pub(crate) struct LogLine {
    pub(crate) at: SystemTime,
    pub(crate) event: StarterEvent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StarterEvent {
    Started { job: String },
    NotStarted { reason: String },
    PutBack { reason: String },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterLogEvents {
    #[serde(default)]
    events: Vec<EventReply>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct EventReply {
    /// Unix milliseconds.
    timestamp: u64,
    message: String,
}

/// A line, as the starter writes it.
#[derive(Deserialize)]
#[serde(tag = "message", rename_all = "lowercase")]
enum Line {
    Started {
        video: String,
        job: String,
    },
    #[serde(rename = "not started")]
    NotStarted {
        /// Absent if the message names no video.
        video: Option<String>,
        reason: String,
    },
    #[serde(rename = "put back")]
    PutBack {
        video: String,
        reason: String,
    },
}

impl StarterLog {
    /// Reads the log of the last 14 days.
    pub(crate) async fn read(account: &Account, stack: &Stack) -> anyhow::Result<Self> {
        let resources = stack.resources(&account.aws, &account.region).await?;
        let group = resources.get("StarterLogGroup");
        let group = group.with_context(|| format!("stack {} has no resource StarterLogGroup", stack.name))?;
        let client = JsonClient::new(&account.retrying_config(), CLOUDWATCH_LOGS);
        let start = (SystemTime::now() - AGE).duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut request = json!({
            "logGroupName": group.physical_id, "startTime": start.as_millis() as u64, "filterPattern": PATTERN
        });
        let mut log = Self::default();
        loop {
            let page = client.call::<FilterLogEvents>("FilterLogEvents", &request).await.map_err(|error| {
                let call = format!("logs:FilterLogEvents on {}", group.physical_id);
                let denied = error.code().is_some_and(|code| code.contains("AccessDenied"));
                let hint = denied.then(|| {
                    "you lack the permission; without it, the states of videos that are not in the \
                                           lake are not known"
                        .to_owned()
                });
                call_error(&call, None, &error, &with_sources(&error), |_| hint)
            })?;
            page.events.into_iter().for_each(|event| log.add(&event));
            match page.next_token.filter(|token| !token.is_empty()) {
                Some(token) => request["nextToken"] = token.into(),
                None => return Ok(log),
            }
        }
    }

    fn add(&mut self, EventReply { timestamp, message }: &EventReply) {
        let Ok(line) = serde_json::from_str(message) else { return };
        let (video, event) = match line {
            Line::Started { video, job } => (video, StarterEvent::Started { job }),
            Line::PutBack { video, reason } => (video, StarterEvent::PutBack { reason }),
            Line::NotStarted { video: Some(video), reason } => (video, StarterEvent::NotStarted { reason }),
            Line::NotStarted { video: None, .. } => return,
        };
        let line = LogLine { at: UNIX_EPOCH + Duration::from_millis(*timestamp), event };
        // Lines of several log streams come in no strict order.
        if self.lines.get(&video).is_none_or(|last| last.at <= line.at) {
            self.lines.insert(video, line);
        }
    }

    /// Returns the last line about a video.
    pub(crate) fn last(&self, url: &str) -> Option<&LogLine> {
        self.lines.get(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_line_of_a_video() {
        let mut log = StarterLog::default();
        let put_back = r#"{"message": "put back", "video": "s3://v/a: b.mp4", "reason": "no slot", "receives": 1}"#;
        let not_started =
            r#"{"message": "not started", "video": "s3://v/a: b.mp4", "reason": "too large: 11 GB", "error": "…"}"#;
        let started = r#"{"message": "started", "video": "s3://v/a: b.mp4", "job": "j", "size": 7}"#;
        for (timestamp, message) in [(3, not_started), (1, put_back), (2, started), (9, "no json"), (9, "{}")] {
            log.add(&EventReply { timestamp, message: message.to_owned() });
        }
        let last = log.last("s3://v/a: b.mp4").unwrap();
        assert_eq!(last.event, StarterEvent::NotStarted { reason: "too large: 11 GB".to_owned() });
        log.add(&EventReply { timestamp: 4, message: started.to_owned() });
        assert_eq!(log.last("s3://v/a: b.mp4").unwrap().event, StarterEvent::Started { job: "j".to_owned() });
    }
}
