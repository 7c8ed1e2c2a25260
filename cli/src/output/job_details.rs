//! The facts and the labels of a job as `label-lake show` prints them, as text and as JSON.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;

use super::table::{Column, absent, table};
use super::text::{NO_NAME, count, printable, timestamp, video_time};
use crate::job_row::{JobRow, LabelRow};
use crate::lake::files::FileTotals;
use crate::timeline::{Scale, draw};

/// Number of cells of a timeline.
const CELLS: usize = 40;
/// Number of cells on a terminal with fewer columns than [`NARROW`].
const NARROW_CELLS: usize = 20;
/// Number of columns that a line with all cells and a label takes.
const NARROW: usize = 100;

/// A number of a label.
type Count = fn(&LabelRow) -> Option<u64>;

/// A job. `--json` prints its serialization.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobDetails {
    /// The row, without its labels.
    #[serde(flatten)]
    pub(crate) row: JobRow,
    /// S3 URL of the video.
    pub(crate) video: Option<String>,
    pub(crate) instances: Option<u64>,
    /// Time at which the row was written.
    pub(crate) committed_at: Option<String>,
    /// Number of files, including the row in `jobs`.
    pub(crate) files: u64,
    /// Number of files that the row calls for, including the row itself.
    pub(crate) expected_files: u64,
    pub(crate) bytes: u64,
    /// Duration of one cell of a timeline.
    pub(crate) cell_ms: f64,
    pub(crate) shown_labels: Vec<ShownLabel>,
    #[serde(skip)]
    pub(crate) scale: Scale,
}

/// A label of a job.
#[derive(Debug, Serialize)]
pub(crate) struct ShownLabel {
    #[serde(flatten)]
    pub(crate) label: LabelRow,
    /// Number of detections in each cell, or the milliseconds that segments cover. `None` if the label has no rows, or if
    /// its file cannot be read.
    pub(crate) timeline: Option<Vec<u64>>,
}

impl JobDetails {
    /// Describes a job. `files` counts its row too.
    pub(crate) fn new(
        mut row: JobRow,
        committed_at: Option<SystemTime>,
        files: FileTotals,
        scale: Scale,
        shown_labels: Vec<ShownLabel>,
    ) -> Self {
        let (video, instances, expected_files) = (row.video(), row.instance_count(), row.expected_files());
        row.labels = None;
        Self {
            row,
            video,
            instances,
            committed_at: committed_at.map(timestamp),
            files: files.count,
            expected_files,
            bytes: files.bytes,
            cell_ms: scale.duration_ms() as f64 / scale.cells() as f64,
            shown_labels,
            scale,
        }
    }

    /// Returns the job as lines of text.
    pub(crate) fn as_text(&self, is_utf8: bool) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write_facts(&mut text);
        if !self.shown_labels.is_empty() {
            text.push('\n');
            text.push_str(&self.label_table(is_utf8));
        }
        text
    }

    fn write_facts(&self, text: &mut String) -> fmt::Result {
        let row = &self.row;
        writeln!(text, "Job          {}", row.job_id)?;
        match &row.status_message {
            Some(message) => writeln!(text, "Status       {}: {}", printable(&row.status), printable(message))?,
            None => writeln!(text, "Status       {}", printable(&row.status))?,
        }
        let duration = row.video_duration_ms.map(video_time);
        let size = row.frame_width.zip(row.frame_height).map(|(width, height)| format!("{width} x {height}"));
        let rate = row.frame_rate.map(|rate| format!("{} a second", (rate * 1000.0).round() / 1000.0));
        let facts = [
            ("Tag", row.job_tag.clone()),
            ("Video", self.video.clone()),
            ("Version", row.video_version.clone()),
            ("Duration", duration),
            ("Frames", joined([size, rate])),
            ("Format", joined([row.format.clone(), row.codec.clone(), row.color_range.clone()])),
            ("Model", row.label_model_version.clone()),
            ("Completed", row.completed_at().map(timestamp)),
            ("Committed", self.committed_at.clone()),
            ("Aggregation", joined([row.aggregate_by.join(", ")].map(Some))),
            ("Labels", row.label_count.map(|count| HumanCount(count).to_string())),
            ("Rows", self.rows_text()),
            ("Segments", row.segment_count.map(|count| HumanCount(count).to_string())),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                writeln!(text, "{name:<13}{}", printable(&value))?;
            }
        }
        write!(text, "Files        {}, {}", HumanCount(self.files), HumanBytes(self.bytes))?;
        if self.files != self.expected_files {
            write!(text, "; the job should have {}", HumanCount(self.expected_files))?;
        }
        writeln!(text)
    }

    fn rows_text(&self) -> Option<String> {
        let (rows, detections) = (self.row.row_count?, self.row.detection_count?);
        let (detections, instances) = (count(detections as usize, "detection"), self.instances.unwrap_or_default());
        Some(format!("{}: {detections} with {}", HumanCount(rows), count(instances as usize, "instance")))
    }

    fn label_table(&self, is_utf8: bool) -> String {
        let labels = &self.shown_labels;
        let rows: [(_, Count); 2] = [("detections", |label| label.detections), ("segments", |label| label.segments)];
        let mut columns = Vec::new();
        for (heading, rows) in rows {
            if labels.iter().any(|shown| rows(&shown.label).is_some()) {
                columns.push(Column::numbers(
                    heading,
                    cells(labels, |label| rows(label).map(|rows| HumanCount(rows).to_string())),
                ));
            }
        }
        columns.push(Column::numbers("first", cells(labels, |label| label.first_timestamp_ms.map(video_time))));
        columns.push(Column::numbers("last", cells(labels, |label| label.last_timestamp_ms.map(video_time))));
        let confidence = cells(labels, |label| label.max_confidence.map(|confidence| format!("{confidence:.1}")));
        columns.push(Column::numbers("confidence", confidence));
        let timeline = |shown: &ShownLabel| shown.timeline.as_ref().map_or_else(absent, |cells| draw(cells, is_utf8));
        columns.push(Column::text(self.timeline_heading(), labels.iter().map(timeline)));
        let name = |label: &LabelRow| Some(label.label.as_deref().map_or_else(|| NO_NAME.to_owned(), printable));
        columns.push(Column::text("label", cells(labels, name)));
        table(&columns)
    }

    /// Returns the start and the end of the video at both ends of the timeline.
    fn timeline_heading(&self) -> String {
        let (start, end) = (video_time(0), video_time(self.scale.duration_ms()));
        let between = self.scale.cells().saturating_sub(start.len());
        format!("{start}{end:>between$}")
    }
}

/// Returns the number of cells for which the terminal has room.
pub(crate) fn timeline_cells(terminal_width: Option<usize>) -> usize {
    if terminal_width.is_some_and(|columns| columns < NARROW) { NARROW_CELLS } else { CELLS }
}

fn cells(labels: &[ShownLabel], cell: impl Fn(&LabelRow) -> Option<String>) -> impl Iterator<Item = String> {
    labels.iter().map(move |shown| cell(&shown.label).unwrap_or_else(absent))
}

/// Returns the values that are present, separated by commas, or `None` if there are none.
fn joined<const N: usize>(values: [Option<String>; N]) -> Option<String> {
    let values: Vec<_> = values.into_iter().flatten().filter(|value| !value.is_empty()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
