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
        output.assert_one_error();
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
        output.stderr.contains("cannot create output directory") && output.stderr.contains("\nhint: choose another"),
        "{}",
        output.stderr
    );

    let workspace = Workspace::new();
    fs::create_dir(workspace.lake()).unwrap();
    fs::write(workspace.lake().join("label_detections"), "a file where a table should be").unwrap();
    let output = workspace.run(event("sns.json"), &[]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("is refused by the file system"), "{}", output.stderr);
    output.assert_one_error();
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
        (vec!["run", "--overwrite"], "--recorded"),
        (vec!["run", "-", "--aggregate-by", "timestamps"], "TIMESTAMPS, SEGMENTS"),
        (vec!["run", "-", "--prefix", "/x"], "a prefix without /"),
        (vec!["run", "-", "--aggregate-by", ""], "TIMESTAMPS, SEGMENTS"),
        (vec!["run", "-", "--pages", "many"], "--pages"),
        (vec!["run", "-", "--pages", "0"], "1..=100000"),
        (vec!["run", "-", "--labels", "0"], "1..=100000"),
        (vec!["backfill", "JOB", "--function", ""], "--function"),
        (vec!["backfill", "JOB", "--function", "f", "--concurrency", "0"], "1..=1000"),
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
fn prints_completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = label_lake(["completions", shell], "");
        assert_eq!(output.code, Some(0));
        assert!(output.stdout.contains("recorded"), "{shell}");
    }
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
    let expected = format!(
        "error: interrupted; the job in progress was not committed to {}\nhint: run the command again to start over\n",
        workspace.lake().display()
    );
    assert_eq!(errors, expected);
    assert!(!workspace.lake().join("jobs").exists());

    let again = workspace.run(event("sns.json"), &["--pages", "1", "--labels", "3"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(workspace.lake().join(format!("jobs/job-{JOB}.parquet")).exists());
    // The files of the first run do not belong to the job, because its replies are different now.
    assert!(again.stdout.contains("An interrupted run left files behind"), "{}", again.stdout);
}

/// Runs the command with a limit on the size of every file that it writes, which is smaller than the file of the biggest
/// label. A write beyond the limit fails, as on a full disk.
#[cfg(unix)]
#[test]
fn names_the_directory_that_has_no_space_left() {
    let workspace = Workspace::new();
    // Without the trap, the signal would end the process.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_label-lake"), "run", "--labels", "2", "--json", "--out"]);
    let output = command.arg(workspace.lake()).arg(event("sns.json")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let start = format!("error: job {JOB}: cannot write to the directory {}: ", workspace.lake().display());
    assert!(errors.starts_with(&start) && errors.contains("(os error 27)"), "{errors}");
    assert!(errors.lines().nth(1).unwrap().starts_with("hint: ") && errors.contains("--out"), "{errors}");
    assert!(!errors.contains("s3:") && errors.lines().count() == 2, "{errors}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["failures"][0]["errorType"], "Storage");
    assert!(!workspace.lake().join("jobs").exists());
}

#[test]
fn counts_one_thing_in_the_singular() {
    let workspace = Workspace::new();
    let reply = json!({
        "JobStatus": "SUCCEEDED",
        "JobId": JOB,
        "Labels": [{"Timestamp": 0, "Label": {"Name": "Dog", "Confidence": 90.5, "Instances": [{}]}}],
    });
    let path = workspace.directory.path().join("reply.json");
    fs::write(&path, reply.to_string()).unwrap();
    let output = workspace.run(event("sns.json"), &["--recorded", path.to_str().unwrap()]);
    assert!(output.stdout.contains("Rows      1: 1 detection with 1 instance\n"), "{}", output.stdout);
    assert!(output.stdout.contains("Fetched 1 page in "), "{}", output.stdout);
}
