//! `label-lake show`: the facts of a job, its labels, and their timelines.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::list::{account_with, without_commit_times};
use crate::{CommandOutput, JOB, Workspace, convert, event, label_lake};

/// Returns the lake of a recorded job whose labels have special names, and one has none.
pub(crate) fn recorded_job() -> Workspace {
    let workspace = Workspace::new();
    let reply = format!("{}/tests/data/one-reply.json", env!("CARGO_MANIFEST_DIR"));
    let output = workspace.run(event("sns.json"), &["--recorded", &reply]);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    workspace
}

/// Returns the lake of a job with these labels in each aggregation, for a video of 40 seconds.
pub(crate) fn job_with_labels(detections: &[Value], segments: &[Value]) -> Workspace {
    let workspace = Workspace::new();
    let replies =
        [("TIMESTAMPS", detections), ("SEGMENTS", segments)].into_iter().filter(|(_, labels)| !labels.is_empty());
    let replies = replies.map(|(aggregate_by, labels)| {
        json!({
            "JobStatus": "SUCCEEDED",
            "VideoMetadata": { "DurationMillis": 40_000 },
            "GetRequestMetadata": { "AggregateBy": aggregate_by },
            "Labels": labels,
        })
    });
    let (replies, path) = (replies.collect::<Vec<_>>(), workspace.directory.path().join("replies.json"));
    fs::write(&path, json!(replies).to_string()).unwrap();
    let aggregations = match (detections, segments) {
        (_, []) => "TIMESTAMPS",
        ([], _) => "SEGMENTS",
        _ => "TIMESTAMPS,SEGMENTS",
    };
    let more = ["--aggregate-by", aggregations, "--recorded", path.to_str().unwrap()];
    let output = workspace.run(event("sns.json"), &more);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    workspace
}

pub(crate) fn detection(name: &str, seconds: u32) -> Value {
    json!({ "Timestamp": seconds * 1000, "Label": { "Name": name, "Confidence": 90.0, "Instances": [{}, {}] } })
}

/// Returns a segment between two times in seconds.
pub(crate) fn segment(name: &str, start: i64, end: i64) -> Value {
    convert::segment(name, start * 1000, end * 1000)
}

/// Shows the job of a workspace in this locale.
fn show_in(locale: &str, workspace: &Workspace, more: &[&str]) -> CommandOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    command.args(["show", JOB, "--lake"]).arg(workspace.lake()).args(more).env("LC_ALL", locale);
    let ended = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

fn show(workspace: &Workspace, more: &[&str]) -> CommandOutput {
    show_in("C.UTF-8", workspace, more)
}

/// Compares the output, without the lines that differ from lake to lake.
fn assert_shown(output: &CommandOutput, expected: &Expect) {
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let lines = output.stdout.lines().filter(|line| !line.starts_with("Committed ") && !line.starts_with("Files "));
    expected.assert_eq(&lines.flat_map(|line| [line, "\n"]).collect::<String>());
}

/// Returns the lines of the labels.
fn labels(output: &CommandOutput) -> Vec<&str> {
    output.stdout.split_once("\n\n").map_or(vec![], |(_, table)| table.lines().skip(1).collect())
}

/// Returns the path of a label's file.
pub(crate) fn label_file(workspace: &Workspace, table: &str, label: &str) -> PathBuf {
    workspace.lake().join(format!("{table}/job_id={JOB}/label={label}/part-00000.parquet"))
}

