//! The report on a job as `label-lake status` prints it, as text and as JSON.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use serde_json::{Value, json};

use super::text::{count, printable, timestamp};
use crate::account::job_report::{CheckpointSummary, Commit, JobReport, State};
use crate::job_row::JobRow;

/// Returns the report as lines of text.
pub(crate) fn as_text(report: &JobReport) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_report(&mut text, report);
    text
}

fn write_report(text: &mut String, report: &JobReport) -> fmt::Result {
    writeln!(text, "Job        {}", report.job)?;
    write!(text, "State      {}", report.state().name())?;
    match (report.state(), &report.commit) {
        (State::Committed, Some(Commit { committed_at, row })) => {
            writeln!(text, "{}", committed_at.map(|time| format!(" at {}", timestamp(time))).unwrap_or_default())?;
            match row {
                Ok(row) => write_row(text, row)?,
                Err(reason) => writeln!(text, "Result     unreadable: {}", printable(reason))?,
            }
        }
        (State::UnderWay, _) => writeln!(text, ": in progress or interrupted")?,
        _ => writeln!(text, ": not in the lake")?,
    }
    if let Some(checkpoint) = &report.checkpoint {
        writeln!(text, "Checkpoint {}", checkpoint_text(checkpoint))?;
    } else if report.state() == State::UnderWay {
        writeln!(text, "Checkpoint none: the first invocation is running or was killed")?;
    }
    if report.file_count > 0 {
        writeln!(text, "Files      {}, {}", HumanCount(report.file_count), HumanBytes(report.file_bytes))?;
    }
    for partitions in report.partitions.iter().flatten() {
        let (registered, expected, table) = (partitions.registered, partitions.expected, partitions.table.name);
        if report.row().is_none() {
            writeln!(text, "Partitions {registered} in {table}")?;
        } else if partitions.missing == 0 {
            writeln!(text, "Partitions {registered} of {expected} in {table}")?;
        } else {
            let missing = partitions.missing;
            writeln!(
                text,
                "Partitions {registered} of {expected} in {table}; {missing} missing, run label-lake register"
            )?;
        }
    }
    Ok(())
}

fn write_row(text: &mut String, row: &JobRow) -> fmt::Result {
    match &row.status_message {
        Some(message) => writeln!(text, "Result     {}: {}", row.status, printable(message))?,
        None => writeln!(text, "Result     {}", row.status)?,
    }
    if let Some(labels) = row.label_count {
        writeln!(text, "Labels     {}", HumanCount(labels))?;
    }
    if let (Some(rows), Some(detections)) = (row.row_count, row.detection_count) {
        writeln!(text, "Rows       {}: {} detections", HumanCount(rows), HumanCount(detections))?;
    }
    if let Some(segments) = row.segment_count {
        writeln!(text, "Segments   {}", HumanCount(segments))?;
    }
    Ok(())
}

fn checkpoint_text(checkpoint: &CheckpointSummary) -> String {
    let age = checkpoint.saved_at.map(|time| SystemTime::now().duration_since(time).unwrap_or_default());
    let age = age.map_or_else(|| "at an unknown time".to_owned(), |age| format!("{} ago", HumanDuration(age)));
    match checkpoint.pages {
        Some(pages) => format!("saved {age}, {} so far", count(pages as usize, "page")),
        None => format!("saved {age}, by another version of the function"),
    }
}

/// Returns the report as a JSON object.
pub(crate) fn as_json(report: &JobReport) -> Value {
    let mut json = json!({ "jobId": report.job.as_str(), "state": report.state().name() });
    if let Some(commit) = &report.commit {
        json["committedAt"] = commit.committed_at.map(timestamp).into();
    }
    if let Some(error) = report.row_error() {
        json["error"] = error.into();
    }
    if let Some(row) = report.row() {
        json["status"] = row.status.as_str().into();
        json["statusMessage"] = row.status_message.as_deref().into();
        json["aggregateBy"] = row.aggregate_by.clone().into();
        json["labels"] = row.label_count.into();
        json["detections"] = row.detection_count.into();
        json["rows"] = row.row_count.into();
        json["segments"] = row.segment_count.into();
    }
    if let Some(checkpoint) = &report.checkpoint {
        json["savedAt"] = checkpoint.saved_at.map(timestamp).into();
        json["pages"] = checkpoint.pages.into();
    }
    json["files"] = report.file_count.into();
    json["bytes"] = report.file_bytes.into();
    if let Some(partitions) = &report.partitions {
        let counts = partitions.iter().map(|counts| {
            let expected = report.row().map(|_| counts.expected);
            let missing = report.row().map(|_| counts.missing);
            let counted = json!({ "registered": counts.registered, "expected": expected, "missing": missing });
            (counts.table.name.to_owned(), counted)
        });
        json["partitions"] = Value::Object(counts.collect());
    }
    json
}
