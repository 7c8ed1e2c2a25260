//! The summary of `label-lake run` as text.

use std::fmt::{self, Write as _};

use indicatif::{HumanBytes, HumanCount};
use label_lake::handler::OutcomeName;
use label_lake::table::aggregation::Aggregations;

use super::summary::{JobSummary, Summary};
use super::text::{NO_NAME, count, printable, quoted, video_time};
use crate::job_row::LabelRow;

/// Returns the summary without the failures, which go to standard error.
pub(crate) fn summary_text(summary: &Summary, aggregate_by: &Aggregations) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_summary(&mut text, summary, aggregate_by);
    text
}

fn write_summary(text: &mut String, summary: &Summary, aggregate_by: &Aggregations) -> fmt::Result {
    if summary.jobs.is_empty() && summary.failures.is_empty() {
        return writeln!(
            text,
            "Nothing to do: the event belongs to another Rekognition API, which the function skips."
        );
    }
    for job in &summary.jobs {
        write_job(text, job, aggregate_by)?;
        writeln!(text)?;
    }
    let Some(job) = summary.jobs.first() else { return Ok(()) };
    let pages = count(summary.pages as usize, "page");
    writeln!(
        text,
        "Fetched {pages} in {:.2} s. The lake is in the directory {}. Query it with:",
        summary.seconds, summary.lake
    )?;
    writeln!(text, "  {}", summary.query)?;
    writeln!(text, "Write a page that shows when the labels are seen:")?;
    writeln!(text, "  label-lake report {} --lake {}", job.row.job_id, quoted(&summary.lake))
}

/// Indentation of lines that continue the line above.
const INDENT: &str = "          ";

fn write_job(text: &mut String, job: &JobSummary, aggregate_by: &Aggregations) -> fmt::Result {
    let row = &job.row;
    writeln!(text, "Job       {}", row.job_id)?;
    if job.generated {
        writeln!(text, "{INDENT}Generated sample; Rekognition did not analyze a video.")?;
    }
    match job.outcome {
        OutcomeName::AlreadyCommitted => writeln!(
            text,
            "{INDENT}Already committed; nothing was exported. To export it again, add \"Overwrite\": true to the\n\
             {INDENT}completion message, pass --overwrite with --recorded, or choose another directory with --out."
        )?,
        OutcomeName::CommittedByAnother => writeln!(text, "{INDENT}Committed by another run at the same time.")?,
        OutcomeName::Exported | OutcomeName::HandedOver => {}
    }
    if job.outcome != OutcomeName::Exported && !has_all(job, aggregate_by) {
        let exported = row.aggregate_by.join(",");
        writeln!(text, "{INDENT}It was exported with --aggregate-by {exported}, not {aggregate_by}.")?;
    }
    write!(text, "Status    {}", row.status)?;
    match &row.status_message {
        Some(message) => writeln!(text, " at Rekognition: {}", printable(message))?,
        None => writeln!(text)?,
    }
    if let Some(video) = &job.video {
        write!(text, "Video     {}", printable(video))?;
        match row.video_duration_ms {
            Some(duration) => writeln!(text, ", {}", video_time(duration))?,
            None => writeln!(text)?,
        }
    }
    if let Some(labels) = row.label_count {
        writeln!(text, "Labels    {}", HumanCount(labels))?;
    }
    if let (Some(detections), Some(instances), Some(rows)) = (row.detection_count, job.instances, row.row_count) {
        let (detections, instances) = (count(detections as usize, "detection"), count(instances as usize, "instance"));
        writeln!(text, "Rows      {}: {detections} with {instances}", HumanCount(rows))?;
    }
    if let Some(segments) = row.segment_count {
        writeln!(text, "Segments  {}", HumanCount(segments))?;
    }
    let in_tables = HumanCount(job.files - 1);
    writeln!(
        text,
        "Files     {}, {}: {in_tables} in the tables, 1 in `jobs`",
        HumanCount(job.files),
        HumanBytes(job.bytes)
    )?;
    if job.files != job.expected_files {
        writeln!(
            text,
            "{INDENT}The job should have {}. An interrupted run left files behind, or files were deleted.\n\
             {INDENT}To replace them all, add \"Overwrite\": true to the completion message.",
            HumanCount(job.expected_files)
        )?;
    }
    write_labels(text, row.labels.as_deref().unwrap_or_default())
}

/// Returns true if the job was exported with all of these aggregations.
fn has_all(job: &JobSummary, aggregate_by: &Aggregations) -> bool {
    aggregate_by.iter().all(|wanted| job.row.aggregate_by.iter().any(|name| name == wanted.name()))
}

fn write_labels(text: &mut String, labels: &[LabelRow]) -> fmt::Result {
    let Some(first) = labels.first() else { return Ok(()) };
    let heading = first.detections.map_or("segments", |_| "detections");
    writeln!(text, "\n{heading:>10}  {:>10}  {:>8}  {:>8}  confidence  biggest labels", "instances", "first", "last")?;
    for label in labels {
        let absent = || "-".to_owned();
        let time = |time: Option<i64>| time.map_or_else(absent, video_time);
        writeln!(
            text,
            "{:>10}  {:>10}  {:>8}  {:>8}  {:>10}  {}",
            HumanCount(label.count()).to_string(),
            label.instances.map_or_else(absent, |instances| HumanCount(instances).to_string()),
            time(label.first_timestamp_ms),
            time(label.last_timestamp_ms),
            label.max_confidence.map_or_else(absent, |confidence| format!("{confidence:.1}")),
            label.label.as_deref().map_or_else(|| NO_NAME.to_owned(), printable),
        )?;
    }
    Ok(())
}
