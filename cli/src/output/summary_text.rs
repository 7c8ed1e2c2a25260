//! The summary as a person reads it.

use std::fmt::Write as _;

use indicatif::{HumanBytes, HumanCount};

use label_lake::table::aggregation::Aggregations;

use crate::committed::LabelRow;
use crate::summary::{JobSummary, Summary};

/// Writes the summary; failures are not in it, they go to standard error.
pub(crate) fn write(summary: &Summary, aggregate_by: &Aggregations) -> String {
    let mut text = String::new();
    // Writing to a String does not fail, here and below.
    let _ = write_summary(&mut text, summary, aggregate_by);
    text
}

fn write_summary(text: &mut String, summary: &Summary, aggregate_by: &Aggregations) -> std::fmt::Result {
    if summary.jobs.is_empty() && summary.failures.is_empty() {
        return writeln!(text, "Nothing to do: the event is of another Rekognition API, and the function skips it.");
    }
    for job in &summary.jobs {
        write_job(text, job, aggregate_by)?;
        writeln!(text)?;
    }
    if summary.jobs.is_empty() {
        return Ok(());
    }
    let pages = if summary.pages == 1 { "page" } else { "pages" };
    writeln!(
        text,
        "{} {pages} in {:.2} s. The lake is in {}; to query it:",
        HumanCount(summary.pages),
        summary.seconds,
        summary.lake
    )?;
    writeln!(text, "  {}", summary.query)
}

fn write_job(text: &mut String, job: &JobSummary, aggregate_by: &Aggregations) -> std::fmt::Result {
    let row = &job.row;
    writeln!(text, "Job       {}", row.job_id)?;
    match job.outcome {
        "ALREADY_COMMITTED" => writeln!(
            text,
            "          is committed already, and nothing was done. To do it again put \"Overwrite\": true into the\n\
             {:10}completion message, or choose another lake with --out.",
            ""
        )?,
        "COMMITTED_BY_ANOTHER" => writeln!(text, "          was committed by another run at the same time.")?,
        _ => {}
    }
    if job.outcome != "EXPORTED" && !asks_for_no_more(job, aggregate_by) {
        let has = row.aggregate_by.join(",");
        writeln!(text, "          It was exported with --aggregate-by {has}, not {aggregate_by}.")?;
    }
    write!(text, "Status    {}", row.status)?;
    match &row.status_message {
        Some(message) => writeln!(text, " at Rekognition: {}", printable(message))?,
        None => writeln!(text)?,
    }
    if let Some(video) = &job.video {
        write!(text, "Video     {}", printable(video))?;
        match row.video_duration_ms {
            Some(duration) => writeln!(text, ", {}", clock(duration))?,
            None => writeln!(text)?,
        }
    }
    if let Some(labels) = row.label_count {
        writeln!(text, "Labels    {}", HumanCount(labels))?;
    }
    if let (Some(detections), Some(instances), Some(rows)) = (row.detection_count, job.instances, row.row_count) {
        let [detections, instances, rows] = [detections, instances, rows].map(HumanCount);
        writeln!(text, "Rows      {rows}: {detections} detections with {instances} instances")?;
    }
    if let Some(segments) = row.segment_count {
        writeln!(text, "Segments  {}", HumanCount(segments))?;
    }
    writeln!(text, "Files     {}, {}", HumanCount(job.files), HumanBytes(job.bytes))?;
    if job.files != job.expected_files {
        writeln!(
            text,
            "          The job has {}: the others are of a run that was interrupted, or some were removed.\n\
             {:10}\"Overwrite\": true in the completion message replaces all of them.",
            HumanCount(job.expected_files),
            ""
        )?;
    }
    write_labels(text, row.labels.as_deref().unwrap_or_default())
}

/// Whether the job has all that this run would export.
fn asks_for_no_more(job: &JobSummary, aggregate_by: &Aggregations) -> bool {
    aggregate_by.iter().all(|wanted| job.row.aggregate_by.iter().any(|has| has == wanted.name()))
}

fn write_labels(text: &mut String, labels: &[LabelRow]) -> std::fmt::Result {
    let Some(first) = labels.first() else { return Ok(()) };
    let counted = first.detections.map_or("segments", |_| "detections");
    writeln!(text, "\n{counted:>10}  {:>10}  {:>8}  {:>8}  confidence  biggest labels", "instances", "first", "last")?;
    for label in labels {
        let absent = || "-".to_owned();
        let time = |time: Option<i64>| time.map_or_else(absent, clock);
        writeln!(
            text,
            "{:>10}  {:>10}  {:>8}  {:>8}  {:>10}  {}",
            HumanCount(label.count()).to_string(),
            label.instances.map_or_else(absent, |instances| HumanCount(instances).to_string()),
            time(label.first_timestamp_ms),
            time(label.last_timestamp_ms),
            label.max_confidence.map_or_else(absent, |confidence| format!("{confidence:.1}")),
            label.label.as_deref().map_or_else(|| "(without a name)".to_owned(), printable),
        )?;
    }
    Ok(())
}

/// `h:mm:ss` from the start of the video.
fn clock(ms: i64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Names come from outside, and a terminal obeys control characters.
pub(crate) fn printable(name: &str) -> String {
    let mut printable = String::new();
    for character in name.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_on_the_clock_of_the_video() {
        let times = [0, 999, 61_000, 3_599_999, 36_000_000];
        assert_eq!(times.map(clock), ["0:00:00", "0:00:00", "0:01:01", "0:59:59", "10:00:00"]);
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(printable("Caño \u{1b}[2J"), "Caño \\u{1b}[2J");
    }
}
