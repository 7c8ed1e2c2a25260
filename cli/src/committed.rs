//! What the lake has of a job: its row in `jobs`, read back from the file, and its files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use label_lake::layout::{Label, Layout};
use label_lake::notification::JobId;
use label_lake::pages::Aggregation;
use label_lake::tables::Table;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};

/// A row of `jobs`.
#[derive(Debug, Default)]
pub(crate) struct CommittedJob {
    pub(crate) status: String,
    pub(crate) status_message: Option<String>,
    pub(crate) video_bucket: Option<String>,
    pub(crate) video_key: Option<String>,
    pub(crate) video_duration_ms: Option<i64>,
    pub(crate) aggregate_by: Vec<String>,
    pub(crate) detections: Option<i64>,
    pub(crate) rows: Option<i64>,
    pub(crate) segments: Option<i64>,
    /// `None` if the job failed.
    pub(crate) labels: Option<Vec<CommittedLabel>>,
}

/// An element of its `labels`.
#[derive(Debug, Default)]
pub(crate) struct CommittedLabel {
    pub(crate) name: Option<String>,
    pub(crate) detections: Option<i64>,
    pub(crate) instances: Option<i64>,
    pub(crate) segments: Option<i64>,
    pub(crate) first_timestamp_ms: Option<i64>,
    pub(crate) last_timestamp_ms: Option<i64>,
    pub(crate) max_confidence: Option<f32>,
}

/// The files of a job in one table, or of its row.
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
    pub(crate) fn new(root: &Path, prefix: &str) -> Self {
        Self { root: root.to_owned(), layout: Layout::new(prefix) }
    }

    /// Reads the row of a job that is committed.
    pub(crate) fn job(&self, job: &JobId) -> anyhow::Result<CommittedJob> {
        let path = self.root.join(self.layout.commit(job)?.as_str());
        let read = || -> anyhow::Result<CommittedJob> {
            let mut rows = SerializedFileReader::new(File::open(&path)?)?.into_iter();
            let row = rows.next().ok_or_else(|| anyhow!("it has no row"))?;
            Ok(CommittedJob::from(&row?))
        };
        read().with_context(|| format!("the row of the job cannot be read back from {}", path.display()))
    }

    /// Counts all files of a job.
    pub(crate) fn files(&self, job: &JobId) -> anyhow::Result<Files> {
        let mut files =
            Files { count: 1, bytes: fs::metadata(self.root.join(self.layout.commit(job)?.as_str()))?.len() };
        for aggregation in Aggregation::ALL {
            let directory = self.root.join(self.layout.partitions(aggregation.table(), job));
            add_files(&directory, &mut files).with_context(|| format!("{} cannot be read", directory.display()))?;
        }
        Ok(files)
    }

    /// How many rows the file of a label has, from its footer; `None` without a file.
    pub(crate) fn rows(&self, table: &Table, job: &JobId, label: &CommittedLabel) -> anyhow::Result<Option<i64>> {
        let key = self.layout.part(table, job, &Label::new(label.name.as_deref()))?;
        match File::open(self.root.join(key.as_str())) {
            Ok(file) => Ok(Some(SerializedFileReader::new(file)?.metadata().file_metadata().num_rows())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{key} cannot be read")),
        }
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

impl CommittedJob {
    /// How many files the tables have for it, without its row.
    pub(crate) fn expected_files(&self) -> u64 {
        let labels = self.labels.iter().flatten();
        let files = labels.map(|label| [label.detections, label.segments].iter().flatten().filter(|&&n| n > 0).count());
        files.sum::<usize>() as u64
    }

    pub(crate) fn instances(&self) -> Option<i64> {
        self.labels.as_ref()?.iter().map(|label| label.instances).sum()
    }
}

impl From<&Row> for CommittedJob {
    fn from(row: &Row) -> Self {
        let mut job = Self::default();
        for (name, field) in row.get_column_iter() {
            match &**name {
                "status" => job.status = text(field).unwrap_or_default(),
                "status_message" => job.status_message = text(field),
                "video_bucket" => job.video_bucket = text(field),
                "video_key" => job.video_key = text(field),
                "video_duration_ms" => job.video_duration_ms = number(field),
                "aggregate_by" => job.aggregate_by = list(field).unwrap_or_default().iter().filter_map(text).collect(),
                "detection_count" => job.detections = number(field),
                "row_count" => job.rows = number(field),
                "segment_count" => job.segments = number(field),
                "labels" => job.labels = list(field).map(|labels| labels.iter().map(CommittedLabel::from).collect()),
                _ => {}
            }
        }
        job
    }
}

impl From<&Field> for CommittedLabel {
    fn from(element: &Field) -> Self {
        let mut label = Self::default();
        let Field::Group(fields) = element else { return label };
        for (name, field) in fields.get_column_iter() {
            match &**name {
                "label" => label.name = text(field),
                "detections" => label.detections = number(field),
                "instances" => label.instances = number(field),
                "segments" => label.segments = number(field),
                "first_timestamp_ms" => label.first_timestamp_ms = number(field),
                "last_timestamp_ms" => label.last_timestamp_ms = number(field),
                "max_confidence" => {
                    label.max_confidence = if let Field::Float(confidence) = field { Some(*confidence) } else { None }
                }
                _ => {}
            }
        }
        label
    }
}

fn text(field: &Field) -> Option<String> {
    if let Field::Str(text) = field { Some(text.clone()) } else { None }
}

fn number(field: &Field) -> Option<i64> {
    if let Field::Long(number) = field { Some(*number) } else { None }
}

fn list(field: &Field) -> Option<&[Field]> {
    if let Field::ListInternal(list) = field { Some(list.elements()) } else { None }
}
