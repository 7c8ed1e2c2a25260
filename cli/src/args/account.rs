//! Arguments of the commands that work in an AWS account.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::builder::{NonEmptyStringValueParser, ValueHint};
use clap::{ArgGroup, Args, value_parser};
use label_lake::aws::names::{BucketName, DatabaseName, KeyPrefix};
use label_lake::job_id::JobId;

use super::aws::AwsArguments;
use super::lake::S3Location;

/// Appends the section about credentials to the help of a command.
macro_rules! with_credentials {
    ($examples:literal) => {
        concat!(
            $examples,
            "\n\nCredentials:\n  \
             As for every AWS tool: the environment, a profile with keys, SSO,\n  \
             `aws login`, a role or a credential process, or the role of the machine.\n  \
             --profile comes before the environment. Log in first with `aws sso login`\n  \
             or `aws login`."
        )
    };
}

pub(super) use with_credentials;

pub(super) const REGISTER_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake register --lake s3://my-lake --database label_lake JOB
  label-lake register --lake s3://my-lake/video --database label_lake --all
  label-lake register --stack label-lake --all

Exit codes:
  0    All jobs are registered
  1    A job has no row in `jobs`, or a request failed
  2    Invalid usage

Permissions:
  s3:GetObject, s3:ListBucket, glue:GetTable, glue:GetPartitions,
  glue:BatchCreatePartition, glue:BatchGetPartition, glue:BatchUpdatePartition;
  with --stack also cloudformation:DescribeStacks"
);

pub(super) const STATUS_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  Check a stack:
    label-lake status --stack label-lake
    label-lake status --stack label-lake --json |
      jq -r '.checks[] | select(.ok | not) | .fix'

  Show jobs:
    label-lake status --stack label-lake JOB
    label-lake status --lake s3://my-lake/video JOB
    label-lake status --lake s3://my-lake --database label_lake --json JOB JOB |
      jq '.[] | .state'

States:
  COMMITTED  The job has a row in `jobs`
  UNDER_WAY  The job has files or a checkpoint, but no row: an export is in
             progress, or an export or a delete was interrupted
  UNKNOWN    The job is not in the lake. It may still exist at Rekognition

Exit codes:
  0    The stack has no fault; all jobs found, with all their files and
       partitions
  1    The stack has a fault; a job, a file or a partition is missing, a row
       cannot be read, or a request failed
  2    Invalid usage

Permissions:
  s3:GetObject, s3:ListBucket; with --database or --stack also glue:GetTable,
  glue:GetPartitions; with --stack also cloudformation:DescribeStacks.
  To check a stack also cloudformation:ListStackResources,
  lambda:GetFunctionConfiguration, lambda:GetFunctionConcurrency,
  lambda:GetFunctionEventInvokeConfig, lambda:GetFunctionRecursionConfig,
  lambda:GetPolicy, lambda:ListEventSourceMappings, sqs:GetQueueAttributes,
  sns:GetTopicAttributes, sns:ListSubscriptionsByTopic,
  sns:GetSubscriptionAttributes, iam:GetRole, iam:SimulatePrincipalPolicy,
  cloudwatch:DescribeAlarms; with VideoBucket also s3:GetBucketNotification,
  events:DescribeRule, events:ListTargetsByRule, scheduler:GetSchedule,
  cloudwatch:GetMetricStatistics; with tables of all jobs
  states:DescribeStateMachine, states:ListExecutions,
  states:DescribeExecution, scheduler:GetSchedule. AWS's policies
  ReadOnlyAccess and IAMReadOnlyAccess together allow all of them"
);

pub(super) const DELETE_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake delete --lake s3://my-lake --database label_lake --dry-run JOB
  label-lake delete --lake s3://my-lake --database label_lake JOB
  label-lake delete --lake s3://my-lake --database label_lake --yes JOB JOB
  label-lake delete --stack label-lake JOB

Exit codes:
  0    All jobs were deleted, or were found with --dry-run
  1    A job is not in the lake, an export wrote it again, the prompt was
       declined, or a request failed
  2    Invalid usage

Permissions:
  s3:GetObject, s3:DeleteObject, s3:ListBucket; with --database or --stack also
  glue:GetTable, glue:GetPartitions, glue:BatchDeletePartition; with --stack
  also cloudformation:DescribeStacks"
);

pub(super) const REPLAY_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake replay --stack label-lake --dry-run
  label-lake replay --stack label-lake

  queue=https://sqs.eu-west-1.amazonaws.com/123456789012/label-lake-failed
  label-lake replay \"$queue\" --function label-lake

Exit codes:
  0    All received messages were replayed
  1    A message was kept in the queue, or a request failed
  2    Invalid usage
  130  Interrupted

Permissions:
  sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility,
  sqs:GetQueueAttributes, lambda:InvokeFunction; with --stack also
  cloudformation:DescribeStacks, and sqs:SendMessage for videos"
);

