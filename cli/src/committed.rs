//! What the lake has of a job: its row in `jobs`, read back from the file, and its files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use label_lake::aws::names::KeyPrefix;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::Layout;
use parquet::file::reader::{ChunkReader, FileReader as _, SerializedFileReader};
use serde::{Deserialize, Serialize};

/// A row of `jobs`, by its columns, as far as it is shown.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(crate) struct JobRow {
    pub(crate) job_id: String,
    /// `SUCCEEDED` or `FAILED`: how the job ended at Rekognition.
    pub(crate) status: String,
    pub(crate) status_message: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) video_bucket: Option<String>,
    #[serde(skip_serializing)]
    pub(crate) video_key: Option<String>,
    pub(crate) video_duration_ms: Option<i64>,
    pub(crate) aggregate_by: Vec<String>,
    /// In `label_detections`.
    #[serde(rename(serialize = "rows"))]
    pub(crate) row_count: Option<u64>,
    #[serde(rename(serialize = "detections"))]
    pub(crate) detection_count: Option<u64>,
    /// In `label_segments`, one row each.
    #[serde(rename(serialize = "segments"))]
    pub(crate) segment_count: Option<u64>,
    /// How many different ones.
    #[serde(rename(serialize = "labels"))]
    pub(crate) label_count: Option<u64>,
    /// `None` if the job failed.
    #[serde(rename(serialize = "biggestLabels"))]
    pub(crate) labels: Option<Vec<LabelRow>>,
}

/// An element of its `labels`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(crate) struct LabelRow {
    /// `None` if it has no name.
    pub(crate) label: Option<String>,
    pub(crate) detections: Option<u64>,
    pub(crate) instances: Option<u64>,
    pub(crate) segments: Option<u64>,
    pub(crate) first_timestamp_ms: Option<i64>,
    pub(crate) last_timestamp_ms: Option<i64>,
    pub(crate) max_confidence: Option<f32>,
}

impl JobRow {
    /// Reads a file of `jobs`.
    pub(crate) fn read<R: ChunkReader + 'static>(file: R) -> anyhow::Result<Self> {
        let reader = SerializedFileReader::new(file)?;
        let row = reader.get_row_iter(None)?.next().ok_or_else(|| anyhow!("it has no row"))??;
        Ok(serde_json::from_value(row.to_json_value())?)
    }
}

/// The files of a job.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Files {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// A lake in a directory.
#[derive(Debug)]
pub(crate) struct LakeDirectory {
    root: PathBuf,
    layout: Layout,
}

impl LakeDirectory {
    pub(crate) fn new(root: &Path, prefix: &KeyPrefix) -> Self {
        Self { root: root.to_owned(), layout: Layout::new(prefix) }
    }

    /// Reads the row of a job that is committed.
    pub(crate) fn job(&self, job: &JobId) -> anyhow::Result<JobRow> {
        let path = self.root.join(self.layout.commit_key(job)?.as_str());
        let read = || JobRow::read(File::open(&path)?);
        read().with_context(|| format!("the row of the job cannot be read back from {}", path.display()))
    }

    /// Counts all files of a job, with that of its row.
    pub(crate) fn files(&self, job: &JobId) -> anyhow::Result<Files> {
        let row = fs::metadata(self.root.join(self.layout.commit_key(job)?.as_str()))?;
        let mut files = Files { count: 1, bytes: row.len() };
        for aggregation in Aggregation::ALL {
            let directory = self.root.join(self.layout.job_prefix(aggregation.table(), job));
            add_files(&directory, &mut files).with_context(|| format!("{} cannot be read", directory.display()))?;
        }
        Ok(files)
    }
}

fn add_files(directory: &Path, files: &mut Files) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            add_files(&entry.path(), files)?;
        } else {
            files.count += 1;
            files.bytes += metadata.len();
        }
    }
    Ok(())
}
