//! A row of the table `jobs`, read from its Parquet file.

use anyhow::Context as _;
use parquet::file::reader::{ChunkReader, FileReader as _, SerializedFileReader};
use serde::{Deserialize, Serialize};

/// The columns of a row of `jobs` that the commands show.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(crate) struct JobRow {
    pub(crate) job_id: String,
    /// Status of the job at Rekognition: `SUCCEEDED` or `FAILED`.
    pub(crate) status: String,
    pub(crate) status_message: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) video_bucket: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) video_key: Option<String>,
    pub(crate) video_duration_ms: Option<i64>,
    #[serde(skip_serializing)]
    pub(crate) label_model_version: Option<String>,
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
    /// `None` if the job failed.
    #[serde(rename(serialize = "biggestLabels"))]
    pub(crate) labels: Option<Vec<LabelRow>>,
}

/// An element of the column `labels`.
#[derive(Debug, Deserialize, Serialize)]
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
        let reader = SerializedFileReader::new(file)?;
        let row = reader.get_row_iter(None)?.next().context("the file has no row")??;
        Ok(serde_json::from_value(row.to_json_value())?)
    }

    /// Returns the S3 URL of the video, if it is known.
    pub(crate) fn video(&self) -> Option<String> {
        let (bucket, key) = self.video_bucket.as_ref().zip(self.video_key.as_ref())?;
        Some(format!("s3://{bucket}/{key}"))
    }
}

impl LabelRow {
    /// Returns the number of detections, or the number of segments if the detections were not exported.
    pub(crate) fn count(&self) -> u64 {
        self.detections.or(self.segments).unwrap_or_default()
    }
}
