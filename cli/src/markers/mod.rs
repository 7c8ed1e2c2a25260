//! Markers: the time ranges of a video in which labels are seen, in the formats of editors and players.
//!
//! `intervals` reads the time ranges of a label, `frame_rate` and `timecode` convert times to frames and their names, and each
//! format has a file. The first frame of the video is frame 0.

pub(crate) mod frame_rate;
pub(crate) mod intervals;
pub(crate) mod timecode;

mod csv;
mod name;
mod otio;
mod premiere_xml;
mod resolve_edl;
#[cfg(test)]
mod samples;
mod vtt;

use std::cmp::Reverse;
use std::ops::Range;

use anyhow::anyhow;
use label_lake::table::aggregation::Aggregation;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use self::intervals::Interval;
use self::name::marker_name;
use self::timecode::{Counting, Timecode};
use crate::args::MarkerFormat;
use crate::error::with_hint;
use crate::job_row::JobRow;

/// ASCII characters that a URL has as they are; all others are encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The markers of a job.
#[derive(Debug)]
pub(crate) struct Markers {
    job: String,
    /// Name of the video's file, if the job has one.
    video: Option<String>,
    /// Width and height of the video, if the job has them.
    size: Option<(i64, i64)>,
    counting: Counting,
    /// Timecode of frame 0.
    start: Timecode,
    /// Number of frames of the video.
    frames: u64,
    /// The markers. A format has them in the order of their frames.
    list: Vec<Marker>,
}

/// A time range in which a label is seen.
#[derive(Debug)]
struct Marker {
    /// Name of the label, `None` if it has none.
    label: Option<String>,
    /// Name that the marker shows.
    name: String,
    interval: Interval,
    frames: Range<u64>,
}

impl Markers {
    /// Creates the markers of a job without labels.
    pub(crate) fn new(row: &JobRow, counting: Counting, start: Timecode) -> Self {
        Self {
            job: row.job_id.clone(),
            video: row.video_name().map(str::to_owned),
            size: row.frame_width.zip(row.frame_height),
            counting,
            start,
            frames: counting.rate().frame_at(row.video_duration_ms.unwrap_or_default()).max(1),
            list: Vec::new(),
        }
    }

    /// Adds the time ranges of a label.
    pub(crate) fn add(&mut self, label: Option<&str>, intervals: Vec<Interval>, source: Aggregation) {
        let name = marker_name(label);
        for interval in intervals {
            let frames = interval.frames(self.counting.rate(), source);
            // The duration of a video may be a little less than the time of its last sample.
            self.frames = self.frames.max(frames.end);
            self.list.push(Marker { label: label.map(str::to_owned), name: name.clone(), interval, frames });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the bytes of a file with the markers.
    pub(crate) fn format(mut self, format: MarkerFormat) -> anyhow::Result<Vec<u8>> {
        self.sort();
        match format {
            MarkerFormat::Vtt => Ok(vtt::format(&self).into_bytes()),
            MarkerFormat::Csv => Ok(csv::format(&self)?.into_bytes()),
            MarkerFormat::ResolveEdl => Ok(resolve_edl::format(&self)?.into_bytes()),
            MarkerFormat::Otio => otio::format(&self),
            MarkerFormat::PremiereXml => premiere_xml::format(&self),
        }
    }

    /// Sorts the markers by their start. Of those with the same start, the longest comes first.
    fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            let key = |marker: &Marker| (marker.frames.start, Reverse(marker.frames.end));
            key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
        });
    }

    /// Returns the name of the video's file as it is shown, or the ID of the job.
    fn title(&self) -> String {
        self.video.as_ref().map_or_else(|| self.job.clone(), |video| marker_name(Some(video)))
    }

    /// Returns the timecode of a frame of the video.
    fn timecode(&self, frame: u64) -> anyhow::Result<Timecode> {
        self.counting.timecode(self.counting.frame(self.start) + frame).ok_or_else(|| {
            let Self { job, start, .. } = self;
            let error =
                anyhow!("job {job}: frame {frame} of the video has no timecode: from {start}, it is after 24 hours");
            with_hint(error, "begin earlier with --start-timecode, for example 00:00:00:00")
        })
    }
}

impl Marker {
    /// Returns the number of frames.
    fn duration(&self) -> u64 {
        self.frames.end - self.frames.start
    }
}

/// Returns the URL of a file beside the file with the markers.
fn relative_url(name: &str) -> String {
    percent_encode(name.as_bytes(), UNRESERVED).to_string()
}

/// Returns a confidence as the notes of a marker have it.
fn confidence_text(confidence: f32) -> String {
    format!("{confidence:.1} %")
}
