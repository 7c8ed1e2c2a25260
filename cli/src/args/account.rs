//! The command lines of what works in an AWS account.

use std::path::PathBuf;

use clap::Args;
use clap::builder::ValueHint;
use clap::value_parser;
use label_lake::aws::names::{BucketName, DatabaseName, KeyPrefix};
use label_lake::job_id::{InvalidJobId, JobId};

/// Where credentials come from, for the help of each command.
macro_rules! with_credentials {
    ($examples:literal) => {
        concat!(
            $examples,
            "\n\nCredentials and region are those of the AWS SDK: the environment, or the profile files, or the role of the\n\
             machine. After `aws sso login` or `aws login` hand them over with\n  \
             eval \"$(aws configure export-credentials --format env)\""
        )
    };
}

pub(super) const REGISTER_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake register --bucket my-lake --database label_lake JOB
  label-lake register --bucket my-lake --prefix video --database label_lake --all

Permissions: s3:GetObject and s3:ListBucket; glue:GetTable, glue:GetPartitions, glue:BatchCreatePartition,
glue:BatchGetPartition, glue:BatchUpdatePartition.

Exit codes: 0 all jobs are registered, 1 a job is not in `jobs` or an error came, 2 wrong usage."
);

pub(super) const STATUS_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake status --bucket my-lake JOB
  label-lake status --bucket my-lake --database label_lake --json JOB JOB | jq '.[] | .state'

The states: COMMITTED, the job's row is in `jobs`; UNDER_WAY, an export has begun, and goes on or was interrupted;
UNKNOWN, the lake has nothing of it. Rekognition is not asked.

Permissions: s3:GetObject and s3:ListBucket; with --database glue:GetPartitions.

Exit codes: 0 the lake knows all jobs, 1 it does not know one, a row cannot be read, or an error came, 2 wrong usage."
);

pub(super) const DELETE_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake delete --bucket my-lake --database label_lake JOB
  label-lake delete --bucket my-lake --database label_lake --yes JOB JOB

Without --database the partitions stay in the catalog, and queries find nothing at them. In a bucket with versions the
objects are marked as deleted, and stay as old versions until a lifecycle rule ends them.

An export of the job that is under way can write again what is deleted. The command looks again after deleting, and fails
if something is left; run it again when the export has ended.

Permissions: s3:GetObject, s3:DeleteObject and s3:ListBucket; with --database glue:GetPartitions,
glue:BatchDeletePartition.

Exit codes: 0 deleted, 1 the lake has nothing of a job, an export writes one again, the answer was no, or an error came,
2 wrong usage."
);

pub(super) const REPLAY_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake replay https://sqs.eu-west-1.amazonaws.com/123456789012/label-lake-failed --function label-lake --dry-run
  label-lake replay https://sqs.eu-west-1.amazonaws.com/123456789012/label-lake-failed --function label-lake

Each message is looked at once. What is replayed leaves the queue; what fails stays, is named with the reason, and can
be received again when the command ends. A job that an invocation hands over to the next one counts as replayed. To be
delivered twice does no harm: what is committed already costs one request.

Permissions: sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility, sqs:GetQueueAttributes;
lambda:InvokeFunction.

Exit codes: 0 all that was looked at is replayed, 1 something is left or an error came, 2 wrong usage, 130 interrupted."
);

pub(super) const BACKFILL_EXAMPLES: &str = with_credentials!(
    "\
Examples:
  label-lake backfill --function label-lake JOB JOB
  label-lake backfill --function label-lake --file jobs.txt --report backfill.jsonl
  cut -d, -f1 jobs.csv | label-lake backfill --function label-lake --file - --report backfill.jsonl

The file has a job id on each line; empty lines and those that begin with # are skipped. The report has a line of JSON for
each job that ended. Run again with the same report to try what has failed or was not begun; what has succeeded is
skipped. Rekognition keeps results for 7 days.

Permissions: lambda:InvokeFunction.

Exit codes: 0 all jobs are done, 1 a job failed or an error came, 2 wrong usage, 130 interrupted."
);

/// Which lake.
#[derive(Args, Debug)]
pub(crate) struct LakeArguments {
    /// The bucket of the lake.
    #[arg(long)]
    pub(crate) bucket: BucketName,

    /// The prefix of the lake in the bucket, as in `OUTPUT_PREFIX`.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) prefix: KeyPrefix,
}

#[derive(Args, Debug)]
pub(crate) struct RegisterArguments {
    #[command(flatten)]
    pub(crate) lake: LakeArguments,

    /// The Glue database with the tables.
    #[arg(long)]
    pub(crate) database: DatabaseName,

    /// Every job that is in `jobs`.
    #[arg(long, conflicts_with = "jobs")]
    pub(crate) all: bool,

    /// Show no progress; without a terminal there is none anyway.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// The jobs.
    #[arg(value_name = "JOB", value_parser = job, required_unless_present = "all")]
    pub(crate) jobs: Vec<JobId>,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) lake: LakeArguments,

    /// The Glue database with the tables: compares the registered partitions, too.
    #[arg(long)]
    pub(crate) database: Option<DatabaseName>,

    /// Print an array of JSON objects.
    #[arg(long)]
    pub(crate) json: bool,

    /// The jobs.
    #[arg(value_name = "JOB", value_parser = job, required = true)]
    pub(crate) jobs: Vec<JobId>,
}

#[derive(Args, Debug)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    pub(crate) lake: LakeArguments,

    /// The Glue database with the tables: removes the partitions, too.
    #[arg(long)]
    pub(crate) database: Option<DatabaseName>,

    /// Delete without asking.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// The jobs.
    #[arg(value_name = "JOB", value_parser = job, required = true)]
    pub(crate) jobs: Vec<JobId>,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArguments {
    /// The URL of the dead-letter queue.
    #[arg(value_name = "QUEUE_URL", value_parser = queue_url, value_hint = ValueHint::Url)]
    pub(crate) queue_url: String,

    /// The function: its name, or its ARN, which may name an alias.
    #[arg(long, value_name = "NAME")]
    pub(crate) function: String,

    /// Show what is in the queue, and leave it there.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Look at this many messages at most.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,

    /// Show no progress; without a terminal there is none anyway.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BackfillArguments {
    /// The function: its name, or its ARN, which may name an alias.
    #[arg(long, value_name = "NAME")]
    pub(crate) function: String,

    /// A file of job ids; - reads standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,

    /// How many jobs are under way at once.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u16).range(1..=1000))]
    pub(crate) concurrency: u16,

    /// Replace what is committed already.
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Where each job that ended gets a line of JSON. What has succeeded by it is skipped.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,

    /// Show no progress; without a terminal there is none anyway.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// The jobs.
    #[arg(value_name = "JOB", value_parser = job, required_unless_present = "file")]
    pub(crate) jobs: Vec<JobId>,
}

fn job(given: &str) -> Result<JobId, InvalidJobId> {
    JobId::try_from(given)
}

fn queue_url(given: &str) -> Result<String, String> {
    if given.starts_with("https://") || given.starts_with("http://") {
        Ok(given.to_owned())
    } else {
        Err("expected the URL of the queue, as `aws sqs get-queue-url --queue-name NAME` prints it".to_owned())
    }
}
