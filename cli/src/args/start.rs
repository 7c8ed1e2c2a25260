//! Arguments of `label-lake start`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, ValueHint};

use super::account::with_credentials;
use super::aws::AwsArguments;
use crate::videos::location::VideoLocation;

pub(super) const START_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  Show what would be started, and what it would cost:
    label-lake start --stack label-lake --dry-run s3://my-videos/2026/

  Start it:
    label-lake start --stack label-lake s3://my-videos/2026/

  Start one video at once, follow it into the lake, and show its labels:
    label-lake start --stack label-lake --now s3://my-videos/beach.mp4

Costs:
  Rekognition charges $0.10 per minute of video in most regions: $6 an hour.
  S3 does not tell how long a video is. If the lake has some of the videos, the
  command estimates the hours of the others from their size

Left out:
  Videos that the lake has, also those that failed at Rekognition. A job is
  compared by the version of the object. A job without a version, as in a bucket
  without versioning, counts if it ended after the object was last modified.
  Videos that were sent before, as --report lists them, for 14 days. Objects
  over 10 GB, empty and archived objects, and objects with other suffixes

Exit codes:
  0    All videos were sent, or there is nothing to send; with --now, the labels
       of the video are in the lake
  1    A video was not sent, the prompt was declined, or a request failed; with
       --now, the job failed at Rekognition
  2    Invalid usage
  130  Interrupted

Permissions:
  cloudformation:DescribeStacks, s3:ListBucketVersions on the bucket of videos,
  s3:GetObject and s3:ListBucket on the lake, sqs:SendMessage.
  With --now, instead of sqs:SendMessage: lambda:GetFunctionConfiguration on the
  starter, rekognition:StartLabelDetection, rekognition:GetLabelDetection,
  s3:GetObject on the video (with a version s3:GetObjectVersion), kms:Decrypt on
  its key, and iam:PassRole on the stack's Rekognition role"
);

#[derive(Args, Debug)]
pub(crate) struct StartArguments {
    /// Name of a deployed stack that has a bucket of videos.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stack: String,

    /// Start this video without the queue, follow it until it is in the lake, and show its labels.
    #[arg(long, value_name = "VIDEO", conflicts_with_all = ["videos", "dry_run", "yes", "suffix", "report"])]
    pub(crate) now: Option<VideoLocation>,

    /// Show what would be started and what it would cost, without starting it.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Start without asking for confirmation.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Suffixes of the names of videos, separated by commas, in upper or lower case. Default: those of the stack.
    #[arg(long, value_name = "SUFFIX", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) suffix: Vec<String>,

    /// File that lists the videos that were sent, one line of JSON each. Videos that it lists are not sent again.
    #[arg(long, value_name = "FILE", default_value = "label-lake-start.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) report: PathBuf,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Videos: `s3://BUCKET`, `s3://BUCKET/PREFIX/` or `s3://BUCKET/KEY`, in the stack's bucket of videos.
    #[arg(value_name = "VIDEO", required_unless_present = "now")]
    pub(crate) videos: Vec<VideoLocation>,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}
