//! Model of one job's objects in S3 and partitions in the catalog.

use label_lake::export::protocol::{CheckpointFound, Row};

/// Set of labels, one bit each. Represents the files or the partitions of these labels.
pub(crate) type LabelSet = u8;

/// Label that both the old and the new export write to `label_detections`.
const SHARED: LabelSet = 1;
/// Label that only the new export writes to `label_detections`.
const NEW: LabelSet = 2;
/// Label that only the old export writes to `label_detections`.
const OLD: LabelSet = 4;
/// The only label in `label_segments`. Every export that fills the table writes it.
const SEGMENT: LabelSet = 8;

/// Value of `AGGREGATE_BY`. The model uses only these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Settings {
    Timestamps,
    Both,
}

/// Table of the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Table {
    Detections,
    Segments,
}

impl Settings {
    /// Returns the labels of a new export in the order of its pages.
    pub(crate) fn labels(self) -> &'static [LabelSet] {
        match self {
            Self::Timestamps => &[SHARED, NEW],
            Self::Both => &[SHARED, SEGMENT, NEW],
        }
    }

    /// Returns every label that may occur in the tables that these settings fill.
    pub(crate) fn label_set(self) -> LabelSet {
        match self {
            Self::Timestamps => Table::Detections.label_set(),
            Self::Both => Table::Detections.label_set() | Table::Segments.label_set(),
        }
    }
}

impl Table {
    /// Returns every label that may occur in the table.
    pub(crate) fn label_set(self) -> LabelSet {
        match self {
            Self::Detections => SHARED | NEW | OLD,
            Self::Segments => SEGMENT,
        }
    }
}

/// The part of a row's content that matters to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Content {
    pub(crate) export: Export,
    pub(crate) settings: Settings,
}

/// The export that wrote a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Export {
    /// An earlier export, with a label that the job no longer has.
    Old,
    New,
    /// Export of a job that failed at Rekognition and has no labels.
    Failed,
}

impl Content {
    /// Returns the labels that the row says are in the lake.
    pub(crate) fn label_set(self) -> LabelSet {
        let segments = if self.settings == Settings::Both { SEGMENT } else { 0 };
        match self.export {
            Export::Old => SHARED | OLD | segments,
            Export::New => SHARED | NEW | segments,
            Export::Failed => 0,
        }
    }
}

/// The S3 object that holds a job's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StoredRow {
    pub(crate) content: Content,
    /// True if the row was written by an export that replaces a committed job.
    pub(crate) replaced: bool,
    /// ETag. Without a KMS key, it is an MD5 of the content. With a KMS key, every write has a different one.
    pub(crate) etag: u8,
}

impl StoredRow {
    /// Returns the row as a function with these settings sees it.
    pub(crate) fn seen_with(self, settings: Settings) -> Row<u8> {
        Row { version: self.etag, replaced: self.replaced, our_settings: self.content.settings == settings }
    }
}

/// The checkpoint of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Checkpoint {
    /// Settings of the export; `None` if another build wrote the checkpoint.
    pub(crate) settings: Option<Settings>,
    /// True if the export replaces a committed job.
    pub(crate) replaces: bool,
    /// Number of labels whose files are stored, plus one if all partitions are registered.
    pub(crate) done: u8,
}

impl Checkpoint {
    /// Returns the checkpoint as a function with these settings finds it.
    pub(crate) fn found_with(self, settings: Settings) -> CheckpointFound {
        if self.settings == Some(settings) {
            CheckpointFound::Usable { replaces: self.replaces }
        } else {
            CheckpointFound::Unusable
        }
    }
}

/// Everything that is stored for the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Lake {
    pub(crate) row: Option<StoredRow>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) files: LabelSet,
    pub(crate) partitions: LabelSet,
    /// Number of writes of the row so far, which is the ETag of the last one. Zero if an ETag depends only on the content.
    pub(crate) row_writes: u8,
}

impl Lake {
    /// Returns a lake with a committed earlier export.
    pub(crate) fn committed(settings: Settings) -> Self {
        let content = Content { export: Export::Old, settings };
        let (files, row) = (content.label_set(), Some(StoredRow { content, replaced: false, etag: 0 }));
        Self { row, files, partitions: files, ..Self::default() }
    }

    /// Returns the labels of the row that `stored` lacks. `stored` is the set of files or of partitions.
    pub(crate) fn missing(&self, stored: LabelSet) -> LabelSet {
        self.row.map_or(0, |row| row.content.label_set() & !stored)
    }

    /// Returns the labels that have a file or a partition but are not in the row.
    pub(crate) fn unowned(&self) -> LabelSet {
        (self.files | self.partitions) & !self.row.map_or(0, |row| row.content.label_set())
    }

    /// Returns true if there is a row, and its export filled this table.
    pub(crate) fn row_has(&self, table: Table) -> bool {
        self.row.is_some_and(|row| table == Table::Detections || row.content.settings == Settings::Both)
    }
}
