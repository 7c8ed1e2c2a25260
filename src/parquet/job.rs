//! A file of `jobs`: one row.

use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use ::parquet::errors::ParquetError;
use aws_sdk_rekognition::types::{VideoColorRange, VideoMetadata};

use super::columns::Columns;
use crate::layout::Label;
use crate::pages::Aggregation;
use crate::rows::{JobLabel, JobRow, JobStatus, LabelSummary};
use crate::tables::JOBS;

/// Encodes the row of a job.
pub(super) fn encode(row: &JobRow) -> Result<Vec<u8>, ParquetError> {
    let JobRow { status, completion, reply, aggregations, labels } = row;
    let job = &completion.job_id;
    let video = reply.video().and_then(|video| video.s3_object());
    let announced = completion.video.as_ref();
    let metadata = reply.video_metadata().cloned().unwrap_or_else(|| VideoMetadata::builder().build());
    let succeeded = *status == JobStatus::Succeeded;

    let mut file = super::file(&JOBS, job, 1)?;
    let mut columns = Columns::begin(&mut file)?;
    let mut text = |name, value: Option<&str>| columns.values::<ByteArrayType>(name, once(value.map(ByteArray::from)));
    text("job_id", Some(job.as_str()))?;
    text("status", Some(status.name()))?;
    text("status_message", reply.status_message())?;
    text("job_tag", reply.job_tag().or(completion.job_tag.as_deref()))?;
    text(
        "video_bucket",
        video.and_then(|video| video.bucket()).or(announced.and_then(|video| video.bucket.as_deref())),
    )?;
    text("video_key", video.and_then(|video| video.name()).or(announced.and_then(|video| video.key.as_deref())))?;
    text("video_version", video.and_then(|video| video.version()))?;
    columns.values::<Int64Type>("completed_at_ms", once(completion.timestamp))?;
    let mut text = |name, value: Option<&str>| columns.values::<ByteArrayType>(name, once(value.map(ByteArray::from)));
    text("label_model_version", reply.label_model_version())?;
    text("codec", metadata.codec())?;
    text("format", metadata.format())?;
    text("color_range", metadata.color_range().map(VideoColorRange::as_str))?;
    columns.values::<Int64Type>("video_duration_ms", once(metadata.duration_millis()))?;
    columns.values::<FloatType>("frame_rate", once(metadata.frame_rate()))?;
    columns.values::<Int64Type>("frame_width", once(metadata.frame_width()))?;
    columns.values::<Int64Type>("frame_height", once(metadata.frame_height()))?;
    let names = aggregations.iter().map(|aggregation| Some(ByteArray::from(aggregation.name()))).collect();
    columns.lists("aggregate_by", [Some(names)].iter())?;
    columns.values::<Int32Type>("label_count", once(succeeded.then_some(labels.len() as i32)))?;
    let mut total = |name, aggregation, number: fn(&LabelSummary) -> u64| {
        columns.values::<Int64Type>(name, once(row.total(aggregation, number).map(|total| total as i64)))
    };
    total("detection_count", Aggregation::Timestamps, |summary| summary.count)?;
    total("row_count", Aggregation::Timestamps, |summary| summary.rows)?;
    total("segment_count", Aggregation::Segments, |summary| summary.count)?;

    let labels: Option<Vec<_>> = succeeded.then(|| labels.iter().collect());
    let labels = labels.as_deref();
    let count = |number: fn(&JobLabel) -> Option<u64>| {
        fields::<Int64Type>(labels, move |_, label| number(label).map(|number| number as i64))
    };
    let name = fields::<ByteArrayType>(labels, |label, _| label.name().map(ByteArray::from));
    columns.field::<ByteArrayType>("label", name.as_deref())?;
    let detections = count(|label| label.detections.map(|detections| detections.count));
    columns.field::<Int64Type>("detections", detections.as_deref())?;
    let instances = count(|label| label.detections.map(|detections| detections.instances));
    columns.field::<Int64Type>("instances", instances.as_deref())?;
    let segments = count(|label| label.segments.map(|segments| segments.count));
    columns.field::<Int64Type>("segments", segments.as_deref())?;
    let first = fields::<Int64Type>(labels, |_, label| label.seen().first_timestamp_ms);
    columns.field::<Int64Type>("first_timestamp_ms", first.as_deref())?;
    let last = fields::<Int64Type>(labels, |_, label| label.seen().last_timestamp_ms);
    columns.field::<Int64Type>("last_timestamp_ms", last.as_deref())?;
    let confidence = fields::<FloatType>(labels, |_, label| label.seen().max_confidence);
    columns.field::<FloatType>("max_confidence", confidence.as_deref())?;
    columns.end()?;
    file.into_inner()
}

fn once<T>(cell: Option<T>) -> impl Iterator<Item = Option<T>> {
    std::iter::once(cell)
}

/// One field of every element of `labels`.
fn fields<T: DataType>(
    labels: Option<&[(&Label, &JobLabel)]>,
    field: impl Fn(&Label, &JobLabel) -> Option<T::T>,
) -> Option<Vec<Option<T::T>>> {
    labels.map(|labels| labels.iter().map(|(label, summary)| field(label, summary)).collect())
}
