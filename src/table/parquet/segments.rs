//! Encodes files of the table `label_segments`.

use ::parquet::data_type::{ByteArrayType, FloatType, Int64Type};
use ::parquet::errors::ParquetError;

use super::columns::{Columns, SharedCells};
use super::{Format, ROW_GROUP_ROWS};
use crate::table::rows::SegmentRows;

/// Encodes rows, which have to be sorted, as a file.
pub(super) fn encode(rows: &SegmentRows, format: &Format) -> Result<Vec<u8>, ParquetError> {
    let mut file = format.start_file(rows.summary().rows)?;
    let shared = SharedCells::of(rows.attributes());

    for group in rows.groups(ROW_GROUP_ROWS) {
        let rows = || group.clone();
        let attributes = || rows().map(|row| row.attributes() as usize);
        let mut columns = Columns::start(&mut file)?;
        columns.values::<Int64Type>("start_timestamp_ms", rows().map(|row| row.start_timestamp_ms()))?;
        columns.values::<Int64Type>("end_timestamp_ms", rows().map(|row| row.end_timestamp_ms()))?;
        columns.values::<Int64Type>("duration_ms", rows().map(|row| row.duration_ms()))?;
        columns.values::<FloatType>("confidence", rows().map(|row| row.confidence()))?;
        columns.lists("parents", attributes().map(|index| &shared.parents[index]))?;
        columns.lists("aliases", attributes().map(|index| &shared.aliases[index]))?;
        columns.lists("categories", attributes().map(|index| &shared.categories[index]))?;
        columns.values::<ByteArrayType>("label_name", attributes().map(|index| shared.label_name[index].clone()))?;
        columns.finish()?;
    }
    file.into_inner()
}
