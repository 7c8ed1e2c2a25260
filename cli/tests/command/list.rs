//! `label-lake list`: the jobs of a directory and of a lake in S3, and files that are not rows.

use std::fs;
use std::time::Duration;

use expect_test::expect;
use rekognition_simulator::{Fault, Gate, Simulator};
use serde_json::{Value, json};

use crate::account::{Account, wait};
use crate::{CommandOutput, Workspace, event, label_lake};

/// Options for small generated jobs.
const SMALL: [&str; 4] = ["--pages", "1", "--labels", "3"];

/// Returns an event with these completion messages.
pub(crate) fn messages(messages: impl IntoIterator<Item = Value>) -> String {
    let record = |message: Value| json!({ "Sns": { "Message": message.to_string() } });
    json!({ "Records": messages.into_iter().map(record).collect::<Vec<_>>() }).to_string()
}

/// Lists the lake of a workspace.
fn list(workspace: &Workspace, more: &[&str]) -> CommandOutput {
    let lake = workspace.lake();
    label_lake([&["list", "--lake", lake.to_str().unwrap()], more].concat(), "")
}

/// Removes the times at which rows were written, which differ from lake to lake.
pub(crate) fn without_commit_times(mut json: Value) -> Value {
    let remove = |job: &mut Value| {
        let committed = job.as_object_mut().unwrap().remove("committedAt").unwrap();
        assert!(committed.as_str().unwrap().ends_with('Z'), "{committed}");
    };
    match &mut json {
        Value::Array(jobs) => jobs.iter_mut().for_each(remove),
        job => remove(job),
    }
    json
}

/// Returns a lake with three jobs, the last of which failed.
fn three_jobs() -> Workspace {
    let workspace = Workspace::new();
    let message = |job: &str, status: &str, hour: u32, key: &str| {
        let timestamp = 1_748_793_725_418_u64 + u64::from(hour) * 3_600_000;
        let video = json!({ "S3Bucket": "videos", "S3ObjectName": key });
        json!({ "JobId": job, "Status": status, "Timestamp": timestamp, "Video": video })
    };
    let event = messages([
        message("oldest", "SUCCEEDED", 0, "beach day.mp4"),
        message("newest", "SUCCEEDED", 2, "海滩 \u{1b}[2J.mp4"),
        message("failed", "FAILED", 1, "broken.mp4"),
    ]);
    let output = workspace.run_with_input("-", &SMALL, &event);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    workspace
}

#[test]
fn lists_jobs_from_the_newest_to_the_oldest() {
    let workspace = three_jobs();
    let output = list(&workspace, &[]);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    expect![[r"
        date                  status     labels  detections  video                           job
        2025-06-01T18:02:05Z  SUCCEEDED       3       1,000  s3://videos/海滩 \u{1b}[2J.mp4  newest
        2025-06-01T17:02:05Z  FAILED          -           -  s3://videos/broken.mp4          failed
        2025-06-01T16:02:05Z  SUCCEEDED       3       1,000  s3://videos/beach day.mp4       oldest
    "]]
    .assert_eq(&output.stdout);

    let json = without_commit_times(list(&workspace, &["--json"]).json());
    let ids: Vec<_> = json.as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["newest", "failed", "oldest"]);
    let (failed, oldest) = (&json[1], &json[2]);
    assert_eq!((&failed["status"], &failed["labels"]), (&json!("FAILED"), &json!(null)));
    assert!(failed["statusMessage"].as_str().unwrap().contains("could not be decoded"), "{failed}");
    assert_eq!((&oldest["video"], &oldest["labels"]), (&json!("s3://videos/beach day.mp4"), &json!(3)));
    assert_eq!((&oldest["completedAtMs"], &oldest["detections"]), (&json!(1_748_793_725_418_u64), &json!(1000)));
    assert_eq!(oldest.get("biggestLabels"), None);
}

#[test]
fn lists_the_lake_in_the_current_directory_by_default() {
    let workspace = three_jobs();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_label-lake"));
    let output = command.arg("list").current_dir(workspace.directory.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), list(&workspace, &[]).stdout);
}

