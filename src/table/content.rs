//! The column `content` of the table `jobs`: a digest of the row and of the files of the job.
//!
//! Two exports of a job have the same digest exactly if they have the same row and the same files. A copy of the tables
//! therefore knows from `content` alone which jobs are new or have changed.
//!
//! The digest is SHA-256, as lower-case hexadecimal, of lines of JSON. The first line is the facts of the row: all columns
//! before `label_count`, in the order of the table. Each of the other lines is a file: its table, its label or null, its
//! length in bytes, and its CRC-32. The files of `label_detections` come first, and the labels of a table are in the order
//! of their UTF-8 bytes, null first. The lines have no whitespace between tokens, characters are escaped only where JSON
//! requires it, and each line ends with a line feed:
//!
//! ```text
//! ["job-1","SUCCEEDED",null,…,29.969999313354492,1920,1080,["TIMESTAMPS"]]
//! ["label_detections",null,1403,3735928559]
//! ["label_detections","Dog",2218,305419896]
//! ```
//!
//! The columns from `label_count` on are not part of the digest, because the rows in the files determine them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::table::layout::LabelPartition;
use crate::table::schema::Table;

/// Length and CRC-32 of a label's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct FileChecksum {
    bytes: u64,
    crc32: u32,
}

impl FileChecksum {
    /// Returns the checksum of a file with these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, crc32: crc32fast::hash(bytes) }
    }
}

/// The digest of a job while its lines are added.
pub(crate) struct ContentDigest(Sha256);

impl ContentDigest {
    /// Starts the digest with the facts of the job's row.
    pub(crate) fn of_facts(facts: &Value) -> Self {
        let mut digest = Self(Sha256::new());
        digest.add_line(facts);
        digest
    }

    /// Adds a file. The files have to be added in the documented order.
    pub(crate) fn add_file(&mut self, table: &Table, label: &LabelPartition, file: FileChecksum) {
        self.add_line(&json!([table.name, label.name(), file.bytes, file.crc32]));
    }

    /// Returns the value of the column `content`.
    pub(crate) fn finish(self) -> String {
        self.0.finalize().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    }

    fn add_line(&mut self, line: &Value) {
        self.0.update(format!("{line}\n"));
    }
}
