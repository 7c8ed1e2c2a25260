//! Arguments of `label-lake demo`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, ValueHint};

use super::aws::AwsArguments;

pub(super) const DEMO_EXAMPLES: &str = "\
Examples:
  label-lake demo --stack label-lake
  label-lake demo --stack label-lake --clean

The sample:
  The job label-lake-sample, with 10,000 detections of 220 labels. Its video
  does not exist. Its label_model_version is `generated`, and its job_tag is
  `label-lake demo`, so that nobody takes it for a real job. Programs that
  subscribe to the stack's topic of finished jobs get a message. The tables of
  all jobs take the sample in, or drop it, with their next run.

Costs:
  Less than a cent: 221 uploads to S3, and one query of a few megabytes

Exit codes:
  0    The sample is in the lake; with --clean, it is gone
  1    A step failed
  2    Invalid usage
  130  Interrupted

Permissions:
  As for `label-lake export --stack` (without Rekognition), `label-lake report`
  and, with --clean, `label-lake delete`; and athena:StartQueryExecution,
  athena:GetQueryExecution, athena:GetQueryResults. The stack's policy
  ReaderPolicyArn allows the latter";

#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Name of the deployed stack.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stack: String,

    /// Remove the sample from the lake, and the report.
    #[arg(long)]
    pub(crate) clean: bool,

    /// File of the report.
    #[arg(short, long, value_name = "FILE", default_value = "label-lake-sample.html", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,

    /// Hide the progress (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}
