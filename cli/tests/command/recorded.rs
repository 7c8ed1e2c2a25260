//! `label-lake run --recorded`: converts the output of the AWS CLI to a lake.

use crate::{JOB, Workspace, event};

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn converts_one_reply_of_a_model_2_job() {
    let workspace = Workspace::new();
    let summary = workspace.run(event("sns.json"), &["--json", "--recorded", &data("one-reply.json")]).json();
    let job = &summary["jobs"][0];
    assert_eq!(job["detections"], 10);
    assert_eq!(job["instances"], 4);
    // One detection has two instances, and therefore two rows.
    assert_eq!(job["rows"], 11);
    assert_eq!(workspace.rows("label_detections"), 11);
    // The reply does not name the video, but the event does.
    assert_eq!(job["video"], "s3://example-videos/videos/beach day.mp4");
}

#[test]
fn escapes_label_names_in_paths() {
    let workspace = Workspace::new();
    workspace.run(event("sns.json"), &["--recorded", &data("one-reply.json")]);
    let labels: Vec<_> = workspace
        .files()
        .into_keys()
        .filter_map(|path| {
            let label = path.strip_prefix(&format!("label_detections/job_id={JOB}/label="))?;
            label.strip_suffix("/part-00000.parquet").map(str::to_owned)
        })
        .collect();
    assert_eq!(
        labels,
        [
            "A%2FB%3A 50%25 %5Bx%5D",
            "American Football (Ball)",
            "Caño Cristales",
            "Farmer%27s Market",
            "Person",
            "__HIVE_DEFAULT_PARTITION__",
        ]
    );
}

#[test]
fn converts_pages_in_any_order_to_the_lake_of_a_single_reply() {
    let (whole, pages) = (Workspace::new(), Workspace::new());
    whole.run(event("sns.json"), &["--recorded", &data("one-reply.json")]);
    let [first, second, third] = ["page-1.json", "page-2.json", "page-3.json"].map(data);
    let output = pages.run(event("sns.json"), &["--recorded", &third, &first, &second]);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(pages.files(), whole.files());
}

#[test]
fn rejects_a_wrong_recording_before_creating_the_lake() {
    let [whole, first, last] = ["one-reply.json", "page-1.json", "page-3.json"].map(data);
    let sample = event("sns.json").display().to_string();
    for (more, words) in [
        (vec!["--recorded", &*first], "has a NextToken"),
        (vec!["--recorded", &first, &last, &whole], "2 recordings"),
        (vec!["--recorded", &sample], "is not the output of `aws rekognition get-label-detection`"),
        (vec!["--recorded", "no-such-file"], "cannot read recorded reply no-such-file"),
        (vec!["--aggregate-by", "SEGMENTS", "--recorded", &whole], "not aggregated by SEGMENTS"),
    ] {
        let workspace = Workspace::new();
        let output = workspace.run(event("sns.json"), &more);
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{words}");
        assert!(output.stderr.starts_with("error: ") && output.stderr.contains(words), "{words}: {}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1);
        assert!(!workspace.lake().exists());
    }
}

#[test]
fn rejects_a_recording_for_an_event_with_two_jobs() {
    let workspace = Workspace::new();
    let two = r#"{"Records": [{"Sns": {"Message": "{\"JobId\":\"a\"}"}}, {"Sns": {"Message": "{\"JobId\":\"b\"}"}}]}"#;
    let output = workspace.run_with_input("-", &["--recorded", &data("one-reply.json")], two);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("the event names 2"), "{}", output.stderr);
}
