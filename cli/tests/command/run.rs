//! `label-lake run`: exports, the lake directory, and the summary.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::{JOB, Workspace, event};

/// Options for a small generated job.
const SMALL: [&str; 4] = ["--pages", "2", "--labels", "30"];

#[test]
fn processes_every_sample_event() {
    let mut names: Vec<_> = fs::read_dir(event("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        let workspace = Workspace::new();
        let output = workspace.run(event(name.to_str().unwrap()), &[&SMALL[..], &["--json"]].concat());
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{name:?}");
        let jobs: Vec<_> = output.json()["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].clone()).collect();
        let files = workspace.files().len();
        match name.to_str().unwrap() {
            "other-api.json" => assert_eq!((jobs.len(), files), (0, 0)),
            "failed.json" => assert_eq!((jobs, files), (vec![json!(JOB)], 1)),
            _ => assert_eq!((jobs, files), (vec![json!(JOB)], 31), "{name:?}"),
        }
    }
}

#[test]
fn exports_the_sample_event_without_arguments() {
    let workspace = Workspace::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    let output = command.arg("run").args(SMALL).current_dir(workspace.directory.path()).output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    let same = Workspace::new();
    same.run(event("sns.json"), &SMALL);
    assert_eq!(workspace.files(), same.files());
}

#[test]
fn prints_only_the_summary_without_a_terminal() {
    let output = Workspace::new().run(event("sns.json"), &SMALL);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    for words in
        [JOB, "SUCCEEDED", "s3://example-videos/videos/beach day.mp4", "2,000 detections", "duckdb -c", "Person"]
    {
        assert!(output.stdout.contains(words), "{words}: {}", output.stdout);
    }
    assert!(!output.stdout.contains('\u{1b}'));
}

#[test]
fn summarizes_the_numbers_in_the_files() {
    let workspace = Workspace::new();
    let both = ["--aggregate-by", "SEGMENTS,TIMESTAMPS", "--json"];
    let summary = workspace.run(event("sns.json"), &[&SMALL[..], &both].concat()).json();
    let (job, files) = (&summary["jobs"][0], workspace.files());
    assert_eq!(job["aggregateBy"], json!(["TIMESTAMPS", "SEGMENTS"]));
    assert_eq!(job["detections"], 2000);
    assert_eq!(job["rows"], workspace.rows("label_detections"));
    assert_eq!(job["segments"], workspace.rows("label_segments"));
    assert_eq!(job["files"], files.len());
    assert_eq!(job["bytes"], files.values().map(Vec::len).sum::<usize>());
    assert_eq!(job["labels"], files.keys().filter(|path| path.starts_with("label_detections")).count());
    let biggest = job["biggestLabels"].as_array().unwrap();
    assert_eq!(biggest.len(), 10);
    for label in biggest {
        let name = label["label"].as_str().unwrap();
        assert_eq!(label["segments"], workspace.rows(&format!("label_segments/job_id={JOB}/label={name}/")), "{name}");
    }
}

#[test]
fn a_second_run_changes_nothing() {
    let workspace = Workspace::new();
    workspace.run(event("sns.json"), &SMALL);
    let (files, modified) =
        (workspace.files(), || fs::metadata(workspace.lake().join(format!("jobs/job-{JOB}.parquet"))));
    let before = modified().unwrap().modified().unwrap();
    // Another seed and another table make no difference.
    let again = workspace.run(event("sqs.json"), &["--seed", "2", "--aggregate-by", "TIMESTAMPS,SEGMENTS"]);
    assert_eq!((again.code, &*again.stderr), (Some(0), ""));
    assert_eq!(workspace.files(), files);
    assert_eq!(modified().unwrap().modified().unwrap(), before);
    for words in ["Already committed", "\"Overwrite\": true", "exported with --aggregate-by TIMESTAMPS,", "0 pages"] {
        assert!(again.stdout.contains(words), "{words}: {}", again.stdout);
    }
}

#[test]
fn an_overwrite_writes_the_same_files_as_a_first_run() {
    let (workspace, other) = (Workspace::new(), Workspace::new());
    workspace.run(event("overwrite.json"), &["--pages", "3", "--labels", "40"]);
    for place in [&workspace, &other] {
        let summary = place.run(event("overwrite.json"), &[&SMALL[..], &["--seed", "2", "--json"]].concat()).json();
        assert_eq!(summary["jobs"][0]["outcome"], "EXPORTED");
    }
    assert_eq!(workspace.files(), other.files());
}

#[test]
fn commits_a_job_that_failed_at_rekognition_with_its_message() {
    let workspace = Workspace::new();
    let output = workspace.run(event("failed.json"), &[]);
    assert_eq!(output.code, Some(0));
    assert!(output.stdout.contains("FAILED at Rekognition: The video could not be decoded"), "{}", output.stdout);
    assert_eq!(workspace.files().into_keys().collect::<Vec<_>>(), [format!("jobs/job-{JOB}.parquet")]);
}

#[test]
fn exports_two_jobs_from_an_event_on_standard_input() {
    let workspace = Workspace::new();
    let records =
        json!({"Records": [{"Sns": {"Message": "{\"JobId\":\"a\"}"}}, {"Sns": {"Message": "{\"JobId\":\"b\"}"}}]});
    let more = [&SMALL[..], &["--prefix", "a/b", "--json"]].concat();
    let summary = workspace.run_with_input("-", &more, &records.to_string()).json();
    let ids = [&summary["jobs"][0]["jobId"], &summary["jobs"][1]["jobId"]];
    assert_eq!(ids, ["a", "b"]);
    assert!(workspace.files().into_keys().all(|path| path.starts_with("a/b/")));
    assert_eq!(summary["lake"], workspace.lake().join("a/b").to_str().unwrap());
}

#[test]
fn ignores_the_environment_of_the_user() {
    let workspace = Workspace::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    command.args(["run", "--pages", "1", "--labels", "3", "--out"]).arg(workspace.lake()).arg(event("sns.json"));
    // Port 1 is closed.
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_REKOGNITION", "HTTP_PROXY", "http_proxy"]
    {
        command.env(name, "http://127.0.0.1:1");
    }
    command.envs([("AWS_PROFILE", "none"), ("AWS_REGION", "eu-west-1"), ("AWS_USE_FIPS_ENDPOINT", "true")]);
    command.envs([("OUTPUT_BUCKET", "other"), ("OUTPUT_PREFIX", "x"), ("AGGREGATE_BY", "SEGMENTS")]);
    assert!(command.output().unwrap().status.success());
    assert_eq!(workspace.rows("label_segments"), 0);
    assert_eq!(workspace.files().len(), 4);
}

#[test]
fn shows_the_log_of_the_function_with_verbose() {
    let output = Workspace::new().run(event("sns.json"), &[&SMALL[..], &["-v"]].concat());
    assert!(output.stderr.contains("EXPORTED"), "{}", output.stderr);
}
