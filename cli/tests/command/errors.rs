//! Errors: one line each, and the exit code.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::{JOB, Workspace, event, label_lake};

#[test]
fn rejects_an_event_without_a_job_in_one_line() {
    let not_json = "hello".to_owned();
    let too_long = json!({"JobId": "x".repeat(65)}).to_string();
    for (input, words) in [
        (not_json, "standard input is not JSON"),
        ("{}".to_owned(), "found none of Records, requestPayload, JobId, detail, body, Message"),
        (r#"{"JobId": "../x"}"#.to_owned(), "\"../x\" is not a job ID"),
        (r#"{"JobId": ""}"#.to_owned(), "\"\" is not a job ID"),
        (too_long, "is not a job ID"),
    ] {
        let workspace = Workspace::new();
        let output = workspace.run_with_input("-", &[], &input);
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{input}");
        assert!(output.stderr.starts_with("error: ") && output.stderr.contains(words), "{words}: {}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(!workspace.lake().exists());
    }
}

#[test]
fn names_a_missing_event_file() {
    let output = Workspace::new().run("no-such-event.json", &[]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("cannot read event file no-such-event.json"), "{}", output.stderr);
}

#[test]
fn exports_good_records_when_another_record_is_bad() {
    let workspace = Workspace::new();
    let batch = json!({"Records": [
        {"messageId": "1", "body": r#"{"JobId":"../x"}"#},
        {"messageId": "2", "body": r#"{"JobId":"good"}"#},
    ]});
    let output = workspace.run_with_input("-", &["--pages", "1", "--labels", "3", "--json"], &batch.to_string());
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("../x"), "{}", output.stderr);
    let summary = output.json();
    assert_eq!(summary["jobs"][0]["outcome"], "EXPORTED");
    assert_eq!(summary["failures"][0]["errorType"], "InvalidJobId");
    assert_eq!(workspace.files().len(), 4);
}

#[test]
fn fails_at_once_if_the_lake_cannot_be_created_or_written() {
    let workspace = Workspace::new();
    fs::write(workspace.lake(), "a file where the lake should be").unwrap();
    let output = workspace.run(event("sns.json"), &[]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("cannot create output directory") && output.stderr.contains("choose another with --out"),
        "{}",
        output.stderr
    );

    let workspace = Workspace::new();
    fs::create_dir(workspace.lake()).unwrap();
    fs::write(workspace.lake().join("label_detections"), "a file where a table should be").unwrap();
    let output = workspace.run(event("sns.json"), &[]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("is refused by the file system"), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1);
    assert!(!workspace.lake().join("jobs").exists());
}

#[test]
fn fails_at_once_if_a_label_cannot_be_a_file_name() {
    let workspace = Workspace::new();
    let reply = json!({"JobStatus": "SUCCEEDED", "Labels": [{"Timestamp": 0, "Label": {"Name": "x".repeat(260)}}]});
    let path = workspace.directory.path().join("reply.json");
    fs::write(&path, reply.to_string()).unwrap();
    let output = workspace.run(event("sns.json"), &["--recorded", path.to_str().unwrap()]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("cannot be a file") && output.stderr.contains("255"), "{}", output.stderr);
}

#[test]
fn exits_with_code_2_on_invalid_usage() {
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
        (vec!["status", "JOB"], "--lake"),
        (vec!["status", "--lake", "lake", "JOB"], "expected s3://BUCKET"),
        (vec!["status", "--lake", "s3://lake", "--bucket", "lake", "JOB"], "cannot be used with"),
        (vec!["delete", "--lake", "s3://lake", "--prefix", "video", "JOB"], "cannot be used with"),
        (vec!["register", "--prefix", "video", "--database", "x", "JOB"], "--bucket"),
        (vec!["list", "--lake", "s3:lake"], "expected s3://BUCKET"),
        (vec!["show", "JOB", "--lake", "s3://Lake"], "expected the name of a bucket"),
        (vec!["show", "JOB", "--labels", "3", "--label", "Dog"], "cannot be used with"),
        (vec!["walk"], "walk"),
    ] {
        let output = label_lake(&arguments, "");
        assert_eq!((output.code, &*output.stdout), (Some(2), ""), "{arguments:?}");
        assert!(output.stderr.contains(words), "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn prints_completions_and_help() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = label_lake(["completions", shell], "");
        assert_eq!(output.code, Some(0));
        assert!(output.stdout.contains("recorded"), "{shell}");
    }
    for command in ["run", "export", "ddl", "list", "show", "query", "completions"] {
        assert!(label_lake([command, "--help"], "").stdout.contains("Examples:"), "{command}");
    }
    assert_eq!(label_lake(["--version"], "").stdout, format!("label-lake {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_not_committed_and_can_be_repeated() {
    let workspace = Workspace::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    // The job takes much longer than the test needs to see its first file.
    command
        .args(["run", "--pages", "20000", "--labels", "100000", "--out"])
        .arg(workspace.lake())
        .arg(event("sns.json"));
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !workspace.lake().join("label_detections").exists() {
        assert!(process.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    let ended = process.wait_with_output().unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{errors}");
    assert!(errors.contains("was not committed") && errors.lines().count() == 1, "{errors}");
    assert!(!workspace.lake().join("jobs").exists());

    let again = workspace.run(event("sns.json"), &["--pages", "1", "--labels", "3"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(workspace.lake().join(format!("jobs/job-{JOB}.parquet")).exists());
    // The files of the first run do not belong to the job, because its replies are different now.
    assert!(again.stdout.contains("An interrupted run left files behind"), "{}", again.stdout);
}
