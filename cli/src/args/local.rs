//! Arguments of the commands that work offline.

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, value_parser};
use label_lake::aws::names::{BucketName, DatabaseName, KeyPrefix};
use label_lake::config::Settings;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregations;

use super::lake::LakeLocation;
use crate::all_jobs::Engine;
use crate::local::simulated_aws::BUCKET;
use crate::own_export;

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  label-lake run
  label-lake run --pages 1000 --labels 3000 --out /tmp/big
  label-lake run --aggregate-by TIMESTAMPS,SEGMENTS --json
  label-lake run event.json
  echo '{\"JobId\": \"my-job\"}' | label-lake run -

  Convert real results, one file per page:
    aws rekognition get-label-detection --job-id ID > page-1.json
    aws rekognition get-label-detection --job-id ID --next-token TOKEN \\
      > page-2.json
    label-lake run --recorded page-1.json page-2.json

Exit codes:
  0    All jobs were exported. This includes jobs that failed at Rekognition:
       their failure is committed as their result
  1    The event is invalid, or the export of a job failed
  2    Invalid usage
  130  Interrupted";

pub(super) const DDL_EXAMPLES: &str = "\
Examples:
  label-lake ddl --bucket my-lake --prefix video > tables.sql
  label-lake ddl --lake s3://my-lake/video --by-job
  label-lake ddl --duckdb --lake lake > views.sql && duckdb -init views.sql
  label-lake ddl --duckdb --lake s3://my-lake/video
  label-lake ddl --all --trino --lake s3://my-lake/video > all-jobs.sql

  Athena runs one statement at a time. In its console, select and run the
  statements one by one. In bash, pause between them, because Athena returns
  before a statement has finished:
    label-lake ddl --bucket my-lake | while IFS= read -r -d ';' sql; do
      aws athena start-query-execution --work-group primary \\
        --query-string=\"$sql\"
      sleep 5
    done

Choosing tables:
  The default tables are partitioned by job_id and label. Athena finds a job
  once its partitions are registered in the catalog. The tables of --by-job need
  no registration and have no partition limit, but every query of detections or
  segments must name its jobs, as in
    WHERE job_id = 'ID' AND label_name = 'Dog'
  Both kinds read the same files and can exist in one database.

Tables of all jobs:
  The tables of --all have the rows of all jobs in a few large files, for
  queries over hundreds of jobs and more. They are Iceberg tables. A stack with
  the parameter AllJobs keeps them itself. Elsewhere, run the printed statements
  on a schedule. The comment at their top says in what order and how often.";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  In one session of bash:
    source <(label-lake completions bash)

  In every session:
    label-lake completions bash > /etc/bash_completion.d/label-lake
    label-lake completions zsh > ~/.zfunc/_label-lake
    label-lake completions fish > ~/.config/fish/completions/label-lake.fish";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  label-lake man | man -l -
  label-lake man --out ~/.local/share/man/man1
  man label-lake-run";

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct RunArguments {
    /// JSON file with the event, or - for standard input. If omitted, a built-in sample event is used.
    #[arg(value_name = "EVENT", value_hint = ValueHint::FilePath)]
    pub(crate) event: Option<PathBuf>,

    /// Output directory; created if missing.
    #[arg(long, value_name = "DIRECTORY", default_value = "lake", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,

    /// Prefix of the lake in the output directory, like `OUTPUT_PREFIX` in the bucket.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) prefix: KeyPrefix,

    /// Tables to fill: TIMESTAMPS, SEGMENTS, or both separated by a comma.
    #[arg(long, value_name = "AGGREGATIONS", default_value = "TIMESTAMPS")]
    pub(crate) aggregate_by: Aggregations,

    /// Number of pages to generate per job, with 1,000 detections each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) pages: u32,

    /// Number of distinct labels to generate.
    #[arg(long, value_name = "N", default_value_t = 220, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) labels: u32,

    /// Random seed; the same seed generates the same job.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Read the job from the output of `aws rekognition get-label-detection` instead of generating it.
    ///
    /// Takes a single reply or all pages of a job, in any order, as the AWS CLI or an SDK prints them, or - for standard
    /// input. Check that you pass every page: a reply does not say how many came before it, so only a missing last page is
    /// noticed. EVENT is optional: the replies name their job. Put EVENT before this option, because every argument after
    /// it is a file of replies.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = ["pages", "labels", "seed"],
        value_hint = ValueHint::FilePath
    )]
    pub(crate) recorded: Vec<PathBuf>,

    /// ID of the recorded job, if the replies do not name it.
    #[arg(long, value_name = "ID", requires = "recorded", conflicts_with = "event")]
    pub(crate) job_id: Option<JobId>,

    /// Replace the recorded job if it is already committed. In an EVENT, `"Overwrite": true` does the same.
    #[arg(long, requires = "recorded", conflicts_with = "event")]
    pub(crate) overwrite: bool,

    /// Print the summary as a JSON object.
    #[arg(long)]
    pub(crate) json: bool,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Show the function's log instead of the progress bar; filter it with `RUST_LOG`.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DdlArguments {
    /// Bucket of the lake. If omitted, the SQL has the placeholder BUCKET.
    #[arg(long)]
    pub(crate) bucket: Option<BucketName>,

    /// Prefix of the lake in the bucket, as in `OUTPUT_PREFIX`.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) prefix: KeyPrefix,

    /// Database to create the tables in.
    #[arg(long, default_value = "label_lake")]
    pub(crate) database: DatabaseName,

    /// Partition the tables by job only, with partition projection instead of registered partitions.
    #[arg(long)]
    pub(crate) by_job: bool,

    /// Location of the lake: `s3://BUCKET/PREFIX`, or with --duckdb also a directory [default with --duckdb: lake].
    #[arg(long, value_name = "LAKE", conflicts_with_all = ["bucket", "prefix"], value_hint = ValueHint::DirPath)]
    pub(crate) lake: Option<LakeLocation>,

    /// Print the statements that create the tables as views in DuckDB.
    #[arg(long, conflicts_with_all = ["bucket", "prefix", "database", "by_job"])]
    pub(crate) duckdb: bool,

    #[command(flatten)]
    pub(crate) all_jobs: AllJobsArguments,
}

/// The options of the tables of all jobs.
#[derive(Args, Debug)]
pub(crate) struct AllJobsArguments {
    /// Print the Iceberg tables of all jobs, and the statements that keep them.
    #[arg(long, conflicts_with_all = ["by_job", "duckdb"])]
    all: bool,

    /// With --all: print the statements for Trino instead of Athena.
    #[arg(long, requires = "all")]
    trino: bool,

    /// With --all: print the statements for Spark instead of Athena.
    #[arg(long, requires = "all", conflicts_with = "trino")]
    spark: bool,
}

impl AllJobsArguments {
    /// Returns the engine to print the statements for, or `None` without --all.
    pub(crate) fn engine(&self) -> Option<Engine> {
        let engine = match (self.trino, self.spark) {
            (true, _) => Engine::Trino,
            (_, true) => Engine::Spark,
            (false, false) => Engine::Athena,
        };
        self.all.then_some(engine)
    }
}

#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// Write the pages of the program and of all its commands to this directory; created if missing.
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
}

impl RunArguments {
    /// Returns the settings that the function would read from its environment.
    pub(crate) fn settings(&self) -> Settings {
        own_export::settings(BUCKET, self.prefix.clone(), self.aggregate_by.clone())
    }
}
