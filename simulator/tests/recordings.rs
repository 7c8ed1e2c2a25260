//! Jobs recorded with the AWS CLI.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use client::{elements, fetch, sorted};
use rekognition_simulator::{Aggregation, Generated, Job, RecordedError, Simulator};
use serde_json::{Value, json};

async fn start(job: Job) -> Simulator {
    Simulator::builder().job("job-1", job).start().await.unwrap()
}

async fn record(sort_by: &str) -> (Simulator, Vec<Value>) {
    let job = Job::generated(Generated { detections: 3_000, ..Generated::default() }).job_tag("tag");
    let simulator = start(job).await;
    let pages = fetch(&simulator, "job-1", sort_by, "TIMESTAMPS").await;
    (simulator, pages)
}

#[tokio::test]
async fn pages_in_any_order_serve_the_same_labels() {
    for sort_by in ["NAME", "TIMESTAMP"] {
        let (original, mut pages) = record(sort_by).await;
        pages.rotate_left(1);
        let job = Job::recorded(pages.iter().map(Value::to_string)).unwrap();
        assert_eq!(job.recorded_id(), Some("job-1"));
        let replayed = start(job).await;
        let all = |simulator: &Simulator| sorted(simulator.served("job-1", Aggregation::Timestamps));
        assert_eq!(all(&replayed), all(&original));

        let pages = fetch(&replayed, "job-1", "NAME", "TIMESTAMPS").await;
        assert!(elements(&pages).is_sorted_by_key(|one| one["Label"]["Name"].as_str().unwrap().to_owned()));
        assert_eq!(pages[0]["JobTag"], "tag");
        assert_eq!(
            pages[0]["VideoMetadata"],
            fetch(&original, "job-1", "NAME", "TIMESTAMPS").await[0]["VideoMetadata"]
        );
    }
}

#[tokio::test]
async fn one_text_can_contain_several_replies() {
    let (_, pages) = record("NAME").await;
    let texts: Vec<_> = pages.iter().map(Value::to_string).collect();
    for text in [texts.join("\n"), format!("[{}]", texts.join(","))] {
        let simulator = start(Job::recorded([text]).unwrap()).await;
        assert_eq!(simulator.served("job-1", Aggregation::Timestamps).len(), 3_000);
    }
}

#[tokio::test]
async fn recorded_segments_and_failures_are_served() {
    let segment = json!({ "StartTimestampMillis": 225, "EndTimestampMillis": 3578, "Label": { "Name": "Dog" } });
    let simulator = start(Job::recorded([json!({ "Labels": [segment] }).to_string()]).unwrap()).await;
    assert_eq!(elements(&fetch(&simulator, "job-1", "NAME", "SEGMENTS").await), [segment]);

    let failed = json!({ "JobStatus": "FAILED", "StatusMessage": "bad video", "LabelModelVersion": "3.1" });
    let simulator = start(Job::recorded([failed.to_string()]).unwrap()).await;
    let page = &fetch(&simulator, "job-1", "NAME", "TIMESTAMPS").await[0];
    assert_eq!((&page["StatusMessage"], &page["LabelModelVersion"]), (&json!("bad video"), &json!("3.1")));
}

#[test]
fn invalid_recordings_are_rejected() {
    let error = |texts: &[&str]| Job::recorded(texts).unwrap_err();
    assert!(matches!(error(&[]), RecordedError::Empty));
    assert!(matches!(error(&["{\"Labels\":[]}", "no json"]), RecordedError::NotJson { text: 1, .. }));
    assert!(matches!(error(&["{\"Faces\":[]}"]), RecordedError::NotReply { text: 0 }));
    let of = |id: &str| json!({ "JobId": id, "Labels": [] }).to_string();
    assert_eq!(error(&[&of("a"), &of("b")]).to_string(), "the replies belong to two jobs: a and b");
}
