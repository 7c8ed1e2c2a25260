//! `label-lake ddl`: its text and its columns, compared with the golden files, and the views for DuckDB.

use std::collections::BTreeMap;

use expect_test::{expect, expect_file};
use serde_json::Value;

use crate::{Workspace, event, label_lake};

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

#[test]
fn takes_the_location_as_one_s3_url() {
    for by_job in [&[][..], &["--by-job"]] {
        let separate = ddl(&[by_job, &["--bucket", "my-lake", "--prefix", "video/v1"]].concat());
        assert_eq!(ddl(&[by_job, &["--lake", "s3://my-lake/video/v1"]].concat()), separate);
    }
    let output = label_lake(["ddl", "--lake", "my-lake"], "");
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.starts_with("error: Athena reads only S3\nhint: pass --lake s3://"), "{}", output.stderr);
    for options in [["--lake", "s3://my-lake", "--bucket", "b-1"], ["--lake", "s3://my-lake", "--prefix", "video"]] {
        assert_eq!(label_lake([&["ddl"], &options[..]].concat(), "").code, Some(2), "{options:?}");
    }
    assert_eq!(label_lake(["ddl", "--duckdb", "--by-job"], "").code, Some(2));
}

#[test]
fn prints_views_of_the_files_in_s3_for_duckdb() {
    expect![[r#"
        INSTALL httpfs;
        LOAD httpfs;
        INSTALL aws;
        LOAD aws;
        -- Takes the credentials from the environment or the profile, like the AWS CLI, but not the region of the
        -- profile. Set AWS_REGION to the region of the bucket, or add REGION to the secret.
        CREATE OR REPLACE SECRET label_lake (TYPE s3, PROVIDER credential_chain, SCOPE 's3://my-lake');
        -- Fails with No files found if the lake has no files of jobs.
        CREATE OR REPLACE VIEW jobs AS FROM read_parquet('s3://my-lake/jobs/job-*.parquet', union_by_name = true)
            UNION ALL BY NAME SELECT CAST(NULL AS VARCHAR) AS "content" WHERE false;
        -- Fails with No files found if the lake has no files of label_detections.
        CREATE OR REPLACE VIEW label_detections AS FROM read_parquet('s3://my-lake/label_detections/**/*.parquet',
            hive_partitioning = true, hive_types = {'job_id': VARCHAR, 'label': VARCHAR});
        -- Fails with No files found if the lake has no files of label_segments.
        CREATE OR REPLACE VIEW label_segments AS FROM read_parquet('s3://my-lake/label_segments/**/*.parquet',
            hive_partitioning = true, hive_types = {'job_id': VARCHAR, 'label': VARCHAR});
    "#]]
    .assert_eq(&ddl(&["--duckdb", "--lake", "s3://my-lake"]));
}

#[test]
fn prints_views_of_the_files_in_a_directory_for_duckdb() {
    let workspace = Workspace::new();
    let exported = workspace.run(event("job-id.json"), &["--pages", "1", "--labels", "2", "--prefix", "who's [1]"]);
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let lake = workspace.lake().join("who's [1]");
    let sql = ddl(&["--duckdb", "--lake", lake.to_str().unwrap()]);
    let root = format!("{}/who''s [[]1]", workspace.lake().display());
    for view in [
        format!(
            "CREATE OR REPLACE VIEW jobs AS FROM read_parquet('{root}/jobs/job-*.parquet', union_by_name = true)\n"
        ),
        format!("VIEW label_detections AS FROM read_parquet('{root}/label_detections/**/*.parquet',\n"),
        "VIEW label_segments AS SELECT\n    CAST(NULL AS BIGINT) AS \"start_timestamp_ms\",\n".to_owned(),
    ] {
        assert!(sql.contains(&view), "{view}: {sql}");
    }

    let output = label_lake(["ddl", "--duckdb", "--lake", "no-such-lake"], "");
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.starts_with("error: cannot read the lake no-such-lake: "), "{}", output.stderr);
    output.assert_one_error();
}

#[test]
fn prints_the_statements_of_the_tables_of_all_jobs() {
    let lake = ["--all", "--lake", "s3://my-lake/who's/v1", "--database", "2-db"];
    for (engine, location, table) in [
        (&[][..], r"'s3://my-lake/who\'s/v1/all/all_jobs/1'", "INTO all_jobs t\n"),
        (&["--trino"], "'s3://my-lake/who''s/v1/all/all_jobs/1'", "INTO iceberg.\"2-db\".all_jobs t\n"),
        (&["--spark"], r"'s3://my-lake/who\'s/v1/all/all_jobs/1'", "INTO all_jobs t\n"),
    ] {
        let sql = ddl(&[&lake[..], engine].concat());
        let (heading, statements) = sql.split_once("\n\n").unwrap();
        assert!(heading.lines().all(|line| line.starts_with("--")) && !heading.contains(['\'', ';']), "{heading}");
        let names = statements.split_inclusive(";\n").map(|text| text.trim_start().lines().next().unwrap());
        assert_eq!(
            names.collect::<Vec<_>>(),
            [
                "-- create-detections",
                "-- create-segments",
                "-- create-jobs",
                "-- pending",
                "-- merge-detections",
                "-- merge-segments",
                "-- merge-jobs",
                "-- optimize-detections",
                "-- optimize-segments",
                "-- optimize-jobs",
                "-- vacuum-detections",
                "-- vacuum-segments",
                "-- vacuum-jobs",
            ]
        );
        for words in [location, table] {
            assert!(sql.contains(words), "{words}: {sql}");
        }
        for placeholder in ["${", "{run}"] {
            assert!(!sql.contains(placeholder), "{placeholder}: {sql}");
        }
    }
    for options in [&["--trino"][..], &["--all", "--trino", "--spark"], &["--all", "--by-job"], &["--all", "--duckdb"]]
    {
        assert_eq!(label_lake([&["ddl"], options].concat(), "").code, Some(2), "{options:?}");
    }
}

/// An empty lake has the documented columns.
#[test]
fn empty_views_have_the_golden_columns() {
    let golden = include_str!("../../../tests/golden/tables.json");
    let golden: BTreeMap<String, Value> = serde_json::from_str(golden).unwrap();
    let workspace = Workspace::new();
    let sql = ddl(&["--duckdb", "--lake", workspace.directory.path().to_str().unwrap()]);
    for view in sql.split_inclusive(";\n") {
        let name = view.split(" VIEW ").nth(1).unwrap().split(' ').next().unwrap();
        let found = view.lines().filter_map(|line| line.strip_prefix("    CAST(NULL AS ")?.split_once(") AS "));
        let found: Vec<_> = found.map(|(_, column)| column.trim_matches([',', '"'])).collect();
        let columns = ["columns", "partition_keys"].into_iter().flat_map(|list| golden[name][list].as_array().unwrap());
        assert_eq!(found, columns.map(|column| column[0].as_str().unwrap()).collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(sql.matches(";\n").count(), golden.len());
}
