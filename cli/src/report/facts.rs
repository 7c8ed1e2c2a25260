//! The JSON of a report: the facts of its job, and its labels.

use serde::Serialize;

use super::label_rows::RelatedNames;
use super::thumbnails::Thumbnail;
use super::video::Video;
use crate::job_row::{JobRow, LabelRow};
use crate::local::simulated_jobs::GENERATED;

/// Version of the format.
const VERSION: u32 = 1;

/// The facts of a job: the element `report`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Facts<'a> {
    version: u32,
    job: JobFacts<'a>,
    timeline_ms: i64,
    video: Option<&'a Video>,
    thumbnails: &'a [Thumbnail],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JobFacts<'a> {
    id: &'a str,
    status: &'a str,
    status_message: Option<&'a str>,
    tag: Option<&'a str>,
    video: StoredVideo<'a>,
    duration_ms: Option<i64>,
    frame_rate: Option<f32>,
    frame_width: Option<i64>,
    frame_height: Option<i64>,
    codec: Option<&'a str>,
    format: Option<&'a str>,
    color_range: Option<&'a str>,
    label_model_version: Option<&'a str>,
    completed_at_ms: Option<i64>,
    aggregate_by: &'a [String],
    label_count: Option<u64>,
    detection_count: Option<u64>,
    instance_count: Option<u64>,
    row_count: Option<u64>,
    segment_count: Option<u64>,
    /// True if `label-lake run` made up the labels.
    generated: bool,
}

#[derive(Debug, Serialize)]
struct StoredVideo<'a> {
    bucket: Option<&'a str>,
    key: Option<&'a str>,
    version: Option<&'a str>,
}

/// A label: an element of the array in the element `labels`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LabelFacts<'a> {
    name: Option<&'a str>,
    #[serde(flatten)]
    related: RelatedNames,
    samples: Option<u64>,
    instances: Option<u64>,
    segments: Option<u64>,
    /// Table that the lane and the time on screen come from.
    from: &'static str,
    first_ms: Option<i64>,
    last_ms: Option<i64>,
    on_screen_ms: i64,
    max_confidence: Option<f32>,
    /// Duration of a cell of the label's lane. `None` without a lane.
    pub(super) cell_ms: Option<i64>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(row: &'a JobRow, video: Option<&'a Video>, thumbnails: &'a [Thumbnail]) -> Self {
        let job = JobFacts {
            id: &row.job_id,
            status: &row.status,
            status_message: row.status_message.as_deref(),
            tag: row.job_tag.as_deref(),
            video: StoredVideo {
                bucket: row.video_bucket.as_deref(),
                key: row.video_key.as_deref(),
                version: row.video_version.as_deref(),
            },
            duration_ms: row.video_duration_ms,
            frame_rate: row.frame_rate,
            frame_width: row.frame_width,
            frame_height: row.frame_height,
            codec: row.codec.as_deref(),
            format: row.format.as_deref(),
            color_range: row.color_range.as_deref(),
            label_model_version: row.label_model_version.as_deref(),
            completed_at_ms: row.completed_at_ms,
            aggregate_by: &row.aggregate_by,
            label_count: row.label_count,
            detection_count: row.detection_count,
            instance_count: row.instance_count(),
            row_count: row.row_count,
            segment_count: row.segment_count,
            generated: row.label_model_version.as_deref() == Some(GENERATED),
        };
        Self { version: VERSION, job, timeline_ms: timeline_ms(row), video, thumbnails }
    }
}

impl<'a> LabelFacts<'a> {
    pub(super) fn new(label: &'a LabelRow, related: RelatedNames, from: &'static str, on_screen_ms: i64) -> Self {
        Self {
            name: label.label.as_deref(),
            related,
            samples: label.detections,
            instances: label.instances,
            segments: label.segments,
            from,
            first_ms: label.first_timestamp_ms,
            last_ms: label.last_timestamp_ms,
            on_screen_ms,
            max_confidence: label.max_confidence,
            cell_ms: None,
        }
    }
}

/// Returns the end of the time axis: that of the video, or the last time at which a label is seen if that is later. 0 if
/// neither is known.
pub(super) fn timeline_ms(row: &JobRow) -> i64 {
    let last = row.labels.iter().flatten().filter_map(|label| label.last_timestamp_ms).max();
    row.video_duration_ms.max(last).unwrap_or_default().max(0)
}

/// Returns the title of a job's page: the name of the video's file, or the ID of the job.
pub(super) fn title(row: &JobRow) -> &str {
    row.video_name().unwrap_or(&row.job_id)
}
