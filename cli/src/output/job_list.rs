//! The jobs of a lake as `label-lake list` prints them, as text and as JSON.

use std::cmp::Reverse;
use std::time::SystemTime;

use indicatif::HumanCount;
use serde::Serialize;

use super::table::{Column, GAP, absent, table};
use super::text::{printable, timestamp};
use crate::job_row::JobRow;

/// Minimum width of the column with the videos on a narrow terminal.
const MIN_VIDEO: usize = 20;

/// A number in a row.
type Count = fn(&JobRow) -> Option<u64>;

/// A job of the list. `--json` prints its serialization.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedJob {
    /// The row, without its labels.
    #[serde(flatten)]
    pub(crate) row: JobRow,
    /// S3 URL of the video.
    pub(crate) video: Option<String>,
    /// Time at which the row was written.
    pub(crate) committed_at: Option<String>,
    /// Time at which the job ended, or at which its row was written if the row does not have that time.
    #[serde(skip)]
    date: Option<SystemTime>,
}

impl ListedJob {
    pub(crate) fn new(row: JobRow, committed_at: Option<SystemTime>) -> Self {
        Self {
            video: row.video(),
            committed_at: committed_at.map(timestamp),
            date: row.completed_at().or(committed_at),
            row,
        }
    }
}

/// Sorts the jobs by date, newest first, then by ID.
pub(crate) fn sort(jobs: &mut [ListedJob]) {
    jobs.sort_by(|a, b| Reverse(a.date).cmp(&Reverse(b.date)).then_with(|| a.row.job_id.cmp(&b.row.job_id)));
}

/// Returns the jobs as a table. On a terminal, the videos are shortened to make room for the IDs.
pub(crate) fn as_text(jobs: &[ListedJob], terminal_width: Option<usize>) -> String {
    let date = |job: &ListedJob| job.date.map_or_else(absent, timestamp);
    let video = |job: &ListedJob| job.video.as_deref().map_or_else(absent, printable);
    let mut columns = vec![
        Column::text("date", jobs.iter().map(date)),
        Column::text("status", jobs.iter().map(|job| printable(&job.row.status))),
        numbers("labels", jobs, |row| row.label_count),
    ];
    let counts: [(_, Count); 2] = [("detections", |row| row.detection_count), ("segments", |row| row.segment_count)];
    // A lake usually has the jobs of one aggregation only.
    let is_exported = |count: Count| jobs.iter().any(|job| count(&job.row).is_some());
    columns.extend(
        counts.into_iter().filter(|(_, count)| is_exported(*count)).map(|(name, count)| numbers(name, jobs, count)),
    );
    let mut videos = Column::text("video", jobs.iter().map(video));
    let ids = Column::text("job", jobs.iter().map(|job| job.row.job_id.clone()));
    if let Some(terminal_width) = terminal_width {
        let others: usize = columns.iter().chain([&ids]).map(|column| column.width() + GAP.len()).sum();
        videos.shorten(terminal_width.saturating_sub(others).max(MIN_VIDEO));
    }
    // The ID comes last: it may be longer than the rest of the line, and it is what other commands take.
    columns.extend([videos, ids]);
    table(&columns)
}

fn numbers(heading: &str, jobs: &[ListedJob], count: impl Fn(&JobRow) -> Option<u64>) -> Column {
    let cell = |job: &ListedJob| count(&job.row).map_or_else(absent, |count| HumanCount(count).to_string());
    Column::numbers(heading, jobs.iter().map(cell))
}
