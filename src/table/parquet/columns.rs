//! Writes the columns of a row group one after the other: values with their definition and repetition levels.

use ::parquet::column::writer::ColumnWriterImpl;
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType};
use ::parquet::errors::ParquetError;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};

use crate::table::rows::{Attributes, Names};

/// Number of rows passed to the encoder at once.
const BATCH: usize = 4096;

/// A list of strings in the encoder's types. Cheap to clone.
pub(super) type TextList = Option<Vec<Option<ByteArray>>>;

/// A row group that is being written. Its columns have to be written in the order of the schema; their names are passed
/// as a check.
pub(super) struct Columns<'a> {
    group: SerializedRowGroupWriter<'a, Vec<u8>>,
}

impl<'a> Columns<'a> {
    /// Starts the next row group of a file.
    pub(super) fn start(file: &'a mut SerializedFileWriter<Vec<u8>>) -> Result<Self, ParquetError> {
        Ok(Self { group: file.next_row_group()? })
    }

    /// Ends the row group, after its last column.
    pub(super) fn finish(self) -> Result<(), ParquetError> {
        self.group.close()?;
        Ok(())
    }

    /// Writes a column of single values.
    pub(super) fn values<T: DataType>(
        &mut self,
        name: &str,
        mut cells: impl Iterator<Item = Option<T::T>>,
    ) -> Result<(), ParquetError> {
        let mut column = self.next()?;
        let writer = column.typed::<T>();
        assert_eq!(writer.get_descriptor().name(), name);
        let present = writer.get_descriptor().max_def_level();
        let (mut values, mut definitions) = (Vec::new(), Vec::new());
        loop {
            values.clear();
            definitions.clear();
            for cell in cells.by_ref().take(BATCH) {
                definitions.push(present - i16::from(cell.is_none()));
                values.extend(cell);
            }
            if definitions.is_empty() {
                return column.close();
            }
            writer.write_batch(&values, Some(&definitions), None)?;
        }
    }

    /// Writes a column of lists of strings.
    pub(super) fn lists<'l>(
        &mut self,
        name: &str,
        mut cells: impl Iterator<Item = &'l TextList>,
    ) -> Result<(), ParquetError> {
        let mut column = self.next()?;
        let writer = column.typed::<ByteArrayType>();
        assert_eq!(writer.get_descriptor().path().parts()[0], name);
        let mut list = ListCells::new(writer, 2);
        loop {
            list.clear();
            for cell in cells.by_ref().take(BATCH) {
                list.push(cell.as_deref());
            }
            if list.definitions.is_empty() {
                return column.close();
            }
            list.write(writer)?;
        }
    }

    /// Writes one field of a list of structs, for a table with one row.
    pub(super) fn field<T: DataType>(
        &mut self,
        name: &str,
        elements: Option<&[Option<T::T>]>,
    ) -> Result<(), ParquetError> {
        let mut column = self.next()?;
        let writer = column.typed::<T>();
        assert_eq!(writer.get_descriptor().name(), name);
        let mut list = ListCells::new(writer, 3);
        list.push(elements);
        list.write(writer)?;
        column.close()
    }

    fn next(&mut self) -> Result<SerializedColumnWriter<'_>, ParquetError> {
        let no_column = || ParquetError::General("the schema has no further column".to_owned());
        self.group.next_column()?.ok_or_else(no_column)
    }
}

/// Lists as values and levels. The elements of a list are optional, or structs with optional fields.
struct ListCells<T: DataType> {
    /// Definition level of a value that is present. A null has one less.
    present: i16,
    /// Definition level of an empty list. An absent list has 0.
    empty: i16,
    values: Vec<T::T>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl<T: DataType> ListCells<T> {
    /// Creates an empty batch of lists. `depth` is the number of levels below the list: the repeated group, the
    /// element, and the field of a struct.
    fn new(writer: &ColumnWriterImpl<'_, T>, depth: i16) -> Self {
        let present = writer.get_descriptor().max_def_level();
        Self { present, empty: present - depth, values: vec![], definitions: vec![], repetitions: vec![] }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.definitions.clear();
        self.repetitions.clear();
    }

    fn push(&mut self, list: Option<&[Option<T::T>]>) {
        let elements = list.unwrap_or_default();
        if elements.is_empty() {
            self.definitions.push(if list.is_some() { self.empty } else { 0 });
            self.repetitions.push(0);
        }
        for (index, element) in elements.iter().enumerate() {
            self.definitions.push(self.present - i16::from(element.is_none()));
            self.repetitions.push(i16::from(index > 0));
            self.values.extend(element.clone());
        }
    }

    fn write(&self, writer: &mut ColumnWriterImpl<'_, T>) -> Result<(), ParquetError> {
        writer.write_batch(&self.values, Some(&self.definitions), Some(&self.repetitions))?;
        Ok(())
    }
}

/// The distinct attributes of the rows of a file, in the encoder's types.
pub(super) struct SharedCells {
    pub(super) parents: Vec<TextList>,
    pub(super) aliases: Vec<TextList>,
    pub(super) categories: Vec<TextList>,
    pub(super) label_name: Vec<Option<ByteArray>>,
}

impl SharedCells {
    pub(super) fn of<'a>(attributes: impl Iterator<Item = &'a Attributes>) -> Self {
        let attributes: Vec<_> = attributes.collect();
        let lists = |list: fn(&Attributes) -> &Names| attributes.iter().map(|shared| texts(list(shared))).collect();
        Self {
            parents: lists(|shared| &shared.parents),
            aliases: lists(|shared| &shared.aliases),
            categories: lists(|shared| &shared.categories),
            label_name: attributes.iter().map(|shared| shared.name.as_deref().map(ByteArray::from)).collect(),
        }
    }
}

fn texts(names: &Names) -> TextList {
    names.as_ref().map(|names| names.iter().map(|name| name.as_deref().map(ByteArray::from)).collect())
}
