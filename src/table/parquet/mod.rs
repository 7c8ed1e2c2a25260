//! Encodes rows as Parquet files.
//!
//! The files have many kinds of readers, and most are small. So they use data pages of format 1.0, plain and dictionary
//! encodings, and Snappy or Zstandard, and the footer has only what queries use. Equal rows give equal bytes.

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

/// Number of rows from which a file has dictionaries and Zstandard compression. In smaller files, a dictionary takes
/// more space in the footer than it saves in the pages, and setting up a compressor per column takes longer than
/// compressing all columns with Snappy.
const LARGE_FROM_ROWS: u64 = 300;
/// Zstandard compression level. Higher levels take longer and do not compress these columns better.
const ZSTD_LEVEL: i32 = 1;
/// Approximate number of rows in a row group. A query for part of a long video skips the other row groups by their
/// statistics.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Columns with statistics: the ones that queries prune by, which are times, and names in tables that are not
/// partitioned by label. Statistics of other columns would only enlarge small files. Statistics of confidences prune
/// nothing, because every file has the whole range of confidences.
const WITH_STATISTICS: [&str; 3] = ["timestamp_ms", "start_timestamp_ms", "label_name"];
/// Columns with dictionaries: the ones with repeated values. Floats rarely repeat.
const WITH_DICTIONARY: [&str; 4] = ["instance_count", "instance_index", "dominant_colors", "label_name"];

/// The format of the files of one job in one table. A job has hundreds of small files, so they share one format.
#[derive(Debug)]
pub struct Format {
    schema: TypePtr,
    small: WriterPropertiesPtr,
    large: WriterPropertiesPtr,
}

impl Format {
    /// Creates the format of a job's files in a table.
    pub fn new(table: &Table, job: &JobId) -> Self {
        let properties = |large| Arc::new(properties(table, job, large));
        Self { schema: Arc::new(in_memory(schema::of(table))), small: properties(false), large: properties(true) }
    }

    /// Starts a file with this many rows.
    fn start_file(&self, rows: u64) -> Result<SerializedFileWriter<Vec<u8>>, ParquetError> {
        let properties = if rows >= LARGE_FROM_ROWS { &self.large } else { &self.small };
        SerializedFileWriter::new(Vec::new(), Arc::clone(&self.schema), Arc::clone(properties))
    }
}

/// Sorts the rows of one label, and encodes them as a file.
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

/// Encodes the row of a job as a file.
pub(crate) fn encode_job(row: &JobRow) -> Vec<u8> {
    in_memory(job::encode(row))
}

/// Unwraps the result of encoding to memory, where no I/O can fail. The columns come from this module.
#[expect(clippy::expect_used, reason = "the message says why the result is never an error")]
fn in_memory<T>(encoded: Result<T, ParquetError>) -> T {
    encoded.expect("encoding well-formed columns to memory does not fail")
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
