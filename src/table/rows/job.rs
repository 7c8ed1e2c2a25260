//! The row of a job in the table `jobs`.

use std::collections::BTreeMap;

use aws_sdk_rekognition::operation::get_label_detection::GetLabelDetectionOutput;
use aws_sdk_rekognition::types::{S3Object, VideoMetadata};
use serde::{Deserialize, Serialize};

use crate::notification::Completion;
use crate::table::aggregation::Aggregation;
use crate::table::layout::LabelPartition;

use super::LabelSummary;

/// The final status of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobStatus {
    /// The labels of the job are in the lake.
    Succeeded,
    /// The job has no labels; `status_message` has the reason.
    Failed,
}

impl JobStatus {
    /// Returns the name that the API uses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }
}

/// The facts in a reply about the job itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct JobDescription {
    /// `StatusMessage`.
    pub(crate) status_message: Option<String>,
    /// `JobTag`.
    pub(crate) job_tag: Option<String>,
    /// `Video.S3Object.Bucket`.
    pub(crate) video_bucket: Option<String>,
    /// `Video.S3Object.Name`.
    pub(crate) video_key: Option<String>,
    /// `Video.S3Object.Version`.
    pub(crate) video_version: Option<String>,
    /// `LabelModelVersion`.
    pub(crate) label_model_version: Option<String>,
    /// `VideoMetadata.Codec`.
    pub(crate) codec: Option<String>,
    /// `VideoMetadata.Format`.
    pub(crate) format: Option<String>,
    /// `VideoMetadata.ColorRange`.
    pub(crate) color_range: Option<String>,
    /// `VideoMetadata.DurationMillis`.
    pub(crate) duration_ms: Option<i64>,
    /// `VideoMetadata.FrameRate`.
    pub(crate) frame_rate: Option<f32>,
    /// `VideoMetadata.FrameWidth`.
    pub(crate) frame_width: Option<i64>,
    /// `VideoMetadata.FrameHeight`.
    pub(crate) frame_height: Option<i64>,
}

impl JobDescription {
    /// Takes the description out of a reply.
    pub(crate) fn of(reply: GetLabelDetectionOutput) -> Self {
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

/// The row of a job. See [`crate::table::schema::JOBS`] for its columns.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// Final status of the job.
    pub(crate) status: JobStatus,
    /// The completion message.
    pub(crate) completion: Completion,
    /// The facts in the first reply. They take precedence over those in the completion message.
    pub(crate) description: JobDescription,
    /// The exported aggregations.
    pub(crate) aggregations: Vec<Aggregation>,
    /// The summaries of each label.
    pub(crate) labels: BTreeMap<LabelPartition, JobLabel>,
}

/// One element of the column `labels`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct JobLabel {
    /// Summary of the detections. `None` if `TIMESTAMPS` was not exported.
    pub(crate) detections: Option<LabelSummary>,
    /// Summary of the segments. `None` if `SEGMENTS` was not exported.
    pub(crate) segments: Option<LabelSummary>,
}

impl JobLabel {
    /// Returns the summary that times and confidence come from: that of the detections if they were exported, otherwise
    /// that of the segments.
    pub(crate) fn times_and_confidence(&self) -> LabelSummary {
        self.detections.or(self.segments).unwrap_or_default()
    }
}

impl JobRow {
    /// Returns the row of a job that failed.
    pub(crate) fn failed(completion: Completion, description: JobDescription, aggregations: Vec<Aggregation>) -> Self {
        Self { status: JobStatus::Failed, completion, description, aggregations, labels: BTreeMap::new() }
    }

    /// Returns the row of a job that succeeded, with the summaries of each exported aggregation.
    pub(crate) fn succeeded(
        completion: Completion,
        description: JobDescription,
        summaries: Vec<(Aggregation, BTreeMap<LabelPartition, LabelSummary>)>,
    ) -> Self {
        let aggregations: Vec<_> = summaries.iter().map(|(aggregation, _)| *aggregation).collect();
        // If only one of two exported aggregations has a label, its summary for the other one is all zeros.
        let zeros = |aggregation| aggregations.contains(&aggregation).then(LabelSummary::default);
        let zeros = JobLabel { detections: zeros(Aggregation::Timestamps), segments: zeros(Aggregation::Segments) };
        let mut labels = BTreeMap::<LabelPartition, JobLabel>::new();
        for (aggregation, summaries) in summaries {
            for (label, summary) in summaries {
                let entry = labels.entry(label).or_insert(zeros);
                match aggregation {
                    Aggregation::Timestamps => entry.detections = Some(summary),
                    Aggregation::Segments => entry.segments = Some(summary),
                }
            }
        }
        Self { status: JobStatus::Succeeded, completion, description, aggregations, labels }
    }

    /// Returns the labels that have rows, and so a file, in the table of an aggregation.
    pub(crate) fn labels_in(&self, aggregation: Aggregation) -> impl Iterator<Item = &LabelPartition> {
        let rows = move |label: &JobLabel| match aggregation {
            Aggregation::Timestamps => label.detections,
            Aggregation::Segments => label.segments,
        };
        let has_rows = move |label: &JobLabel| rows(label).is_some_and(|summary| summary.rows > 0);
        self.labels.iter().filter(move |(_, label)| has_rows(label)).map(|(label, _)| label)
    }

    /// Returns the sum of a number over all labels, or `None` if the job failed or the aggregation was not exported.
    pub(crate) fn total(&self, aggregation: Aggregation, number: impl Fn(&LabelSummary) -> u64) -> Option<u64> {
        let is_exported = self.status == JobStatus::Succeeded && self.aggregations.contains(&aggregation);
        let summaries = self.labels.values().filter_map(|label| match aggregation {
            Aggregation::Timestamps => label.detections.as_ref(),
            Aggregation::Segments => label.segments.as_ref(),
        });
        is_exported.then(|| summaries.map(number).sum())
    }
}
