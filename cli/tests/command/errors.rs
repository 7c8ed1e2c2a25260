//! What goes wrong, as a person reads it: one line, and the exit code.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::{Desk, JOB, event, label_lake};

#[test]
fn an_event_without_a_job_is_one_line_that_names_it() {
    let not_json = "hello".to_owned();
    let too_long = json!({"JobId": "x".repeat(65)}).to_string();
    for (input, words) in [
        (not_json, "standard input is not JSON"),
        ("{}".to_owned(), "found none of Records, requestPayload, JobId, Message"),
        (r#"{"JobId": "../x"}"#.to_owned(), "\"../x\" is not a job id"),
        (r#"{"JobId": ""}"#.to_owned(), "\"\" is not a job id"),
        (too_long, "is not a job id"),
    ] {
        let desk = Desk::new();
        let ran = desk.run_with_input("-", &[], &input);
        assert_eq!((ran.code, &*ran.output), (Some(1), ""), "{input}");
        assert!(ran.errors.starts_with("error: ") && ran.errors.contains(words), "{words}: {}", ran.errors);
        assert_eq!(ran.errors.lines().count(), 1, "{}", ran.errors);
        assert!(!desk.lake().exists());
    }
}

#[test]
fn an_event_that_is_not_there_is_named() {
    let ran = Desk::new().run("no-such-event.json", &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("no-such-event.json cannot be read"), "{}", ran.errors);
}

#[test]
fn what_is_good_in_an_event_is_exported_and_what_is_bad_is_reported() {
    let desk = Desk::new();
    let batch = json!({"Records": [
        {"messageId": "1", "body": r#"{"JobId":"../x"}"#},
        {"messageId": "2", "body": r#"{"JobId":"good"}"#},
    ]});
    let ran = desk.run_with_input("-", &["--pages", "1", "--labels", "3", "--json"], &batch.to_string());
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("../x"), "{}", ran.errors);
    let summary = ran.json();
    assert_eq!(summary["jobs"][0]["outcome"], "EXPORTED");
    assert_eq!(summary["failures"][0]["errorType"], "InvalidJobId");
    assert_eq!(desk.files().len(), 4);
}

#[test]
fn a_lake_that_cannot_be_made_or_written_is_an_error_at_once() {
    let desk = Desk::new();
    fs::write(desk.lake(), "a file where the lake should be").unwrap();
    let ran = desk.run(event("sns.json"), &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("cannot be made; choose another directory with --out"), "{}", ran.errors);

    let desk = Desk::new();
    fs::create_dir(desk.lake()).unwrap();
    fs::write(desk.lake().join("label_detections"), "a file where a table should be").unwrap();
    let ran = desk.run(event("sns.json"), &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("is refused by the file system"), "{}", ran.errors);
    assert_eq!(ran.errors.lines().count(), 1);
    assert!(!desk.lake().join("jobs").exists());
}

#[test]
fn a_name_that_no_file_can_have_is_an_error_at_once() {
    let desk = Desk::new();
    let reply = json!({"JobStatus": "SUCCEEDED", "Labels": [{"Timestamp": 0, "Label": {"Name": "x".repeat(260)}}]});
    let path = desk.directory.path().join("reply.json");
    fs::write(&path, reply.to_string()).unwrap();
    let ran = desk.run(event("sns.json"), &["--recorded", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("cannot be a file") && ran.errors.contains("255"), "{}", ran.errors);
}

#[test]
fn wrong_usage_is_code_2() {
    for (arguments, words) in [
        (vec!["run"], "EVENT"),
        (vec!["run", "-", "--aggregate-by", "timestamps"], "TIMESTAMPS, SEGMENTS"),
        (vec!["run", "-", "--prefix", "/x"], "a prefix without /"),
        (vec!["run", "-", "--pages", "many"], "--pages"),
        (vec!["run", "-", "--recorded", "x", "--seed", "2"], "cannot be used with"),
        (vec!["ddl", "--bucket", "s3://lake"], "the name of a bucket"),
        (vec!["ddl", "--prefix", "lake/"], "a prefix without /"),
        (vec!["ddl", "--database", "Lake"], "a-z 0-9 _ -"),
        (vec!["completions", "dosh"], "bash"),
        (vec!["walk"], "walk"),
    ] {
        let ran = label_lake(&arguments, "");
        assert_eq!((ran.code, &*ran.output), (Some(2), ""), "{arguments:?}");
        assert!(ran.errors.contains(words), "{arguments:?}: {}", ran.errors);
    }
}

#[test]
fn completions_and_help_are_there() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = label_lake(["completions", shell], "");
        assert_eq!(ran.code, Some(0));
        assert!(ran.output.contains("recorded"), "{shell}");
    }
    for command in ["run", "ddl", "completions"] {
        assert!(label_lake([command, "--help"], "").output.contains("Examples:"), "{command}");
    }
    assert_eq!(label_lake(["--version"], "").output, format!("label-lake {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_has_no_commit_and_a_second_run_begins_again() {
    let desk = Desk::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    // A job that takes much longer than it takes to see its first file.
    command.args(["run", "--pages", "20000", "--labels", "100000", "--out"]).arg(desk.lake()).arg(event("sns.json"));
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !desk.lake().join("label_detections").exists() {
        assert!(process.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    let ended = process.wait_with_output().unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{errors}");
    assert!(errors.contains("has no commit") && errors.lines().count() == 1, "{errors}");
    assert!(!desk.lake().join("jobs").exists());

    let again = desk.run(event("sns.json"), &["--pages", "1", "--labels", "3"]);
    assert_eq!(again.code, Some(0), "{}", again.errors);
    assert!(desk.lake().join(format!("jobs/job-{JOB}.parquet")).exists());
    // What the first run left is not of this job, as its replies are others now.
    assert!(again.output.contains("of a run that was interrupted"), "{}", again.output);
}
