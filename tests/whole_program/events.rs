//! Every event shape, and events with several jobs.

use std::slice;

use rekognition_simulator::{Invocation, Job, Outcome, Simulator};
use serde_json::{Value, json};

use crate::support::{Function, generated};

/// Returns the ID of the job that all samples in `events/` name.
fn sample_job() -> String {
    sample("job-id.json")["JobId"].as_str().unwrap().to_owned()
}

fn sample(name: &str) -> Value {
    let path = format!("{}/events/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn small() -> Job {
    generated(50, 5)
}

async fn function() -> Function {
    Function::start(Simulator::builder().job(&sample_job(), small()), &[]).await
}

/// Returns the keys of the committed rows.
fn commits(function: &Function) -> Vec<String> {
    let objects = function.simulator.objects();
    objects.into_keys().filter(|key| key.starts_with("jobs/")).collect()
}

#[tokio::test]
async fn every_direct_sample_event_exports_its_job() {
    for name in [
        "sns.json",
        "failure-record.json",
        "sns-envelope.json",
        "completion.json",
        "job-id.json",
        "overwrite.json",
        "eventbridge.json",
        "receive-message.json",
        "step-functions.json",
    ] {
        let function = function().await;
        let answer = function.succeed(sample(name)).await;
        assert_eq!(answer["jobs"][0]["outcome"], "EXPORTED", "{name}");
        assert_eq!(answer["jobs"][0]["detections"], 50, "{name}");
        assert_eq!(commits(&function), [format!("jobs/job-{}.parquet", sample_job())], "{name}");
    }
}

#[tokio::test]
async fn every_queue_sample_event_exports_its_job_without_failed_items() {
    for name in ["sqs.json", "sqs-raw.json", "sqs-redrive.json", "pipes.json", "pipes-parsed.json"] {
        let function = function().await;
        assert_eq!(function.succeed(sample(name)).await, json!({"batchItemFailures": []}), "{name}");
        assert_eq!(commits(&function).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn message_of_another_api_makes_no_requests() {
    let function = function().await;
    assert_eq!(function.succeed(sample("other-api.json")).await, json!({"jobs": []}));
    assert!(function.operations().is_empty());
    let log = function.stop().await;
    assert_eq!(log.iter().filter(|line| line.contains("StartFaceDetection")).count(), 1);
}

#[tokio::test]
async fn queue_event_reports_only_failed_items() {
    let function = function().await;
    let item = |id: &str, body: String| json!({"messageId": id, "body": body, "eventSource": "aws:sqs"});
    let event = json!({"Records": [
        item("not-json", "{".to_owned()),
        item("good", json!({"JobId": sample_job()}).to_string()),
        item("unknown-job", json!({"JobId": "nobody"}).to_string()),
        item("good-again", json!({"JobId": sample_job()}).to_string()),
    ]});
    let answer = function.succeed(event).await;
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "not-json"}, {"itemIdentifier": "unknown-job"}]})
    );
    assert_eq!(function.count("HeadObject"), 2, "each job is exported once");
    assert_eq!(commits(&function).len(), 1);
}

/// Returns an SQS record with these completion messages, each in its own SNS record.
fn queue_record(id: &str, messages: &[Value]) -> Value {
    let record = |message: &Value| json!({"EventSource": "aws:sns", "Sns": {"Message": message.to_string()}});
    let body = json!({"Records": messages.iter().map(record).collect::<Vec<_>>()});
    json!({"messageId": id, "body": body.to_string(), "eventSource": "aws:sqs"})
}

#[tokio::test]
async fn queue_event_fails_if_all_items_fail() {
    let function = function().await;
    let (good, unknown) = (json!({"JobId": sample_job()}), json!({"JobId": "nobody"}));
    let other_api = sample("other-api.json");
    let bad = json!({"JobId": "../x"});
    for (records, error) in [
        (vec![queue_record("a", slice::from_ref(&unknown))], "JobNotFound"),
        (vec![queue_record("a", slice::from_ref(&bad)), queue_record("b", slice::from_ref(&unknown))], "InvalidJobId"),
        // The same item twice, and an item with one failing message.
        (vec![queue_record("a", slice::from_ref(&unknown)), queue_record("a", slice::from_ref(&good))], "JobNotFound"),
        (vec![queue_record("a", &[good.clone(), unknown.clone(), other_api.clone()])], "JobNotFound"),
        // A message without an item ID is kept only if the whole event fails.
        (vec![queue_record("a", slice::from_ref(&good)), json!({"body": bad.to_string()})], "InvalidJobId"),
    ] {
        let event = json!({"Records": records});
        assert_eq!(function.fail(&event).await.0, error, "{event}");
    }
    for records in [
        [queue_record("a", slice::from_ref(&unknown)), queue_record("b", slice::from_ref(&good))],
        [queue_record("a", slice::from_ref(&unknown)), queue_record("b", slice::from_ref(&other_api))],
    ] {
        let answer = function.succeed(json!({"Records": records})).await;
        assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "a"}]}));
    }
    let skipped = json!({"Records": [queue_record("a", &[other_api])]});
    assert_eq!(function.succeed(skipped).await, json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn exports_good_records_when_another_record_is_bad() {
    let function = function().await;
    let record = |message: Value| json!({"EventSource": "aws:sns", "Sns": {"Message": message.to_string()}});
    let event = json!({"Records": [
        record(json!({"JobId": "nobody"})),
        record(json!({"JobId": sample_job()})),
        record(json!({"JobId": "../x"})),
    ]});
    let (error_type, message) = function.fail(event).await;
    assert_eq!(error_type, "InvalidJobId");
    assert!(message.contains("nobody") && message.contains("../x"), "{message}");
    assert_eq!(commits(&function).len(), 1);
}

#[tokio::test]
async fn bytes_that_are_not_json_are_an_invalid_event() {
    let function = function().await;
    for bytes in [&b""[..], b"{", b"\xff\xfe", b"[[[[", "[".repeat(10_000).as_bytes()] {
        let outcome = function.simulator.invoke(bytes.to_vec(), Invocation::default()).await;
        let Outcome::Error { error_type, .. } = outcome else { panic!("{bytes:?} → {outcome:?}") };
        assert_eq!(error_type, "InvalidEvent");
    }
    assert!(function.operations().is_empty());
}
