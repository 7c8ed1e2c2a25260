//! A file of `label_segments`.

use ::parquet::data_type::{ByteArrayType, FloatType, Int64Type};
use ::parquet::errors::ParquetError;

use super::columns::{Columns, SharedCells};
use super::{Format, ROW_GROUP_ROWS};
use crate::table::rows::SegmentRows;

/// Encodes sorted rows.
pub(super) fn encode(rows: &SegmentRows, format: &Format) -> Result<Vec<u8>, ParquetError> {
    let mut file = format.file(rows.summary().rows)?;
    let shared = SharedCells::of(rows.attributes());

    for group in rows.groups(ROW_GROUP_ROWS) {
        let rows = || group.clone();
        let shared_by = || rows().map(|row| row.attributes() as usize);
        let mut columns = Columns::begin(&mut file)?;
        columns.values::<Int64Type>("start_timestamp_ms", rows().map(|row| row.start_timestamp_ms()))?;
        columns.values::<Int64Type>("end_timestamp_ms", rows().map(|row| row.end_timestamp_ms()))?;
        columns.values::<Int64Type>("duration_ms", rows().map(|row| row.duration_ms()))?;
        columns.values::<FloatType>("confidence", rows().map(|row| row.confidence()))?;
        columns.lists("parents", shared_by().map(|shared_by| &shared.parents[shared_by]))?;
        columns.lists("aliases", shared_by().map(|shared_by| &shared.aliases[shared_by]))?;
        columns.lists("categories", shared_by().map(|shared_by| &shared.categories[shared_by]))?;
        columns
            .values::<ByteArrayType>("label_name", shared_by().map(|shared_by| shared.label_name[shared_by].clone()))?;
        columns.end()?;
    }
    file.into_inner()
}