#[test]
fn shows_the_facts_and_the_timelines_of_a_job() {
    let workspace = recorded_job();
    let output = show(&workspace, &[]);
    assert_shown(
        &output,
        &expect![[r"
        Job          4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62
        Status       SUCCEEDED
        Tag          beach-day
        Video        s3://example-videos/videos/beach day.mp4
        Duration     0:00:04
        Frames       1280 x 720, 29.97 a second
        Format       QuickTime / MOV, h264
        Model        2.0
        Completed    2025-06-01T16:02:05Z
        Aggregation  TIMESTAMPS
        Labels       6
        Rows         11: 10 detections with 4 instances

        detections    first     last  confidence  0:00:00                          0:00:04  label
                 4  0:00:00  0:00:03        99.1  █····█·········█···················█····  Person
                 2  0:00:00  0:00:02        73.8  █························█··············  Farmer's Market
                 1  0:00:02  0:00:02        51.5  ····················█···················  (no name)
                 1  0:00:00  0:00:00        55.0  ·····█··································  A/B: 50% [x]
                 1  0:00:01  0:00:01        66.6  ···············█························  American Football (Ball)
                 1  0:00:01  0:00:01        80.1  ··········█·····························  Caño Cristales
    "]],
    );
    assert!(output.stdout.contains("\nFiles        7, "), "{}", output.stdout);
    let ascii = show_in("C", &workspace, &["--label", "Person"]);
    assert!(labels(&ascii)[0].contains("  #....#.........#...................#....  Person"), "{}", ascii.stdout);
}

#[test]
fn finds_labels_by_their_exact_names() {
    let workspace = recorded_job();
    for (name, shown) in [("A/B: 50% [x]", "A/B: 50% [x]"), ("Farmer's Market", "Farmer's Market"), ("", "(no name)")] {
        let output = show(&workspace, &["--label", name]);
        assert_eq!((output.code, &*output.stderr), (Some(0), ""));
        let lines = labels(&output);
        assert!(lines.len() == 1 && lines[0].ends_with(&format!("  {shown}")) && lines[0].contains('█'), "{lines:?}");
    }
    let output = show(&workspace, &["--label", "Person", "--label", "Caño Cristales"]);
    assert_eq!(labels(&output).len(), 2);
    for (name, words) in [
        ("person", "no label \"person\"\nhint: its name is \"Person\"\n"),
        ("Cat", "no label \"Cat\"\nhint: run the command"),
    ] {
        let output = show(&workspace, &["--label", name]);
        assert_eq!((output.code, &*output.stdout), (Some(1), ""));
        assert!(output.stderr.contains(JOB) && output.stderr.contains(words), "{}", output.stderr);
    }
}

#[test]
fn counts_a_detection_with_several_instances_once() {
    let seconds = [0, 1, 2, 3, 39, 40].map(|seconds| detection("Dog", seconds));
    let workspace = job_with_labels(&seconds, &[]);
    let json = show(&workspace, &["--json"]).json();
    assert_eq!((&json["rows"], &json["detections"], &json["instances"]), (&12.into(), &6.into(), &12.into()));
    assert_eq!(json["cellMs"], 1000.0);
    let timeline: Vec<u64> = serde_json::from_value(json["shownLabels"][0]["timeline"].clone()).unwrap();
    assert_eq!((timeline.len(), &timeline[..5], &timeline[38..]), (40, &[1, 1, 1, 1, 0][..], &[0, 2][..]));
}

#[test]
fn shows_the_segments_of_a_job_without_detections() {
    let workspace = job_with_labels(&[], &[segment("Dog", 0, 20), segment("Dog", 30, 31), segment("Cat", 39, 40)]);
    assert_shown(
        &show(&workspace, &[]),
        &expect![[r"
        Job          4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62
        Status       SUCCEEDED
        Tag          beach-day
        Video        s3://example-videos/videos/beach day.mp4
        Duration     0:00:40
        Completed    2025-06-01T16:02:05Z
        Aggregation  SEGMENTS
        Labels       2
        Segments     3

        segments    first     last  confidence  0:00:00                          0:00:40  label
               2  0:00:00  0:00:31        80.0  ████████████████████··········█·········  Dog
               1  0:00:39  0:00:40        80.0  ·······································█  Cat
    "]],
    );
}

#[test]
fn shows_both_counts_of_a_job_with_both_aggregations() {
    let detections = [detection("Dog", 0), detection("Dog", 10), detection("Cat", 39)];
    let workspace = job_with_labels(&detections, &[segment("Dog", 0, 20), segment("Bird", 20, 40)]);
    let output = show(&workspace, &[]);
    assert_shown(
        &output,
        &expect![[r"
        Job          4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62
        Status       SUCCEEDED
        Tag          beach-day
        Video        s3://example-videos/videos/beach day.mp4
        Duration     0:00:40
        Completed    2025-06-01T16:02:05Z
        Aggregation  TIMESTAMPS, SEGMENTS
        Labels       3
        Rows         6: 3 detections with 6 instances
        Segments     2

        detections  segments    first     last  confidence  0:00:00                          0:00:40  label
                 2         1  0:00:00  0:00:10        90.0  █·········█·····························  Dog
                 1         0  0:00:39  0:00:39        90.0  ·······································█  Cat
                 0         1        -        -           -  ····················████████████████████  Bird
    "]],
    );
}

#[test]
fn shows_a_failed_job_without_labels() {
    let workspace = Workspace::new();
    workspace.run(event("failed.json"), &[]);
    assert_shown(
        &show(&workspace, &[]),
        &expect![[r"
        Job          4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62
        Status       FAILED: The video could not be decoded (simulated because of the Status in the event)
        Tag          beach-day
        Video        s3://example-videos/videos/beach day.mp4
        Model        generated
        Completed    2025-06-01T16:02:05Z
        Aggregation  TIMESTAMPS
    "]],
    );
    let json = show(&workspace, &["--json"]).json();
    assert_eq!((&json["status"], &json["files"], &json["expectedFiles"]), (&"FAILED".into(), &1.into(), &1.into()));
    assert_eq!(json["shownLabels"], json!([]));
}

#[test]
fn prints_the_facts_as_json() {
    let workspace = recorded_job();
    let mut json = without_commit_times(show(&workspace, &["--label", "Farmer's Market", "--json"]).json());
    json.as_object_mut().unwrap().remove("bytes").unwrap();
    let timeline = json["shownLabels"][0].as_object_mut().unwrap().remove("timeline").unwrap();
    assert_eq!(timeline.as_array().unwrap().len(), 40);
    expect![[r#"
        {
          "aggregateBy": [
            "TIMESTAMPS"
          ],
          "cellMs": 100.0,
          "codec": "h264",
          "colorRange": null,
          "completedAtMs": 1748793725418,
          "detections": 10,
          "expectedFiles": 7,
          "files": 7,
          "format": "QuickTime / MOV",
          "frameHeight": 720,
          "frameRate": 29.97003,
          "frameWidth": 1280,
          "instances": 4,
          "jobId": "4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62",
          "jobTag": "beach-day",
          "labelModelVersion": "2.0",
          "labels": 6,
          "rows": 11,
          "segments": null,
          "shownLabels": [
            {
              "detections": 2,
              "firstTimestampMs": 0,
              "instances": 0,
              "label": "Farmer's Market",
              "lastTimestampMs": 2500,
              "maxConfidence": 73.75,
              "segments": null
            }
          ],
          "status": "SUCCEEDED",
          "statusMessage": null,
          "video": "s3://example-videos/videos/beach day.mp4",
          "videoDurationMs": 4000,
          "videoVersion": null
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn reads_only_the_files_of_the_labels_that_it_shows() {
    let workspace = recorded_job();
    fs::write(label_file(&workspace, "label_detections", "Farmer%27s Market"), "no Parquet").unwrap();
    let output = show(&workspace, &["--labels", "1"]);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(labels(&output).len(), 1, "{}", output.stdout);
    let facts = show(&workspace, &["--labels", "0"]);
    assert!(facts.code == Some(0) && labels(&facts).is_empty(), "{}", facts.stdout);
}

#[test]
fn reports_a_missing_and_an_unreadable_file_and_shows_the_other_labels() {
    let workspace = recorded_job();
    let market = label_file(&workspace, "label_detections", "Farmer%27s Market");
    let nameless = label_file(&workspace, "label_detections", "__HIVE_DEFAULT_PARTITION__");
    fs::copy(workspace.lake().join(format!("jobs/job-{JOB}.parquet")), &market).unwrap();
    fs::remove_file(&nameless).unwrap();
    let output = show(&workspace, &[]);
    assert_eq!(output.code, Some(1));
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{}", output.stderr);
    for (path, words) in [(market, "it has no column timestamp_ms"), (nameless, "no such file")] {
        let place = lines.iter().position(|line| line.contains(path.to_str().unwrap())).unwrap();
        let line = lines[place];
        assert!(line.starts_with(&format!("error: job {JOB}: cannot read ")) && line.ends_with(words), "{line}");
        let hint = "hint: export the job again with `label-lake export --overwrite`, or with \"Overwrite\": true";
        assert_eq!(lines[place + 1], hint);
    }
    assert_eq!(labels(&output).len(), 6);
    assert!(output.stdout.contains("; the job should have 7\n"), "{}", output.stdout);
}

#[test]
fn names_the_lake_and_the_next_step_if_the_job_is_not_committed() {
    let workspace = recorded_job();
    let lake = workspace.lake();
    let path = lake.to_str().unwrap();
    let missing = label_lake(["show", "other", "--lake", path], "");
    assert_eq!((missing.code, &*missing.stdout), (Some(1), ""));
    let expected =
        format!("error: job other not found in {path}\nhint: `label-lake list --lake {path}` lists its jobs\n");
    assert_eq!(missing.stderr, expected);

    let row = lake.join(format!("jobs/job-{JOB}.parquet"));
    fs::write(&row, "no Parquet").unwrap();
    let unreadable = show(&workspace, &[]);
    assert_eq!((unreadable.code, &*unreadable.stdout), (Some(1), ""));
    assert!(
        unreadable.stderr.contains("cannot read its row from ") && unreadable.stderr.contains("\"Overwrite\": true")
    );

    fs::remove_file(&row).unwrap();
    let interrupted = show(&workspace, &[]);
    assert_eq!((interrupted.code, &*interrupted.stdout), (Some(1), ""));
    assert!(
        interrupted.stderr.contains("is not committed") && interrupted.stderr.contains("6 files"),
        "{}",
        interrupted.stderr
    );
}

#[tokio::test]
async fn shows_a_job_in_s3_like_its_copy_in_a_directory() {
    let workspace = recorded_job();
    let account = account_with(&workspace).await;
    account.simulator.clear_requests();
    let output = account.run(&["show", JOB, "--lake", "s3://lake/video", "--labels", "2"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    // The account's environment has no locale.
    assert_eq!(labels(&output), labels(&show_in("C", &workspace, &["--labels", "2"])));
    assert_eq!(account.count("GetObject"), 1 + 2);
    let json = account.run(&["show", JOB, "--lake", "s3://lake/video/", "--json"]).await.json();
    assert_eq!(without_commit_times(json), without_commit_times(show(&workspace, &["--json"]).json()));

    let missing = account.run(&["show", "other", "--lake", "s3://lake/video"]).await;
    assert_eq!(missing.code, Some(1));
    let expected = "error: job other not found in s3://lake/video/\n\
                    hint: `label-lake list --lake s3://lake/video/` lists its jobs\n";
    assert_eq!(missing.stderr, expected);
}
