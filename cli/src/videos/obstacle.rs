//! The reasons why Rekognition cannot analyze an object, as far as its listing shows them.

use anyhow::{Error, anyhow};
use indicatif::HumanBytes;

use super::video::Video;
use crate::error::with_hint;

/// Largest video that Rekognition takes, in bytes.
const MAX_SIZE: u64 = 10 << 30;

/// A reason why Rekognition cannot analyze an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    TooLarge,
    /// The object has no bytes.
    Empty,
    /// S3 does not return the bytes of the object until it is restored.
    Archived,
}

impl Obstacle {
    /// Returns the obstacle of an object, or `None` if the object can be analyzed.
    pub(crate) fn of(video: &Video) -> Option<Self> {
        match video.size {
            0 => Some(Self::Empty),
            size if size > MAX_SIZE => Some(Self::TooLarge),
            _ => video.archived.then_some(Self::Archived),
        }
    }

    /// Returns the error of a command that was asked to start this video.
    pub(crate) fn error(self, video: &Video) -> Error {
        let url = video.url();
        let (error, hint) = match self {
            Self::TooLarge => (
                anyhow!("{url} has {}, and Rekognition takes at most 10 GB", HumanBytes(video.size)),
                "split or compress the video",
            ),
            Self::Empty => (anyhow!("{url} is empty"), "upload the video again"),
            Self::Archived => {
                (anyhow!("{url} is archived in S3, and Rekognition cannot read it"), "restore the object first")
            }
        };
        with_hint(error, hint)
    }
}

#[cfg(test)]
mod tests {
    use label_lake::aws::names::BucketName;

    use super::*;

    #[test]
    fn finds_the_obstacle_of_an_object() {
        let of = |size, archived| {
            let (bucket, key) = (BucketName::from_static("videos"), "a.mp4".to_owned());
            let video = Video { bucket, key, version: None, etag: String::new(), size, modified: None, archived };
            Obstacle::of(&video).map(|obstacle| (obstacle, obstacle.error(&video).to_string()))
        };
        assert_eq!(of(1, false), None);
        assert_eq!(of(MAX_SIZE, false), None);
        let large = "s3://videos/a.mp4 has 11.00 GiB, and Rekognition takes at most 10 GB".to_owned();
        assert_eq!(of(11 << 30, true), Some((Obstacle::TooLarge, large)));
        assert_eq!(of(MAX_SIZE + 1, false).unwrap().0, Obstacle::TooLarge);
        assert_eq!(of(0, false), Some((Obstacle::Empty, "s3://videos/a.mp4 is empty".to_owned())));
        assert_eq!(of(1, true).unwrap().0, Obstacle::Archived);
    }
}
