//! Objects in S3 and partitions in the catalog of one job.

use label_lake::export::protocol::{CheckpointFound, Row};

/// Set of labels, one bit each. Stands for their files or their partitions.
pub(crate) type Keys = u8;

/// Label in `label_detections` of both the old and the new export.
const SHARED: Keys = 1;
/// Label in `label_detections` of the new export only.
const NEW: Keys = 2;
/// Label in `label_detections` of the old export only.
const OLD: Keys = 4;
/// Label in `label_segments` of every export that fills the table.
const SEGMENT: Keys = 8;

/// Value of `AGGREGATE_BY`.
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
    pub(crate) fn labels(self) -> &'static [Keys] {
        match self {
            Self::Timestamps => &[SHARED, NEW],
            Self::Both => &[SHARED, SEGMENT, NEW],
        }
    }

    /// Returns all possible labels of the tables that are filled.
    pub(crate) fn keys(self) -> Keys {
        match self {
            Self::Timestamps => Table::Detections.keys(),
            Self::Both => Table::Detections.keys() | Table::Segments.keys(),
        }
    }
}

impl Table {
    /// Returns all possible labels of the table.
    pub(crate) fn keys(self) -> Keys {
        match self {
            Self::Detections => SHARED | NEW | OLD,
            Self::Segments => SEGMENT,
        }
    }
}

/// Content of a row, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Content {
    pub(crate) export: Export,
    pub(crate) settings: Settings,
}

/// Export that wrote a row.
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
    pub(crate) fn keys(self) -> Keys {
        let segments = if self.settings == Settings::Both { SEGMENT } else { 0 };
        match self.export {
            Export::Old => SHARED | OLD | segments,
            Export::New => SHARED | NEW | segments,
            Export::Failed => 0,
        }
    }
}

/// Object of a job's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StoredRow {
    pub(crate) content: Content,
    /// True if an export that replaces wrote it.
    pub(crate) replaced: bool,
    /// ETag. Depends on the content alone (an MD5), or is different for every write (with a KMS key).
    pub(crate) etag: u8,
}

impl StoredRow {
    /// Returns the row as a function with these settings sees it.
    pub(crate) fn seen_with(self, settings: Settings) -> Row<u8> {
        Row { version: self.etag, replaced: self.replaced, our_settings: self.content.settings == settings }
    }
}

/// Checkpoint of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Checkpoint {
    /// Settings of the export; `None` if another build wrote the checkpoint.
    pub(crate) settings: Option<Settings>,
    /// True if the export replaces.
    pub(crate) replaces: bool,
    /// Number of labels whose files are stored, plus one if all are registered.
    pub(crate) done: u8,
}

impl Checkpoint {
    /// Returns the checkpoint as a function with these settings finds it.
    pub(crate) fn found_with(self, settings: Settings) -> CheckpointFound {
        if self.settings == Some(settings) || (self.settings.is_some() && self.done == 0) {
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
    pub(crate) files: Keys,
    pub(crate) partitions: Keys,
    /// ETag of the last write of the row, if each write has its own.
    pub(crate) writes: u8,
}

impl Lake {
    /// Returns a lake with a committed earlier export.
    pub(crate) fn committed(settings: Settings) -> Self {
        let content = Content { export: Export::Old, settings };
        let (files, row) = (content.keys(), Some(StoredRow { content, replaced: false, etag: 0 }));
        Self { row, files, partitions: files, ..Self::default() }
    }

    /// Returns the labels of the row that are not among the stored ones.
    pub(crate) fn missing(&self, stored: Keys) -> Keys {
        self.row.map_or(0, |row| row.content.keys() & !stored)
    }

    /// Returns the labels with a file or a partition that no row owns.
    pub(crate) fn unowned(&self) -> Keys {
        (self.files | self.partitions) & !self.row.map_or(0, |row| row.content.keys())
    }

    /// Returns true if the row has this table.
    pub(crate) fn has(&self, table: Table) -> bool {
        self.row.is_some_and(|row| table == Table::Detections || row.content.settings == Settings::Both)
    }
}
