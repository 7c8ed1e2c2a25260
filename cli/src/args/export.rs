//! Arguments of `label-lake export`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, ValueHint};
use label_lake::aws::names::{DatabaseName, KeyPrefix};
use label_lake::config::Settings;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregations;

use super::aws::AwsArguments;
use super::lake::{LakeLocation, S3Location};
use crate::local::simulated_aws::BUCKET;
use crate::own_export;

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  label-lake export JOB
  label-lake export JOB JOB --aggregate-by TIMESTAMPS,SEGMENTS --out ./my-lake
  label-lake export JOB --to s3://my-lake/video --database label_lake
  label-lake export JOB --stack label-lake

Exit codes:
  0    All jobs are in the lake. This includes jobs that failed at Rekognition:
       their failure is committed as their result
  1    The export of a job failed
  2    Invalid usage
  130  Interrupted

Permissions:
  rekognition:GetLabelDetection; with --to also s3:GetObject, s3:PutObject,
  s3:DeleteObject, s3:ListBucket; with --database also glue:GetTable,
  glue:GetPartitions, glue:BatchCreatePartition, glue:BatchGetPartition,
  glue:BatchUpdatePartition, glue:BatchDeletePartition. --stack needs all of
  these, and cloudformation:DescribeStacks";

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    /// Output directory; created if missing.
    #[arg(long, value_name = "DIRECTORY", default_value = "lake", conflicts_with = "to", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,

    /// Lake in S3 to write to instead, as `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) to: Option<S3Location>,

    /// Glue database to register the partitions in. Without it, no partitions are registered.
    #[arg(long, requires = "to")]
    pub(crate) database: Option<DatabaseName>,

    /// Name of a deployed stack, to write to its lake and register in its database.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["out", "to", "database"],
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) stack: Option<String>,

    /// Tables to fill: TIMESTAMPS, SEGMENTS, or both separated by a comma [default: TIMESTAMPS, or as the stack does].
    #[arg(long, value_name = "AGGREGATIONS")]
    pub(crate) aggregate_by: Option<Aggregations>,

    /// Replace jobs that are already committed.
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Print the outcomes as a JSON object.
    #[arg(long)]
    pub(crate) json: bool,

    /// Hide the progress (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,

    /// IDs of the jobs to export.
    #[arg(value_name = "JOB", required = true, value_hint = ValueHint::Other)]
    pub(crate) jobs: Vec<JobId>,
}

/// The lake to write to, the database to register partitions in, and the tables to fill.
#[derive(Clone, Debug)]
pub(crate) struct ExportTarget {
    pub(crate) lake: LakeLocation,
    pub(crate) database: Option<DatabaseName>,
    pub(crate) aggregations: Aggregations,
}

impl ExportArguments {
    /// Returns the target that the options name. Those of a stack are looked up by the command.
    pub(crate) fn target(&self) -> ExportTarget {
        let lake = match &self.to {
            Some(location) => LakeLocation::S3(location.clone()),
            None => LakeLocation::Directory(self.out.clone()),
        };
        let aggregations = self.aggregate_by.clone().unwrap_or_default();
        ExportTarget { lake, database: self.database.clone(), aggregations }
    }
}

impl ExportTarget {
    /// Returns the settings that the function would read from its environment.
    pub(crate) fn settings(&self) -> Settings {
        let (bucket, prefix) = match &self.lake {
            LakeLocation::S3(S3Location { bucket, prefix }) => (bucket.clone(), prefix.clone()),
            LakeLocation::Directory(_) => (BUCKET, KeyPrefix::none()),
        };
        let settings = own_export::settings(bucket, prefix, self.aggregations.clone());
        Settings { glue_database: self.database.clone(), ..settings }
    }
}
