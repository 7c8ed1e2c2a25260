//! Arguments of `label-lake convert`.

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Args, ValueEnum};
use label_lake::job_id::JobId;

use super::aws::AwsArguments;
use super::lake::LakeToRead;
use crate::markers::frame_rate::FrameRate;
use crate::markers::timecode::Timecode;

pub(super) const CONVERT_EXAMPLES: &str = "\
Examples:
  Markers for DaVinci Resolve:
    label-lake convert JOB --format resolve-edl -o markers.edl

  The dogs and cats of a video, as a sequence for Premiere Pro:
    label-lake convert JOB --format premiere-xml --label Dog --label Cat \\
      -o dogs.xml

  Certain labels only, as a track for a web player:
    label-lake convert JOB --format vtt --min-confidence 90 > labels.vtt

  For a project with another frame rate that begins at 10:00:00:00:
    label-lake convert JOB --format resolve-edl --fps 25 \\
      --start-timecode 10:00:00:00 -o markers.edl

Formats:
  vtt           WebVTT for browsers and web players: one cue for each range
  csv           One row for each range, with timecode, frames, milliseconds, and
                confidence. A name that a spreadsheet would take for a formula
                gets an apostrophe before it
  resolve-edl   Timeline markers of DaVinci Resolve. Resolve has one marker on a
                frame, so labels that are first seen on the same frame share a
                marker: its name and notes have all of them
  otio          OpenTimelineIO: the video with a marker for each range
  premiere-xml  Final Cut Pro 7 XML (xmeml): a sequence of the video with a
                marker for each range

  docs/EDITORS.md says how to import each format.

Timecode:
  At 29.97 and 59.94 frames a second, timecode is drop frame. For a project
  without drop frame, write --start-timecode with a colon before the frames:
  01:00:00:00. A semicolon means drop frame: '01:00:00;00'.

Exit codes:
  0    The file is written; without matching labels, it has no markers
  1    The job failed, the job or a label is not in the lake, the frame rate or
       the timecode does not fit, a file cannot be read or written, or a request
       failed
  2    Invalid usage

Permissions for a lake in S3:
  s3:GetObject, s3:ListBucket; with --stack also cloudformation:DescribeStacks";

/// Format of a file with markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MarkerFormat {
    Vtt,
    Csv,
    ResolveEdl,
    Otio,
    PremiereXml,
}

#[derive(Args, Debug)]
pub(crate) struct ConvertArguments {
    #[command(flatten)]
    pub(crate) lake: LakeToRead,

    /// Format of the file.
    #[arg(short, long, value_enum)]
    pub(crate) format: MarkerFormat,

    /// File to write, replaced if it exists [default: standard output].
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,

    /// Convert this label only; may be repeated. An empty name is the label without a name.
    #[arg(long, value_name = "NAME")]
    pub(crate) label: Vec<String>,

    /// Ignore samples and segments of less confidence, from 0 to 100.
    #[arg(long, value_name = "PERCENT", value_parser = confidence)]
    pub(crate) min_confidence: Option<f32>,

    /// Longest gap that does not end a range, in milliseconds [default: 1000 between samples; segments are not joined].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) gap: Option<i64>,

    /// Frame rate of the project, for example 23.976 or 25 [default: that of the video].
    #[arg(long, value_name = "RATE")]
    pub(crate) fps: Option<FrameRate>,

    /// Timecode of the first frame [default: 01:00:00:00 for resolve-edl, else 00:00:00:00].
    #[arg(long, value_name = "TIMECODE")]
    pub(crate) start_timecode: Option<Timecode>,

    /// Hide the progress bar (never shown when stderr is not a terminal).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) aws: AwsArguments,

    /// ID of the job.
    #[arg(value_name = "JOB")]
    pub(crate) job: JobId,
}

fn confidence(given: &str) -> Result<f32, String> {
    let confidence = given.parse().ok().filter(|confidence| (0.0..=100.0).contains(confidence));
    confidence.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}
