//! The command line.

mod account;

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, Parser, Subcommand, value_parser};
use clap_complete::Shell;
use label_lake::aws::names::{BucketName, DatabaseName, InvalidName, KeyPrefix};
use label_lake::config::Settings;
use label_lake::table::aggregation::Aggregations;

pub(crate) use self::account::{
    BackfillArguments, DeleteArguments, LakeArguments, RegisterArguments, ReplayArguments, StatusArguments,
};

/// Rekognition Video label detection results as Parquet, ready for SQL.
///
/// `run` and `ddl` need no AWS account: `run` is the code of the Lambda function on this machine, against a simulator of
/// Rekognition and S3 inside this process. The others look after a lake in an account.
#[derive(Debug, Parser)]
#[command(name = "label-lake", version, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  label-lake run events/sns.json                    Export a generated job of 10,000 labels into ./lake
  label-lake run events/job-id.json --recorded job.json
                                                    Turn recorded results into Parquet
  label-lake ddl --bucket my-lake                   Print the statements that make the tables in Athena
  label-lake status --bucket my-lake JOB            Say whether a job is in the lake
  label-lake replay QUEUE_URL --function label-lake Invoke again with what has failed
  label-lake backfill --function label-lake --file jobs.txt
                                                    Export many jobs
  label-lake completions bash > /etc/bash_completion.d/label-lake
                                                    Install completions

`label-lake help run` says more, and so for each command.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an event on this machine, and leave the lake in a directory.
    ///
    /// The event is what Lambda would deliver: an SNS or SQS event, a failure record, an SNS envelope, or the
    /// completion message itself, of which `{"JobId": "…"}` is enough. The results of its jobs are generated, or taken
    /// from what the AWS CLI recorded.
    ///
    /// The lake is laid out as in the bucket. A job that is committed in it already is not exported again.
    #[command(after_long_help = RUN_EXAMPLES)]
    Run(RunArguments),

    /// Print the SQL that makes the tables in Athena.
    ///
    /// For those who do not deploy the template, which makes them too. It prints CREATE DATABASE and three CREATE
    /// EXTERNAL TABLE, which change nothing that exists already. No file is read and no AWS call is made.
    #[command(after_long_help = DDL_EXAMPLES)]
    Ddl(DdlArguments),

    /// Register the partitions of jobs in Glue, from what is in the bucket.
    ///
    /// For a catalog that was switched on late, or a table that was made anew. A job that is not in `jobs` is skipped.
    #[command(after_long_help = account::REGISTER_EXAMPLES)]
    Register(RegisterArguments),

    /// Say whether jobs are in the lake, with their numbers.
    #[command(after_long_help = account::STATUS_EXAMPLES)]
    Status(StatusArguments),

    /// Delete jobs from the lake: row, saved state, partitions, objects.
    ///
    /// Shows what there is of each job, and asks first. In this order a query that takes its jobs from `jobs` never sees
    /// a part of one, and no later delivery goes on from a state whose files are gone.
    #[command(after_long_help = account::DELETE_EXAMPLES)]
    Delete(DeleteArguments),

    /// Invoke the function again with what is in its dead-letter queue.
    ///
    /// Understands every shape of messages: failure records of Lambda, envelopes of SNS, events, and bare messages. The
    /// jobs in a message are invoked one by one and waited for; when all of them have succeeded, the message is deleted.
    #[command(after_long_help = account::REPLAY_EXAMPLES)]
    Replay(ReplayArguments),

    /// Export jobs through the deployed function, many if need be.
    ///
    /// Invokes the function once for each job, waits for the answers, and tries again what is throttled.
    #[command(after_long_help = account::BACKFILL_EXAMPLES)]
    Backfill(BackfillArguments),

    /// Print a completion script for a shell.
    #[command(after_long_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

const RUN_EXAMPLES: &str = "\
Examples:
  label-lake run events/sns.json
  label-lake run events/sns.json --pages 1000 --labels 3000 --seed 7 --out /tmp/big
  label-lake run events/completion.json --aggregate-by TIMESTAMPS,SEGMENTS --json
  echo '{\"JobId\": \"my-job\"}' | label-lake run -

  Real results, with one file for each page:
    aws rekognition get-label-detection --job-id ID --max-results 1000 > page-1.json
    aws rekognition get-label-detection --job-id ID --max-results 1000 --next-token TOKEN > page-2.json
    echo '{\"JobId\": \"ID\"}' | label-lake run - --recorded page-1.json page-2.json

