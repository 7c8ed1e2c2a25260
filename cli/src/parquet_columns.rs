//! Reading of single columns of a Parquet file.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArrayType, DataType};
use parquet::file::reader::RowGroupReader;

/// Number of rows of a list column that are read at once.
const BATCH: usize = 8192;

/// Reads a column of single values from a row group, without the other columns. Nulls stay in place.
pub(crate) fn values<T: DataType>(group: &dyn RowGroupReader, name: &str) -> anyhow::Result<Vec<Option<T::T>>> {
    let (reader, present) = column(group, name)?;
    let mut reader = typed::<T>(reader, name)?;
    let rows = group.metadata().num_rows() as usize;
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    if present == 0 {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level == present { values.next() } else { None }).collect())
}

/// Adds the distinct strings in a column of lists to `texts`.
pub(crate) fn distinct_texts(
    group: &dyn RowGroupReader,
    name: &str,
    texts: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    let (reader, _) = column(group, &format!("{name}.list.element"))?;
    let mut reader = typed::<ByteArrayType>(reader, name)?;
    let (mut definitions, mut repetitions, mut values) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        definitions.clear();
        repetitions.clear();
        values.clear();
        let (records, ..) = reader.read_records(BATCH, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
        if records == 0 {
            return Ok(());
        }
        for value in &values {
            let text = value.as_utf8()?;
            if !texts.contains(text) {
                texts.insert(text.to_owned());
            }
        }
    }
}

/// Returns the reader of a column, and the definition level of a value that is present.
fn column(group: &dyn RowGroupReader, path: &str) -> anyhow::Result<(ColumnReader, i16)> {
    let schema = group.metadata().schema_descr();
    let index = schema.columns().iter().position(|column| column.path().string() == path);
    let index = index.with_context(|| format!("it has no column {path}"))?;
    Ok((group.get_column_reader(index)?, schema.column(index).max_def_level()))
}

fn typed<T: DataType>(reader: ColumnReader, name: &str) -> anyhow::Result<ColumnReaderImpl<T>> {
    match T::get_column_reader(reader) {
        Some(reader) => Ok(reader),
        None => bail!("its column {name} has no values of type {}", T::get_physical_type()),
    }
}