#[test]
fn has_a_column_for_each_exported_aggregation() {
    let workspace = Workspace::new();
    let segments = [&SMALL[..], &["--aggregate-by", "SEGMENTS"]].concat();
    workspace.run_with_input("-", &segments, r#"{"JobId": "segments"}"#);
    let heading =
        |output: CommandOutput| output.stdout.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(heading(list(&workspace, &[])), "date status labels segments video job");
    workspace.run_with_input("-", &SMALL, r#"{"JobId": "detections"}"#);
    let output = list(&workspace, &[]);
    let line = output.stdout.lines().find(|line| line.ends_with("  detections")).unwrap();
    assert!(line.contains("1,000         -  "), "{}", output.stdout);
    assert_eq!(heading(output), "date status labels detections segments video job");
}

#[test]
fn names_the_directory_and_the_next_step_if_there_is_no_lake() {
    let workspace = Workspace::new();
    let lake = workspace.lake();
    let path = lake.to_str().unwrap();
    let fails = |words: &str| {
        for output in [list(&workspace, &[]), list(&workspace, &["--json"])] {
            assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{words}");
            assert!(
                output.stderr.starts_with("error: ") && output.stderr.contains(words),
                "{words}: {}",
                output.stderr
            );
            assert!(output.stderr.contains(path) && output.stderr.contains("--lake"), "{}", output.stderr);
            output.assert_one_error();
        }
    };
    fails("does not exist");
    fs::create_dir(&lake).unwrap();
    fails("is not a lake: it has no directory jobs");
    fails("label-lake run --out");
    fs::create_dir(lake.join("jobs")).unwrap();
    fails("no jobs found in");
    fs::remove_dir_all(&lake).unwrap();
    fs::write(&lake, "a file").unwrap();
    fails("is a file, not the directory of a lake");
}

#[test]
fn reports_files_that_are_not_rows_and_lists_the_others() {
    let workspace = three_jobs();
    let jobs = workspace.lake().join("jobs");
    let row = fs::read(jobs.join("job-oldest.parquet")).unwrap();
    let labels = workspace.files().into_iter().find(|(path, _)| path.starts_with("label_detections")).unwrap().1;
    let written: [(&str, &[u8]); 7] = [
        ("job-copied.parquet", &row),
        ("job-labels.parquet", &labels),
        ("job-cut.parquet", &row[..row.len() / 2]),
        ("job-empty.parquet", b""),
        ("notes \u{1b}[2J.txt", b"no row"),
        ("_SUCCESS", b""),
        (".DS_Store", b""),
    ];
    for (name, bytes) in written {
        fs::write(jobs.join(name), bytes).unwrap();
    }
    let output = list(&workspace, &[]);
    assert_eq!(output.code, Some(1));
    assert_eq!(output.stdout.lines().count(), 1 + 3, "{}", output.stdout);
    assert_eq!(output.stderr.lines().count(), 5, "{}", output.stderr);
    for (name, words) in [
        ("job-copied.parquet", "it has the row of job \"oldest\""),
        ("job-labels.parquet", "missing field"),
        ("job-cut.parquet", ": "),
        ("job-empty.parquet", ": "),
        ("notes \\u{1b}[2J.txt", "is not named like the row of a job"),
    ] {
        let line = output.stderr.lines().find(|line| line.contains(&format!("jobs/{name}")));
        assert!(
            line.is_some_and(|line| line.starts_with("error: ") && line.contains(words)),
            "{name}: {}",
            output.stderr
        );
    }
    let json = list(&workspace, &["--json"]);
    assert_eq!((json.code, json.json().as_array().unwrap().len()), (Some(1), 3));
}

#[test]
fn reports_a_row_with_a_wrong_byte_at_any_place() {
    let workspace = three_jobs();
    let jobs = workspace.lake().join("jobs");
    let row = fs::read(jobs.join("job-oldest.parquet")).unwrap();
    for place in 0..row.len() {
        let mut corrupt = row.clone();
        corrupt[place] = !corrupt[place];
        fs::write(jobs.join(format!("job-at-{place}.parquet")), corrupt).unwrap();
    }
    let output = list(&workspace, &[]);
    assert_eq!((output.code, output.stdout.lines().count()), (Some(1), 1 + 3), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), row.len());
    let other = output.stderr.lines().find(|line| !line.starts_with("error: cannot read the row of a job from "));
    assert_eq!(other, None);
    assert!(output.stderr.contains("the Parquet file is corrupt"), "the decoder no longer panics on a corrupt file");
}

/// Starts an account with the lake of a workspace at `s3://lake/video/`.
pub(crate) async fn account_with(workspace: &Workspace) -> Account {
    let account = Account::start(Simulator::builder(), &[]).await;
    for (path, bytes) in workspace.files() {
        account.simulator.store().put(&format!("video/{path}"), bytes);
    }
    account
}

#[tokio::test]
async fn lists_a_lake_in_s3_like_its_copy_in_a_directory() {
    let workspace = Workspace::new();
    let message = |number: u32| json!({ "JobId": format!("job-{number}"), "Timestamp": 1000 + number % 7 });
    workspace.run_with_input("-", &SMALL, &messages((0..40).map(message)));
    let account = account_with(&workspace).await;
    // An object that the S3 console creates for a folder.
    account.simulator.store().put("video/jobs/", "");
    account.simulator.clear_requests();
    for location in ["s3://lake/video", "s3://lake/video/"] {
        let output = account.run(&["list", "--lake", location]).await;
        assert_eq!((output.code, &*output.stderr), (Some(0), ""));
        assert_eq!(output.stdout, list(&workspace, &[]).stdout);
    }
    assert_eq!((account.count("GetObject"), account.count("ListObjectsV2")), (80, 2));
    let json = account.run(&["list", "--lake", "s3://lake/video", "--json"]).await.json();
    assert_eq!(without_commit_times(json), without_commit_times(list(&workspace, &["--json"]).json()));

    let empty = account.run(&["list", "--lake", "s3://lake"]).await;
    assert_eq!((empty.code, &*empty.stdout), (Some(1), ""));
    assert!(empty.stderr.starts_with("error: no jobs found in s3://lake/"), "{}", empty.stderr);
}

#[tokio::test]
async fn reads_the_rows_concurrently() {
    let workspace = Workspace::new();
    let message = |number: u32| json!({ "JobId": format!("job-{number}") });
    workspace.run_with_input("-", &SMALL, &messages((0..10).map(message)));
    let account = account_with(&workspace).await;
    let gate = Gate::new();
    account.simulator.add_fault(Fault::on("GetObject").always().hold(gate.clone()));
    let process = account.spawn(&["list", "--lake", "s3://lake/video"]);
    let reached = tokio::time::timeout(Duration::from_mins(1), gate.reached_by(10)).await;
    assert!(reached.is_ok(), "the rows are read one after the other");
    gate.release();
    let output = wait(process).await;
    assert_eq!((output.code, output.stdout.lines().count()), (Some(0), 1 + 10), "{}", output.stderr);
}

#[tokio::test]
async fn fails_if_a_row_in_s3_may_not_be_read() {
    let workspace = Workspace::new();
    workspace.run(event("completion.json"), &SMALL);
    let account = account_with(&workspace).await;
    account.simulator.add_fault(Fault::on("GetObject").always().status(403, "AccessDenied"));
    let output = account.run(&["list", "--lake", "s3://lake/video"]).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.starts_with("error: job ") && output.stderr.contains("s3:GetObject"), "{}", output.stderr);
    output.assert_one_error();
}
