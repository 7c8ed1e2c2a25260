//! Command-line arguments and help texts.

mod account;
mod aws;
mod convert;
mod demo;
mod export;
pub(crate) mod groups;
mod jobs;
mod lake;
mod local;
mod query;
mod report;
mod start;

use clap::builder::ValueHint;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::account::{
    BackfillArguments, DeleteArguments, LakeArguments, RegisterArguments, ReplayArguments, StatusArguments,
};
pub(crate) use self::aws::AwsArguments;
pub(crate) use self::convert::{ConvertArguments, MarkerFormat};
pub(crate) use self::demo::DemoArguments;
pub(crate) use self::export::{ExportArguments, ExportTarget};
pub(crate) use self::jobs::{ListArguments, ShowArguments, each_once};
pub(crate) use self::lake::{LakeLocation, LakeToRead, S3Location};
pub(crate) use self::local::{DdlArguments, ManArguments, RunArguments};
pub(crate) use self::query::QueryArguments;
pub(crate) use self::report::ReportArguments;
pub(crate) use self::start::StartArguments;

/// Name of the program.
pub(crate) const PROGRAM: &str = "label-lake";

/// Export Amazon Rekognition Video labels to Parquet, ready for SQL.
///
/// `run` executes the code of the Lambda function on this machine, against simulated AWS services: you need no AWS account
/// to try it.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    long_version = env!("LONG_VERSION"),
    subcommand_value_name = "COMMAND",
    max_term_width = 100,
    after_long_help = EXAMPLES
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Export a generated job with 10,000 detections to ./lake:
    label-lake run

  Export a job of your AWS account to ./lake:
    label-lake export JOB

  List the jobs in ./lake, and show when the labels of a job are seen:
    label-lake list
    label-lake show JOB

  Write a page that shows when the labels of a job are seen:
    label-lake report JOB

  Write markers for DaVinci Resolve:
    label-lake convert JOB --format resolve-edl -o markers.edl

  Query a lake with DuckDB:
    label-lake query labels-of-a-video JOB --lake s3://my-lake/video

  Show whether a job is in the lake, with its files and partitions:
    label-lake status --lake s3://my-lake --database label_lake JOB

  Check a deployed stack:
    label-lake status --stack label-lake

  Start the jobs of all videos in a folder:
    label-lake start --stack label-lake s3://my-videos/2026/

  Replay the dead-letter queue:
    label-lake replay --stack label-lake

  Export many jobs:
    label-lake backfill --stack label-lake --file jobs.txt

