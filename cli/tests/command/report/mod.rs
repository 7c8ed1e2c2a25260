//! `label-lake report`: the data of a page, its video, several pages with their index, and errors.

mod page;
mod video;

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
use rekognition_simulator::{Fault, Gate};
use serde_json::{Value, json};
use tokio::process::Command;

use self::page::{Page, sample_counts};
use crate::account::wait;
use crate::list::{account_with, messages};
use crate::show::{detection, job_with_labels, label_file, recorded_job, segment};
use crate::{CommandOutput, JOB, Workspace, event, label_lake};

/// Returns a path beside the lake.
fn beside(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.directory.path().join(name)
}

fn report(workspace: &Workspace, more: &[&str]) -> CommandOutput {
    let lake = workspace.lake();
    label_lake([&["report", "--lake", lake.to_str().unwrap()], more].concat(), "")
}

/// Writes the page of the job of the sample events.
fn page_of(workspace: &Workspace, more: &[&str]) -> Page {
    let path = beside(workspace, "job.html");
    let output = report(workspace, &[&[JOB, "--out", path.to_str().unwrap()], more].concat());
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.starts_with(&format!("{}: ", path.display())), "{}", output.stdout);
    let page = Page::read(&path);
    page.assert_policy();
    page
}

/// Checks that a directory has these files and no others, so that no temporary file is left.
fn assert_files(directory: &Path, expected: &[&str]) {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_page_has_the_facts_of_the_job() {
    let page = page_of(&recorded_job(), &[]);
    expect![[r#"
        {
          "job": {
            "aggregateBy": [
              "TIMESTAMPS"
            ],
            "codec": "h264",
            "colorRange": null,
            "completedAtMs": 1748793725418,
            "detectionCount": 10,
            "durationMs": 4000,
            "format": "QuickTime / MOV",
            "frameHeight": 720,
            "frameRate": 29.97003,
            "frameWidth": 1280,
            "generated": false,
            "id": "4f1c9a7be26d803e5ab1907c64d2f8350c9e7d41b6a82f53e0d9147ac85b3f62",
            "instanceCount": 4,
            "labelCount": 6,
            "labelModelVersion": "2.0",
            "rowCount": 11,
            "segmentCount": null,
            "status": "SUCCEEDED",
            "statusMessage": null,
            "tag": "beach-day",
            "video": {
              "bucket": "example-videos",
              "key": "videos/beach day.mp4",
              "version": null
            }
          },
          "thumbnails": [],
          "timelineMs": 4000,
          "version": 1,
          "video": null
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&page.facts).unwrap());
    assert!(page.text.contains("<title>beach day.mp4</title>"));
    assert!(!page.policy().contains("media-src"), "{}", page.policy());
}

#[test]
fn a_page_has_every_label_with_its_lane_and_its_boxes() {
    let page = page_of(&recorded_job(), &[]);
    let names: Vec<_> = page.labels.iter().map(|label| label["name"].as_str()).collect();
    let expected = ["Person", "Farmer's Market"].map(Some).into_iter().chain([None]);
    let expected = expected.chain(["A/B: 50% [x]", "American Football (Ball)", "Caño Cristales"].map(Some));
    assert_eq!(names, expected.collect::<Vec<_>>());

    let person = &page.labels[0];
    let counts = ["samples", "instances", "segments", "firstMs", "lastMs", "onScreenMs", "cellMs"];
    let counts = counts.map(|name| person[name].as_i64());
    assert_eq!(counts, [Some(4), Some(3), None, Some(0), Some(3500), Some(1500), Some(100)]);
    assert_eq!((&person["parents"], &page.labels[5]["parents"]), (&json!([]), &json!(["Nature", "River", "Water"])));

    // The samples are at 0, 500, 1,500 and 3,500 ms; the last is more than a second after the one before.
    let (confidences, instances) = page.lane(Some("Person"));
    let seen: Vec<_> = (0..40).filter(|&cell| confidences[cell] > 0).collect();
    assert_eq!(seen, (0..=15).chain([35]).collect::<Vec<_>>());
    assert_eq!((confidences[0], confidences[5], instances[0], instances[5]), (2 + 98, 2 + 97, 2, 1));

    let samples = page.samples(Some("Person"));
    assert_eq!(samples.iter().map(|sample| sample.ms).collect::<Vec<_>>(), [0, 500, 1500, 3500]);
    let first = [(2 + 98, [0.125, 0.25, 0.0625, 0.5]), (2 + 61, [-0.000_976_562_5, 0.03125, 0.25, 1.007_812_5])];
    assert_eq!((samples[0].confidence, &samples[0].boxes[..]), (2 + 98, &first[..]));
    assert_eq!(page.samples(None)[0].confidence, 2 + 51);
}

#[test]
fn names_are_data_whatever_they_are() {
    let names = [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "\"quoted\" & 'quoted'",
        "line\u{2028}separator\u{2029}",
        "עברית \u{202e}gnp.exe",
        "🦄\u{0}\n{{boxes}} {{data}}",
    ];
    let labels: Vec<_> = names.iter().map(|name| detection(name, 1)).collect();
    let workspace = job_with_labels(&labels, &[]);
    let page = page_of(&workspace, &[]);
    let mut shown: Vec<_> = page.labels.iter().map(|label| label["name"].as_str().unwrap()).collect();
    shown.sort_unstable();
    let mut expected = names;
    expected.sort_unstable();
    assert_eq!(shown, expected);

    let message = json!({
        "JobId": JOB,
        "JobTag": names[0],
        "Status": "FAILED",
        "Video": { "S3Bucket": names[1], "S3ObjectName": "a/<title><script>alert(1)\u{2028}.mp4" },
    });
    let failed = Workspace::new();
    failed.run_with_input("-", &[], &messages([message.clone()]));
    let page = page_of(&failed, &[]);
    assert_eq!(page.facts["job"]["video"]["key"], message["Video"]["S3ObjectName"]);
    assert_eq!(page.facts["job"]["tag"], names[0]);
    let title = "<title>&lt;title&gt;&lt;script&gt;alert(1)\u{2028}.mp4</title>";
    assert!(page.text.contains(title), "{}", page.text);
}

#[test]
fn the_same_job_gives_the_same_bytes_and_replaces_its_page() {
    let workspace = Workspace::new();
    workspace.run(event("sns.json"), &["--pages", "2", "--labels", "30", "--aggregate-by", "TIMESTAMPS,SEGMENTS"]);
    let first = page_of(&workspace, &[]).text;
    assert_eq!(page_of(&workspace, &["--quiet"]).text, first);
    assert_files(workspace.directory.path(), &["job.html", "lake"]);
}

#[tokio::test]
async fn a_page_of_a_lake_in_s3_is_that_of_its_copy_in_a_directory() {
    let workspace = recorded_job();
    let account = account_with(&workspace).await;
    let path = beside(&workspace, "s3.html");
    let arguments = ["report", JOB, "--lake", "s3://lake/video", "-o", path.to_str().unwrap()];
    let output = account.run(&arguments).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(Page::read(&path).text, page_of(&workspace, &[]).text);
    assert_eq!((account.count("GetObject"), account.count("ListObjectsV2")), (1 + 6, 0));

    fs::remove_file(&path).unwrap();
    account
        .simulator
        .add_fault(Fault::on("GetObject").key_contains("label=Person").always().status(403, "AccessDenied"));
    let denied = account.run(&arguments).await;
    assert_eq!((denied.code, &*denied.stdout), (Some(1), ""));
    assert!(denied.stderr.contains(JOB) && denied.stderr.contains("s3:GetObject"), "{}", denied.stderr);
    denied.assert_one_error();
    assert!(!path.exists());
}

#[test]
fn a_page_shows_each_sample_of_a_big_job_and_stays_small_without_them() {
    let workspace = Workspace::new();
    let summary = workspace.run(event("sns.json"), &["--pages", "100", "--labels", "1100", "--json"]).json();
    let page = page_of(&workspace, &[]);
    assert!(page.bytes_before_blocks < 300_000, "{} bytes", page.bytes_before_blocks);
    assert_eq!(page.facts["job"]["detectionCount"], summary["jobs"][0]["detections"]);
    let counts = sample_counts(&page);
    for (index, label) in page.labels.iter().enumerate() {
        assert_eq!(label["samples"].as_u64(), counts.get(&index).copied(), "{label}");
    }
    let boxes = page.blocks.iter().flat_map(|block| &block.samples).map(|sample| sample.boxes.len()).sum::<usize>();
    assert_eq!(Some(boxes as u64), page.facts["job"]["instanceCount"].as_u64());

    let mut from = 0;
    for block in &page.blocks {
        assert_eq!(block.from, from);
        from = block.to;
        assert!(block.samples.iter().all(|sample| (block.from..block.to).contains(&sample.ms)));
    }
    assert!(from > page.facts["timelineMs"].as_u64().unwrap() && page.blocks.len() > 50);

    let timeline_ms = page.facts["timelineMs"].as_u64().unwrap();
    let cells: Vec<_> = page.labels.iter().map(|label| label["cellMs"].as_u64()).collect();
    let fine = timeline_ms.div_ceil(1000);
    // Fine lanes, then coarse lanes, then labels without lanes.
    let mut groups: Vec<_> = cells.chunk_by(|a, b| a == b).map(|group| (group[0], group.len())).collect();
    assert!(groups[0].1 >= 50 && groups[1].1 >= 200, "{groups:?}");
    groups.sort_by_key(|(cell_ms, _)| cell_ms.unwrap_or(u64::MAX));
    assert_eq!(groups.iter().map(|(cell_ms, _)| *cell_ms).collect::<Vec<_>>(), [Some(fine), Some(5 * fine), None]);
    // The generator makes segments of consecutive samples, so a label is seen in at most as many cells as it has samples.
    for label in [&page.labels[40], &page.labels[240]] {
        let (confidences, _) = page.lane(label["name"].as_str());
        let seen = confidences.iter().filter(|&&code| code > 0).count() as u64;
        assert!((1..=label["samples"].as_u64().unwrap()).contains(&seen), "{label}");
        let highest = *confidences.iter().max().unwrap();
        assert_eq!(highest, 2 + label["maxConfidence"].as_f64().unwrap() as u8, "{label}");
    }
}

#[test]
fn segments_have_lanes_and_no_blocks() {
    let workspace = job_with_labels(&[], &[segment("Dog", 0, 20), segment("Dog", 30, 31), segment("Cat", 39, 40)]);
    let page = page_of(&workspace, &[]);
    assert!(page.blocks.is_empty());
    let dog = &page.labels[page.index(Some("Dog"))];
    assert_eq!((&dog["from"], &dog["onScreenMs"], &dog["samples"]), (&json!("segments"), &json!(21_000), &Value::Null));
    let (confidences, instances) = page.lane(Some("Dog"));
    let seen = |seconds: usize| confidences[seconds * 10];
    assert_eq!([seen(0), seen(19), seen(20), seen(30), seen(31)], [82, 82, 0, 82, 0]);
    assert!(instances.iter().all(|&count| count == 0));
}

#[test]
fn a_job_with_both_aggregations_shows_its_samples() {
    let detections = [detection("Dog", 0), detection("Dog", 1), detection("Cat", 39)];
    let workspace = job_with_labels(&detections, &[segment("Dog", 0, 20), segment("Bird", 20, 40)]);
    let page = page_of(&workspace, &[]);
    let label = |name| &page.labels[page.index(Some(name))];
    assert_eq!((&label("Dog")["from"], &label("Dog")["onScreenMs"]), (&json!("samples"), &json!(1000)));
    assert_eq!((&label("Bird")["from"], &label("Bird")["onScreenMs"]), (&json!("segments"), &json!(20_000)));
    assert_eq!(page.samples(Some("Cat"))[0].ms, 39_000);
    assert!(page.samples(Some("Bird")).is_empty());
}

#[test]
fn a_label_that_is_seen_after_the_end_of_the_video_extends_the_time_axis() {
    let page = page_of(&job_with_labels(&[detection("Dog", 50)], &[]), &[]);
    assert_eq!((&page.facts["timelineMs"], &page.facts["job"]["durationMs"]), (&json!(50_000), &json!(40_000)));
    let (confidences, _) = page.lane(Some("Dog"));
    assert_eq!((confidences.len(), confidences.iter().position(|&code| code > 0)), (500, Some(499)));
    assert_eq!(page.samples(Some("Dog"))[0].ms, 50_000);
}

#[test]
fn a_failed_job_has_its_message_and_no_labels() {
    let workspace = Workspace::new();
    workspace.run(event("failed.json"), &[]);
    let page = page_of(&workspace, &[]);
    let job = &page.facts["job"];
    assert_eq!((&job["status"], &job["generated"], &job["labelCount"]), (&json!("FAILED"), &json!(true), &Value::Null));
    assert!(job["statusMessage"].as_str().unwrap().contains("could not be decoded"), "{job}");
    assert!(page.labels.is_empty() && page.blocks.is_empty());
}

#[test]
fn several_jobs_have_a_page_each_and_an_index() {
    let workspace = Workspace::new();
    let video = |key: &str| json!({ "S3Bucket": "videos", "S3ObjectName": key });
    let event = messages([
        json!({ "JobId": "a", "Video": video("x/<b>.mp4"), "Timestamp": 1_748_793_725_418_u64 }),
        json!({ "JobId": "b", "Status": "FAILED", "Video": video("b.mp4") }),
    ]);
    workspace.run_with_input("-", &["--pages", "1", "--labels", "3"], &event);
    let directory = beside(&workspace, "reports");
    let out = directory.to_str().unwrap();
    for _ in 0..2 {
        let output = report(&workspace, &["a", "b", "a", "--out", out]);
        assert_eq!((output.code, &*output.stderr), (Some(0), ""));
        let path = directory.join("index.html");
        assert!(output.stdout.ends_with(&format!("{}: the index of 2 pages\n", path.display())), "{}", output.stdout);
        assert_files(&directory, &["a.html", "b.html", "index.html"]);
        let index = fs::read_to_string(path).unwrap();
        assert!(index.contains("<a href=\"a.html\">&lt;b&gt;.mp4</a>") && index.contains("<td>FAILED</td>"), "{index}");
        assert!(index.contains("<td>1,000 detections</td><td>2025-06-01T16:02:05Z</td>"), "{index}");
        assert!(index.contains("default-src 'none'") && !index.to_lowercase().contains("<script"), "{index}");
    }
    assert_eq!(Page::read(&directory.join("a.html")).facts["job"]["id"], "a");

    let partial = report(&workspace, &["b", "other", "a", "--out", out]);
    assert_eq!(partial.code, Some(1));
    assert!(partial.stderr.starts_with("error: job other not found in "), "{}", partial.stderr);
    partial.assert_one_error();
    assert!(partial.stdout.ends_with("index.html: the index of 2 pages\n"), "{}", partial.stdout);
}

#[test]
fn the_page_of_a_job_cannot_be_the_index() {
    let workspace = Workspace::new();
    workspace.run_with_input("-", &["--pages", "1", "--labels", "3"], &messages([json!({ "JobId": "index" })]));
    let directory = beside(&workspace, "reports");
    let output = report(&workspace, &["index", "other", "--out", directory.to_str().unwrap()]);
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.contains("job index: its page would be the index of "), "{}", output.stderr);
    assert_files(&directory, &[]);
}

#[test]
fn the_page_of_a_job_has_its_id_as_its_name_by_default() {
    let workspace = recorded_job();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_label-lake"));
    let output = command.args(["report", JOB]).current_dir(workspace.directory.path()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_files(workspace.directory.path(), &[&format!("{JOB}.html"), "lake", "replies.json"][..2]);
}

#[test]
fn files_that_are_no_report_are_never_replaced() {
    let workspace = recorded_job();
    let path = beside(&workspace, "notes.html");
    fs::write(&path, "<!doctype html><p>notes").unwrap();
    let out = path.to_str().unwrap();
    let output = report(&workspace, &[JOB, "--out", out]);
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    let hint = "hint: choose another file with --out\n";
    assert_eq!(output.stderr, format!("error: {out} exists and is not a report of label-lake\n{hint}"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "<!doctype html><p>notes");

    let reports = beside(&workspace, "reports");
    fs::create_dir(&reports).unwrap();
    fs::write(reports.join("index.html"), "notes").unwrap();
    let output = report(&workspace, &[JOB, "other", "--out", reports.to_str().unwrap()]);
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.contains("index.html exists and is not a report of label-lake\n"), "{}", output.stderr);
    assert_files(&reports, &["index.html"]);
    fs::remove_dir_all(reports).unwrap();

    let directory = workspace.directory.path().to_str().unwrap();
    let output = report(&workspace, &[JOB, "--out", directory]);
    assert_eq!(output.stderr, format!("error: {directory} exists and is a directory\n{hint}"));
    let output = report(&workspace, &[JOB, "--out", beside(&workspace, "none/job.html").to_str().unwrap()]);
    assert!(output.stderr.starts_with("error: cannot write to the directory "), "{}", output.stderr);
    assert!(output.stderr.ends_with(hint), "{}", output.stderr);
    output.assert_one_error();
    // Two jobs need a directory.
    let output = report(&workspace, &[JOB, "other", "--out", out]);
    assert!(output.stderr.starts_with("error: cannot create directory "), "{}", output.stderr);
    assert_files(workspace.directory.path(), &["lake", "notes.html"]);
}

#[test]
fn nothing_is_written_if_a_label_cannot_be_read() {
    let workspace = recorded_job();
    let path = beside(&workspace, "job.html");
    let out = path.to_str().unwrap();
    let file = label_file(&workspace, "label_detections", "Farmer%27s Market");
    for (change, words) in [
        (fs::write(&file, "no Parquet"), "Invalid Parquet file"),
        (fs::copy(workspace.lake().join(format!("jobs/job-{JOB}.parquet")), &file).map(|_| ()), "it has no column"),
        (fs::remove_file(&file), "no such file"),
    ] {
        change.unwrap();
        let output = report(&workspace, &[JOB, "--out", out]);
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{words}");
        assert!(output.stderr.starts_with(&format!("error: job {JOB}: cannot read ")), "{}", output.stderr);
        assert!(output.stderr.contains("\nhint: export the job again"), "{}", output.stderr);
        output.assert_one_error();
        assert_files(workspace.directory.path(), &["lake"]);
    }
}

#[test]
fn names_the_lake_and_the_next_step_if_the_job_is_missing() {
    let workspace = recorded_job();
    let lake = workspace.lake();
    let lake = lake.to_str().unwrap();
    let output = report(&workspace, &["other"]);
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    let hint = format!("hint: `label-lake list --lake {lake}` lists its jobs\n");
    assert_eq!(output.stderr, format!("error: job other not found in {lake}\n{hint}"));
    fs::remove_file(workspace.lake().join(format!("jobs/job-{JOB}.parquet"))).unwrap();
    let output = report(&workspace, &[JOB]);
    assert!(output.stderr.contains("is not committed in ") && output.stderr.contains("6 files"), "{}", output.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_report_leaves_nothing_behind() {
    let workspace = recorded_job();
    let account = account_with(&workspace).await;
    let gate = Gate::new();
    account.simulator.add_fault(Fault::on("GetObject").key_contains("label=Person").hold(gate.clone()));
    let directory = beside(&workspace, "reports");
    fs::create_dir(&directory).unwrap();
    let path = directory.join("job.html");
    let process = account.spawn(&["report", JOB, "--lake", "s3://lake/video", "-o", path.to_str().unwrap()]);
    gate.reached().await;
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no page has begun");
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let output = wait(process).await;
    assert_eq!((output.code, &*output.stdout), (Some(130), ""), "{}", output.stderr);
    output.assert_one_error();
    assert_files(&directory, &[]);
    gate.release();
}

#[test]
fn a_run_ends_with_the_command_that_makes_the_report() {
    let workspace = Workspace::new();
    let output = workspace.run(event("sns.json"), &["--pages", "1", "--labels", "3", "--prefix", "a b"]);
    let command = output.stdout.lines().last().unwrap().trim_start();
    let lake = workspace.lake().join("a b");
    assert_eq!(command, format!("label-lake report {JOB} --lake '{}'", lake.display()));
    let output = label_lake(
        ["report", JOB, "--lake", lake.to_str().unwrap(), "-o", beside(&workspace, "x.html").to_str().unwrap()],
        "",
    );
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
}
