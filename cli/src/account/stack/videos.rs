//! The part of a stack that starts the jobs of videos.

use anyhow::{Context as _, anyhow};
use label_lake::aws::names::BucketName;

use super::Stack;
use crate::error::with_hint;
use crate::videos::location::VideoLocation;

/// Default of the template's parameter `VideoSuffixes`.
const DEFAULT_SUFFIXES: &str = ".mp4,.mov";

/// The bucket of videos of a stack, and the queue of its starter.
#[derive(Clone, Debug)]
pub(crate) struct StackVideos {
    stack: String,
    pub(crate) bucket: BucketName,
    pub(crate) queue_url: String,
    /// Name of the starter.
    pub(crate) starter: String,
    /// Suffixes of the names of videos, as in `.mp4`.
    pub(crate) suffixes: Vec<String>,
}

impl Stack {
    /// Returns the names of the part that starts jobs.
    ///
    /// # Errors
    /// The stack was deployed without a bucket of videos.
    pub(crate) fn videos(&self) -> anyhow::Result<StackVideos> {
        // An output, because a stack of the construct has no parameters.
        let Some(bucket) = self.outputs.get("VideoBucketName") else {
            let error = anyhow!("stack {} starts no jobs: it was deployed without VideoBucket", self.name);
            return Err(with_hint(error, "deploy the stack with the bucket of your videos as VideoBucket"));
        };
        let suffixes = match self.parameter("VideoSuffixes") {
            "" => DEFAULT_SUFFIXES,
            given => given,
        };
        let suffixes = suffixes.split(',').map(str::trim).filter(|suffix| !suffix.is_empty());
        Ok(StackVideos {
            stack: self.name.clone(),
            bucket: bucket.parse().with_context(|| format!("stack {}: VideoBucketName is {bucket:?}", self.name))?,
            queue_url: self.output("VideoQueueUrl")?.to_owned(),
            starter: self.output("StarterName")?.to_owned(),
            suffixes: suffixes.map(str::to_owned).collect(),
        })
    }
}

impl StackVideos {
    /// Checks that the starter may read a location.
    pub(crate) fn check(&self, location: &VideoLocation) -> anyhow::Result<()> {
        let Self { stack, bucket, .. } = self;
        if location.bucket == *bucket {
            return Ok(());
        }
        let error = anyhow!("{location}: stack {stack} may read videos in s3://{bucket} only");
        Err(with_hint(
            error,
            format!("copy the videos to s3://{bucket}, or deploy another stack for s3://{}", location.bucket),
        ))
    }
}
