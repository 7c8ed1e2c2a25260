//! The row of `jobs`.

use std::collections::BTreeMap;

use aws_sdk_rekognition::operation::get_label_detection::GetLabelDetectionOutput;
use aws_sdk_rekognition::types::{S3Object, VideoMetadata};
use serde::{Deserialize, Serialize};

use crate::notification::Completion;
use crate::table::aggregation::Aggregation;
use crate::table::layout::LabelPartition;

use super::LabelSummary;

/// How the job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStatus {
    /// Its labels are in the lake.
    Succeeded,
    /// It has none; `status_message` says why.
    Failed,
}

impl JobStatus {
    /// The API's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }
}

/// What a reply says of the job, beside its labels.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct JobDescription {
    /// `StatusMessage`.
    pub status_message: Option<String>,
    /// `JobTag`.
    pub job_tag: Option<String>,
    /// `Video.S3Object.Bucket`.
    pub video_bucket: Option<String>,
    /// `Video.S3Object.Name`.
    pub video_key: Option<String>,
    /// `Video.S3Object.Version`.
    pub video_version: Option<String>,
    /// `LabelModelVersion`.
    pub label_model_version: Option<String>,
    /// `VideoMetadata.Codec`.
    pub codec: Option<String>,
    /// `VideoMetadata.Format`.
    pub format: Option<String>,
    /// `VideoMetadata.ColorRange`.
    pub color_range: Option<String>,
    /// `VideoMetadata.DurationMillis`.
    pub duration_ms: Option<i64>,
    /// `VideoMetadata.FrameRate`.
    pub frame_rate: Option<f32>,
    /// `VideoMetadata.FrameWidth`.
    pub frame_width: Option<i64>,
    /// `VideoMetadata.FrameHeight`.
    pub frame_height: Option<i64>,
}

impl JobDescription {
    /// Takes it out of a reply.
    pub fn of(reply: GetLabelDetectionOutput) -> Self {
        let video = reply.video.and_then(|video| video.s3_object).unwrap_or_else(|| S3Object::builder().build());
        let metadata = reply.video_metadata.unwrap_or_else(|| VideoMetadata::builder().build());
        Self {
            status_message: reply.status_message,
            job_tag: reply.job_tag,
            video_bucket: video.bucket,
            video_key: video.name,
            video_version: video.version,
            label_model_version: reply.label_model_version,
            codec: metadata.codec,
            format: metadata.format,
            color_range: metadata.color_range.map(|range| range.as_str().to_owned()),
            duration_ms: metadata.duration_millis,
            frame_rate: metadata.frame_rate,
            frame_width: metadata.frame_width,
            frame_height: metadata.frame_height,
        }
    }
}

/// What is known of a job when it is committed. See [`crate::table::schema::JOBS`].
#[derive(Clone, Debug)]
pub struct JobRow {
    /// How it ended.
    pub status: JobStatus,
    /// The completion message.
    pub completion: Completion,
    /// What the first reply says of it. Where it says what the message says too, it counts.
    pub description: JobDescription,
    /// What was exported.
    pub aggregations: Vec<Aggregation>,
    /// What is in it, by label.
    pub labels: BTreeMap<LabelPartition, JobLabel>,
}

/// One element of `jobs.labels`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JobLabel {
    /// From `TIMESTAMPS`, if asked for.
    pub detections: Option<LabelSummary>,
    /// From `SEGMENTS`, if asked for.
    pub segments: Option<LabelSummary>,
}

impl JobLabel {
    /// Times and confidence come from the detections if asked for, else from the segments.
    pub fn seen(&self) -> LabelSummary {
        self.detections.or(self.segments).unwrap_or_default()
    }
}

impl JobRow {
    /// The row of a job that failed.
    pub fn failed(completion: Completion, description: JobDescription, aggregations: Vec<Aggregation>) -> Self {
        Self { status: JobStatus::Failed, completion, description, aggregations, labels: BTreeMap::new() }
    }

    /// The row of a job that succeeded, with the summaries of each aggregation asked for.
    pub fn succeeded(
        completion: Completion,
        description: JobDescription,
        summaries: Vec<(Aggregation, BTreeMap<LabelPartition, LabelSummary>)>,
    ) -> Self {
        let aggregations: Vec<_> = summaries.iter().map(|(aggregation, _)| *aggregation).collect();
        // A label may be in one aggregation only; in the other it has been seen no times.
        let none = |aggregation| aggregations.contains(&aggregation).then(LabelSummary::default);
        let absent = JobLabel { detections: none(Aggregation::Timestamps), segments: none(Aggregation::Segments) };
        let mut labels = BTreeMap::<LabelPartition, JobLabel>::new();
        for (aggregation, summaries) in summaries {
            for (label, summary) in summaries {
                let entry = labels.entry(label).or_insert(absent);
                match aggregation {
                    Aggregation::Timestamps => entry.detections = Some(summary),
                    Aggregation::Segments => entry.segments = Some(summary),
                }
            }
        }
        Self { status: JobStatus::Succeeded, completion, description, aggregations, labels }
    }

    /// The labels that have rows, and so a file, in the table of an aggregation.
    pub fn labels_in(&self, aggregation: Aggregation) -> impl Iterator<Item = &LabelPartition> {
        let rows = move |label: &JobLabel| match aggregation {
            Aggregation::Timestamps => label.detections,
            Aggregation::Segments => label.segments,
        };
        let has_rows = move |label: &JobLabel| rows(label).is_some_and(|summary| summary.rows > 0);
        self.labels.iter().filter(move |(_, label)| has_rows(label)).map(|(label, _)| label)
    }

    /// The sum of a number over all labels; `None` if the job failed or the aggregation was not asked for.
    pub fn total(&self, aggregation: Aggregation, number: impl Fn(&LabelSummary) -> u64) -> Option<u64> {
        let asked_for = self.status == JobStatus::Succeeded && self.aggregations.contains(&aggregation);
        let summaries = self.labels.values().filter_map(|label| match aggregation {
            Aggregation::Timestamps => label.detections.as_ref(),
            Aggregation::Segments => label.segments.as_ref(),
        });
        asked_for.then(|| summaries.map(number).sum())
    }
}
