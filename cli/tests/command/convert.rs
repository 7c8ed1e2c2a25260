//! `label-lake convert`: markers of a directory and of a lake in S3, options, and jobs that have no markers.

use std::fs;
use std::path::Path;

use expect_test::expect;
use serde_json::{Value, json};

use crate::list::account_with;
use crate::{CommandOutput, JOB, Workspace, event, label_lake};

/// The formats.
const FORMATS: [&str; 5] = ["vtt", "csv", "resolve-edl", "otio", "premiere-xml"];

/// Returns the lake of a recorded job whose labels have special names, and one has none.
fn recorded_job() -> Workspace {
    let workspace = Workspace::new();
    let reply = format!("{}/tests/data/one-reply.json", env!("CARGO_MANIFEST_DIR"));
    let output = workspace.run(event("sns.json"), &["--recorded", &reply]);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    workspace
}

/// Returns the lake of a job with these labels, and with this frame rate if it has one.
fn job_with(aggregate_by: &[&str], frame_rate: Option<f32>, labels: &[Value]) -> Workspace {
    let workspace = Workspace::new();
    let replies = aggregate_by.iter().map(|aggregation| {
        let is_segment = *aggregation == "SEGMENTS";
        let labels = labels.iter().filter(|label| label.get("StartTimestampMillis").is_some() == is_segment);
        json!({
            "JobStatus": "SUCCEEDED",
            "VideoMetadata": { "DurationMillis": 40_000, "FrameRate": frame_rate },
            "GetRequestMetadata": { "AggregateBy": aggregation },
            "Labels": labels.collect::<Vec<_>>(),
        })
    });
    let (replies, path) = (replies.collect::<Vec<_>>(), workspace.directory.path().join("replies.json"));
    fs::write(&path, json!(replies).to_string()).unwrap();
    let more = ["--aggregate-by", &aggregate_by.join(","), "--recorded", path.to_str().unwrap()];
    let output = workspace.run(event("sns.json"), &more);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    workspace
}

fn detection(name: &str, ms: i64, confidence: f32) -> Value {
    json!({ "Timestamp": ms, "Label": { "Name": name, "Confidence": confidence } })
}

/// Returns a segment between two times in milliseconds.
pub(crate) fn segment(name: &str, start: i64, end: i64) -> Value {
    json!({
        "Timestamp": start,
        "StartTimestampMillis": start,
        "EndTimestampMillis": end,
        "DurationMillis": end - start,
        "Label": { "Name": name, "Confidence": 80.0 },
    })
}

fn convert(workspace: &Workspace, format: &str, more: &[&str]) -> CommandOutput {
    let lake = workspace.lake();
    let arguments = ["convert", JOB, "--lake", lake.to_str().unwrap(), "--format", format];
    label_lake([&arguments, more].concat(), "")
}

/// Returns the output of a command that succeeds.
fn converted(workspace: &Workspace, format: &str, more: &[&str]) -> String {
    let output = convert(workspace, format, more);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    output.stdout
}

/// Returns the label, the start and the end of each marker, read from CSV.
fn rows(workspace: &Workspace, more: &[&str]) -> Vec<String> {
    let csv = converted(workspace, "csv", more);
    csv.lines().skip(1).map(|line| line.splitn(4, ',').take(3).collect::<Vec<_>>().join(" ")).collect()
}

/// Checks that a command fails without output, and returns its message.
fn failed(output: &CommandOutput) -> &str {
    assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{}", output.stderr);
    output.assert_one_error();
    &output.stderr
}

