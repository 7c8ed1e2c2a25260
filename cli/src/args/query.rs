//! Arguments of `label-lake query`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueHint};

use super::aws::AwsArguments;
use super::lake::LakeToRead;
use crate::duckdb::saved_queries::{SAVED_QUERIES, SavedQuery};

pub(super) const QUERY_EXAMPLES: &str = "\
Examples:
  List the queries and their values:
    label-lake query

  Run a query:
    label-lake query jobs-of-a-video my-videos 'beach day.mp4'
    label-lake query labels-of-a-video JOB --lake s3://my-lake/video

  Run it with options of DuckDB:
    label-lake query where-a-label-is-seen JOB \"Farmer's Market\" --sql |
      duckdb -csv

  Write a script to change:
    label-lake query videos-with-a-label Dog --sql > dogs.sql

DuckDB:
  The query runs in the program `duckdb`, which must be on the PATH:
  https://duckdb.org/install. For a lake in S3, DuckDB takes the credentials
  from the environment or the profile, like the AWS CLI, but the region only
  from AWS_REGION, --region or --profile. It downloads its extensions httpfs and
  aws the first time. It lists all files of a table before it opens those of the
  job, so for thousands of jobs, Athena is faster.

Exit codes:
  0    The query ran; it may have no rows
  1    The lake has no jobs, DuckDB is not installed, or the query failed
  2    Invalid usage, such as a wrong number of values

Permissions for a lake in S3:
  s3:GetObject, s3:ListBucket; with --stack also cloudformation:DescribeStacks";

#[derive(Args, Debug)]
pub(crate) struct QueryArguments {
    /// Name of the query. If omitted, the queries are listed.
    #[arg(value_name = "NAME", value_parser = saved_query(), hide_possible_values = true)]
    pub(crate) query: Option<&'static SavedQuery>,

    /// Values of the query, in the listed order.
    #[arg(value_name = "VALUE", value_hint = ValueHint::Other)]
    pub(crate) values: Vec<String>,

    #[command(flatten)]
    pub(crate) lake: LakeToRead,

    /// Print the complete script for DuckDB instead of running it.
    #[arg(long, requires = "query")]
    pub(crate) sql: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,
}

/// Returns the parser of a query's name.
fn saved_query() -> impl TypedValueParser<Value = &'static SavedQuery> {
    let names = PossibleValuesParser::new(SAVED_QUERIES.iter().map(|query| query.name));
    names.try_map(|name| SavedQuery::named(&name).ok_or("no such query"))
}
