//! Command-line arguments and help texts.

mod account;
mod aws;
mod export;
mod jobs;
mod lake;
mod local;
mod query;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::account::{
    BackfillArguments, DeleteArguments, RegisterArguments, ReplayArguments, StatusArguments,
};
pub(crate) use self::aws::AwsArguments;
pub(crate) use self::export::ExportArguments;
pub(crate) use self::jobs::{ListArguments, ShowArguments};
pub(crate) use self::lake::{LakeLocation, S3Location};
pub(crate) use self::local::{DdlArguments, RunArguments};
pub(crate) use self::query::QueryArguments;

/// Export Amazon Rekognition Video labels to Parquet, ready for SQL.
///
/// `run`, `query` and `ddl` work offline: `run` executes the code of the Lambda function on this machine, against simulated
/// AWS services. `list`, `show` and `query` read a lake in a directory or in S3. All other commands work on an AWS account.
#[derive(Debug, Parser)]
#[command(name = "label-lake", version, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  label-lake run events/sns.json                    Export a generated job with 10,000 labels to ./lake
  label-lake run --recorded job.json                Convert recorded results to Parquet
  label-lake export JOB                             Export a job of your AWS account to ./lake
  label-lake list                                   List the jobs in ./lake
  label-lake show JOB --lake s3://my-lake/video     Show when the labels of a job are seen
  label-lake query labels-of-a-video JOB            Query ./lake with DuckDB
  label-lake ddl --lake s3://my-lake                Print the SQL that creates the tables in Athena
  label-lake status --lake s3://my-lake JOB         Show whether a job is in the lake
  label-lake replay QUEUE_URL --function label-lake
                                                    Replay the dead-letter queue
  label-lake backfill --function label-lake --file jobs.txt
                                                    Export many jobs
  label-lake completions bash > /etc/bash_completion.d/label-lake
                                                    Install shell completions

Run `label-lake help <COMMAND>` for details.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Process an event on this machine and write the lake to a directory.
    ///
    /// Accepts every event that the Lambda function accepts: an SNS or SQS event, a Lambda failure record, an SNS
    /// envelope, or a completion message. The smallest completion message is `{"JobId": "…"}`. The results of the jobs are
    /// generated, or read from files with --recorded.
    ///
    /// The directory has the same layout as the bucket. A job that is already committed there is not exported again.
    #[command(after_long_help = local::RUN_EXAMPLES)]
    Run(RunArguments),

    /// Export jobs of your AWS account to a directory or to S3, without deploying the function.
    ///
    /// Runs the code of the Lambda function on this machine with your credentials: fetches every page of a job from
    /// Rekognition, and writes the same files.
    #[command(after_long_help = export::EXPORT_EXAMPLES)]
    Export(ExportArguments),

    /// Print the SQL that creates the tables in Athena.
    ///
    /// Use it if you do not deploy the template, which creates the tables too. Prints one CREATE DATABASE and three CREATE
    /// EXTERNAL TABLE statements, all with IF NOT EXISTS. With --duckdb, prints the views of the tables for DuckDB instead.
    /// Works offline.
    #[command(after_long_help = local::DDL_EXAMPLES)]
    Ddl(DdlArguments),

    /// List the jobs of a lake.
    ///
    /// Shows the video, the status, and the number of labels of each job. Reads a directory, as `label-lake run` writes it,
    /// or a lake in S3.
    #[command(after_long_help = jobs::LIST_EXAMPLES)]
    List(ListArguments),

    /// Show a job of a lake, and when its labels are seen in the video.
    ///
    /// Shows the facts of the job, and the biggest labels with their timelines. Reads a directory, as `label-lake run` writes
    /// it, or a lake in S3.
    #[command(after_long_help = jobs::SHOW_EXAMPLES)]
    Show(ShowArguments),
    /// Run a saved query on a lake with DuckDB.
    ///
    /// The queries answer common questions: the labels of a video with their screen time, the time ranges in which a label
    /// is visible, the videos with a label. Without NAME, lists the queries.
    #[command(after_long_help = query::QUERY_EXAMPLES)]
    Query(QueryArguments),

    /// Register the partitions of jobs in Glue.
    ///
    /// Use it after you enable the catalog for an existing lake, or recreate a table. The partitions are derived from the
    /// files in the bucket. Jobs without a row in `jobs` are skipped.
    #[command(after_long_help = account::REGISTER_EXAMPLES)]
    Register(RegisterArguments),

    /// Show the state and the contents of jobs in the lake.
    #[command(after_long_help = account::STATUS_EXAMPLES)]
    Status(StatusArguments),

    /// Delete jobs from the lake.
    ///
    /// Shows what the lake has of each job and asks for confirmation. Deletes the row in `jobs` first, then the
    /// checkpoint, the partitions and the files. A query that joins `jobs` therefore never sees part of a job, and no
    /// later delivery resumes from a checkpoint whose files are gone.
    #[command(after_long_help = account::DELETE_EXAMPLES)]
    Delete(DeleteArguments),

    /// Invoke the function again with the messages in its dead-letter queue.
    ///
    /// Accepts every message format: Lambda failure records, SNS envelopes, events, and completion messages. Invokes the
    /// function for each job in a message, one after the other, and deletes the message once all its jobs have succeeded.
    #[command(after_long_help = account::REPLAY_EXAMPLES)]
    Replay(ReplayArguments),

    /// Export jobs through the deployed function.
    ///
    /// Invokes the function once per job, waits for the answers, and retries throttled invocations.
    #[command(after_long_help = account::BACKFILL_EXAMPLES)]
    Backfill(BackfillArguments),

    /// Generate a shell completion script.
    #[command(after_long_help = local::COMPLETIONS_EXAMPLES)]
    Completions {
        /// Shell to generate the script for.
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn defines_a_consistent_command_line() {
        Arguments::command().debug_assert();
    }
}
