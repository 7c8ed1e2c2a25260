//! `label-lake convert`: writes the labels of a job as markers for editors, or as a track for players.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use futures_util::stream::{self, StreamExt as _};
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;

use crate::args::{ConvertArguments, MarkerFormat};
use crate::error::with_hint;
use crate::job_row::{JobRow, LabelRow};
use crate::lake::Lake;
use crate::lake::committed::CommittedJob;
use crate::markers::Markers;
use crate::markers::frame_rate::FrameRate;
use crate::markers::intervals::{self, Interval, Rule};
use crate::markers::timecode::{Counting, Timecode};
use crate::output::file::temporary_beside;
use crate::output::progress::{counter, notice};
use crate::output::stderr::print_error;
use crate::output::stdout::print_bytes;
use crate::shutdown::INVALID_USAGE;

/// Number of label files that are read concurrently. Each may have several megabytes.
const CONCURRENCY: usize = 8;

/// Writes the markers. Nothing is written if the file of a label cannot be read.
pub(crate) async fn convert(arguments: &ConvertArguments) -> anyhow::Result<ExitCode> {
    if arguments.format == MarkerFormat::Vtt && arguments.start_timecode.is_some() {
        let error = anyhow!("WebVTT has no timecode: its times begin with the video");
        print_error(&with_hint(error, "omit --start-timecode"));
        return Ok(ExitCode::from(INVALID_USAGE));
    }
    let job = &arguments.job;
    let (location, lake) = Lake::open(&arguments.lake, &arguments.aws).await?;
    let CommittedJob { row, .. } = lake.committed_job(job, &location).await?;
    if row.status == "FAILED" {
        let message = row.status_message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
        let error = anyhow!("job {job} has no labels, because it failed at Rekognition{message}");
        return Err(with_hint(error, "start another job for the video"));
    }
    let rate = frame_rate(arguments, &row)?;
    let (counting, start) = timecode(arguments, rate)?;
    let mut markers = Markers::new(&row, counting, start);
    read_labels(arguments, &lake, &row, &mut markers).await?;
    if markers.is_empty() {
        notice(&format!("warning: job {job} has no such labels; the file has no markers"));
    }
    let bytes = markers.format(arguments.format)?;
    match &arguments.out {
        Some(path) => write(path, &bytes)?,
        None => print_bytes(&bytes)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the frame rate of the project, or that of the video.
fn frame_rate(arguments: &ConvertArguments, row: &JobRow) -> anyhow::Result<FrameRate> {
    if let Some(rate) = arguments.fps {
        return Ok(rate);
    }
    let job = &arguments.job;
    let error = match row.frame_rate {
        Some(given) => match FrameRate::nearest(given.into()) {
            Some(rate) => return Ok(rate),
            None => {
                anyhow!("job {job}: {given} frames a second is no rate with timecode; the rate of the video may vary")
            }
        },
        None => anyhow!("job {job} does not have the frame rate of its video"),
    };
    Err(with_hint(error, "pass the frame rate of your project, for example --fps 25"))
}

/// Returns the timecode of the first frame, and the counting that it begins.
fn timecode(arguments: &ConvertArguments, rate: FrameRate) -> anyhow::Result<(Counting, Timecode)> {
    let Some(start) = arguments.start_timecode else {
        let counting = Counting::usual(rate);
        // A new timeline of Resolve begins at one hour.
        let hour = u8::from(arguments.format == MarkerFormat::ResolveEdl);
        return Ok((counting, Timecode::hour(hour, counting)));
    };
    let counting = Counting::of(start, rate).map_err(|reason| {
        let error = anyhow!("--start-timecode {start} does not exist: {reason}");
        with_hint(error, "write 01:00:00:00, or '01:00:00;00' for drop frame; --fps sets the frame rate")
    })?;
    Ok((counting, start))
}

/// Adds the time ranges of the labels that the arguments name, or of all labels.
async fn read_labels(
    arguments: &ConvertArguments,
    lake: &Lake,
    row: &JobRow,
    markers: &mut Markers,
) -> anyhow::Result<()> {
    let labels: Vec<_> = if arguments.label.is_empty() {
        row.labels.iter().flatten().collect()
    } else {
        let hint = format!("`label-lake show {}` shows its biggest labels", arguments.job);
        let mut labels: Vec<&LabelRow> = Vec::new();
        for name in &arguments.label {
            let label = row.find_label(name, &hint)?;
            if !labels.iter().any(|other| other.label == label.label) {
                labels.push(label);
            }
        }
        labels
    };
    let rule = Rule { min_confidence: arguments.min_confidence, gap_ms: arguments.gap };
    let bar = counter(labels.len() as u64, "labels", arguments.quiet)?;
    let read = labels.into_iter().map(|label| read_label(lake, &arguments.job, label, rule));
    let mut read = stream::iter(read).buffered(CONCURRENCY);
    while let Some(label) = read.next().await {
        if let Some((label, source, intervals)) = label? {
            markers.add(label.label.as_deref(), intervals, source);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads the time ranges of a label, if it has rows.
async fn read_label<'a>(
    lake: &Lake,
    job: &JobId,
    label: &'a LabelRow,
    rule: Rule,
) -> anyhow::Result<Option<(&'a LabelRow, Aggregation, Vec<Interval>)>> {
    let Some(source) = intervals::source(label) else { return Ok(None) };
    let file = lake.label_file(job, label, source).await?;
    let intervals = file.decode(|file| intervals::read(file.bytes, source, rule))?;
    Ok(Some((label, source, intervals)))
}

/// Writes a file. It replaces an existing file when it is complete.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        let mut file = temporary_beside(path)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    let written = write().with_context(|| format!("cannot write {}", path.display()));
    written.map_err(|error| with_hint(error, "choose another file with --out"))
}
