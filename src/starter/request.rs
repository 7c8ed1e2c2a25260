//! The request that starts the job of a video, and its token.

use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::config::JobSettings;
use crate::starter::message::Video;

/// Returns the client request token: the SHA-256 of everything that makes the job.
///
/// Rekognition returns the same job for the same token for 7 days. So a message that is delivered twice, a crash between
/// the start and the deletion of the message, and a lost reply start and bill one job. Another version of the object, or
/// another setting, is another job.
pub fn token(video: &Video, settings: &JobSettings) -> String {
    let JobSettings { topic_arn, role_arn, min_confidence, include_labels, exclude_labels, tag } = settings;
    let Video { bucket, key, version, etag, size: _ } = video;
    // A version has one ETag only, and some events lack it.
    let etag = if version.is_some() { &None } else { etag };
    // JSON quotes every text, so no two requests have the same content.
    let content =
        json!([bucket, key, version, etag, topic_arn, role_arn, min_confidence, include_labels, exclude_labels, tag]);
    let digest = Sha256::digest(content.to_string());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn video() -> Video {
        let text = |text: &str| Some(text.to_owned());
        Video { bucket: "videos".into(), key: "a.mp4".into(), version: text("1"), etag: text("e"), size: Some(7) }
    }

    fn settings() -> JobSettings {
        JobSettings {
            topic_arn: "arn:topic".into(),
            role_arn: "arn:role".into(),
            min_confidence: None,
            include_labels: vec![],
            exclude_labels: vec![],
            tag: None,
        }
    }

    #[test]
    fn is_a_token_that_the_api_accepts() {
        let token = token(&video(), &settings());
        assert_eq!(token.len(), 64);
        assert!(token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    /// A change of the coding would start every waiting video once more if its start was interrupted by an update.
    #[test]
    fn stays_the_same_from_release_to_release() {
        let expected = "9c6b06fd5100aab2be3c3bc17efddd900fc7d64bcf06d6ec193751bdc514e440";
        assert_eq!(token(&video(), &settings()), expected);
    }

    #[test]
    fn every_difference_of_a_request_is_another_token() {
        let unversioned = |etag: &str| Video { version: None, etag: Some(etag.into()), ..video() };
        let labels = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect::<Vec<_>>();
        let requests = [
            (video(), settings()),
            (Video { bucket: "other".into(), ..video() }, settings()),
            (Video { key: "b.mp4".into(), ..video() }, settings()),
            (Video { version: Some("2".into()), ..video() }, settings()),
            (unversioned("e"), settings()),
            (unversioned("1"), settings()),
            (Video { version: None, etag: None, ..video() }, settings()),
            (video(), JobSettings { topic_arn: "arn:other".into(), ..settings() }),
            (video(), JobSettings { role_arn: "arn:other".into(), ..settings() }),
            (video(), JobSettings { min_confidence: Some(50.0), ..settings() }),
            (video(), JobSettings { include_labels: labels(&["a", "b"]), ..settings() }),
            (video(), JobSettings { include_labels: labels(&["a,b"]), ..settings() }),
            (video(), JobSettings { exclude_labels: labels(&["a", "b"]), ..settings() }),
            (video(), JobSettings { tag: Some("t".into()), ..settings() }),
        ];
        let tokens: HashSet<_> = requests.iter().map(|(video, settings)| token(video, settings)).collect();
        assert_eq!(tokens.len(), requests.len());
    }

    #[test]
    fn size_and_the_etag_of_a_version_do_not_matter() {
        let same = Video { etag: None, size: None, ..video() };
        assert_eq!(token(&same, &settings()), token(&video(), &settings()));
    }
}
