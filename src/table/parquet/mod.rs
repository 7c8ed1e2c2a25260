//! Rows → Parquet bytes.
//!
//! The files are for many readers and mostly small: data pages of format 1.0, plain and dictionary
//! encodings, Snappy or Zstandard, and no more in the footer than a query can use. The same rows give
//! the same bytes.

mod columns;
mod detections;
mod job;
mod schema;
mod segments;

use std::sync::Arc;

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{KeyValue, SortingColumn};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{ColumnPath, TypePtr};

use crate::job_id::JobId;
use crate::table::rows::{JobRow, Rows};
use crate::table::schema::{ColumnType, SCHEMA_VERSION, Table};

/// From this many rows on a file has dictionaries and is compressed with Zstandard. Below it a dictionary takes more
/// room in the footer than it saves in the pages, and setting up a compressor for each column more time than Snappy
/// takes for all of them.
const LARGE_FROM_ROWS: u64 = 300;
/// The level beyond which Zstandard only takes longer on these columns.
const ZSTD_LEVEL: i32 = 1;
/// About how many rows a row group has: a reader that wants a part of a long video skips the others by their
/// statistics.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// The columns that queries prune by: times, and names where a table is not partitioned by label. Statistics of any
/// other are bytes in each small file that nobody reads; confidences of all kinds are in every file.
const WITH_STATISTICS: [&str; 3] = ["timestamp_ms", "start_timestamp_ms", "label_name"];
/// The columns in which values repeat. Floats hardly do.
const WITH_DICTIONARY: [&str; 4] = ["instance_count", "instance_index", "dominant_colors", "label_name"];

/// How the files of one job in one table are written. A job has hundreds of small ones, so it is made once for all.
#[derive(Debug)]
pub struct Format {
    schema: TypePtr,
    small: WriterPropertiesPtr,
    large: WriterPropertiesPtr,
}

impl Format {
    /// The format of a job's files in a table.
    pub fn new(table: &Table, job: &JobId) -> Self {
        let properties = |large| Arc::new(properties(table, job, large));
        Self { schema: Arc::new(in_memory(schema::of(table))), small: properties(false), large: properties(true) }
    }

    /// Begins a file with this many rows.
    fn file(&self, rows: u64) -> Result<SerializedFileWriter<Vec<u8>>, ParquetError> {
        let properties = if rows >= LARGE_FROM_ROWS { &self.large } else { &self.small };
        SerializedFileWriter::new(Vec::new(), Arc::clone(&self.schema), Arc::clone(properties))
    }
}

/// Encodes the rows of one label, and sorts them for it.
pub fn encode_rows(rows: &mut Rows, format: &Format) -> Vec<u8> {
    let encoded = match rows {
        Rows::Detections(rows) => {
            rows.sort();
            detections::encode(rows, format)
        }
        Rows::Segments(rows) => {
            rows.sort();
            segments::encode(rows, format)
        }
    };
    in_memory(encoded)
}

/// Encodes the row of a job.
pub fn encode_job(row: &JobRow) -> Vec<u8> {
    in_memory(job::encode(row))
}

/// Writing to memory has no I/O to fail, and the columns are this module's own.
#[expect(clippy::expect_used, reason = "says why it does not happen")]
fn in_memory<T>(encoded: Result<T, ParquetError>) -> T {
    encoded.expect("well-formed columns are written to memory")
}

fn properties(table: &Table, job: &JobId, large: bool) -> WriterProperties {
    let compression =
        if large { Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()) } else { Compression::SNAPPY };
    let entry = |key: &str, value: String| KeyValue::new(format!("label_lake.{key}"), value);
    let metadata = vec![entry("schema_version", SCHEMA_VERSION.to_string()), entry("job_id", job.to_string())];
    let sorted_by = table.columns.iter().position(|column| Some(column.name) == table.sorted_by);
    let sorting =
        sorted_by.map(|index| vec![SortingColumn { column_idx: index as i32, descending: false, nulls_first: true }]);

    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(format!("label-lake version {SCHEMA_VERSION}"))
        .set_key_value_metadata(Some(metadata))
        .set_sorting_columns(sorting)
        .set_compression(compression)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true);
    for column in table.columns {
        let path = match column.column_type {
            ColumnType::TextArray => schema::element_path(column.name),
            _ => ColumnPath::from(column.name),
        };
        if WITH_STATISTICS.contains(&column.name) {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::Chunk);
        }
        let repeats = WITH_DICTIONARY.contains(&column.name) || matches!(column.column_type, ColumnType::TextArray);
        if large && repeats {
            properties = properties.set_column_dictionary_enabled(path, true);
        }
    }
    properties.build()
}
