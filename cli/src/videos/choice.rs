//! The choice of the videos to start.

use super::known::KnownVideos;
use super::obstacle::Obstacle;
use super::sent::SentVideos;
use super::video::Video;

/// The decision about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Start,
    /// The lake has the labels.
    InLake {
        job: String,
    },
    /// The lake has the row of a job that failed at Rekognition. The same content would fail again.
    Failed {
        job: String,
        reason: String,
    },
    /// An earlier run has sent the video.
    Sent,
    /// Rekognition cannot analyze the object.
    Unusable(Obstacle),
    /// The name has another suffix than that of a video.
    OtherSuffix,
}

/// Decides about an object.
pub(crate) fn choose(video: &Video, suffixes: &[String], known: &KnownVideos, sent: &SentVideos) -> Choice {
    if !has_suffix(&video.key, suffixes) {
        return Choice::OtherSuffix;
    }
    if let Some(job) = known.job_of(video) {
        return match &job.failure {
            Some(reason) => Choice::Failed { job: job.id.clone(), reason: reason.clone() },
            None => Choice::InLake { job: job.id.clone() },
        };
    }
    match Obstacle::of(video) {
        Some(obstacle) => Choice::Unusable(obstacle),
        None if sent.contains(video) => Choice::Sent,
        None => Choice::Start,
    }
}

/// Returns true if a key ends with one of the suffixes, in upper or lower case, as in the stack's rule.
pub(crate) fn has_suffix(key: &str, suffixes: &[String]) -> bool {
    let key = key.as_bytes();
    suffixes.iter().any(|suffix| {
        let start = key.len().checked_sub(suffix.len());
        start.is_some_and(|start| key[start..].eq_ignore_ascii_case(suffix.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use label_lake::aws::names::BucketName;

    use super::*;

    #[test]
    fn leaves_out_other_suffixes_and_unusable_objects() {
        let suffixes = [".mp4", ".mov"].map(str::to_owned);
        let choice = |key: &str, size| {
            let bucket = BucketName::from_static("videos");
            let (key, etag) = (key.to_owned(), String::new());
            let video = Video { bucket, key, version: None, etag, size, modified: None, archived: false };
            choose(&video, &suffixes, &KnownVideos::default(), &SentVideos::default())
        };
        assert_eq!(choice("2026/a.MP4", 10 << 30), Choice::Start);
        assert_eq!(choice("a.Mov", 1), Choice::Start);
        assert_eq!(choice("a.mp4", (10 << 30) + 1), Choice::Unusable(Obstacle::TooLarge));
        assert_eq!(choice("a.mp4", 0), Choice::Unusable(Obstacle::Empty));
        for key in ["a.mkv", "mp4", "é", "a.mp4/", "a.mp4.txt", ""] {
            assert_eq!(choice(key, 1), Choice::OtherSuffix, "{key}");
        }
    }
}
