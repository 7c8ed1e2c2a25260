//! A video: an object in S3, and the message that asks the starter for its job.

use std::time::SystemTime;

use label_lake::aws::names::BucketName;
use label_lake::starter::message::Video as StarterVideo;
use serde_json::json;

/// The latest version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Video {
    pub(crate) bucket: BucketName,
    pub(crate) key: String,
    /// `None` for the null version, which an object has that was uploaded while its bucket had no versioning.
    pub(crate) version: Option<String>,
    /// Without the quotes of HTTP, as in the events of S3.
    pub(crate) etag: String,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) modified: Option<SystemTime>,
    /// True if the object is in an archive, without a restored copy: S3 does not return its bytes.
    pub(crate) archived: bool,
}

impl Video {
    pub(crate) fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Returns what identifies the content of the object: the version, or the `ETag` without one. The starter derives its
    /// token from the same value.
    pub(crate) fn content(&self) -> &str {
        self.version.as_deref().unwrap_or(&self.etag)
    }

    /// Returns the video as the starter has it.
    pub(crate) fn for_starter(&self) -> StarterVideo {
        StarterVideo {
            bucket: self.bucket.to_string(),
            key: self.key.clone(),
            version: self.version.clone(),
            etag: Some(self.etag.clone()),
            size: Some(self.size),
        }
    }

    /// Returns the message for the queue of videos: the event that EventBridge sends when an object is created, with another
    /// source. The starter makes the same token from both, so an upload that is also sent by a command has one job.
    pub(crate) fn message(&self) -> String {
        let mut object = json!({ "key": self.key, "size": self.size, "etag": self.etag });
        if let Some(version) = &self.version {
            object["version-id"] = version.as_str().into();
        }
        let detail =
            json!({ "bucket": { "name": self.bucket.as_str() }, "object": object, "reason": "label-lake start" });
        json!({ "source": "label-lake", "detail-type": "Object Created", "detail": detail }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use label_lake::starter::message::{Content, read};

    use super::*;

    #[test]
    fn the_starter_reads_the_message() {
        for version in [None, Some("v".to_owned())] {
            let (bucket, key) = (BucketName::from_static("videos"), "a+b %41 \"é\".mp4".to_owned());
            let video = Video { bucket, key, version, etag: "e".to_owned(), size: 7, modified: None, archived: false };
            assert_eq!(read(&video.message()), Content::Video(video.for_starter()));
        }
    }
}
