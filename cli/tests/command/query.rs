//! `label-lake query`: the list, the script for DuckDB, and the program `duckdb`.

use std::fs;
use std::path::Path;
use std::process::Command;

use expect_test::expect;

use crate::{CommandOutput, JOB, Workspace, event, label_lake};

/// Returns a workspace whose lake has one job, without segments.
fn workspace_with_job() -> Workspace {
    let workspace = Workspace::new();
    let output = workspace.run(event("job-id.json"), &["--pages", "1", "--labels", "2"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    workspace
}

/// Runs a query on the lake of a workspace.
fn query(workspace: &Workspace, arguments: &[&str]) -> CommandOutput {
    let lake = workspace.lake();
    label_lake([&["query", "--lake", lake.to_str().unwrap()], arguments].concat(), "")
}

/// Returns the script of a query, with the path of the lake replaced by `LAKE`.
fn script(workspace: &Workspace, arguments: &[&str]) -> String {
    let output = query(workspace, &[arguments, &["--sql"]].concat());
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    output.stdout.replace(workspace.lake().to_str().unwrap(), "LAKE")
}

#[test]
fn lists_the_queries_with_their_values_and_descriptions() {
    let output = label_lake(["query"], "");
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let lines: Vec<_> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 2 * 17, "{}", output.stdout);
    assert_eq!(
        lines[..4],
        [
            "biggest-labels-of-a-period FROM UNTIL",
            "    The most frequent labels of all videos whose jobs were completed in a period.",
            "boxes-in-pixels JOB LABEL",
            "    The boxes of a label in a video, in pixels of the frame.",
        ]
    );
}

#[test]
fn prints_a_script_with_the_views_and_the_translated_query() {
    let workspace = workspace_with_job();
    let sql = script(&workspace, &["failed-jobs"]);
    expect![[r#"
        CREATE OR REPLACE VIEW jobs AS FROM read_parquet('LAKE/jobs/job-*.parquet', union_by_name = true)
            UNION ALL BY NAME SELECT CAST(NULL AS VARCHAR) AS "content" WHERE false;

        -- The jobs that failed at Rekognition, with the reason.
        --
        -- No parameters. Jobs that the function could not export are not in the lake: they are in the dead-letter queue.
        SELECT j.job_id,
               epoch_ms(j.completed_at_ms) AS completed_at,
               j.video_bucket,
               j.video_key,
               j.job_tag,
               j.status_message
        FROM jobs j
        WHERE j.status = 'FAILED'
        ORDER BY j.completed_at_ms DESC NULLS LAST, j.job_id;
    "#]]
    .assert_eq(&sql);
    let sql = script(&workspace, &["boxes-in-pixels", JOB, "Dog"]);
    let view = "CREATE OR REPLACE VIEW label_detections AS FROM read_parquet('LAKE/label_detections/**/*.parquet',\n    \
                hive_partitioning = true, hive_types = {'job_id': VARCHAR, 'label': VARCHAR});\n";
    assert!(sql.contains(view), "{sql}");
}

/// DuckDB needs no tables of all jobs: views of the other tables stand for them.
#[test]
fn a_query_of_all_jobs_has_views_for_their_tables() {
    let sql = script(&workspace_with_job(), &["screen-time-of-a-label", "Dog"]);
    let views: Vec<_> = sql.lines().filter(|line| line.starts_with("CREATE ")).collect();
    let starts =
        ["jobs AS FROM read", "label_detections AS FROM read", "all_jobs AS FROM jobs;", "all_detections AS FROM "];
    assert_eq!(views.len(), starts.len(), "{sql}");
    for (view, start) in views.iter().zip(starts) {
        assert!(view.starts_with(&format!("CREATE OR REPLACE VIEW {start}")), "{view}");
    }
    assert!(sql.contains("\n    WHERE d.label = 'Dog'\n"), "{sql}");
}

#[test]
fn quotes_the_values_in_their_order() {
    let workspace = workspace_with_job();
    let sql = script(&workspace, &["where-a-label-is-seen", "no-such-job", "Farmer's? \\ Market"]);
    assert!(
        sql.contains("\n    WHERE d.job_id = 'no-such-job'\n      AND d.label || '' = 'Farmer''s? \\ Market'\n"),
        "{sql}"
    );
    let sql = script(&workspace, &["long-segments", JOB, "2.5"]);
    assert!(sql.ends_with(
        "  AND s.duration_ms > CAST('2.5' AS double) * 1000\nORDER BY s.duration_ms DESC, s.start_timestamp_ms, \
         s.label_name;\n"
    ));
}

#[test]
fn a_table_without_files_is_an_empty_view() {
    let sql = script(&workspace_with_job(), &["screen-time-from-segments", JOB]);
    expect![[r#"
        CREATE OR REPLACE VIEW jobs AS FROM read_parquet('LAKE/jobs/job-*.parquet', union_by_name = true)
            UNION ALL BY NAME SELECT CAST(NULL AS VARCHAR) AS "content" WHERE false;
        -- The lake has no files of label_segments yet. Once it has, print these statements again.
        CREATE OR REPLACE VIEW label_segments AS SELECT
            CAST(NULL AS BIGINT) AS "start_timestamp_ms",
            CAST(NULL AS BIGINT) AS "end_timestamp_ms",
            CAST(NULL AS BIGINT) AS "duration_ms",
            CAST(NULL AS FLOAT) AS "confidence",
            CAST(NULL AS VARCHAR[]) AS "parents",
            CAST(NULL AS VARCHAR[]) AS "aliases",
            CAST(NULL AS VARCHAR[]) AS "categories",
            CAST(NULL AS VARCHAR) AS "label_name",
            CAST(NULL AS VARCHAR) AS "job_id",
            CAST(NULL AS VARCHAR) AS "label"
        WHERE false;
    "#]]
    .assert_eq(&format!("{}\n", sql.split("\n\n").next().unwrap()));
}

#[test]
fn a_lake_in_s3_is_read_with_the_users_credentials() {
    let output = label_lake(["query", "failed-jobs", "--lake", "s3://my-lake/video/", "--sql"], "");
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    expect![[r#"
        INSTALL httpfs;
        LOAD httpfs;
        INSTALL aws;
        LOAD aws;
        -- Takes the credentials from the environment or the profile, like the AWS CLI, but not the region of the
        -- profile. Set AWS_REGION to the region of the bucket, or add REGION to the secret.
        CREATE OR REPLACE SECRET label_lake (TYPE s3, PROVIDER credential_chain, SCOPE 's3://my-lake');
        -- Fails with No files found if the lake has no files of jobs.
        CREATE OR REPLACE VIEW jobs AS FROM read_parquet('s3://my-lake/video/jobs/job-*.parquet', union_by_name = true)
            UNION ALL BY NAME SELECT CAST(NULL AS VARCHAR) AS "content" WHERE false;
    "#]]
    .assert_eq(&format!("{}\n", output.stdout.split("\n\n").next().unwrap()));

    let options = ["--profile", "Ann's", "--region", "eu-west-1", "--sql"];
    let output = label_lake([&["query", "failed-jobs", "--lake", "s3://my-lake"], &options[..]].concat(), "");
    let secret = "LOAD aws;\nCREATE OR REPLACE SECRET label_lake (TYPE s3, PROVIDER credential_chain, \
                  SCOPE 's3://my-lake', PROFILE 'Ann''s', REGION 'eu-west-1');\n";
    assert!(output.stdout.contains(secret), "{}", output.stdout);
}

#[test]
fn a_wrong_number_of_values_is_invalid_usage() {
    for (arguments, error) in [
        (
            &["boxes-in-pixels", JOB][..],
            "boxes-in-pixels takes 2 values, not 1\nhint: usage: label-lake query boxes-in-pixels JOB LABEL",
        ),
        (&["failed-jobs", JOB], "failed-jobs takes 0 values, not 1\nhint: usage: label-lake query failed-jobs"),
        (
            &["videos-with-a-label"],
            "videos-with-a-label takes 1 value, not 0\nhint: usage: label-lake query videos-with-a-label LABEL",
        ),
    ] {
        let output = label_lake([&["query"], arguments].concat(), "");
        assert_eq!((output.code, &*output.stdout), (Some(2), ""), "{arguments:?}");
        assert_eq!(output.stderr, format!("error: {error}\n"));
    }
}

#[test]
fn an_unknown_name_is_invalid_usage_and_shows_the_names() {
    let output = label_lake(["query", "boxes"], "");
    assert_eq!((output.code, &*output.stdout), (Some(2), ""));
    assert!(output.stderr.contains("boxes-in-pixels") && output.stderr.contains("failed-jobs"), "{}", output.stderr);
    assert_eq!(label_lake(["query", "--sql"], "").code, Some(2));
}

#[test]
fn a_directory_without_jobs_is_not_a_lake() {
    let workspace = Workspace::new();
    for made in [false, true] {
        if made {
            fs::create_dir_all(workspace.lake().join("jobs")).unwrap();
        }
        let output = query(&workspace, &["failed-jobs"]);
        assert_eq!((output.code, &*output.stdout), (Some(1), ""));
        output.assert_one_error();
        let words = format!("error: no jobs found in {}\nhint: pass a lake with --lake", workspace.lake().display());
        assert!(output.stderr.starts_with(&words), "{}", output.stderr);
    }
}

/// Runs a query that finds the program `duckdb` in this directory only.
fn query_with_path(workspace: &Workspace, path: &Path) -> CommandOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    let ended =
        command.args(["query", "failed-jobs", "--lake"]).arg(workspace.lake()).env("PATH", path).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

#[test]
fn says_what_to_do_if_duckdb_is_not_installed() {
    let workspace = workspace_with_job();
    let output = query_with_path(&workspace, workspace.directory.path());
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    output.assert_one_error();
    for words in ["error: the program duckdb is not on the PATH", "https://duckdb.org/install", "--sql"] {
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
}

#[cfg(unix)]
#[test]
fn runs_the_script_with_duckdb_and_fails_if_duckdb_fails() {
    use std::os::unix::fs::PermissionsExt as _;

    let workspace = workspace_with_job();
    let programs = workspace.directory.path().join("programs");
    fs::create_dir(&programs).unwrap();
    let duckdb = programs.join("duckdb");
    let install = |body: &str| {
        fs::write(&duckdb, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&duckdb, fs::Permissions::from_mode(0o755)).unwrap();
    };

    install("echo \"$@\"; while IFS= read -r line; do printf '%s\\n' \"$line\"; done");
    let output = query_with_path(&workspace, &programs);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let sql = output.stdout.replace(workspace.lake().to_str().unwrap(), "LAKE");
    assert!(sql.starts_with("-bail\n.output /dev/null\nCREATE OR REPLACE VIEW jobs"), "{sql}");
    let muted = "\"content\" WHERE false;\n.output\n-- The jobs that failed";
    assert!(sql.contains(muted) && sql.ends_with("j.job_id;\n"), "{sql}");

    // It does not read its input.
    install("echo 'Parser Error' >&2; exit 3");
    let output = query_with_path(&workspace, &programs);
    assert_eq!((output.code, &*output.stdout, &*output.stderr), (Some(1), "", "Parser Error\n"));
}
