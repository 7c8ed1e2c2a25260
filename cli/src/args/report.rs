//! Arguments of `label-lake report`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::ValueHint;
use label_lake::job_id::JobId;

use super::aws::AwsArguments;
use super::lake::LakeToRead;
use crate::report::video::VideoSource;

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  label-lake report JOB
  label-lake report JOB --lake s3://my-lake/video --out dogs.html
  label-lake report JOB --video 'beach day.mp4'

  With the video in S3, for the next hours:
    label-lake report JOB --lake s3://my-lake --video presign

  A page for each job, and an index:
    label-lake report JOB-1 JOB-2 JOB-3 --out reports

Files:
  A page is one file with all data in it. It loads nothing but the video: share
  it as an attachment, or open it without a network. The same job and options
  give the same bytes, except with `--video presign`.

  An existing report is replaced when the new one is complete. Any other file
  stays as it is, and the command fails.

Video:
  --video FILE links to the file with a relative path, so move both together.
  If ffmpeg is on the PATH, the page also has small pictures of the video.
  Everyone who has a page with a presigned URL can watch the video until the
  URL expires. The bucket of the video has to be in the region of the profile or
  --region.

Exit codes:
  0    All pages are written
  1    A job is not in the lake, a file cannot be read or written, or a request
       failed
  2    Invalid usage
  130  Interrupted

Permissions for a lake in S3:
  s3:GetObject, s3:ListBucket; with --stack also cloudformation:DescribeStacks;
  with `--video presign` also s3:GetObject on the video";

#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) lake: LakeToRead,

    /// File to write [default: JOB.html]; with several jobs, the directory for the pages and their index.html
    /// [default: reports].
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) out: Option<PathBuf>,

    /// File of the video, or `presign` for a URL of the video in S3, valid for up to 12 hours.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) video: Option<VideoSource>,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,

    /// IDs of the jobs.
    #[arg(value_name = "JOB", required = true)]
    pub(crate) jobs: Vec<JobId>,
}
