//! What the AWS CLI printed, turned into a lake.

use crate::{Desk, JOB, event};

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn one_reply_of_a_model_2_job_becomes_a_lake() {
    let desk = Desk::new();
    let summary = desk.run(event("sns.json"), &["--json", "--recorded", &data("one-reply.json")]).json();
    let job = &summary["jobs"][0];
    assert_eq!(job["detections"], 10);
    assert_eq!(job["instances"], 4);
    // One detection has two instances, so two rows.
    assert_eq!(job["rows"], 11);
    assert_eq!(desk.rows("label_detections"), 11);
    // The reply says nothing of the video, the event does.
    assert_eq!(job["video"], "s3://example-videos/videos/beach day.mp4");
}

#[test]
fn odd_names_are_escaped_in_the_paths() {
    let desk = Desk::new();
    desk.run(event("sns.json"), &["--recorded", &data("one-reply.json")]);
    let labels: Vec<_> = desk
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
fn pages_in_any_order_of_files_give_the_lake_of_one_reply() {
    let (whole, pages) = (Desk::new(), Desk::new());
    whole.run(event("sns.json"), &["--recorded", &data("one-reply.json")]);
    let [first, second, third] = ["page-1.json", "page-2.json", "page-3.json"].map(data);
    let ran = pages.run(event("sns.json"), &["--recorded", &third, &first, &second]);
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    assert_eq!(pages.files(), whole.files());
}

#[test]
fn a_recording_that_would_make_a_wrong_lake_is_refused_before_there_is_one() {
    let [whole, first, last] = ["one-reply.json", "page-1.json", "page-3.json"].map(data);
    let sample = event("sns.json").display().to_string();
    for (more, words) in [
        (vec!["--recorded", &*first], "has a NextToken"),
        (vec!["--recorded", &first, &last, &whole], "of 2 recordings"),
        (vec!["--recorded", &sample], "is not what `aws rekognition get-label-detection` prints"),
        (vec!["--recorded", "no-such-file"], "no-such-file cannot be read"),
        (vec!["--aggregate-by", "SEGMENTS", "--recorded", &whole], "nothing aggregated by SEGMENTS"),
    ] {
        let desk = Desk::new();
        let ran = desk.run(event("sns.json"), &more);
        assert_eq!((ran.code, &*ran.output), (Some(1), ""), "{words}");
        assert!(ran.errors.starts_with("error: ") && ran.errors.contains(words), "{words}: {}", ran.errors);
        assert_eq!(ran.errors.lines().count(), 1);
        assert!(!desk.lake().exists());
    }
}

#[test]
fn recorded_replies_are_of_one_job() {
    let desk = Desk::new();
    let two = r#"{"Records": [{"Sns": {"Message": "{\"JobId\":\"a\"}"}}, {"Sns": {"Message": "{\"JobId\":\"b\"}"}}]}"#;
    let ran = desk.run_with_input("-", &["--recorded", &data("one-reply.json")], two);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("the event names 2"), "{}", ran.errors);
}
