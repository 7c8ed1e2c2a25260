//! Page → rows: one builder a table.
//!
//! The builders hold the rows of one label in the memory that the largest label may take: numbers in flat
//! vectors, and whatever many rows share (names of parents, which fields are absent) once.

mod detections;
mod interned;
mod job;
mod segments;

use aws_sdk_rekognition::types::{Label, LabelDetection};
use serde::{Deserialize, Serialize};

pub use detections::{DetectionRow, DetectionRows};
pub use interned::Interned;
pub use job::{JobDescription, JobLabel, JobRow, JobStatus};
pub use segments::{SegmentRow, SegmentRows};

use crate::table::aggregation::Aggregation;

/// The names in a list of the API: null if the list is absent, and so is a name in it.
pub type Names = Option<Vec<Option<String>>>;

/// What many detections of a label have in common.
#[derive(Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Attributes {
    /// `Label.Name`: one partition may hold several, see [`crate::table::layout::Label`].
    pub name: Option<String>,
    /// `Label.Parents`.
    pub parents: Names,
    /// `Label.Aliases`.
    pub aliases: Names,
    /// `Label.Categories`.
    pub categories: Names,
}

impl Attributes {
    fn of(label: LabelPartition) -> Self {
        Self {
            name: label.name,
            parents: label.parents.map(|list| list.into_iter().map(|parent| parent.name).collect()),
            aliases: label.aliases.map(|list| list.into_iter().map(|alias| alias.name).collect()),
            categories: label.categories.map(|list| list.into_iter().map(|category| category.name).collect()),
        }
    }
}

/// What the table `jobs` says of one label in one aggregation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct LabelSummary {
    /// Number of detections, or of segments.
    pub count: u64,
    /// Number of instances.
    pub instances: u64,
    /// Number of rows.
    pub rows: u64,
    /// The first time it is seen, milliseconds from the start of the video.
    pub first_timestamp_ms: Option<i64>,
    /// The last time it is seen; for segments the latest end.
    pub last_timestamp_ms: Option<i64>,
    /// The highest confidence.
    pub max_confidence: Option<f32>,
}

impl LabelSummary {
    fn count(&mut self, first: Option<i64>, last: Option<i64>, confidence: Option<f32>) {
        self.count += 1;
        self.first_timestamp_ms = [self.first_timestamp_ms, first].into_iter().flatten().min();
        self.last_timestamp_ms = [self.last_timestamp_ms, last].into_iter().flatten().max();
        self.max_confidence = [self.max_confidence, confidence].into_iter().flatten().reduce(f32::max);
    }
}

/// The rows of one label, in one of the tables.
#[derive(Debug, Deserialize, Serialize)]
pub enum Rows {
    /// Of `label_detections`.
    Detections(DetectionRows),
    /// Of `label_segments`.
    Segments(SegmentRows),
}

impl Rows {
    /// No rows yet.
    pub fn new(aggregation: Aggregation) -> Self {
        match aggregation {
            Aggregation::Timestamps => Self::Detections(DetectionRows::default()),
            Aggregation::Segments => Self::Segments(SegmentRows::default()),
        }
    }

    /// Adds what one element of `Labels` holds.
    pub fn push(&mut self, detection: LabelDetection) {
        match self {
            Self::Detections(rows) => rows.push(detection),
            Self::Segments(rows) => rows.push(detection),
        }
    }

    /// What the table `jobs` says of them.
    pub fn summary(&self) -> LabelSummary {
        match self {
            Self::Detections(rows) => rows.summary(),
            Self::Segments(rows) => rows.summary(),
        }
    }

    /// Whether every number in rows from elsewhere points to something.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Detections(rows) => rows.is_sound(),
            Self::Segments(rows) => rows.is_sound(),
        }
    }

    /// About how many bytes they take.
    pub fn memory(&self) -> usize {
        match self {
            Self::Detections(rows) => rows.memory(),
            Self::Segments(rows) => rows.memory(),
        }
    }
}
