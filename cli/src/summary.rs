//! What became of an event: the numbers of its jobs as they are in the lake.

use std::cmp::Reverse;
use std::path::Path;
use std::time::Duration;

use label_lake::notification::Completion;
use label_lake::pages::Aggregation;
use label_lake::tables::{JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS};
use serde::Serialize;

use crate::committed::{CommittedLabel, LakeDirectory};
use crate::listener::{Done, Failed};

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
    pub(crate) job_id: String,
    /// `EXPORTED`, `ALREADY_COMMITTED` or `COMMITTED_BY_ANOTHER`.
    pub(crate) outcome: String,
    /// `SUCCEEDED` or `FAILED`: how the job ended at Rekognition.
    pub(crate) status: String,
    pub(crate) status_message: Option<String>,
    /// As a URL.
    pub(crate) video: Option<String>,
    pub(crate) video_duration_ms: Option<i64>,
    pub(crate) aggregate_by: Vec<String>,
    /// How many different ones.
    pub(crate) labels: Option<usize>,
    pub(crate) detections: Option<i64>,
    pub(crate) instances: Option<i64>,
    /// In `label_detections`.
    pub(crate) rows: Option<i64>,
    /// In `label_segments`, one row each.
    pub(crate) segments: Option<i64>,
    /// The job's row among them.
    pub(crate) files: u64,
    /// How many files there should be.
    pub(crate) expected_files: u64,
    pub(crate) bytes: u64,
    pub(crate) biggest_labels: Vec<LabelSummary>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelSummary {
    /// Absent if it has no name.
    pub(crate) label: Option<String>,
    pub(crate) rows: i64,
    pub(crate) detections: Option<i64>,
    pub(crate) instances: Option<i64>,
    pub(crate) segments: Option<i64>,
    pub(crate) first_timestamp_ms: Option<i64>,
    pub(crate) last_timestamp_ms: Option<i64>,
    pub(crate) max_confidence: Option<f32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    pub(crate) job_id: Option<String>,
    pub(crate) error_type: String,
    pub(crate) message: String,
}

impl Summary {
    /// Reads back what is in the lake of the jobs that the function says are done.
    pub(crate) fn read(
        out: &Path,
        prefix: &str,
        completions: &[Completion],
        (done, failed): (Vec<Done>, Vec<Failed>),
        pages: u64,
        elapsed: Duration,
    ) -> anyhow::Result<Self> {
        let lake = LakeDirectory::new(out, prefix);
        let mut jobs = Vec::new();
        for Done { job, outcome } in done {
            if let Some(completion) = completions.iter().find(|completion| completion.job_id.as_str() == job) {
                jobs.push(JobSummary::read(&lake, completion, outcome)?);
            }
        }
        let failures = failed.into_iter().map(|Failed { job, error_type, error }| Failure {
            job_id: job,
            error_type,
            message: error,
        });
        // Joining an empty prefix would end the path with a slash.
        let tables = if prefix.is_empty() { out.to_owned() } else { out.join(prefix) };
        Ok(Self {
            query: query(&tables, &jobs),
            lake: tables.display().to_string(),
            jobs,
            failures: failures.collect(),
            pages,
            seconds: elapsed.as_secs_f64(),
        })
    }
}

impl JobSummary {
    fn read(lake: &LakeDirectory, completion: &Completion, outcome: String) -> anyhow::Result<Self> {
        let id = &completion.job_id;
        let job = lake.job(id)?;
        let files = lake.files(id)?;
        let biggest_labels = biggest(lake, completion, job.labels.as_deref().unwrap_or_default())?;
        Ok(Self {
            job_id: id.to_string(),
            outcome,
            video: job
                .video_bucket
                .as_ref()
                .zip(job.video_key.as_ref())
                .map(|(bucket, key)| format!("s3://{bucket}/{key}")),
            labels: job.labels.as_ref().map(Vec::len),
            instances: job.instances(),
            files: files.count,
            expected_files: job.expected_files() + 1,
            bytes: files.bytes,
            biggest_labels,
            // Last: what is moved out of the row.
            status: job.status,
            status_message: job.status_message,
            video_duration_ms: job.video_duration_ms,
            aggregate_by: job.aggregate_by,
            detections: job.detections,
            rows: job.rows,
            segments: job.segments,
        })
    }
}

/// The labels with most rows. How many rows a label has is in the footer of its file, and a job may have thousands of
/// them: only those are opened that may be among the biggest, by the numbers in the job's row.
fn biggest(
    lake: &LakeDirectory,
    completion: &Completion,
    labels: &[CommittedLabel],
) -> anyhow::Result<Vec<LabelSummary>> {
    let count = |label: &CommittedLabel| label.detections.or(label.segments).unwrap_or_default();
    let instances = |label: &CommittedLabel| label.instances.unwrap_or_default();
    // A detection without instances is a row, and so is each instance.
    let mut at_least: Vec<_> = labels.iter().map(|label| count(label).max(instances(label))).collect();
    at_least.sort_unstable_by_key(|&rows| Reverse(rows));
    let enough = at_least.get(BIGGEST - 1).copied().unwrap_or_default();
    let may_be = labels.iter().filter(|label| count(label) + instances(label) >= enough);
    let read = may_be.map(|label| LabelSummary::read(lake, completion, label));
    let mut biggest = read.collect::<anyhow::Result<Vec<_>>>()?;
    biggest.sort_by_key(|label| Reverse(label.rows));
    biggest.truncate(BIGGEST);
    Ok(biggest)
}

impl LabelSummary {
    fn read(lake: &LakeDirectory, completion: &Completion, label: &CommittedLabel) -> anyhow::Result<Self> {
        let aggregation = if label.detections.is_some() { Aggregation::Timestamps } else { Aggregation::Segments };
        Ok(Self {
            label: label.name.clone(),
            rows: lake.rows(aggregation.table(), &completion.job_id, label)?.unwrap_or_default(),
            detections: label.detections,
            instances: label.instances,
            segments: label.segments,
            first_timestamp_ms: label.first_timestamp_ms,
            last_timestamp_ms: label.last_timestamp_ms,
            max_confidence: label.max_confidence,
        })
    }
}

/// A command that queries the table with the labels, or the jobs if there are no labels.
fn query(tables: &Path, jobs: &[JobSummary]) -> String {
    let any = |number: fn(&JobSummary) -> Option<i64>| jobs.iter().any(|job| number(job) > Some(0));
    let (table, columns) = if any(|job| job.detections) {
        (&LABEL_DETECTIONS, "min(timestamp_ms) AS first_ms, max(timestamp_ms) AS last_ms")
    } else if any(|job| job.segments) {
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
