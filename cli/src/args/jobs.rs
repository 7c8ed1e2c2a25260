//! Arguments of the commands that show the jobs of a lake, in a directory or in S3.

use std::collections::HashSet;

use clap::Args;
use label_lake::job_id::JobId;

use super::aws::AwsArguments;
use super::lake::{LakeLocation, LakeToRead};

pub(super) const LIST_EXAMPLES: &str = "\
Examples:
  label-lake list
  label-lake list --lake s3://my-lake/video
  label-lake list --stack label-lake
  label-lake list --lake s3://my-lake --json |
    jq '.[] | select(.status == \"FAILED\") | .jobId'
  label-lake list --stack label-lake --videos
  label-lake list --stack label-lake --videos --json |
    jq -r '.[] | select(.state == \"FAILED\") | [.video, .reason] | @tsv'

States of videos:
  exported         The labels are in the lake
  analyzed         Rekognition has finished; the export is not complete yet
  started          Rekognition analyzes the video
  waiting          The starter has put the video back into its queue
  failed           The job failed, or cannot be started; the reason says why
  not in the lake  Nothing is known: the video may wait in the queue, or nobody
                   has sent it

  The states come from the lake, from the log of the starter of the last 14
  days, and from Rekognition

Exit codes:
  0    All jobs or videos are listed
  1    There are no jobs or videos, a file in `jobs` is not the row of a job, or
       a request failed
  2    Invalid usage

Permissions for a lake in S3:
  s3:GetObject, s3:ListBucket; with --stack also cloudformation:DescribeStacks.
  With --videos also s3:ListBucketVersions on the bucket of videos,
  cloudformation:ListStackResources, logs:FilterLogEvents,
  rekognition:GetLabelDetection, sqs:GetQueueAttributes";

pub(super) const SHOW_EXAMPLES: &str = "\
Examples:
  label-lake show JOB
  label-lake show JOB --label Dog --label Cat
  label-lake show JOB --lake s3://my-lake/video --labels 1000 --json |
    jq '.shownLabels[].label'

Exit codes:
  0    The job is shown
  1    The job or a label is not in the lake, a file cannot be read, or a
       request failed
  2    Invalid usage

Permissions for a lake in S3:
  s3:GetObject, s3:ListBucket; with --stack also cloudformation:DescribeStacks";

/// Number of labels that `label-lake show` shows by default.
const DEFAULT_LABELS: u32 = 20;

/// Returns the jobs in their order, each once.
pub(crate) fn each_once(jobs: &[JobId]) -> Vec<JobId> {
    let mut seen = HashSet::new();
    jobs.iter().filter(|job| seen.insert(*job)).cloned().collect()
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) lake: LakeToRead,

    /// List the videos in the stack's bucket instead, and how far each has come.
    #[arg(long, requires = "stack")]
    pub(crate) videos: bool,

    /// Print a JSON array.
    #[arg(long)]
    pub(crate) json: bool,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) lake: LakeToRead,

    /// Maximum number of labels to show, biggest first. The file of each label is read.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LABELS)]
    pub(crate) labels: u32,

    /// Show this label only; may be repeated. An empty name is the label without a name.
    #[arg(long, value_name = "NAME", conflicts_with = "labels")]
    pub(crate) label: Vec<String>,

    /// Print a JSON object.
    #[arg(long)]
    pub(crate) json: bool,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,

    /// ID of the job to show.
    #[arg(value_name = "JOB")]
    pub(crate) job: JobId,
}

impl ShowArguments {
    /// Returns the arguments that show a job of a lake.
    pub(crate) fn of_job(lake: LakeLocation, job: JobId, quiet: bool, aws: &AwsArguments) -> Self {
        let lake = LakeToRead { lake, stack: None };
        Self { lake, labels: DEFAULT_LABELS, label: Vec::new(), json: false, quiet, aws: aws.clone(), job }
    }
}
