//! `label-lake ddl`: its text and its columns, compared with the golden files.

use std::collections::BTreeMap;

use expect_test::expect_file;
use serde_json::Value;

use crate::label_lake;

fn ddl(options: &[&str]) -> String {
    let output = label_lake([&["ddl"], options].concat(), "");
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    output.stdout
}

#[test]
fn matches_the_golden_files() {
    expect_file!["../../../tests/golden/ddl.sql"].assert_eq(&ddl(&[]));
    expect_file!["../../../tests/golden/ddl-by-job.sql"].assert_eq(&ddl(&["--by-job"]));
}

/// Returns the name, type and comment of each column, in order, by the list that contains the column.
fn columns(statement: &str) -> BTreeMap<&'static str, Vec<[String; 3]>> {
    let mut columns = BTreeMap::from([("columns", vec![]), ("partition_keys", vec![])]);
    let mut list = "columns";
    for line in statement.lines() {
        if line == "PARTITIONED BY (" {
            list = "partition_keys";
        } else if let Some(column) = line.strip_prefix("  `") {
            let (name, rest) = column.split_once("` ").unwrap();
            let (column_type, comment) = rest.split_once(" COMMENT '").unwrap();
            let (comment, _) = comment.rsplit_once('\'').unwrap();
            columns.get_mut(list).unwrap().push([name, column_type, comment].map(str::to_owned));
        }
    }
    columns
}

#[test]
fn has_the_golden_columns() {
    let golden = include_str!("../../../tests/golden/tables.json");
    let golden: BTreeMap<String, Value> = serde_json::from_str(golden).unwrap();
    let of = |table: &str, list| -> Vec<[String; 3]> { serde_json::from_value(golden[table][list].clone()).unwrap() };
    for (options, suffix) in [(&[][..], ""), (&["--by-job"], "_by_job")] {
        let sql = ddl(options);
        let statements: Vec<_> = sql.split_inclusive(";\n").collect();
        assert_eq!(statements.len(), 1 + golden.len());
        for table in golden.keys() {
            let (name, keys) = match table.as_str() {
                "jobs" => ("jobs".to_owned(), 0),
                _ if suffix.is_empty() => (table.clone(), 2),
                _ => (format!("{table}{suffix}"), 1),
            };
            let create = format!("CREATE EXTERNAL TABLE IF NOT EXISTS `label_lake`.`{name}` (\n");
            let statement = statements.iter().find(|statement| statement.trim_start().starts_with(&create)).unwrap();
            let found = columns(statement);
            assert_eq!(found["columns"], of(table, "columns"), "{name}");
            assert_eq!(found["partition_keys"], of(table, "partition_keys")[..keys], "{name}");
            assert!(statement.contains(&format!("\nLOCATION 's3://BUCKET/{table}/'\n")), "{statement}");
        }
    }
}

#[test]
fn quotes_option_values_in_the_statements() {
    let sql = ddl(&["--bucket", "my-lake", "--prefix", "who's/v1", "--database", "2-db"]);
    assert!(!sql.contains("BUCKET"), "{sql}");
    assert!(sql.contains("\nCREATE DATABASE IF NOT EXISTS `2-db`;\n"), "{sql}");
    for table in ["label_detections", "label_segments", "jobs"] {
        assert!(sql.contains(&format!("CREATE EXTERNAL TABLE IF NOT EXISTS `2-db`.`{table}` (")), "{sql}");
        assert!(sql.contains(&format!("LOCATION 's3://my-lake/who\\'s/v1/{table}/'")), "{sql}");
    }
}

#[test]
fn has_semicolons_only_after_statements_and_comments_only_before_them() {
    for options in [&[][..], &["--by-job"], &["--bucket", "my-lake"]] {
        let sql = ddl(options);
        for statement in sql.split_inclusive(";\n") {
            assert_eq!(statement.matches(';').count(), 1, "{statement}");
        }
        let (comments, statements) = sql.split_once("\n\n").unwrap();
        assert!(comments.lines().all(|line| line.starts_with("-- ")), "{comments}");
        assert!(!comments.contains(['\'', '"', '`']), "{comments}");
        assert!(!statements.contains("--"), "{statements}");
    }
}