pub(super) const BACKFILL_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake backfill --stack label-lake JOB JOB
  label-lake backfill --function label-lake JOB JOB
  label-lake backfill --function label-lake --file jobs.txt --report done.jsonl
  cut -d, -f1 jobs.csv |
    label-lake backfill --function label-lake --file - --report done.jsonl

Exit codes:
  0    All jobs were exported
  1    A job failed, or a file cannot be used
  2    Invalid usage
  130  Interrupted

Permissions:
  lambda:InvokeFunction; with --stack also cloudformation:DescribeStacks"
);

/// Arguments that select a lake in S3.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("location").args(["lake", "bucket", "stack"]).required(true)))]
pub(crate) struct LakeArguments {
    /// Lake in S3, as `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "LAKE", conflicts_with = "prefix")]
    lake: Option<S3Location>,

    /// Bucket of the lake; --bucket and --prefix are another way to write --lake.
    #[arg(long)]
    bucket: Option<BucketName>,

    /// Prefix of the lake in the bucket, as in `OUTPUT_PREFIX`.
    #[arg(long, requires = "bucket")]
    prefix: Option<KeyPrefix>,

    /// Name of a deployed stack, instead of its lake and its database.
    #[arg(long, value_name = "NAME", conflicts_with = "database", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stack: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RegisterArguments {
    #[command(flatten)]
    pub(crate) lake: LakeArguments,

    /// Glue database of the tables.
    #[arg(long, required_unless_present = "stack")]
    pub(crate) database: Option<DatabaseName>,

    #[command(flatten)]
    pub(crate) selection: JobSelection,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

/// The jobs to register. A group, so that an error about missing jobs names both ways to select them.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct JobSelection {
    /// Register every job that has a row in `jobs`.
    #[arg(long)]
    pub(crate) all: bool,

    /// IDs of the jobs to register.
    #[arg(value_name = "JOB")]
    pub(crate) jobs: Vec<JobId>,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) lake: LakeArguments,

    /// Glue database of the tables; also checks the registered partitions.
    #[arg(long)]
    pub(crate) database: Option<DatabaseName>,

    /// Print a JSON array of the jobs, or a JSON object with the checks of the stack.
    #[arg(long)]
    pub(crate) json: bool,

    /// IDs of the jobs to show. Without jobs, the stack is checked.
    #[arg(value_name = "JOB", required_unless_present = "stack")]
    pub(crate) jobs: Vec<JobId>,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

#[derive(Args, Debug)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    pub(crate) lake: LakeArguments,

    /// Glue database of the tables; also deletes the partitions.
    #[arg(long)]
    pub(crate) database: Option<DatabaseName>,

    /// Show what would be deleted, without deleting it.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Delete without asking for confirmation.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// IDs of the jobs to delete.
    #[arg(value_name = "JOB", required = true)]
    pub(crate) jobs: Vec<JobId>,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArguments {
    /// URL of the dead-letter queue.
    #[arg(
        value_name = "QUEUE_URL",
        required_unless_present = "stack",
        value_parser = queue_url,
        value_hint = ValueHint::Url
    )]
    pub(crate) queue_url: Option<String>,

    /// Name or ARN of the function; the ARN may include an alias.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "stack",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) function: Option<String>,

    /// Name of a deployed stack, instead of its queue and its function.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["queue_url", "function"],
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) stack: Option<String>,

    /// List the messages without replaying or deleting them.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Maximum number of messages to receive.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

#[derive(Args, Debug)]
pub(crate) struct BackfillArguments {
    /// Name or ARN of the function; the ARN may include an alias.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "stack",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) function: Option<String>,

    /// Name of a deployed stack, instead of its function.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "function",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) stack: Option<String>,

    /// File with one job ID per line, or - for standard input. Empty lines and lines that start with # are ignored.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    /// Number of concurrent invocations.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u16).range(1..=1000))]
    pub(crate) concurrency: u16,

    /// Replace jobs that are already committed.
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Append one line of JSON per finished job to this file, and skip jobs that it lists as successful.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// IDs of the jobs to export.
    #[arg(value_name = "JOB", required_unless_present = "file")]
    pub(crate) jobs: Vec<JobId>,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

impl LakeArguments {
    /// Returns the location that the options name, unless they name a stack.
    pub(crate) fn location(&self) -> anyhow::Result<S3Location> {
        let prefix = || self.prefix.clone().unwrap_or_else(KeyPrefix::none);
        let bucket = || Some(S3Location { bucket: self.bucket.clone()?, prefix: prefix() });
        self.lake.clone().or_else(bucket).context("pass --lake, --bucket or --stack")
    }
}

fn queue_url(given: &str) -> Result<String, String> {
    if given.starts_with("https://") || given.starts_with("http://") {
        Ok(given.to_owned())
    } else {
        Err("expected the URL of the queue, as `aws sqs get-queue-url --queue-name NAME` prints it".to_owned())
    }
}
