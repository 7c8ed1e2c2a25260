//! `label-lake ddl`: the statements that make the tables in Athena, which takes Hive's DDL.

use std::fmt::{self, Write as _};

use label_lake::aws::names::BucketName;
use label_lake::table::layout::Layout;
use label_lake::table::schema::{Column, JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS, TABLES, Table};

use crate::args::DdlArguments;

/// What stands for the bucket if none is given. It is no name of a bucket, so nothing can be there.
const PLACEHOLDER: &str = "BUCKET";

/// The statements, each with `;` at the end of its last line, and comments before them.
pub(crate) fn ddl(arguments: &DdlArguments) -> String {
    let mut sql = String::new();
    // Writing to a String does not fail.
    let _ = write_statements(&mut sql, arguments);
    sql
}

fn write_statements(sql: &mut String, arguments: &DdlArguments) -> fmt::Result {
    write_heading(sql, arguments)?;
    writeln!(sql, "CREATE DATABASE IF NOT EXISTS {};", identifier(arguments.database.as_str()))?;
    if arguments.by_job {
        for table in [&LABEL_DETECTIONS, &LABEL_SEGMENTS] {
            write_table(sql, arguments, &by_job(table))?;
        }
        return write_table(sql, arguments, &partitioned(&JOBS));
    }
    TABLES.into_iter().try_for_each(|table| write_table(sql, arguments, &partitioned(table)))
}

/// The comments hold neither quotes nor semicolons, so that nobody who splits the text takes them for SQL.
fn write_heading(sql: &mut String, arguments: &DdlArguments) -> fmt::Result {
    writeln!(sql, "-- The tables of Label Lake for Athena.")?;
    if arguments.bucket.is_none() {
        writeln!(
            sql,
            "-- Replace {PLACEHOLDER} in the three lines with LOCATION by the name of your bucket, with the prefix of the\n\
             -- lake after it if it has one. Or let the options --bucket and --prefix do it."
        )?;
    }
    writeln!(sql, "-- Athena runs one statement at a time: run them one after the other. Each ends with a semicolon.")?;
    if arguments.by_job {
        writeln!(
            sql,
            "-- No partition is ever registered for label_detections_by_job and label_segments_by_job: Athena makes the\n\
             -- location from the job. So every query of theirs must name job_id with = or IN of literals. A join or a\n\
             -- subquery does not do."
        )?;
    } else {
        writeln!(
            sql,
            "-- Athena sees the labels of a job when its partitions are registered. The function registers them if its\n\
             -- setting GLUE_DATABASE is {}.",
            arguments.database
        )?;
    }
    writeln!(sql)
}

/// A table as a statement makes it.
struct Definition {
    /// Whose files it reads, with which columns.
    table: &'static Table,
    name: String,
    comment: String,
    partition_keys: &'static [Column],
    properties: &'static [(&'static str, &'static str)],
}

/// The table as the function registers partitions for it.
fn partitioned(table: &'static Table) -> Definition {
    Definition {
        table,
        name: table.name.to_owned(),
        comment: table.comment.to_owned(),
        partition_keys: table.partition_keys,
        properties: &[("classification", "parquet")],
    }
}

/// The same files, partitioned by the job alone. The location of a job is the folder that Hive's layout gives it:
/// a `storage.location.template` would put the value in unescaped.
fn by_job(table: &'static Table) -> Definition {
    Definition {
        table,
        name: format!("{}_by_job", table.name),
        comment: format!("{}. Every query must name job_id with = or IN of literals", table.comment),
        partition_keys: &table.partition_keys[..1],
        properties: &[
            ("classification", "parquet"),
            ("projection.enabled", "true"),
            ("projection.job_id.type", "injected"),
        ],
    }
}

fn write_table(sql: &mut String, arguments: &DdlArguments, definition: &Definition) -> fmt::Result {
    let (database, name) = (identifier(arguments.database.as_str()), identifier(&definition.name));
    let bucket = arguments.bucket.as_ref().map(BucketName::as_str).unwrap_or(PLACEHOLDER);
    let folder = Layout::new(&arguments.prefix).table_prefix(definition.table);
    writeln!(sql, "\nCREATE EXTERNAL TABLE IF NOT EXISTS {database}.{name} (")?;
    write_list(sql, definition.table.columns.iter().map(column))?;
    writeln!(sql, "COMMENT {}", literal(&definition.comment))?;
    if !definition.partition_keys.is_empty() {
        writeln!(sql, "PARTITIONED BY (")?;
        write_list(sql, definition.partition_keys.iter().map(column))?;
    }
    writeln!(sql, "STORED AS PARQUET")?;
    writeln!(sql, "LOCATION {}", literal(&format!("s3://{bucket}/{folder}")))?;
    let property = |(key, value): &(&str, &str)| format!("{} = {}", literal(key), literal(value));
    let properties: Vec<_> = definition.properties.iter().map(property).collect();
    writeln!(sql, "TBLPROPERTIES ({});", properties.join(", "))
}

fn write_list(sql: &mut String, entries: impl Iterator<Item = String>) -> fmt::Result {
    let entries: Vec<_> = entries.map(|entry| format!("  {entry}")).collect();
    writeln!(sql, "{}\n)", entries.join(",\n"))
}

fn column(column: &Column) -> String {
    let (name, comment) = (identifier(column.name), literal(column.comment));
    format!("{name} {} COMMENT {comment}", column.column_type.hive())
}

/// Always quoted, as Athena's `SHOW CREATE TABLE` does: a name may be a word that Hive reserves, or begin with a digit.
/// The names here hold no backquote.
fn identifier(name: &str) -> String {
    format!("`{name}`")
}

/// A literal as Hive reads it: with a backslash before a quote. Hive takes two quotes for the end of one literal and the
/// begin of another.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_escaped_as_hive_reads_it() {
        assert_eq!(literal("who's"), r"'who\'s'");
        assert_eq!(literal(r"a\b"), r"'a\\b'");
        assert_eq!(literal(r"\'"), r"'\\\''");
    }
}
