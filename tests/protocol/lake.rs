//! What S3 and the catalog hold of one job.

use label_lake::export::protocol::{CheckpointFound, Row};

/// A set of labels of a table, each a bit: their files, or their partitions.
pub(crate) type Keys = u8;

/// In `label_detections`: a label that the old and the new export have, one of the new export alone, one of the old.
const SHARED: Keys = 1;
const NEW: Keys = 2;
const OLD: Keys = 4;
/// A label in `label_segments`, of each export that has the table.
const SEGMENT: Keys = 8;

/// `AGGREGATE_BY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Settings {
    Timestamps,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Table {
    Detections,
    Segments,
}

impl Settings {
    /// The labels of a job that is exported today, in the order of its pages.
    pub(crate) fn labels(self) -> &'static [Keys] {
        match self {
            Self::Timestamps => &[SHARED, NEW],
            Self::Both => &[SHARED, SEGMENT, NEW],
        }
    }

    /// All labels of its tables.
    pub(crate) fn keys(self) -> Keys {
        match self {
            Self::Timestamps => Table::Detections.keys(),
            Self::Both => Table::Detections.keys() | Table::Segments.keys(),
        }
    }
}

impl Table {
    pub(crate) fn keys(self) -> Keys {
        match self {
            Self::Detections => SHARED | NEW | OLD,
            Self::Segments => SEGMENT,
        }
    }
}

/// The bytes of a row, or what matters of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Content {
    pub(crate) of: Export,
    pub(crate) settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Export {
    /// One from before, with a label that the job has no more.
    Old,
    New,
    /// The job failed at Rekognition: there are no labels.
    Failed,
}

impl Content {
    /// The labels that the row says are in the lake.
    pub(crate) fn keys(self) -> Keys {
        let segments = if self.settings == Settings::Both { SEGMENT } else { 0 };
        match self.of {
            Export::Old => SHARED | OLD | segments,
            Export::New => SHARED | NEW | segments,
            Export::Failed => 0,
        }
    }
}

/// The object of a job's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Stored {
    pub(crate) content: Content,
    pub(crate) replaced: bool,
    /// Its ETag: of the content alone (an MD5), or of each write another (with a KMS key).
    pub(crate) version: u8,
}

impl Stored {
    /// The row as a function with these settings sees it.
    pub(crate) fn seen_with(self, settings: Settings) -> Row<u8> {
        Row { version: self.version, replaced: self.replaced, our_settings: self.content.settings == settings }
    }
}

/// The saved state of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Checkpoint {
    /// `None`: another build wrote it.
    pub(crate) settings: Option<Settings>,
    pub(crate) replaces: bool,
    /// How many labels are in the lake; one more than all of them: and registered.
    pub(crate) done: u8,
}

impl Checkpoint {
    pub(crate) fn found_with(self, settings: Settings) -> CheckpointFound {
        if self.settings == Some(settings) || (self.settings.is_some() && self.done == 0) {
            CheckpointFound::Usable { replaces: self.replaces }
        } else {
            CheckpointFound::Unusable
        }
    }
}

/// All that is stored of the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Lake {
    pub(crate) row: Option<Stored>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) files: Keys,
    pub(crate) partitions: Keys,
    /// The ETag of the last row, if each write has one of its own.
    pub(crate) writes: u8,
}

impl Lake {
    /// A committed export from before.
    pub(crate) fn committed(settings: Settings) -> Self {
        let content = Content { of: Export::Old, settings };
        let (files, row) = (content.keys(), Some(Stored { content, replaced: false, version: 0 }));
        Self { row, files, partitions: files, ..Self::default() }
    }

    /// Labels of the row that are not among these.
    pub(crate) fn missing(&self, from: Keys) -> Keys {
        self.row.map_or(0, |row| row.content.keys() & !from)
    }

    /// Labels with a file or a partition that no row owns.
    pub(crate) fn unowned(&self) -> Keys {
        (self.files | self.partitions) & !self.row.map_or(0, |row| row.content.keys())
    }

    pub(crate) fn has(&self, table: Table) -> bool {
        self.row.is_some_and(|row| table == Table::Detections || row.content.settings == Settings::Both)
    }
}
