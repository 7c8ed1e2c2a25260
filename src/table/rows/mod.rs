//! Rows of the tables, built from the labels of a page.
//!
//! Memory is bounded by the largest label, so the rows of a label are stored compactly: numbers in flat vectors, and
//! what many rows share (names of parents, which fields are absent) only once.

mod detections;
mod interned;
mod job;
mod segments;

use aws_sdk_rekognition::types::{Label, LabelDetection};
use serde::{Deserialize, Serialize};

pub use detections::DetectionRows;
pub use job::{JobDescription, JobRow};
pub(crate) use job::{JobLabel, JobStatus};
pub use segments::SegmentRows;

use crate::table::aggregation::Aggregation;

/// Approximate memory of one set of properties that many rows share: a name or two, the parents and the category.
const KIND_BYTES: usize = 512;

/// The names in a list of the API. The list is `None` if absent, and so is a name in it.
pub(crate) type Names = Option<Vec<Option<String>>>;

/// The attributes of a label, which many of its detections share.
#[derive(Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub(crate) struct Attributes {
    /// `Label.Name`. The default partition may have several, see [`crate::table::layout::LabelPartition`].
    pub(crate) name: Option<String>,
    /// `Label.Parents`.
    pub(crate) parents: Names,
    /// `Label.Aliases`.
    pub(crate) aliases: Names,
    /// `Label.Categories`.
    pub(crate) categories: Names,
}

impl Attributes {
    fn of(label: Label) -> Self {
        Self {
            name: label.name,
            parents: label.parents.map(|list| list.into_iter().map(|parent| parent.name).collect()),
            aliases: label.aliases.map(|list| list.into_iter().map(|alias| alias.name).collect()),
            categories: label.categories.map(|list| list.into_iter().map(|category| category.name).collect()),
        }
    }
}

/// The summary of one label in one aggregation, for the column `labels` of the table `jobs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct LabelSummary {
    /// Number of detections or segments.
    pub(crate) count: u64,
    /// Number of instances.
    pub(crate) instances: u64,
    /// Number of rows.
    pub(crate) rows: u64,
    /// Earliest time, in milliseconds from the start of the video.
    pub(crate) first_timestamp_ms: Option<i64>,
    /// Latest time, in milliseconds from the start of the video. For segments, the latest end.
    pub(crate) last_timestamp_ms: Option<i64>,
    /// Highest confidence, 0 to 100.
    pub(crate) max_confidence: Option<f32>,
}

impl LabelSummary {
    fn add(&mut self, first: Option<i64>, last: Option<i64>, confidence: Option<f32>) {
        self.count += 1;
        self.first_timestamp_ms = [self.first_timestamp_ms, first].into_iter().flatten().min();
        self.last_timestamp_ms = [self.last_timestamp_ms, last].into_iter().flatten().max();
        self.max_confidence = [self.max_confidence, confidence].into_iter().flatten().reduce(f32::max);
    }
}

/// The rows of one label in one table.
#[derive(Debug, Deserialize, Serialize)]
pub enum Rows {
    /// Rows of `label_detections`.
    Detections(DetectionRows),
    /// Rows of `label_segments`.
    Segments(SegmentRows),
}

impl Rows {
    /// Creates an empty set of rows for the table of this aggregation.
    pub fn new(aggregation: Aggregation) -> Self {
        match aggregation {
            Aggregation::Timestamps => Self::Detections(DetectionRows::default()),
            Aggregation::Segments => Self::Segments(SegmentRows::default()),
        }
    }

    /// Adds the rows of one element of `Labels`.
    pub fn push(&mut self, detection: LabelDetection) {
        match self {
            Self::Detections(rows) => rows.push(detection),
            Self::Segments(rows) => rows.push(detection),
        }
    }

    /// Returns the summary of the rows.
    pub(crate) fn summary(&self) -> LabelSummary {
        match self {
            Self::Detections(rows) => rows.summary(),
            Self::Segments(rows) => rows.summary(),
        }
    }

    /// Returns true if every internal reference in deserialized rows is valid.
    pub(crate) fn is_consistent(&self) -> bool {
        match self {
            Self::Detections(rows) => rows.is_consistent(),
            Self::Segments(rows) => rows.is_consistent(),
        }
    }

    /// Returns the approximate memory of the rows, in bytes.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Detections(rows) => rows.memory(),
            Self::Segments(rows) => rows.memory(),
        }
    }
}
