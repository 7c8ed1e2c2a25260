//! The summary of `label-lake run`: the result of an event, and the numbers of its jobs as read from the lake.

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use label_lake::aws::names::KeyPrefix;
use label_lake::error::{Error, with_sources};
use label_lake::handler::{OutcomeName, Report};
use label_lake::job_id::JobId;
use label_lake::table::schema::{JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS};
use serde::Serialize;

use crate::duckdb::literal;
use crate::error::with_hint_if_any;
use crate::job_row::JobRow;
use crate::lake::directory::LakeDirectory;
use crate::local::simulated_jobs::GENERATED;

/// Maximum number of labels that the summary and the query show.
const MAX_LABELS: usize = 10;

/// The result of an event. `--json` prints its serialization.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Directory of the tables.
    pub(crate) lake: String,
    /// Jobs that are now in the lake.
    pub(crate) jobs: Vec<JobSummary>,
    /// Jobs and messages that failed.
    pub(crate) failures: Vec<Failure>,
    /// Number of fetched pages.
    pub(crate) pages: u64,
    pub(crate) seconds: f64,
    /// Shell command that queries the lake.
    pub(crate) query: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobSummary {
    pub(crate) outcome: OutcomeName,
    /// True if `label-lake run` made up the labels.
    pub(crate) generated: bool,
    /// S3 URL of the video.
    pub(crate) video: Option<String>,
    pub(crate) instances: Option<u64>,
    /// Number of files, including the row in `jobs`.
    pub(crate) files: u64,
    /// Number of files that the row calls for, including the row itself.
    pub(crate) expected_files: u64,
    pub(crate) bytes: u64,
    /// The row, with its biggest labels only.
    #[serde(flatten)]
    pub(crate) row: JobRow,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    pub(crate) job_id: Option<String>,
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
    /// The next step, unless the message says it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Summary {
    /// Creates the summary of an event. Reads the committed jobs from the lake. `failures` are those of its jobs and
    /// messages.
    pub(crate) fn read(
        out: &Path,
        prefix: &KeyPrefix,
        report: &Report,
        failures: Vec<Failure>,
        pages: u64,
        elapsed: Duration,
    ) -> anyhow::Result<Self> {
        let lake = LakeDirectory::new(out, prefix);
        let jobs = report.jobs.iter().map(|(job, outcome)| JobSummary::read(&lake, job, outcome.into()));
        let jobs = jobs.collect::<anyhow::Result<Vec<_>>>()?;
        // An empty prefix is not joined, because the path would then end with a slash.
        let tables = if prefix.as_str().is_empty() { out.to_owned() } else { out.join(prefix.as_str()) };
        Ok(Self {
            query: query(&tables, &jobs),
            lake: tables.display().to_string(),
            jobs,
            failures,
            pages,
            seconds: elapsed.as_secs_f64(),
        })
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let job_id = error.job().map(JobId::to_string);
        Self { job_id, error_type: error.error_type(), message: with_sources(error), hint: error.hint() }
    }
}

impl Failure {
    /// Returns the error to print.
    pub(crate) fn error(&self) -> anyhow::Error {
        with_hint_if_any(anyhow!("{}", self.message), self.hint.clone())
    }
}

impl JobSummary {
    fn read(lake: &LakeDirectory, job: &JobId, outcome: OutcomeName) -> anyhow::Result<Self> {
        let mut row = lake.row(job)?;
        let files = lake.count_files(job)?;
        let (instances, expected_files) = (row.instance_count(), row.expected_files());
        let labels = row.labels.get_or_insert_default();
        labels.sort_by_key(|label| Reverse(label.count()));
        labels.truncate(MAX_LABELS);
        Ok(Self {
            outcome,
            generated: row.label_model_version.as_deref() == Some(GENERATED),
            video: row.video(),
            instances,
            files: files.count,
            expected_files,
            bytes: files.bytes,
            row,
        })
    }
}

/// Returns a shell command that queries a table with labels, or `jobs` if no job has labels.
fn query(tables: &Path, jobs: &[JobSummary]) -> String {
    let any = |number: fn(&JobRow) -> Option<u64>| jobs.iter().any(|job| number(&job.row) > Some(0));
    let (table, columns) = if any(|row| row.detection_count) {
        // A row is an instance. A detection has one row with the position 0, or one without a position.
        (
            &LABEL_DETECTIONS,
            "count_if(instance_index IS NULL OR instance_index = 0) AS detections, min(timestamp_ms) AS first_ms, \
             max(timestamp_ms) AS last_ms",
        )
    } else if any(|row| row.segment_count) {
        (&LABEL_SEGMENTS, "count(*) AS segments, min(start_timestamp_ms) AS first_ms, max(end_timestamp_ms) AS last_ms")
    } else {
        let files = literal(&tables.join(JOBS.name).join("*.parquet").display().to_string());
        return duckdb(&format!("SELECT job_id, status, status_message, label_count FROM read_parquet({files})"));
    };
    let files = literal(&tables.join(table.name).join("**/*.parquet").display().to_string());
    // Without explicit types, DuckDB would turn label names that look like numbers or dates into such.
    duckdb(&format!(
        "SELECT label, {columns}, max(confidence) AS confidence FROM read_parquet({files}, hive_partitioning=true, \
         hive_types={{'job_id': VARCHAR, 'label': VARCHAR}}) GROUP BY label ORDER BY 2 DESC LIMIT {MAX_LABELS}"
    ))
}

/// Returns the shell command that runs a statement. Double quotes, because the statement has many single quotes.
fn duckdb(statement: &str) -> String {
    let mut quoted = String::new();
    for character in statement.chars() {
        if matches!(character, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    format!("duckdb -c \"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_the_query_for_the_shell_and_for_sql() {
        let command = query(Path::new("Ann's $lake"), &[]);
        assert!(command.ends_with(r#"read_parquet('Ann''s \$lake/jobs/*.parquet')""#), "{command}");
    }
}
