//! Converts the columns of a table to a Parquet schema.

use std::sync::Arc;

use ::parquet::basic::{LogicalType, Repetition, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::table::schema::{Column, ColumnType, Table};

/// Returns the schema of a table's files. The name of its root is short, because no reader uses it.
pub(super) fn of(table: &Table) -> Result<Type, ParquetError> {
    let fields = table.columns.iter().map(column).collect::<Result<_, _>>()?;
    Type::group_type_builder("row").with_fields(fields).build()
}

/// Returns the path of the values of a list of strings.
pub(super) fn element_path(list: &str) -> ColumnPath {
    ColumnPath::new(vec![list.to_owned(), "list".to_owned(), "element".to_owned()])
}

fn column(column: &Column) -> Result<TypePtr, ParquetError> {
    let repetition = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let physical = match &column.column_type {
        ColumnType::Bigint => PhysicalType::INT64,
        ColumnType::Int => PhysicalType::INT32,
        ColumnType::Float => PhysicalType::FLOAT,
        ColumnType::Text => return text(column.name, repetition),
        ColumnType::TextArray => return list(column.name, repetition, text("element", Repetition::OPTIONAL)?),
        ColumnType::StructArray(fields) => {
            let fields = fields.iter().map(self::column).collect::<Result<_, _>>()?;
            let element = Type::group_type_builder("element").with_repetition(Repetition::OPTIONAL);
            return list(column.name, repetition, Arc::new(element.with_fields(fields).build()?));
        }
    };
    Ok(Arc::new(Type::primitive_type_builder(column.name, physical).with_repetition(repetition).build()?))
}

fn text(name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    let text = Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY).with_repetition(repetition);
    Ok(Arc::new(text.with_logical_type(Some(LogicalType::String)).build()?))
}

/// Returns a list type with the three levels that Parquet's specification of logical types requires.
fn list(name: &str, repetition: Repetition, element: TypePtr) -> Result<TypePtr, ParquetError> {
    let repeated = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
    let repeated = Arc::new(repeated.with_fields(vec![element]).build()?);
    let list = Type::group_type_builder(name).with_repetition(repetition).with_logical_type(Some(LogicalType::List));
    Ok(Arc::new(list.with_fields(vec![repeated]).build()?))
}
