//! Messages of the queue of videos: the events of S3 for a new object.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

/// ID of the null version.
const NULL_VERSION: &str = "null";

/// A video in S3 that waits for its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// Bucket.
    pub bucket: String,
    /// Object key, not URL-encoded.
    pub key: String,
    /// Version, in a bucket with versioning.
    pub version: Option<String>,
    /// ETag.
    pub etag: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
}

impl fmt::Display for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A video to start.
    Video(Video),
    /// The message with which S3 tests that it can send to the queue.
    Test,
    /// Anything else, with the reason for which it is not a video.
    Invalid(String),
}

/// An event of EventBridge, `Object Created`.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    size: Option<u64>,
    #[serde(alias = "eTag")]
    etag: Option<String>,
    #[serde(rename = "version-id", alias = "versionId")]
    version: Option<String>,
}

/// A record of a notification that S3 sends itself.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    s3: Detail,
}

/// Reads a message: an `Object Created` event of EventBridge, or a notification that S3 sends to the queue itself.
pub fn read(body: &str) -> Content {
    let event: Value = match serde_json::from_str(body) {
        Ok(event) => event,
        Err(error) => return Content::Invalid(format!("it is not JSON: {error}")),
    };
    if event["Event"] == "s3:TestEvent" {
        return Content::Test;
    }
    let video = if event["Records"].is_array() { from_notification(&event["Records"]) } else { from_event(&event) };
    video.map_or_else(Content::Invalid, Content::Video)
}

fn from_event(event: &Value) -> Result<Video, String> {
    let Event { detail_type, detail } =
        Event::deserialize(event).map_err(|error| format!("it is not an event of S3: {error}"))?;
    if detail_type != "Object Created" {
        return Err(format!("the event is {detail_type:?} instead of \"Object Created\""));
    }
    Ok(video(detail, |key| key))
}

fn from_notification(records: &Value) -> Result<Video, String> {
    let records: Vec<Record> =
        Vec::deserialize(records).map_err(|error| format!("it is not a notification of S3: {error}"))?;
    let count = records.len();
    let Ok([Record { event_name, s3 }]) = <[Record; 1]>::try_from(records) else {
        return Err(format!("the notification has {count} records instead of one"));
    };
    let event_name = event_name.trim_start_matches("s3:");
    if !event_name.starts_with("ObjectCreated:") {
        return Err(format!("the notification is {event_name:?} instead of \"ObjectCreated\""));
    }
    // The key is coded like a form, in which `+` is a space.
    Ok(video(s3, |key| percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()))
}

/// Returns the version with this ID. `None` for the null version, which an object has that was uploaded while its bucket
/// had no versioning. Events, listings and jobs may name the null version or omit it, so both make the same token.
pub fn version(id: String) -> Option<String> {
    (!id.is_empty() && id != NULL_VERSION).then_some(id)
}

fn video(Detail { bucket, object }: Detail, key: impl Fn(String) -> String) -> Video {
    let Object { key: coded, size, etag, version } = object;
    Video {
        bucket: bucket.name,
        key: key(coded),
        version: version.and_then(self::version),
        etag: etag.filter(|etag| !etag.is_empty()),
        size,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn video(body: &Value) -> Video {
        match read(&body.to_string()) {
            Content::Video(video) => video,
            other => panic!("{other:?}"),
        }
    }

    fn notification(event_name: &str, object: &Value) -> Value {
        json!({ "Records": [{ "eventName": event_name, "s3": { "bucket": { "name": "videos" }, "object": object } }] })
    }

    #[test]
    fn reads_an_event_whose_key_is_not_coded() {
        let video = video(&json!({
            "version": "0", "source": "aws.s3", "detail-type": "Object Created",
            "detail": {
                "bucket": { "name": "videos" },
                "object": { "key": "a+b %41.mp4", "size": 7, "etag": "e", "version-id": "v", "sequencer": "1" },
                "reason": "PutObject",
            },
        }));
        assert_eq!(video.to_string(), "s3://videos/a+b %41.mp4");
        assert_eq!((video.version.as_deref(), video.etag.as_deref(), video.size), (Some("v"), Some("e"), Some(7)));
    }

    #[test]
    fn decodes_the_key_of_a_notification_of_s3() {
        let object = json!({ "key": "beach+day/%C3%A9t%C3%A9+1%2B1.mp4", "size": 7, "eTag": "e", "versionId": "v" });
        for event_name in ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"] {
            let video = video(&notification(event_name, &object));
            assert_eq!(video.key, "beach day/été 1+1.mp4");
            assert_eq!((video.version.as_deref(), video.etag.as_deref(), video.size), (Some("v"), Some("e"), Some(7)));
        }
    }

    #[test]
    fn an_unversioned_object_has_no_version() {
        let video = video(&notification("ObjectCreated:Put", &json!({ "key": "a.mp4", "versionId": "" })));
        assert_eq!((video.version, video.etag, video.size), (None, None, None));
    }

    /// `label-lake start` sends the object without a version. With one, both messages would start a job.
    #[test]
    fn the_null_version_is_no_version() {
        let object = |version: &str| json!({ "key": "a.mp4", "etag": "e", version: "null" });
        let event = json!({
            "detail-type": "Object Created",
            "detail": { "bucket": { "name": "videos" }, "object": object("version-id") },
        });
        for body in [event, notification("ObjectCreated:Put", &object("versionId"))] {
            let video = video(&body);
            assert_eq!((video.version, video.etag.as_deref()), (None, Some("e")));
        }
    }

    #[test]
    fn says_why_a_message_is_not_a_video() {
        let two = json!({ "Records": [
            { "eventName": "ObjectCreated:Put", "s3": { "bucket": { "name": "b" }, "object": { "key": "k" } } },
            { "eventName": "ObjectCreated:Put", "s3": { "bucket": { "name": "b" }, "object": { "key": "l" } } },
        ] });
        let deleted = json!({
            "detail-type": "Object Deleted", "detail": { "bucket": { "name": "b" }, "object": { "key": "k" } },
        });
        for (body, word) in [
            ("{".to_owned(), "not JSON"),
            ("[]".to_owned(), "not an event"),
            (json!({ "JobId": "j" }).to_string(), "detail-type"),
            (deleted.to_string(), "Object Deleted"),
            (json!({ "detail-type": "Object Created", "detail": {} }).to_string(), "bucket"),
            (json!({ "Records": [] }).to_string(), "0 records"),
            (two.to_string(), "2 records"),
            (json!({ "Records": [{}] }).to_string(), "eventName"),
            (notification("ObjectRemoved:Delete", &json!({ "key": "k" })).to_string(), "ObjectRemoved"),
        ] {
            let Content::Invalid(reason) = read(&body) else { panic!("{body}") };
            assert!(reason.contains(word), "{body}: {reason}");
        }
    }

    #[test]
    fn recognizes_the_test_of_s3() {
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "videos" });
        assert_eq!(read(&test.to_string()), Content::Test);
    }
}
