//! The row of a job in the table `jobs`.

use std::collections::BTreeMap;

use aws_sdk_rekognition::operation::get_label_detection::GetLabelDetectionOutput;
use aws_sdk_rekognition::types::{S3Object, VideoMetadata};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::notification::Completion;
use crate::table::aggregation::Aggregation;
use crate::table::content::ContentDigest;
use crate::table::grouping::ClosedLabel;
use crate::table::layout::LabelPartition;

use super::LabelSummary;

/// The final status of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStatus {
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

    /// Takes the facts that the reply does not have from the completion message.
    fn or(self, completion: &Completion) -> Self {
        let video = completion.video.as_ref();
        Self {
            job_tag: self.job_tag.or_else(|| completion.job_tag.clone()),
            video_bucket: self.video_bucket.or_else(|| video?.bucket.clone()),
            video_key: self.video_key.or_else(|| video?.key.clone()),
            ..self
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
    /// The facts in the first reply, or in the completion message where the reply has none.
    pub(crate) description: JobDescription,
    /// The exported aggregations.
    pub(crate) aggregations: Vec<Aggregation>,
    /// The summaries of each label.
    pub(crate) labels: BTreeMap<LabelPartition, JobLabel>,
    /// Digest of the row and the files of the job.
    pub(crate) content: String,
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
        Self::new(JobStatus::Failed, completion, description, aggregations, Vec::new())
    }

    /// Returns the row of a job that succeeded, with the labels of each exported aggregation.
    pub(crate) fn succeeded(
        completion: Completion,
        description: JobDescription,
        tables: Vec<(Aggregation, BTreeMap<LabelPartition, ClosedLabel>)>,
    ) -> Self {
        let aggregations = tables.iter().map(|(aggregation, _)| *aggregation).collect();
        Self::new(JobStatus::Succeeded, completion, description, aggregations, tables)
    }

    fn new(
        status: JobStatus,
        completion: Completion,
        description: JobDescription,
        aggregations: Vec<Aggregation>,
        tables: Vec<(Aggregation, BTreeMap<LabelPartition, ClosedLabel>)>,
    ) -> Self {
        let description = description.or(&completion);
        let mut content = ContentDigest::of_facts(&facts(status, &completion, &description, &aggregations));
        // If only one of two exported aggregations has a label, its summary for the other one is all zeros.
        let zeros = |aggregation| aggregations.contains(&aggregation).then(LabelSummary::default);
        let zeros = JobLabel { detections: zeros(Aggregation::Timestamps), segments: zeros(Aggregation::Segments) };
        let mut labels = BTreeMap::<LabelPartition, JobLabel>::new();
        for (aggregation, closed) in tables {
            for (label, ClosedLabel { summary, file }) in closed {
                content.add_file(aggregation.table(), &label, file);
                let entry = labels.entry(label).or_insert(zeros);
                match aggregation {
                    Aggregation::Timestamps => entry.detections = Some(summary),
                    Aggregation::Segments => entry.segments = Some(summary),
                }
            }
        }
        Self { status, completion, description, aggregations, labels, content: content.finish() }
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

/// Returns the values of the row before `label_count`, in the order of the table.
fn facts(
    status: JobStatus,
    completion: &Completion,
    description: &JobDescription,
    aggregations: &[Aggregation],
) -> Value {
    let aggregate_by: Vec<_> = aggregations.iter().map(|aggregation| aggregation.name()).collect();
    json!([
        completion.job_id.as_str(),
        status.name(),
        description.status_message,
        description.job_tag,
        description.video_bucket,
        description.video_key,
        description.video_version,
        completion.timestamp,
        description.label_model_version,
        description.codec,
        description.format,
        description.color_range,
        description.duration_ms,
        description.frame_rate,
        description.frame_width,
        description.frame_height,
        aggregate_by,
    ])
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::table::content::FileChecksum;

    /// Name and file of a label.
    type File<'a> = (Option<&'a str>, &'a [u8]);

    const DOG: &[u8] = b"dog";

    fn completion() -> Completion {
        serde_json::from_str(r#"{"JobId":"job-1","Timestamp":5,"Video":{"S3Bucket":"b"}}"#).unwrap()
    }

    fn description() -> JobDescription {
        JobDescription { frame_rate: Some(29.97), ..JobDescription::default() }
    }

    fn closed(labels: &[File<'_>]) -> BTreeMap<LabelPartition, ClosedLabel> {
        let closed = |bytes| ClosedLabel { summary: LabelSummary::default(), file: FileChecksum::of(bytes) };
        labels.iter().map(|(name, bytes)| (LabelPartition::new(*name), closed(bytes))).collect()
    }

    fn content(tables: &[(Aggregation, &[File<'_>])]) -> String {
        let tables = tables.iter().map(|(aggregation, labels)| (*aggregation, closed(labels))).collect();
        JobRow::succeeded(completion(), description(), tables).content
    }

    #[test]
    fn content_is_the_sha_256_of_the_documented_lines() {
        let lines = concat!(
            r#"["job-1","SUCCEEDED",null,null,"b",null,null,5,null,null,null,null,null,29.969999313354492,null,null,"#,
            r#"["TIMESTAMPS","SEGMENTS"]]"#,
            "\n",
            r#"["label_detections",null,3,2743272264]"#,
            "\n",
            r#"["label_detections","Dog",3,2167159165]"#,
            "\n",
            r#"["label_segments","a\"b",0,0]"#,
            "\n",
        );
        let expected = Sha256::digest(lines).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let detections: &[File<'_>] = &[(Some("Dog"), DOG), (None, b"ABC")];
        let segments: &[File<'_>] = &[(Some("a\"b"), b"")];
        assert_eq!(content(&[(Aggregation::Timestamps, detections), (Aggregation::Segments, segments)]), expected);
    }

    #[test]
    fn content_changes_with_every_file() {
        let table = |labels| content(&[(Aggregation::Timestamps, labels)]);
        let mut all = vec![
            table(&[]),
            table(&[(Some("Dog"), DOG)]),
            table(&[(Some("Dog"), b"dig")]),
            table(&[(Some("Dog"), b"doge")]),
            table(&[(Some("Cat"), DOG)]),
            table(&[(None, DOG)]),
            table(&[(Some("Cat"), DOG), (Some("Dog"), DOG)]),
            content(&[(Aggregation::Segments, &[(Some("Dog"), DOG)])]),
            content(&[(Aggregation::Timestamps, &[(Some("Dog"), DOG)]), (Aggregation::Segments, &[])]),
        ];
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "every digest is different");
    }

    #[test]
    fn content_changes_with_every_fact() {
        let failed = |edit: fn(&mut Completion, &mut JobDescription)| {
            let (mut completion, mut description) = (completion(), description());
            edit(&mut completion, &mut description);
            JobRow::failed(completion, description, vec![Aggregation::Timestamps]).content
        };
        let unchanged = failed(|_, _| ());
        assert_eq!(unchanged, failed(|completion, _| completion.overwrite = true));
        // A fact of the message counts only if the reply does not have it.
        assert_eq!(unchanged, failed(|_, description| description.video_bucket = Some("b".to_owned())));
        let mut all = vec![
            unchanged,
            content(&[(Aggregation::Timestamps, &[])]),
            failed(|completion, _| completion.timestamp = None),
            failed(|completion, _| completion.job_tag = Some("x".to_owned())),
            failed(|completion, _| completion.video = None),
            failed(|_, description| description.status_message = Some("x".to_owned())),
            failed(|_, description| description.video_bucket = Some("x".to_owned())),
            failed(|_, description| description.video_key = Some("x".to_owned())),
            failed(|_, description| description.video_version = Some("x".to_owned())),
            failed(|_, description| description.label_model_version = Some("x".to_owned())),
            failed(|_, description| description.codec = Some("x".to_owned())),
            failed(|_, description| description.format = Some("x".to_owned())),
            failed(|_, description| description.color_range = Some("x".to_owned())),
            failed(|_, description| description.duration_ms = Some(1)),
            failed(|_, description| description.frame_rate = Some(30.0)),
            failed(|_, description| description.frame_width = Some(1)),
            failed(|_, description| description.frame_height = Some(1)),
        ];
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "every digest is different");
        let both = JobRow::failed(completion(), description(), Aggregation::ALL.to_vec());
        assert!(!all.contains(&both.content));
    }
}
