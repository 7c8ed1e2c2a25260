//! `label-lake show`: shows the facts of a job, and when its labels are seen.

use std::cmp::Reverse;
use std::process::ExitCode;

use futures_util::stream::{self, StreamExt as _};
use label_lake::job_id::JobId;

use crate::args::ShowArguments;
use crate::job_row::{JobRow, LabelRow};
use crate::lake::Lake;
use crate::lake::committed::CommittedJob;
use crate::output::job_details::{JobDetails, ShownLabel, timeline_cells};
use crate::output::progress::counter;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::terminal;
use crate::timeline::{self, Scale};

/// Number of label files that are read concurrently. Each may have several megabytes.
const CONCURRENCY: usize = 8;

/// Prints the job. Returns a failure code if the file of a label cannot be read.
pub(crate) async fn show(arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let job = &arguments.job;
    let (location, lake) = Lake::open(&arguments.lake, &arguments.aws).await?;
    let CommittedJob { row, bytes, committed_at } = lake.committed_job(job, &location).await?;
    let mut files = lake.count_files(job).await?;
    files.count += 1;
    files.bytes += bytes;
    let labels = row.labels.as_deref().unwrap_or_default();
    // Without a duration, the timeline ends with the last label.
    let last = labels.iter().filter_map(|label| label.last_timestamp_ms).max();
    let cells = timeline_cells(if arguments.json { None } else { terminal::width() });
    let scale = Scale::new(row.video_duration_ms.or(last).unwrap_or_default(), cells);
    let shown = choose_labels(arguments, &row)?;
    let bar = counter(shown.len() as u64, "labels", arguments.quiet)?;
    let timelines = shown.into_iter().map(|label| read_timeline(&lake, job, label, scale));
    let mut timelines = stream::iter(timelines).buffered(CONCURRENCY);
    let (mut shown, mut errors) = (Vec::new(), Vec::new());
    while let Some(timeline) = timelines.next().await {
        let (label, error) = timeline?;
        bar.inc(1);
        shown.push(label);
        errors.extend(error);
    }
    drop(timelines);
    bar.finish_and_clear();
    let details = JobDetails::new(row, committed_at, files, scale, shown);
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&details)?))?;
    } else {
        print(&details.as_text(terminal::is_utf8()))?;
    }
    for error in &errors {
        print_error(error);
    }
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the labels that the arguments name, or the labels with the most detections or segments.
fn choose_labels(arguments: &ShowArguments, row: &JobRow) -> anyhow::Result<Vec<LabelRow>> {
    if !arguments.label.is_empty() {
        let hint = "run the command without --label to see its biggest labels";
        return arguments.label.iter().map(|name| row.find_label(name, hint).cloned()).collect();
    }
    let mut biggest = row.labels.clone().unwrap_or_default();
    biggest.sort_by_key(|label| Reverse(label.count()));
    biggest.truncate(arguments.labels as usize);
    Ok(biggest)
}

/// Reads the timeline of a label. Also returns an error if its file is missing or cannot be read.
async fn read_timeline(
    lake: &Lake,
    job: &JobId,
    label: LabelRow,
    scale: Scale,
) -> anyhow::Result<(ShownLabel, Option<anyhow::Error>)> {
    let Some(aggregation) = label.timeline_table() else {
        return Ok((ShownLabel { label, timeline: None }, None));
    };
    let file = lake.label_file(job, &label, aggregation).await?;
    match file.decode(|file| timeline::read(file.bytes, aggregation, scale)) {
        Ok(cells) => Ok((ShownLabel { label, timeline: Some(cells) }, None)),
        Err(error) => Ok((ShownLabel { label, timeline: None }, Some(error))),
    }
}