#[test]
fn writes_the_markers_of_a_job() {
    let workspace = recorded_job();
    expect![[r"
        TITLE: beach day.mp4
        FCM: DROP FRAME

        001  001      V     C        01:00:00;00 01:00:00;01 01:00:00;00 01:00:00;01  
        Seen: Person (98.7 %, 46 frames); Farmer's Market (71.2 %, 1 frame) |C:ResolveColorBlue |M:Person, Farmer's Market |D:46

        002  001      V     C        01:00:00;15 01:00:00;16 01:00:00;15 01:00:00;16  
        Seen: A/B: 50% [x] (55.0 %, 1 frame) |C:ResolveColorBlue |M:A/B: 50% [x] |D:1

        003  001      V     C        01:00:01;00 01:00:01;01 01:00:01;00 01:00:01;01  
        Seen: Caño Cristales (80.1 %, 1 frame) |C:ResolveColorBlue |M:Caño Cristales |D:1

        004  001      V     C        01:00:01;15 01:00:01;16 01:00:01;15 01:00:01;16  
        Seen: American Football (Ball) (66.6 %, 1 frame) |C:ResolveColorBlue |M:American Football (Ball) |D:1

        005  001      V     C        01:00:02;00 01:00:02;01 01:00:02;00 01:00:02;01  
        Seen: (no name) (51.5 %, 1 frame) |C:ResolveColorBlue |M:(no name) |D:1

        006  001      V     C        01:00:02;15 01:00:02;16 01:00:02;15 01:00:02;16  
        Seen: Farmer's Market (73.8 %, 1 frame) |C:ResolveColorBlue |M:Farmer's Market |D:1

        007  001      V     C        01:00:03;15 01:00:03;16 01:00:03;15 01:00:03;16  
        Seen: Person (99.1 %, 1 frame) |C:ResolveColorBlue |M:Person |D:1
    "]].assert_eq(&converted(&workspace, "resolve-edl", &[]));
    expect![[r"
        WEBVTT

        NOTE Labels of job 4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62, at 29.97 frames a second

        00:00:00.501 --> 00:00:00.534
        A/B: 50% [x]

        00:00:02.002 --> 00:00:02.036
        (no name)
    "]]
    .assert_eq(&converted(&workspace, "vtt", &["--label", "A/B: 50% [x]", "--label", ""]));
    expect![[r"
        label,start_timecode,end_timecode,start_frame,end_frame,start_ms,end_ms,confidence
        Person,00:00:00;00,00:00:01;16,0,46,0,1500,98.74217
        Farmer's Market,00:00:00;00,00:00:00;01,0,1,0,0,71.25
        A/B: 50% [x],00:00:00;15,00:00:00;16,15,16,500,500,55.03125
        Caño Cristales,00:00:01;00,00:00:01;01,30,31,1000,1000,80.125
        American Football (Ball),00:00:01;15,00:00:01;16,45,46,1500,1500,66.625
        (no name),00:00:02;00,00:00:02;01,60,61,2000,2000,51.5
        Farmer's Market,00:00:02;15,00:00:02;16,75,76,2500,2500,73.75
        Person,00:00:03;15,00:00:03;16,105,106,3500,3500,99.0625
    "]]
    .assert_eq(&converted(&workspace, "csv", &[]).replace("\r\n", "\n"));
}

#[test]
fn the_same_job_gives_the_same_bytes_in_a_file_and_on_standard_output() {
    let (workspace, copy) = (recorded_job(), recorded_job());
    for format in FORMATS {
        let file = workspace.directory.path().join("markers");
        fs::write(&file, "an older file").unwrap();
        let output = convert(&workspace, format, &["-o", file.to_str().unwrap()]);
        assert_eq!((output.code, &*output.stdout, &*output.stderr), (Some(0), "", ""));
        assert_eq!(fs::read_to_string(&file).unwrap(), converted(&copy, format, &[]), "{format}");
    }
    let names: Vec<_> =
        fs::read_dir(workspace.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let workspace = recorded_job();
    let output = convert(&workspace, "vtt", &["-o", "/no/such/directory/labels.vtt"]);
    let message = failed(&output);
    assert!(message.starts_with("error: cannot write /no/such/directory/labels.vtt: "), "{message}");
    assert!(message.ends_with("hint: choose another file with --out\n"), "{message}");
}

#[test]
fn a_gap_ends_a_range() {
    let samples = [0, 500, 1500, 2600, 9000].map(|ms| detection("Dog", ms, 90.0));
    let workspace = job_with(&["TIMESTAMPS"], Some(25.0), &samples);
    let ranges = ["Dog 00:00:00:00 00:00:01:14", "Dog 00:00:02:15 00:00:02:16", "Dog 00:00:09:00 00:00:09:01"];
    assert_eq!(rows(&workspace, &[]), ranges);
    assert_eq!(rows(&workspace, &["--gap", "1100"]), ["Dog 00:00:00:00 00:00:02:16", ranges[2]]);
    assert_eq!(rows(&workspace, &["--gap", "0"]).len(), 5);
}

#[test]
fn samples_of_less_confidence_do_not_count() {
    let samples = [(0, 90.0), (500, 59.5), (1000, 60.0), (2000, 60.0)];
    let samples = samples.map(|(ms, confidence)| detection("Dog", ms, confidence));
    let workspace = job_with(&["TIMESTAMPS"], Some(25.0), &samples);
    let all = ["Dog 00:00:00:00 00:00:02:01"];
    assert_eq!(rows(&workspace, &["--min-confidence", "60", "--gap", "999"]).len(), 3);
    assert_eq!(rows(&workspace, &["--min-confidence", "60"]), all);
    assert_eq!(rows(&workspace, &[]), all);
}

#[test]
fn ranges_are_the_segments_where_a_label_has_some() {
    let labels = [
        detection("Dog", 0, 90.0),
        detection("Cat", 39_000, 90.0),
        segment("Dog", 1000, 2000),
        segment("Dog", 2000, 2000),
        segment("Dog", 2500, 3000),
    ];
    let workspace = job_with(&["TIMESTAMPS", "SEGMENTS"], Some(25.0), &labels);
    let segments = ["Dog 00:00:01:00 00:00:02:00", "Dog 00:00:02:00 00:00:02:01", "Dog 00:00:02:13 00:00:03:00"];
    let cat = "Cat 00:00:39:00 00:00:39:01";
    assert_eq!(rows(&workspace, &[]), [&segments[..], &[cat]].concat());
    assert_eq!(rows(&workspace, &["--gap", "0"]), ["Dog 00:00:01:00 00:00:02:00", segments[2], cat]);
    assert_eq!(rows(&workspace, &["--gap", "500"]), ["Dog 00:00:01:00 00:00:03:00", cat]);
}

#[test]
fn the_timecode_follows_the_frame_rate_and_the_start() {
    let workspace = job_with(&["TIMESTAMPS"], Some(29.97), &[detection("Dog", 33, 90.0)]);
    assert_eq!(rows(&workspace, &[]), ["Dog 00:00:00;01 00:00:00;02"]);
    assert_eq!(rows(&workspace, &["--start-timecode", "00:00:59;28"]), ["Dog 00:00:59;29 00:01:00;02"]);
    assert_eq!(rows(&workspace, &["--start-timecode", "00:00:59:28"]), ["Dog 00:00:59:29 00:01:00:00"]);
    assert_eq!(rows(&workspace, &["--fps", "59.94"]), ["Dog 00:00:00;02 00:00:00;03"]);
    assert_eq!(rows(&workspace, &["--fps", "24000/1001"]), ["Dog 00:00:00:01 00:00:00:02"]);
    let edl = converted(&workspace, "resolve-edl", &[]);
    assert!(edl.contains("\nFCM: DROP FRAME\n") && edl.contains(" 01:00:00;01 01:00:00;02 "), "{edl}");
    let otio: Value =
        serde_json::from_str(&converted(&workspace, "otio", &["--start-timecode", "01:00:00;00"])).unwrap();
    assert_eq!(otio["global_start_time"]["value"], 107_892.0);
}

#[test]
fn a_timecode_must_exist_and_be_within_a_day() {
    let workspace = job_with(&["TIMESTAMPS"], Some(25.0), &[detection("Dog", 39_000, 90.0)]);
    for (start, words) in [
        ("01:00:00;00", "drop frame exists at 29.97 and 59.94 frames a second, not at 25"),
        ("01:00:00:25", "the last frame of a second is 24 at 25 frames a second"),
    ] {
        let output = convert(&workspace, "resolve-edl", &["--start-timecode", start]);
        let message = failed(&output);
        assert!(message.contains(start) && message.contains(words) && message.contains("\nhint: "), "{message}");
    }
    for format in ["csv", "resolve-edl"] {
        let output = convert(&workspace, format, &["--start-timecode", "23:59:30:00"]);
        let message = failed(&output);
        assert!(message.contains(JOB) && message.contains("after 24 hours\nhint: begin earlier"), "{message}");
    }
    for (arguments, words) in [
        (["csv", "--start-timecode", "1:00"], "expected HH:MM:SS:FF"),
        (["vtt", "--start-timecode", "01:00:00:00"], "WebVTT has no timecode"),
        (["csv", "--fps", "29.9"], "expected one of 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60"),
        (["csv", "--min-confidence", "101"], "expected a number from 0 to 100"),
        (["csv", "--min-confidence", "NaN"], "expected a number from 0 to 100"),
        (["csv", "--gap", "-1"], "-1"),
        (["edl", "--gap", "1"], "resolve-edl"),
    ] {
        let output = convert(&workspace, arguments[0], &arguments[1..]);
        assert_eq!((output.code, &*output.stdout), (Some(2), ""));
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
}

#[test]
fn asks_for_the_frame_rate_if_the_video_has_none_with_timecode() {
    for (frame_rate, words) in [
        (None, "does not have the frame rate of its video"),
        (Some(29.83), "29.83 frames a second is no rate with timecode"),
    ] {
        let workspace = job_with(&["TIMESTAMPS"], frame_rate, &[detection("Dog", 1000, 90.0)]);
        for format in FORMATS {
            let output = convert(&workspace, format, &[]);
            let message = failed(&output);
            assert!(message.contains(JOB) && message.contains(words) && message.contains("\nhint: pass "), "{message}");
            assert!(message.contains("--fps 25"), "{message}");
        }
        assert_eq!(rows(&workspace, &["--fps", "30"]), ["Dog 00:00:01:00 00:00:01:01"]);
    }
}

#[test]
fn a_job_without_such_labels_gives_a_valid_file_and_a_warning() {
    let workspace = job_with(&["TIMESTAMPS"], Some(25.0), &[detection("Dog", 0, 50.0)]);
    for (format, part) in [
        ("vtt", "WEBVTT\n"),
        ("csv", "label,start_timecode,"),
        ("resolve-edl", "FCM: NON-DROP FRAME\n"),
        ("otio", "\"markers\": []"),
        ("premiere-xml", "</sequence>\n</xmeml>\n"),
    ] {
        let output = convert(&workspace, format, &["--min-confidence", "50.1"]);
        assert_eq!(output.code, Some(0));
        assert!(output.stdout.contains(part), "{}", output.stdout);
        let expected = format!("warning: job {JOB} has no such labels; the file has no markers\n");
        assert_eq!(output.stderr, expected);
    }
}

#[test]
fn a_failed_job_has_no_markers() {
    let workspace = Workspace::new();
    workspace.run(event("failed.json"), &[]);
    let output = convert(&workspace, "vtt", &[]);
    let message = failed(&output);
    let expected = format!("error: job {JOB} has no labels, because it failed at Rekognition: The video could not be ");
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.ends_with("\nhint: start another job for the video\n"), "{message}");
}

#[test]
fn finds_labels_by_their_exact_names() {
    let workspace = recorded_job();
    let person = rows(&workspace, &["--label", "Person"]);
    assert!(!person.is_empty() && person.iter().all(|row| row.starts_with("Person ")), "{person:?}");
    assert_eq!(rows(&workspace, &["--label", "Person", "--label", "Person"]), person);
    for (name, words) in [
        ("person", "no label \"person\"\nhint: its name is \"Person\"\n"),
        ("Cat", "no label \"Cat\"\nhint: `label-lake show "),
    ] {
        let output = convert(&workspace, "csv", &["--label", name]);
        assert!(failed(&output).contains(words), "{}", output.stderr);
    }
}

#[test]
fn an_unreadable_file_fails_the_whole_conversion() {
    let workspace = recorded_job();
    let file = "label_detections/job_id={}/label=Person/part-00000.parquet".replace("{}", JOB);
    let (file, out) = (workspace.lake().join(file), workspace.directory.path().join("labels.vtt"));
    fs::write(&file, "no Parquet").unwrap();
    let output = convert(&workspace, "vtt", &["-o", out.to_str().unwrap()]);
    let message = failed(&output);
    assert!(message.contains(&format!("error: job {JOB}: cannot read {}", file.display())), "{message}");
    assert!(!Path::new(&out).exists());
}

#[tokio::test]
async fn converts_a_job_in_s3_like_its_copy_in_a_directory() {
    let workspace = recorded_job();
    let account = account_with(&workspace).await;
    account.simulator.clear_requests();
    for format in FORMATS {
        let output = account.run(&["convert", JOB, "--lake", "s3://lake/video", "--format", format]).await;
        assert_eq!((output.code, &*output.stderr), (Some(0), ""));
        assert_eq!(output.stdout, converted(&workspace, format, &[]));
    }
    // The row of the job, and the files of its six labels.
    assert_eq!(account.count("GetObject"), FORMATS.len() * 7);
    let output = account.run(&["convert", "other", "--lake", "s3://lake/video", "--format", "csv"]).await;
    assert!(failed(&output).starts_with("error: job other not found in s3://lake/video/\n"), "{}", output.stderr);
}
