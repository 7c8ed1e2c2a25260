//! Events that are exported, and what the summary says of them.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::{Desk, JOB, event};

/// A small generated job.
const SMALL: [&str; 4] = ["--pages", "2", "--labels", "30"];

#[test]
fn every_sample_event_runs() {
    let mut names: Vec<_> = fs::read_dir(event("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        let desk = Desk::new();
        let ran = desk.run(event(name.to_str().unwrap()), &[&SMALL[..], &["--json"]].concat());
        assert_eq!((ran.code, &*ran.errors), (Some(0), ""), "{name:?}");
        let jobs: Vec<_> = ran.json()["jobs"].as_array().unwrap().iter().map(|job| job["jobId"].clone()).collect();
        let files = desk.files().len();
        match name.to_str().unwrap() {
            "other-api.json" => assert_eq!((jobs.len(), files), (0, 0)),
            "failed.json" => assert_eq!((jobs, files), (vec![json!(JOB)], 1)),
            _ => assert_eq!((jobs, files), (vec![json!(JOB)], 31), "{name:?}"),
        }
    }
}

#[test]
fn without_a_terminal_there_is_the_summary_and_nothing_else() {
    let ran = Desk::new().run(event("sns.json"), &SMALL);
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    for words in
        [JOB, "SUCCEEDED", "s3://example-videos/videos/beach day.mp4", "2,000 detections", "duckdb -c", "Person"]
    {
        assert!(ran.output.contains(words), "{words}: {}", ran.output);
    }
    assert!(!ran.output.contains('\u{1b}'));
}

#[test]
fn the_numbers_of_the_summary_are_those_of_the_files() {
    let desk = Desk::new();
    let both = ["--aggregate-by", "SEGMENTS,TIMESTAMPS", "--json"];
    let summary = desk.run(event("sns.json"), &[&SMALL[..], &both].concat()).json();
    let (job, files) = (&summary["jobs"][0], desk.files());
    assert_eq!(job["aggregateBy"], json!(["TIMESTAMPS", "SEGMENTS"]));
    assert_eq!(job["detections"], 2000);
    assert_eq!(job["rows"], desk.rows("label_detections"));
    assert_eq!(job["segments"], desk.rows("label_segments"));
    assert_eq!(job["files"], files.len());
    assert_eq!(job["bytes"], files.values().map(Vec::len).sum::<usize>());
    assert_eq!(job["labels"], files.keys().filter(|path| path.starts_with("label_detections")).count());
    let biggest = job["biggestLabels"].as_array().unwrap();
    assert_eq!(biggest.len(), 10);
    for label in biggest {
        let name = label["label"].as_str().unwrap();
        assert_eq!(label["segments"], desk.rows(&format!("label_segments/job_id={JOB}/label={name}/")), "{name}");
    }
}

#[test]
fn a_second_run_changes_nothing_and_says_so() {
    let desk = Desk::new();
    desk.run(event("sns.json"), &SMALL);
    let (files, modified) = (desk.files(), || fs::metadata(desk.lake().join(format!("jobs/job-{JOB}.parquet"))));
    let before = modified().unwrap().modified().unwrap();
    // Neither with another seed nor with more tables.
    let again = desk.run(event("sqs.json"), &["--seed", "2", "--aggregate-by", "TIMESTAMPS,SEGMENTS"]);
    assert_eq!((again.code, &*again.errors), (Some(0), ""));
    assert_eq!(desk.files(), files);
    assert_eq!(modified().unwrap().modified().unwrap(), before);
    for words in ["committed already", "\"Overwrite\": true", "exported with --aggregate-by TIMESTAMPS,", "0 pages"] {
        assert!(again.output.contains(words), "{words}: {}", again.output);
    }
}

#[test]
fn overwrite_leaves_what_a_first_run_would_leave() {
    let (desk, other) = (Desk::new(), Desk::new());
    desk.run(event("overwrite.json"), &["--pages", "3", "--labels", "40"]);
    for place in [&desk, &other] {
        let summary = place.run(event("overwrite.json"), &[&SMALL[..], &["--seed", "2", "--json"]].concat()).json();
        assert_eq!(summary["jobs"][0]["outcome"], "EXPORTED");
    }
    assert_eq!(desk.files(), other.files());
}

#[test]
fn a_job_that_failed_at_rekognition_is_committed_with_its_message() {
    let desk = Desk::new();
    let ran = desk.run(event("failed.json"), &[]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.output.contains("FAILED at Rekognition: The video could not be decoded"), "{}", ran.output);
    assert_eq!(desk.files().into_keys().collect::<Vec<_>>(), [format!("jobs/job-{JOB}.parquet")]);
}

#[test]
fn an_event_with_two_jobs_from_standard_input_is_two_jobs() {
    let desk = Desk::new();
    let records =
        json!({"Records": [{"Sns": {"Message": "{\"JobId\":\"a\"}"}}, {"Sns": {"Message": "{\"JobId\":\"b\"}"}}]});
    let more = [&SMALL[..], &["--prefix", "a/b", "--json"]].concat();
    let summary = desk.run_with_input("-", &more, &records.to_string()).json();
    let ids = [&summary["jobs"][0]["jobId"], &summary["jobs"][1]["jobId"]];
    assert_eq!(ids, ["a", "b"]);
    assert!(desk.files().into_keys().all(|path| path.starts_with("a/b/")));
    assert_eq!(summary["lake"], desk.lake().join("a/b").to_str().unwrap());
}

#[test]
fn nothing_comes_from_the_environment_of_the_person_at_the_desk() {
    let desk = Desk::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    command.args(["run", "--pages", "1", "--labels", "3", "--out"]).arg(desk.lake()).arg(event("sns.json"));
    // Port 1 is closed.
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_REKOGNITION", "HTTP_PROXY", "http_proxy"]
    {
        command.env(name, "http://127.0.0.1:1");
    }
    command.envs([("AWS_PROFILE", "none"), ("AWS_REGION", "eu-west-1"), ("AWS_USE_FIPS_ENDPOINT", "true")]);
    command.envs([("OUTPUT_BUCKET", "other"), ("OUTPUT_PREFIX", "x"), ("AGGREGATE_BY", "SEGMENTS")]);
    assert!(command.output().unwrap().status.success());
    assert_eq!(desk.rows("label_segments"), 0);
    assert_eq!(desk.files().len(), 4);
}

#[test]
fn the_log_of_the_function_is_shown_on_demand() {
    let ran = Desk::new().run(event("sns.json"), &[&SMALL[..], &["-v"]].concat());
    assert!(ran.errors.contains("EXPORTED"), "{}", ran.errors);
}