Exit codes: 0 done, 1 the event or the export of one of its jobs failed, 2 wrong usage, 130 interrupted. That a job
failed at Rekognition is a result like others: it is committed, and the code is 0.";

const DDL_EXAMPLES: &str = "\
Examples:
  label-lake ddl --bucket my-lake --prefix video > tables.sql
  label-lake ddl --bucket my-lake --by-job

  Athena runs one statement at a time. In its console select one and run it, then the next. From bash, with a pause
  because Athena answers before a statement is done:
    label-lake ddl --bucket my-lake | while IFS= read -r -d ';' statement; do
      aws athena start-query-execution --work-group primary --query-string=\"$statement\"; sleep 5
    done

Which tables: the default ones are partitioned by job_id and label, and Athena finds a job when its partitions are
registered in the catalog. With --by-job nothing is ever registered and there is no limit of partitions, but every query
of detections and segments must name its jobs, as in WHERE job_id = 'ID' AND label_name = 'Dog'. Both kinds read the
same files, and may stand side by side in one database.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  label-lake completions bash > /etc/bash_completion.d/label-lake
  label-lake completions zsh > ~/.zfunc/_label-lake
  label-lake completions fish > ~/.config/fish/completions/label-lake.fish";

#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// The event, a file of JSON; - reads standard input.
    #[arg(value_name = "EVENT", value_hint = ValueHint::FilePath)]
    pub(crate) event: PathBuf,

    /// The directory of the lake, made if need be.
    #[arg(long, value_name = "DIRECTORY", default_value = "lake", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,

    /// A prefix of the lake in that directory, as `OUTPUT_PREFIX` in the bucket.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) prefix: KeyPrefix,

    /// Which tables to fill: TIMESTAMPS, SEGMENTS, or both with a comma.
    #[arg(long, value_name = "AGGREGATIONS", default_value = "TIMESTAMPS")]
    pub(crate) aggregate_by: Aggregations,

    /// Pages of a thousand labels that each generated job has.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(..=100_000))]
    pub(crate) pages: u32,

    /// Different label names in a generated job.
    #[arg(long, value_name = "N", default_value_t = 220, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) labels: u32,

    /// What a generated job is made from: the same seed gives the same job.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Replies of `aws rekognition get-label-detection`, instead of a generated job.
    ///
    /// One reply or all pages of a job, in any order of files and labels. Put EVENT before this option, or another
    /// option between them.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = ["pages", "labels", "seed"],
        value_hint = ValueHint::FilePath
    )]
    pub(crate) recorded: Vec<PathBuf>,

    /// Print the summary as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,

    /// Show no progress; without a terminal there is none anyway.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Show the log lines of the function instead of the progress; `RUST_LOG` chooses which.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DdlArguments {
    /// The bucket of the lake. Without it the SQL has the word BUCKET instead, for you to replace.
    #[arg(long)]
    pub(crate) bucket: Option<BucketName>,

    /// The prefix of the lake in the bucket, as in `OUTPUT_PREFIX`.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) prefix: KeyPrefix,

    /// The database to make the tables in.
    #[arg(long, default_value = "label_lake")]
    pub(crate) database: DatabaseName,

    /// Partition by job alone, with partitions that Athena projects instead of looking them up.
    #[arg(long)]
    pub(crate) by_job: bool,
}

impl RunArguments {
    /// The settings that the function would have from its environment.
    pub(crate) fn settings(&self) -> Result<Settings, InvalidName> {
        Ok(Settings {
            bucket: BUCKET.parse()?,
            prefix: self.prefix.clone(),
            aggregations: self.aggregate_by.clone(),
            glue_database: None,
            bucket_owner: None,
            function_name: None,
            memory: MEMORY,
            s3_by_path: true,
        })
    }
}

/// What the simulated bucket is called.
const BUCKET: &str = "lake";
/// The memory that the export may count on, in bytes: as much as is seldom missing on a desk.
const MEMORY: u64 = 2048 << 20;

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
