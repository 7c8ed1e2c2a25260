//! What became of an event: the numbers of its jobs as they are in the lake.

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use label_lake::aws::names::KeyPrefix;
use label_lake::error::Error;
use label_lake::export::Outcome;
use label_lake::handler::Report;
use label_lake::job_id::JobId;
use label_lake::table::schema::{JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS};
use serde::Serialize;

use crate::committed::{JobRow, LabelRow, LakeDirectory};

/// How many labels are shown of a job.
const BIGGEST: usize = 10;

/// What became of an event; as JSON, what `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Where the tables are.
    pub(crate) lake: String,
    /// The jobs that are in the lake now.
    pub(crate) jobs: Vec<JobSummary>,
    /// The jobs and messages that failed.
    pub(crate) failures: Vec<Failure>,
    /// Pages that were fetched.
    pub(crate) pages: u64,
    pub(crate) seconds: f64,
    /// A command that queries the lake.
    pub(crate) query: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobSummary {
    /// `EXPORTED`, `ALREADY_COMMITTED` or `COMMITTED_BY_ANOTHER`.
    pub(crate) outcome: &'static str,
    /// As a URL.
    pub(crate) video: Option<String>,
    pub(crate) instances: Option<u64>,
    /// The job's row among them.
    pub(crate) files: u64,
    /// How many files there should be.
    pub(crate) expected_files: u64,
    pub(crate) bytes: u64,
    /// With its biggest labels only.
    #[serde(flatten)]
    pub(crate) row: JobRow,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    pub(crate) job_id: Option<String>,
    pub(crate) error_type: &'static str,
    pub(crate) message: String,
}

impl Summary {
    /// Reads back what is in the lake of the jobs that are done.
    pub(crate) fn read(
        out: &Path,
        prefix: &KeyPrefix,
        report: &Report,
        pages: u64,
        elapsed: Duration,
    ) -> anyhow::Result<Self> {
        let lake = LakeDirectory::new(out, prefix);
        let jobs = report.jobs.iter().map(|(job, outcome)| JobSummary::read(&lake, job, outcome));
        let jobs = jobs.collect::<anyhow::Result<Vec<_>>>()?;
        // Joining an empty prefix would end the path with a slash.
        let tables = if prefix.as_str().is_empty() { out.to_owned() } else { out.join(prefix.as_str()) };
        Ok(Self {
            query: query(&tables, &jobs),
            lake: tables.display().to_string(),
            jobs,
            failures: report.errors.iter().map(Failure::from).collect(),
            pages,
            seconds: elapsed.as_secs_f64(),
        })
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let job_id = error.job().map(JobId::to_string);
        Self { job_id, error_type: error.error_type(), message: error.with_sources() }
    }
}

impl JobSummary {
    fn read(lake: &LakeDirectory, job: &JobId, outcome: &Outcome) -> anyhow::Result<Self> {
        let mut row = lake.job(job)?;
        let files = lake.files(job)?;
        let labels = row.labels.get_or_insert_default();
        let instances: Option<u64> = labels.iter().map(|label| label.instances).sum();
        let in_tables = labels.iter().flat_map(|label| [label.detections, label.segments]).flatten();
        let expected_files = in_tables.filter(|&rows| rows > 0).count() as u64 + 1;
        labels.sort_by_key(|label| Reverse(label.count()));
        labels.truncate(BIGGEST);
        Ok(Self {
            outcome: match outcome {
                Outcome::Exported(_) => "EXPORTED",
                Outcome::AlreadyCommitted => "ALREADY_COMMITTED",
                Outcome::CommittedByAnother => "COMMITTED_BY_ANOTHER",
                Outcome::HandedOver => "HANDED_OVER",
            },
            video: row
                .video_bucket
                .as_ref()
                .zip(row.video_key.as_ref())
                .map(|(bucket, key)| format!("s3://{bucket}/{key}")),
            // Without labels the sum is 0 for any job.
            instances: instances.filter(|_| row.detection_count.is_some()),
            files: files.count,
            expected_files,
            bytes: files.bytes,
            row,
        })
    }
}

impl LabelRow {
    /// Of its detections, or else of its segments.
    pub(crate) fn count(&self) -> u64 {
        self.detections.or(self.segments).unwrap_or_default()
    }
}

/// A command that queries the table with the labels, or the jobs if there are no labels.
fn query(tables: &Path, jobs: &[JobSummary]) -> String {
    let any = |number: fn(&JobRow) -> Option<u64>| jobs.iter().any(|job| number(&job.row) > Some(0));
    let (table, columns) = if any(|row| row.detection_count) {
        (&LABEL_DETECTIONS, "min(timestamp_ms) AS first_ms, max(timestamp_ms) AS last_ms")
    } else if any(|row| row.segment_count) {
        (&LABEL_SEGMENTS, "min(start_timestamp_ms) AS first_ms, max(end_timestamp_ms) AS last_ms")
    } else {
        let files = sql_text(&tables.join(JOBS.name).join("*.parquet"));
        return duckdb(&format!("SELECT job_id, status, status_message, label_count FROM read_parquet({files})"));
    };
    let files = sql_text(&tables.join(table.name).join("**/*.parquet"));
    // Without the types, DuckDB would make numbers and dates of the names that look like some.
    duckdb(&format!(
        "SELECT label, count(*) AS row_count, {columns}, max(confidence) AS confidence FROM read_parquet({files}, \
         hive_partitioning=true, hive_types={{'job_id': VARCHAR, 'label': VARCHAR}}) \
         GROUP BY label ORDER BY row_count DESC LIMIT {BIGGEST}"
    ))
}

fn sql_text(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

/// Quotes the statement for a shell, within double quotes as it has many single ones.
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
    fn the_command_survives_a_shell_and_the_parser_of_sql() {
        let command = query(Path::new("Ann's $lake"), &[]);
        assert!(command.ends_with(r#"read_parquet('Ann''s \$lake/jobs/*.parquet')""#), "{command}");
    }
}
