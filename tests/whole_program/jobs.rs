//! Jobs of every size, status and order, and with every kind of label name.

use std::time::Duration;

use rekognition_simulator::Aggregation::{Segments, Timestamps};
use rekognition_simulator::{Job, JobStatus, NameOrder, Outcome};
use serde_json::{Value, json};

use crate::support::{
    COMMIT, Function, PAGE, account, assert_content, assert_lossless, generated, job_row, label_files, within,
};

/// The order of the values does not matter.
const BOTH: &[(&str, &str)] = &[("AGGREGATE_BY", "SEGMENTS,TIMESTAMPS")];

#[tokio::test]
async fn jobs_of_every_size_are_exported_completely() {
    for (labels, pages) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (25_000, 25)] {
        let function = Function::start(account(generated(labels, 220)), &[]).await;
        let answer = function.export("job").await;
        assert_eq!(answer["jobs"][0]["detections"], labels);
        assert_eq!(function.count(PAGE), pages);
        assert_lossless(&function.simulator, "job", &[Timestamps]);
        let objects = function.simulator.objects();
        let row = job_row(&objects, "job");
        assert_eq!(row["detection_count"], labels);
        assert_eq!(row["label_count"], label_files(&objects, "label_detections", "job").count());
        // HEAD of the commit, GET of the checkpoint, the pages, one file per label, the listing of the files, the
        // commit.
        let labels = row["label_count"].as_u64().unwrap() as usize;
        assert_eq!(function.count("PutObject"), labels + 1);
        let listings = usize::from(labels > 0);
        assert_eq!(function.operations().len(), 2 + pages + labels + listings + 1);
    }
}

#[tokio::test]
async fn empty_token_is_the_end() {
    let job = generated(2_500, 20).edit(3, |reply| reply["NextToken"] = json!(""));
    let function = Function::start(account(job), &[]).await;
    assert_eq!(function.export("job").await["jobs"][0]["detections"], 2_500);
    assert_eq!(function.count(PAGE), 3);
}

#[tokio::test]
async fn both_aggregations_fill_both_tables() {
    let function = Function::start(account(generated(5_000, 100)), BOTH).await;
    let answer = function.export("job").await;
    assert_lossless(&function.simulator, "job", &[Timestamps, Segments]);
    let row = job_row(&function.simulator.objects(), "job");
    assert_eq!(row["aggregate_by"], json!(["TIMESTAMPS", "SEGMENTS"]));
    assert_eq!(row["segment_count"], function.simulator.served("job", Segments).len());
    assert_eq!(row["segment_count"], answer["jobs"][0]["segments"]);
    let first = &row["labels"][0];
    assert!(first["detections"].is_i64() && first["segments"].is_i64(), "{first}");
}

#[tokio::test]
async fn segments_alone_leave_detection_counts_null() {
    let settings = &[("AGGREGATE_BY", "SEGMENTS")];
    let function = Function::start(account(generated(500, 10)), settings).await;
    function.export("job").await;
    assert_lossless(&function.simulator, "job", &[Segments]);
    let row = job_row(&function.simulator.objects(), "job");
    assert_eq!((&row["detection_count"], &row["row_count"]), (&Value::Null, &Value::Null));
    assert!(row["labels"][0]["detections"].is_null() && row["labels"][0]["last_timestamp_ms"].is_i64());
}

#[tokio::test]
async fn each_of_3000_labels_has_its_own_file() {
    let function = Function::start(account(generated(6_000, 3_000)), &[]).await;
    function.export("job").await;
    assert_eq!(label_files(&function.simulator.objects(), "label_detections", "job").count(), 3_000);
    assert_lossless(&function.simulator, "job", &[Timestamps]);
}

#[tokio::test]
async fn label_names_of_every_kind_round_trip() {
    let names = [
        "Farmer's Market",
        "American Football (Ball)",
        "Caño Cristales",
        "a/b",
        "..",
        "50%25",
        "100%",
        "k=v",
        "a:b",
        "what?",
        "\"quoted\"",
        "back\\slash",
        "tab\there",
        "日本",
        "🦆",
        ".hidden",
        "_private",
        " spaces ",
        "C++",
        "NULL",
        "123",
        "2024-01-01",
        "{a}",
        "[b]",
        "a^b",
        "#1",
        "*",
        "dog",
        "Dog",
        "\u{7f}",
        "line\nbreak",
        "__HIVE_DEFAULT_PARTITION__",
        "",
    ];
    let mut labels: Vec<_> = names.iter().map(|name| json!({"Timestamp": 0, "Label": {"Name": name}})).collect();
    labels.push(json!({"Timestamp": 0, "Label": {"Confidence": 50.5}}));
    let function = Function::start(account(Job::from_labels(labels)), &[]).await;
    function.export("job").await;
    assert_lossless(&function.simulator, "job", &[Timestamps]);
    let row = job_row(&function.simulator.objects(), "job");
    assert_eq!(row["label_count"], names.len() - 1, "labels without a name share the default partition");
}

