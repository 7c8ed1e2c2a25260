//! `label-lake ddl`: prints the statements that create the tables in Athena, in Hive's DDL, or the views in DuckDB, or the
//! statements that keep the tables of all jobs.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use anyhow::anyhow;
use label_lake::aws::names::{BucketName, DatabaseName, KeyPrefix};
use label_lake::table::layout::Layout;
use label_lake::table::schema::{Column, JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS, TABLES, Table};

use crate::all_jobs::statements;
use crate::args::{AwsArguments, DdlArguments, LakeLocation, S3Location};
use crate::duckdb::views::views;
use crate::error::with_hint;

/// Placeholder for the bucket if none is given. It is not a valid bucket name, so no bucket can have it.
const PLACEHOLDER: &str = "BUCKET";

/// The lake and the database in Athena.
struct Athena<'a> {
    bucket: Option<&'a BucketName>,
    prefix: &'a KeyPrefix,
    database: &'a DatabaseName,
    by_job: bool,
}

/// Returns comments and the statements. Each statement ends with a `;` at the end of its last line.
pub(crate) fn ddl(arguments: &DdlArguments) -> anyhow::Result<String> {
    let DdlArguments { bucket, prefix, database, by_job, lake, duckdb, all_jobs } = arguments;
    if *duckdb {
        let lake = lake.clone().unwrap_or_else(|| LakeLocation::Directory(PathBuf::from("lake")));
        // A table that DuckDB cannot find stops some clients. The one that most lakes do not have comes last.
        return views(&lake, &[&JOBS, &LABEL_DETECTIONS, &LABEL_SEGMENTS], &AwsArguments::default());
    }
    let (bucket, prefix) = match lake {
        None => (bucket.as_ref(), prefix),
        Some(LakeLocation::S3(S3Location { bucket, prefix })) => (Some(bucket), prefix),
        Some(LakeLocation::Directory(directory)) => {
            let hint = format!("pass --lake s3://BUCKET/PREFIX, or --duckdb for the directory {}", directory.display());
            return Err(with_hint(anyhow!("Athena reads only S3"), hint));
        }
    };
    if let Some(engine) = all_jobs.engine() {
        let location = location(bucket, prefix);
        return Ok(statements(engine, location.trim_end_matches('/'), database.as_str()));
    }
    let mut sql = String::new();
    // Writing to a String does not fail.
    let _ = write_statements(&mut sql, &Athena { bucket, prefix, database, by_job: *by_job });
    Ok(sql)
}

fn write_statements(sql: &mut String, athena: &Athena<'_>) -> fmt::Result {
    write_heading(sql, athena)?;
    writeln!(sql, "CREATE DATABASE IF NOT EXISTS {};", identifier(athena.database.as_str()))?;
    if athena.by_job {
        for table in [&LABEL_DETECTIONS, &LABEL_SEGMENTS] {
            write_table(sql, athena, &by_job(table))?;
        }
        return write_table(sql, athena, &partitioned(&JOBS));
    }
    TABLES.into_iter().try_for_each(|table| write_table(sql, athena, &partitioned(table)))
}

/// Writes the comments. They have no quotes and no semicolons, which a program that splits the text would take for SQL.
fn write_heading(sql: &mut String, athena: &Athena<'_>) -> fmt::Result {
    writeln!(sql, "-- The tables of Label Lake for Athena")?;
    if athena.bucket.is_none() {
        writeln!(
            sql,
            "-- In the three LOCATION lines, replace {PLACEHOLDER} with your bucket and the prefix of the lake, if any. Or pass\n\
             -- --bucket and --prefix to the command."
        )?;
    }
    writeln!(sql, "-- Athena runs one statement at a time. Each statement ends with a semicolon.")?;
    if athena.by_job {
        writeln!(
            sql,
            "-- The tables label_detections_by_job and label_segments_by_job need no registered partitions: Athena derives the\n\
             -- location from the job. Every query must therefore compare job_id with literals, by = or IN. A join or a\n\
             -- subquery is not enough."
        )?;
    } else {
        writeln!(
            sql,
            "-- Athena sees the labels of a job once its partitions are registered. The function registers them if its setting\n\
             -- GLUE_DATABASE is {}.",
            athena.database
        )?;
    }
    writeln!(sql)
}