Run `label-lake help COMMAND` for options, exit codes, and permissions.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Process an event and write the lake to a directory.
    ///
    /// Accepts every event that the Lambda function accepts: an SNS or SQS event, a Lambda failure record, an SNS
    /// envelope, or a completion message. The smallest completion message is `{"JobId": "…"}`. The results of the jobs are
    /// generated, or read from files with --recorded.
    ///
    /// The directory has the same layout as the bucket. A job that is already committed there is not exported again.
    #[command(after_long_help = local::RUN_EXAMPLES)]
    Run(RunArguments),

    /// Export jobs to a directory or S3 without deploying the function.
    ///
    /// Runs the code of the Lambda function on this machine with the credentials of your AWS account: fetches every page
    /// of a job from Rekognition, and writes the files that the deployed function would write. A job that is already in the
    /// lake is not exported again without --overwrite.
    ///
    /// Rekognition keeps the results of a job for 7 days, in the account and region of the job.
    #[command(after_long_help = export::EXPORT_EXAMPLES)]
    Export(ExportArguments),

    /// Print the SQL that creates the tables in Athena.
    ///
    /// Use it if you do not deploy the template, which creates the tables too. Prints one CREATE DATABASE and three CREATE
    /// EXTERNAL TABLE statements, all with IF NOT EXISTS. With --duckdb, prints the views of the tables for DuckDB instead.
    /// With --all, prints the statements that keep the tables of all jobs, for Athena, Trino or Spark. Works offline.
    #[command(after_long_help = local::DDL_EXAMPLES)]
    Ddl(DdlArguments),

    /// List the jobs of a lake.
    ///
    /// Shows the video, the status, and the number of labels of each job. Reads a directory, as `label-lake run` writes it,
    /// or a lake in S3. Only committed jobs are listed; `label-lake status` also finds exports in progress.
    ///
    /// The newest jobs come first. The date is the time at which the job ended at Rekognition, or at which the job was
    /// committed if its completion message has no time.
    ///
    /// With --videos, lists the videos in the bucket of a stack that starts jobs, and how far each has come.
    #[command(after_long_help = jobs::LIST_EXAMPLES)]
    List(ListArguments),

    /// Show a job of a lake, and when its labels are seen in the video.
    ///
    /// Shows the facts of the job, and the biggest labels with their timelines. Reads a directory, as `label-lake run` writes
    /// it, or a lake in S3.
    ///
    /// The timeline shows when a label is seen, from the start of the video to its end. A higher block stands for more
    /// detections or longer segments, relative to the highest block of the label. A terminal without UTF-8 gets # instead of
    /// blocks. In the output of --json, `timeline` has the number of detections in each cell, or the milliseconds that
    /// segments cover.
    #[command(after_long_help = jobs::SHOW_EXAMPLES)]
    Show(ShowArguments),

    /// Write a page that shows when the labels of a job are seen.
    ///
    /// The page is one HTML file. It shows the labels over the time of the video, with their confidence and the number of
    /// instances, and the facts of the job. With --video, it also plays the video, with the boxes over the picture.
    #[command(after_long_help = report::REPORT_EXAMPLES)]
    Report(ReportArguments),

    /// Convert the labels of a job to markers for editors and players.
    ///
    /// A marker is a time range in which a label is seen. By the rule of the saved query `where-a-label-is-seen`, a sample
    /// counts until the next sample with the label, and a gap of more than a second ends the range. If the job has segments,
    /// the ranges are Rekognition's own.
    ///
    /// All times are exact to the frame: the frame whose time is nearest to that of the sample. A range includes the frame
    /// of its last sample, and a segment ends before the frame of its end.
    #[command(after_long_help = convert::CONVERT_EXAMPLES)]
    Convert(ConvertArguments),

    /// Run a saved query on a lake with DuckDB.
    ///
    /// The queries answer common questions: the labels of a video with their screen time, the time ranges in which a label
    /// is visible, the videos with a label. Without NAME, lists the queries. The template saves the same queries in Athena.
    ///
    /// Write the values as they are, without the quotes of SQL.
    #[command(after_long_help = query::QUERY_EXAMPLES)]
    Query(QueryArguments),

    /// Start the jobs of videos through a deployed stack.
    ///
    /// Lists the videos, leaves out those that the lake has, shows their number and what Rekognition charges, and asks for
    /// confirmation. Then sends them to the stack's queue of videos, whose starter starts a job whenever Rekognition has a
    /// free slot. The labels are in the lake minutes after the job of a video ends.
    ///
    /// To resume after an interruption, run the command again in the same directory: videos that were sent are left out. The
    /// starter makes one job of a video that is sent twice within 7 days.
    ///
    /// With --now, starts one video with your permissions and the settings of the stack, and shows how far it is: waiting for
    /// a slot, started, analyzed, exported.
    #[command(after_long_help = start::START_EXAMPLES)]
    Start(StartArguments),

    /// Register the partitions of jobs in Glue.
    ///
    /// Use it after you enable the catalog for an existing lake, or recreate a table. The partitions are derived from the
    /// files in the bucket. Jobs without a row in `jobs` are skipped.
    #[command(after_long_help = account::REGISTER_EXAMPLES)]
    Register(RegisterArguments),

    /// Check a deployed stack, or show what the lake has of jobs.
    ///
    /// With --stack and without jobs, checks everything that a job needs on its way into the lake: the topic and its
    /// subscription, the queues, the function with its settings and its role, the tables, the last jobs, and the alarms. Prints
    /// one line for each check, and the command that fixes each fault. Changes nothing.
    ///
    /// With jobs, shows their state and their contents.
    #[command(after_long_help = account::STATUS_EXAMPLES)]
    Status(StatusArguments),

    /// Delete jobs from the lake.
    ///
    /// Shows what the lake has of each job and asks for confirmation. Deletes the row in `jobs` first, then the
    /// checkpoint, the partitions and the files. A query that joins `jobs` therefore never sees part of a job, and no
    /// later delivery resumes from a checkpoint whose files are gone.
    ///
    /// Without --database, the partitions stay in the catalog, and queries find no files in them. In a versioned bucket, the
    /// objects get delete markers, and their old versions stay until a lifecycle rule removes them.
    ///
    /// An export in progress may write a deleted job again. The command checks for that, and fails if it finds anything. Run
    /// it again when the export has ended.
    #[command(after_long_help = account::DELETE_EXAMPLES)]
    Delete(DeleteArguments),

    /// Show a deployed stack at work with a sample job.
    ///
    /// Exports a generated job to the lake of the stack, runs a saved query on it with Athena, and writes its report. The
    /// function and Rekognition are not used. With --clean, removes the sample from the lake, and its report.
    #[command(after_long_help = demo::DEMO_EXAMPLES)]
    Demo(DemoArguments),

    /// Replay the messages in the dead-letter queue of the function.
    ///
    /// Accepts every message format: Lambda failure records, SNS envelopes, events, and completion messages. Invokes the
    /// function for each job in a message, one after the other, and deletes the message once all its jobs have succeeded.
    ///
    /// A video whose job was not started goes back to the stack's queue of videos, with the reason printed. Remove the cause
    /// first. This needs --stack.
    ///
    /// Each message is received once. A message that fails is printed with the error, stays in the queue, and becomes visible
    /// again when the command ends. A job that is handed over to another invocation counts as replayed. Replaying is
    /// idempotent: a job that is already committed costs one request.
    #[command(after_long_help = account::REPLAY_EXAMPLES)]
    Replay(ReplayArguments),

    /// Export jobs through the deployed function.
    ///
    /// Invokes the function once per job, waits for the answers, and retries throttled invocations. Rekognition keeps the
    /// results of a job for 7 days.
    ///
    /// To resume an interrupted backfill, run the command again with the same --report: jobs that succeeded are skipped, and
    /// all others are exported.
    #[command(after_long_help = account::BACKFILL_EXAMPLES)]
    Backfill(BackfillArguments),

    /// Print a script that completes commands in a shell.
    #[command(after_long_help = local::COMPLETIONS_EXAMPLES)]
    Completions {
        /// Shell to complete commands in.
        shell: Shell,
    },

    /// Print the manual page, or write the pages of all commands.
    #[command(after_long_help = local::MAN_EXAMPLES)]
    Man(ManArguments),
}

/// Parses the command line. Invalid usage, `--help`, and `--version` end the process.
pub(crate) fn parse() -> Arguments {
    Arguments::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
}

/// Returns the definition of the command line.
pub(crate) fn command() -> clap::Command {
    let command = Arguments::command().mut_subcommands(|command| command.mut_args(without_files));
    groups::with_groups(command)
}

/// Keeps a shell from completing an argument to the names of files, unless it is declared as a path.
fn without_files(argument: clap::Arg) -> clap::Arg {
    if argument.get_action().takes_values() && argument.get_value_hint() == ValueHint::Unknown {
        argument.value_hint(ValueHint::Other)
    } else {
        argument
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defines_a_consistent_command_line() {
        command().debug_assert();
    }
}
