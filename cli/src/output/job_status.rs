//! The report on a job as `label-lake status` prints it, as text and as JSON.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use serde_json::{Value, json};

use super::text::{count, printable, timestamp, video_time};
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
        (State::Committed, Some(Commit { committed_at, row, .. })) => {
            writeln!(text, "{}", committed_at.map(|time| format!(" at {}", timestamp(time))).unwrap_or_default())?;
            match row {
                Ok(row) => write_row(text, row)?,
                Err(reason) => writeln!(text, "Result     unreadable: {}", printable(reason))?,
            }
        }
        (State::UnderWay, _) => writeln!(
            text,
            ": the job has no row in `jobs`; an export is in progress, or an export or a delete was interrupted"
        )?,
        _ => writeln!(text, ": not in the lake")?,
    }
    if let Some(checkpoint) = &report.checkpoint {
        writeln!(text, "Checkpoint {}", checkpoint_text(checkpoint))?;
    } else if report.state() == State::UnderWay {
        writeln!(text, "Checkpoint none, as in the first invocation of an export, or after a delete has begun")?;
    }
    if report.files() > 0 {
        let (in_tables, in_jobs) = (HumanCount(report.table_files), u8::from(report.commit.is_some()));
        let (files, bytes) = (HumanCount(report.files()), HumanBytes(report.bytes()));
        writeln!(text, "Files      {files}, {bytes}: {in_tables} in the tables, {in_jobs} in `jobs`")?;
    }
    if report.missing_files > 0 {
        let missing = count(report.missing_files, "file");
        writeln!(text, "           {missing} missing in the tables; export the job again with \"Overwrite\": true")?;
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
    if let Some(video) = row.video() {
        let duration = row.video_duration_ms.map(|ms| format!(", {}", video_time(ms))).unwrap_or_default();
        writeln!(text, "Video      {}{duration}", printable(&video))?;
    }
    if let Some(labels) = row.label_count {
        writeln!(text, "Labels     {}", HumanCount(labels))?;
    }
    if let (Some(rows), Some(detections)) = (row.row_count, row.detection_count) {
        writeln!(text, "Rows       {}: {}", HumanCount(rows), count(detections as usize, "detection"))?;
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
        json["video"] = row.video().into();
        json["videoDurationMs"] = row.video_duration_ms.into();
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
    json["files"] = report.files().into();
    json["bytes"] = report.bytes().into();
    if report.row().is_some() {
        json["missingFiles"] = report.missing_files.into();
    }
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
