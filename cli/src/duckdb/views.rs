//! The statements that create the tables of a lake as views in DuckDB.

use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::{self, Path};

use anyhow::{Context as _, anyhow};
use label_lake::aws::names::BucketName;
use label_lake::table::schema::{Column, ColumnType, Table};

use super::literal;
use crate::args::{AwsArguments, LakeLocation};
use crate::error::with_hint;

/// Columns that files of older versions lack, all in `jobs`. Views have null for them.
const ADDED_COLUMNS: [&str; 1] = ["content"];

/// Returns comments and the statements that create a view for each table. Each statement ends with a `;` at the end of its
/// last line.
///
/// DuckDB cannot read a table without files. In a directory, the view of such a table is empty and has the columns of the
/// table. In S3, no request is made, so the view of such a table is an error in DuckDB.
pub(crate) fn views(lake: &LakeLocation, tables: &[&Table], aws: &AwsArguments) -> anyhow::Result<String> {
    let mut sql = String::new();
    match lake {
        LakeLocation::Directory(directory) => {
            let root = root(directory)?;
            for table in tables {
                let has_files = has_files(directory, table)?;
                // Writing to a String does not fail.
                let _ = if has_files { write_view(&mut sql, &root, table) } else { write_empty_view(&mut sql, table) };
            }
        }
        LakeLocation::S3(location) => {
            let root = escape_pattern(location.to_string().trim_end_matches('/'));
            let _ = write_secret(&mut sql, &location.bucket, aws);
            for table in tables {
                let _ = write_comment_on_missing_files(&mut sql, table);
                let _ = write_view(&mut sql, &root, table);
            }
        }
    }
    Ok(sql)
}

/// Returns true if a directory has a file of a table.
pub(crate) fn has_files(directory: &Path, table: &Table) -> anyhow::Result<bool> {
    let directory = directory.join(table.name);
    has_parquet(&directory).with_context(|| format!("cannot read {}", directory.display()))
}

fn has_parquet(directory: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if has_parquet(&path)? {
                return Ok(true);
            }
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the directory as the start of a pattern. It is absolute, so that the views work in any working directory.
fn root(directory: &Path) -> anyhow::Result<String> {
    let display = directory.display();
    fs::read_dir(directory).map_err(|error| {
        with_hint(anyhow!(error).context(format!("cannot read the lake {display}")), "pass another with --lake")
    })?;
    let absolute = path::absolute(directory)?;
    let text = absolute.to_str().with_context(|| format!("the path of the lake {display} is not UTF-8"))?;
    Ok(escape_pattern(text.trim_end_matches('/')))
}

/// Escapes the characters that are special in DuckDB's file patterns.
fn escape_pattern(path: &str) -> String {
    let mut escaped = String::new();
    for character in path.chars() {
        match character {
            '*' | '?' | '[' => escaped.extend(['[', character, ']']),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Writes the statements that give DuckDB access to the bucket.
fn write_secret(sql: &mut String, bucket: &BucketName, aws: &AwsArguments) -> fmt::Result {
    writeln!(sql, "INSTALL httpfs;\nLOAD httpfs;\nINSTALL aws;\nLOAD aws;")?;
    if aws.profile.is_none() && aws.region.is_none() {
        writeln!(
            sql,
            "-- Takes the credentials from the environment or the profile, like the AWS CLI, but not the region of the\n\
             -- profile. Set AWS_REGION to the region of the bucket, or add REGION to the secret."
        )?;
    }
    let scope = literal(&format!("s3://{bucket}"));
    write!(sql, "CREATE OR REPLACE SECRET label_lake (TYPE s3, PROVIDER credential_chain, SCOPE {scope}")?;
    // With a profile, DuckDB takes the region from it, too.
    for (option, value) in [("PROFILE", &aws.profile), ("REGION", &aws.region)] {
        if let Some(value) = value {
            write!(sql, ", {option} {}", literal(value))?;
        }
    }
    writeln!(sql, ");")
}

fn write_comment_on_missing_files(sql: &mut String, table: &Table) -> fmt::Result {
    writeln!(sql, "-- Fails with No files found if the lake has no files of {}.", table.name)
}

/// Writes a view of files. Without explicit types, DuckDB would turn partition values that look like numbers or dates into
/// such.
fn write_view(sql: &mut String, root: &str, table: &Table) -> fmt::Result {
    let name = table.name;
    if table.partition_keys.is_empty() {
        let files = literal(&format!("{root}/{name}/job-*.parquet"));
        let added = table.columns.iter().filter(|column| ADDED_COLUMNS.contains(&column.name)).map(null);
        return writeln!(
            sql,
            "CREATE OR REPLACE VIEW {name} AS FROM read_parquet({files}, union_by_name = true)\n    \
             UNION ALL BY NAME SELECT {} WHERE false;",
            added.collect::<Vec<_>>().join(", ")
        );
    }
    let files = literal(&format!("{root}/{name}/**/*.parquet"));
    let key_type = |key: &Column| format!("{}: {}", literal(key.name), duckdb_type(&key.column_type));
    let types: Vec<_> = table.partition_keys.iter().map(key_type).collect();
    writeln!(
        sql,
        "CREATE OR REPLACE VIEW {name} AS FROM read_parquet({files},\n    \
         hive_partitioning = true, hive_types = {{{}}});",
        types.join(", ")
    )
}

/// Writes a view without rows that has the columns of a table.
fn write_empty_view(sql: &mut String, table: &Table) -> fmt::Result {
    let columns = table.columns.iter().chain(table.partition_keys);
    let columns: Vec<_> = columns.map(|column| format!("    {}", null(column))).collect();
    writeln!(
        sql,
        "-- The lake has no files of {name} yet. Once it has, print these statements again.\n\
         CREATE OR REPLACE VIEW {name} AS SELECT\n{}\nWHERE false;",
        columns.join(",\n"),
        name = table.name
    )
}

/// Returns null with the type and the name of a column.
fn null(column: &Column) -> String {
    format!("CAST(NULL AS {}) AS \"{}\"", duckdb_type(&column.column_type), column.name)
}

/// Returns the type that DuckDB reads the files with.
fn duckdb_type(column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::Bigint => "BIGINT".to_owned(),
        ColumnType::Int => "INTEGER".to_owned(),
        ColumnType::Float => "FLOAT".to_owned(),
        ColumnType::Text => "VARCHAR".to_owned(),
        ColumnType::TextArray => "VARCHAR[]".to_owned(),
        ColumnType::StructArray(fields) => {
            let field = |field: &Column| format!("\"{}\" {}", field.name, duckdb_type(&field.column_type));
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("STRUCT({})[]", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_only_the_special_characters_of_patterns() {
        assert_eq!(escape_pattern("/a b/[1]*?'ñ"), "/a b/[[]1][*][?]'ñ");
    }
}
