//! Encodes files of the table `jobs`, which have one row.

use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use ::parquet::errors::ParquetError;

use super::Format;
use super::columns::Columns;
use crate::table::aggregation::Aggregation;
use crate::table::layout::LabelPartition;
use crate::table::rows::{JobLabel, JobRow, JobStatus, LabelSummary};
use crate::table::schema::JOBS;

/// Encodes the row of a job as a file.
pub(super) fn encode(row: &JobRow) -> Result<Vec<u8>, ParquetError> {
    let JobRow { status, completion, description, aggregations, labels, content } = row;
    let job = &completion.job_id;
    let succeeded = *status == JobStatus::Succeeded;

    let mut file = Format::new(&JOBS, job).start_file(1)?;
    let mut columns = Columns::start(&mut file)?;
    let mut text = |name, value: Option<&str>| columns.values::<ByteArrayType>(name, once(value.map(ByteArray::from)));
    text("job_id", Some(job.as_str()))?;
    text("status", Some(status.name()))?;
    text("status_message", description.status_message.as_deref())?;
    text("job_tag", description.job_tag.as_deref())?;
    text("video_bucket", description.video_bucket.as_deref())?;
    text("video_key", description.video_key.as_deref())?;
    text("video_version", description.video_version.as_deref())?;
    columns.values::<Int64Type>("completed_at_ms", once(completion.timestamp))?;
    let mut text = |name, value: Option<&str>| columns.values::<ByteArrayType>(name, once(value.map(ByteArray::from)));
    text("label_model_version", description.label_model_version.as_deref())?;
    text("codec", description.codec.as_deref())?;
    text("format", description.format.as_deref())?;
    text("color_range", description.color_range.as_deref())?;
    columns.values::<Int64Type>("video_duration_ms", once(description.duration_ms))?;
    columns.values::<FloatType>("frame_rate", once(description.frame_rate))?;
    columns.values::<Int64Type>("frame_width", once(description.frame_width))?;
    columns.values::<Int64Type>("frame_height", once(description.frame_height))?;
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
    let first = fields::<Int64Type>(labels, |_, label| label.times_and_confidence().first_timestamp_ms);
    columns.field::<Int64Type>("first_timestamp_ms", first.as_deref())?;
    let last = fields::<Int64Type>(labels, |_, label| label.times_and_confidence().last_timestamp_ms);
    columns.field::<Int64Type>("last_timestamp_ms", last.as_deref())?;
    let confidence = fields::<FloatType>(labels, |_, label| label.times_and_confidence().max_confidence);
    columns.field::<FloatType>("max_confidence", confidence.as_deref())?;
    columns.values::<ByteArrayType>("content", once(Some(ByteArray::from(content.as_str()))))?;
    columns.finish()?;
    file.into_inner()
}

fn once<T>(cell: Option<T>) -> impl Iterator<Item = Option<T>> {
    std::iter::once(cell)
}

/// Returns one field of every element of `labels`.
fn fields<T: DataType>(
    labels: Option<&[(&LabelPartition, &JobLabel)]>,
    field: impl Fn(&LabelPartition, &JobLabel) -> Option<T::T>,
) -> Option<Vec<Option<T::T>>> {
    labels.map(|labels| labels.iter().map(|(label, summary)| field(label, summary)).collect())
}
