//! Encodes files of the table `label_detections`.

use ::parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int32Type, Int64Type};
use ::parquet::errors::ParquetError;

use super::columns::{Columns, SharedCells};
use super::{Format, ROW_GROUP_ROWS};
use crate::table::rows::DetectionRows;

/// Encodes rows, which have to be sorted, as a file.
pub(super) fn encode(rows: &DetectionRows, format: &Format) -> Result<Vec<u8>, ParquetError> {
    let mut file = format.start_file(rows.summary().rows)?;
    let shared = SharedCells::of(rows.attributes());
    let dominant_colors: Vec<_> = rows.dominant_colors().map(|colors| colors.map(ByteArray::from)).collect();

    for group in rows.groups(ROW_GROUP_ROWS) {
        let rows = || group.clone();
        let attributes = || rows().map(|row| row.attributes() as usize);
        let mut columns = Columns::start(&mut file)?;
        columns.values::<Int64Type>("timestamp_ms", rows().map(|row| Some(row.timestamp_ms())))?;
        columns.values::<FloatType>("confidence", rows().map(|row| row.confidence()))?;
        columns.values::<Int32Type>("instance_count", rows().map(|row| row.instance_count().map(|n| n as i32)))?;
        columns.values::<Int32Type>("instance_index", rows().map(|row| row.instance_index().map(|n| n as i32)))?;
        columns.values::<FloatType>("instance_confidence", rows().map(|row| row.instance_confidence()))?;
        for (side, name) in ["bbox_left", "bbox_top", "bbox_width", "bbox_height"].into_iter().enumerate() {
            columns.values::<FloatType>(name, rows().map(|row| row.bounding_box(side)))?;
        }
        columns.lists("parents", attributes().map(|index| &shared.parents[index]))?;
        columns.lists("aliases", attributes().map(|index| &shared.aliases[index]))?;
        columns.lists("categories", attributes().map(|index| &shared.categories[index]))?;
        let colors =
            rows().map(|row| row.dominant_colors().and_then(|colors| dominant_colors[colors as usize].clone()));
        columns.values::<ByteArrayType>("dominant_colors", colors)?;
        columns.values::<ByteArrayType>("label_name", attributes().map(|index| shared.label_name[index].clone()))?;
        columns.finish()?;
    }
    file.into_inner()
}
