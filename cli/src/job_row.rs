//! A row of the table `jobs`, read from its Parquet file.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, ensure};
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::LabelPartition;
use parquet::file::reader::{ChunkReader, FileReader as _, SerializedFileReader};
use parquet::schema::types::Type;
use serde::{Deserialize, Serialize};

use crate::error::with_hint;
use crate::parquet_decoder::decode;

/// Column with the labels of the job. It may be much larger than the other columns together.
const LABELS: &str = "labels";

/// A row of `jobs`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(crate) struct JobRow {
    pub(crate) job_id: String,
    /// Status of the job at Rekognition: `SUCCEEDED` or `FAILED`.
    pub(crate) status: String,
    pub(crate) status_message: Option<String>,
    pub(crate) job_tag: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) video_bucket: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) video_key: Option<String>,
    pub(crate) video_version: Option<String>,
    /// Unix milliseconds. `None` if the completion message does not have the time.
    pub(crate) completed_at_ms: Option<i64>,
    pub(crate) label_model_version: Option<String>,
    pub(crate) codec: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) color_range: Option<String>,
    pub(crate) video_duration_ms: Option<i64>,
    pub(crate) frame_rate: Option<f32>,
    pub(crate) frame_width: Option<i64>,
    pub(crate) frame_height: Option<i64>,
    pub(crate) aggregate_by: Vec<String>,
    /// Number of rows in `label_detections`.
    #[serde(rename(serialize = "rows"))]
    pub(crate) row_count: Option<u64>,
    #[serde(rename(serialize = "detections"))]
    pub(crate) detection_count: Option<u64>,
    /// Number of segments, and of rows in `label_segments`.
    #[serde(rename(serialize = "segments"))]
    pub(crate) segment_count: Option<u64>,
    /// Number of distinct labels.
    #[serde(rename(serialize = "labels"))]
    pub(crate) label_count: Option<u64>,
    /// `None` if the job failed, or if the labels were not read.
    #[serde(rename(serialize = "biggestLabels"), skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<Vec<LabelRow>>,
}

/// An element of the column `labels`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(crate) struct LabelRow {
    /// `None` if the label has no name.
    pub(crate) label: Option<String>,
    pub(crate) detections: Option<u64>,
    pub(crate) instances: Option<u64>,
    pub(crate) segments: Option<u64>,
    pub(crate) first_timestamp_ms: Option<i64>,
    pub(crate) last_timestamp_ms: Option<i64>,
    pub(crate) max_confidence: Option<f32>,
}

impl JobRow {
    /// Reads the row from a Parquet file of `jobs`.
    pub(crate) fn read<R: ChunkReader + 'static>(file: R) -> anyhow::Result<Self> {
        decode(|| Self::read_columns(file, |_| true))
    }

    /// Reads the row of a job without its labels.
    pub(crate) fn read_without_labels<R: ChunkReader + 'static>(file: R) -> anyhow::Result<Self> {
        decode(|| Self::read_columns(file, |column| column != LABELS))
    }

    fn read_columns<R: ChunkReader + 'static>(file: R, is_read: impl Fn(&str) -> bool) -> anyhow::Result<Self> {
        let reader = SerializedFileReader::new(file)?;
        let schema = reader.metadata().file_metadata().schema();
        let columns = schema.get_fields().iter().filter(|column| is_read(column.name())).map(Arc::clone).collect();
        let projection = Type::group_type_builder(schema.name()).with_fields(columns).build()?;
        let row = reader.get_row_iter(Some(projection))?.next().context("the file has no row")??;
        Ok(serde_json::from_value(row.to_json_value())?)
    }

    /// Checks that the row belongs to this job, as the name of its file says.
    pub(crate) fn of_job(self, job: &JobId) -> anyhow::Result<Self> {
        ensure!(self.job_id == job.as_str(), "it has the row of job {:?}", self.job_id);
        Ok(self)
    }

    /// Returns the reason for which the job failed at Rekognition, or `None` if it succeeded.
    pub(crate) fn failure(&self) -> Option<&str> {
        (self.status == "FAILED").then(|| self.status_message.as_deref().unwrap_or("no reason given"))
    }

    /// Returns the S3 URL of the video.
    pub(crate) fn video(&self) -> Option<String> {
        let (bucket, key) = self.video_bucket.as_ref().zip(self.video_key.as_ref())?;
        Some(format!("s3://{bucket}/{key}"))
    }

    /// Returns the name of the video's file.
    pub(crate) fn video_name(&self) -> Option<&str> {
        let name = self.video_key.as_deref()?.rsplit('/').next();
        name.filter(|name| !name.is_empty())
    }

    /// Finds a label by its exact name. An empty name is the label without a name. `hint` is the next step if there is no
    /// label with a similar name.
    pub(crate) fn find_label(&self, name: &str, hint: &str) -> anyhow::Result<&LabelRow> {
        let labels = self.labels.as_deref().unwrap_or_default();
        let partition = LabelPartition::new(Some(name));
        if let Some(label) = labels.iter().find(|label| label.partition() == partition) {
            return Ok(label);
        }
        let mut names = labels.iter().filter_map(|label| label.label.as_deref());
        let error = anyhow!("job {} has no label {name:?}", self.job_id);
        match names.find(|other| other.to_lowercase() == name.to_lowercase()) {
            Some(similar) => Err(with_hint(error, format!("its name is {similar:?}"))),
            None => Err(with_hint(error, hint)),
        }
    }

    /// Returns the time at which the job ended at Rekognition.
    pub(crate) fn completed_at(&self) -> Option<SystemTime> {
        let ms = u64::try_from(self.completed_at_ms?).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(ms))
    }

    /// Returns the number of instances, or `None` if the detections were not exported.
    pub(crate) fn instance_count(&self) -> Option<u64> {
        // A job without labels has the sum 0, even if its detections were not exported.
        self.detection_count?;
        self.labels.iter().flatten().map(|label| label.instances).sum()
    }

    /// Returns the number of files that the row calls for, including its own file.
    pub(crate) fn expected_files(&self) -> u64 {
        let files = self.labels.iter().flatten().flat_map(|label| Aggregation::ALL.map(|table| label.is_in(table)));
        files.filter(|&is_there| is_there).count() as u64 + 1
    }
}

impl LabelRow {
    /// Returns the number of detections, or the number of segments if the detections were not exported.
    pub(crate) fn count(&self) -> u64 {
        self.detections.or(self.segments).unwrap_or_default()
    }

    /// Returns the partition of the label.
    pub(crate) fn partition(&self) -> LabelPartition {
        LabelPartition::new(self.label.as_deref())
    }

    /// Returns the table that shows when the label is seen: the first table in which the label has rows.
    pub(crate) fn timeline_table(&self) -> Option<Aggregation> {
        Aggregation::ALL.into_iter().find(|&aggregation| self.is_in(aggregation))
    }

    /// Returns true if the label has rows, and so a file and a partition, in the table of an aggregation.
    pub(crate) fn is_in(&self, aggregation: Aggregation) -> bool {
        let count = match aggregation {
            Aggregation::Timestamps => self.detections,
            Aggregation::Segments => self.segments,
        };
        count > Some(0)
    }
}