#[tokio::test]
async fn name_order_within_pages_only_costs_a_second_pass() {
    let job = generated(3_000, 40).order(NameOrder::WithinPages);
    let function = Function::start(account(job), BOTH).await;
    function.export("job").await;
    assert_lossless(&function.simulator, "job", &[Timestamps, Segments]);
    let log = function.stop().await;
    assert!(log.iter().any(|line| line.contains("returned after its group ended")), "{log:?}");
}

#[tokio::test]
async fn ungrouped_job_too_large_for_memory_is_an_error() {
    let job = generated(40_000, 40).order(NameOrder::WithinPages);
    let settings = &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2")];
    let function = Function::start(account(job), settings).await;
    let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, "UnexpectedPage");
    assert!(message.contains("memory"), "{message}");
    assert!(!function.simulator.store().contains(COMMIT));
}

#[tokio::test]
async fn failed_job_has_a_row_with_the_reason_and_no_partitions() {
    let status = JobStatus::Failed { message: "the video is not supported".to_owned() };
    let job = generated(100, 5).status(status).job_tag("tag/1").video("videos", "a b.mp4", None);
    let function = Function::start(account(job), BOTH).await;
    let message = json!({"JobId": "job", "Status": "FAILED", "Timestamp": 1_531_244_602_671_u64});
    let answer = function.succeed(message).await;
    assert_eq!(answer["jobs"][0]["status"], "FAILED");
    let objects = function.simulator.objects();
    assert_eq!(objects.len(), 1);
    let row = job_row(&objects, "job");
    assert_eq!((&row["status"], &row["status_message"]), (&json!("FAILED"), &json!("the video is not supported")));
    assert_eq!((&row["job_tag"], &row["video_key"]), (&json!("tag/1"), &json!("a b.mp4")));
    assert_eq!(row["completed_at_ms"], 1_531_244_602_671_u64);
    for column in ["label_count", "detection_count", "row_count", "segment_count", "labels"] {
        assert!(row[column].is_null(), "{column}");
    }
    assert_content(&objects, "job");
}

#[tokio::test]
async fn waits_for_a_job_still_in_progress() {
    let job = generated(10, 2).status(JobStatus::InProgress { replies: 2 });
    let function = Function::start(account(job), &[]).await;
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
    assert_eq!(function.count(PAGE), 3);
}

#[tokio::test]
async fn job_that_stays_in_progress_is_an_error_before_the_deadline() {
    let job = generated(10, 2).status(JobStatus::InProgress { replies: u32::MAX });
    let function = Function::start(account(job), &[]).await;
    let outcome = function.simulator.invoke(r#"{"JobId":"job"}"#, within(Duration::from_secs(3))).await;
    let Outcome::Error { error_type, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error_type, "JobStillRunning");
    assert!(function.simulator.objects().is_empty());
}

#[tokio::test]
async fn row_combines_reply_and_message_and_prefers_the_reply() {
    let labels = vec![
        json!({"Timestamp": 500, "Label": {"Name": "Dog", "Confidence": 90.5, "Instances": [{}, {}]}}),
        json!({"Timestamp": 0, "Label": {"Name": "Dog", "Confidence": 91.5, "Instances": []}}),
        json!({"Timestamp": 900, "Label": {}}),
    ];
    let job = Job::from_labels(labels).job_tag("from the reply");
    let function = Function::start(account(job), &[]).await;
    let message = json!({
        "JobId": "job", "JobTag": "from the message", "Timestamp": 7,
        "Video": {"S3Bucket": "message-bucket", "S3ObjectName": "message.mp4"},
    });
    function.succeed(message).await;
    let row = job_row(&function.simulator.objects(), "job");
    assert_eq!(row["job_tag"], "from the reply");
    assert_eq!(row["completed_at_ms"], 7);
    assert_eq!((&row["detection_count"], &row["row_count"]), (&json!(3), &json!(4)));
    let summary: Vec<_> = row["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|label| {
            json!([
                label["label"],
                label["detections"],
                label["instances"],
                label["segments"],
                label["first_timestamp_ms"],
                label["last_timestamp_ms"]
            ])
        })
        .collect();
    assert_eq!(json!(summary), json!([[null, 1, 0, null, 900, 900], ["Dog", 2, 2, null, 0, 500]]));
}