/// A table as a statement defines it.
struct Definition {
    /// The table of the lake that has the files and columns.
    table: &'static Table,
    name: String,
    comment: String,
    partition_keys: &'static [Column],
    properties: &'static [(&'static str, &'static str)],
}

/// Returns the definition whose partitions the function registers.
fn partitioned(table: &'static Table) -> Definition {
    Definition {
        table,
        name: table.name.to_owned(),
        comment: table.comment.to_owned(),
        partition_keys: table.partition_keys,
        properties: &[("classification", "parquet")],
    }
}

/// Returns a definition that reads the same files, partitioned by job only.
///
/// The location of a job is the default folder of Hive's layout. A `storage.location.template` would insert the value
/// without escaping it.
fn by_job(table: &'static Table) -> Definition {
    Definition {
        table,
        name: format!("{}_by_job", table.name),
        comment: format!("{}. Every query must compare job_id with literals, by = or IN", table.comment),
        partition_keys: &table.partition_keys[..1],
        properties: &[
            ("classification", "parquet"),
            ("projection.enabled", "true"),
            ("projection.job_id.type", "injected"),
        ],
    }
}

fn write_table(sql: &mut String, athena: &Athena<'_>, definition: &Definition) -> fmt::Result {
    let (database, name) = (identifier(athena.database.as_str()), identifier(&definition.name));
    let location = location(athena.bucket, athena.prefix) + &Layout::default().table_prefix(definition.table);
    writeln!(sql, "\nCREATE EXTERNAL TABLE IF NOT EXISTS {database}.{name} (")?;
    write_list(sql, definition.table.columns.iter().map(column))?;
    writeln!(sql, "COMMENT {}", literal(&definition.comment))?;
    if !definition.partition_keys.is_empty() {
        writeln!(sql, "PARTITIONED BY (")?;
        write_list(sql, definition.partition_keys.iter().map(column))?;
    }
    writeln!(sql, "STORED AS PARQUET")?;
    writeln!(sql, "LOCATION {}", literal(&location))?;
    let property = |(key, value): &(&str, &str)| format!("{} = {}", literal(key), literal(value));
    let properties: Vec<_> = definition.properties.iter().map(property).collect();
    writeln!(sql, "TBLPROPERTIES ({});", properties.join(", "))
}

/// Returns the URL of the lake, with a slash at the end.
fn location(bucket: Option<&BucketName>, prefix: &KeyPrefix) -> String {
    let bucket = bucket.map_or(PLACEHOLDER, BucketName::as_str);
    let separator = if prefix.as_str().is_empty() { "" } else { "/" };
    format!("s3://{bucket}/{prefix}{separator}")
}

fn write_list(sql: &mut String, entries: impl Iterator<Item = String>) -> fmt::Result {
    let entries: Vec<_> = entries.map(|entry| format!("  {entry}")).collect();
    writeln!(sql, "{}\n)", entries.join(",\n"))
}

fn column(column: &Column) -> String {
    let (name, comment) = (identifier(column.name), literal(column.comment));
    format!("{name} {} COMMENT {comment}", column.column_type.hive())
}

/// Returns a quoted identifier. A name may be a reserved word of Hive or start with a digit, so all are quoted, as in the
/// output of Athena's `SHOW CREATE TABLE`. No name here has a backquote.
fn identifier(name: &str) -> String {
    format!("`{name}`")
}

/// Returns a string literal of Hive, which escapes a quote with a backslash. Hive reads two quotes in a row as the end of one
/// literal and the start of another.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_literals_for_hive() {
        assert_eq!(literal("who's"), r"'who\'s'");
        assert_eq!(literal(r"a\b"), r"'a\\b'");
        assert_eq!(literal(r"\'"), r"'\\\''");
    }
}
