//! The function's log: every line is JSON and readable on its own, and metrics are counted once per export.

use std::time::SystemTime;

use rekognition_simulator::{Builder, Fault};
use serde_json::{Value, json};

use crate::support::{Function, PAGE, account, generated};

fn three_pages() -> Builder {
    account(generated(250, 20).page_size(100))
}

/// Delivers an event, and returns the function's log lines parsed as JSON.
async fn log(account: Builder, event: Value) -> Vec<Value> {
    let function = Function::start(account, &[]).await;
    function.invoke(event).await;
    let lines = function.stop().await;
    lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn metrics(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line["_aws"].is_object()).collect()
}

#[tokio::test]
async fn export_logs_one_summary_line_and_one_metrics_line() {
    let log = log(three_pages(), json!({ "JobId": "job" })).await;
    let [done] = &*log.iter().filter(|line| line["message"] == "done").collect::<Vec<_>>() else { panic!("{log:?}") };
    assert_eq!((&done["job"], &done["outcome"], &done["pages"]), (&json!("job"), &json!("EXPORTED"), &json!(3)));
    assert!(done["duration_ms"].is_u64() && done["bytes"].as_u64() > Some(0), "{done}");

    let [metrics] = &*metrics(&log) else { panic!("{log:?}") };
    assert_eq!(metrics["FunctionName"], "label-lake");
    let count = |name: &str| metrics[name].as_u64().unwrap();
    assert_eq!((count("Jobs"), count("FailedJobs"), count("Pages"), count("Files")), (1, 0, 3, 20));
    assert_eq!((count("Detections"), count("Throttles"), count("Continuations")), (250, 0, 0));
    assert_eq!((&done["rows"], &done["bytes"]), (&metrics["Rows"], &metrics["Bytes"]));
}

#[tokio::test]
async fn throttles_and_failures_are_counted() {
    let throttle = Fault::on(PAGE).times(2).status(400, "ThrottlingException");
    let log_of_throttled = log(three_pages().fault(throttle), json!({ "JobId": "job" })).await;
    assert_eq!(metrics(&log_of_throttled)[0]["Throttles"], 2);

    let log_of_unknown = log(three_pages(), json!({ "JobId": "nobody" })).await;
    let [metrics] = &*metrics(&log_of_unknown) else { panic!("{log_of_unknown:?}") };
    assert_eq!((&metrics["outcome"], &metrics["Jobs"]), (&json!("JobNotFound"), &json!(0)));
}

#[tokio::test]
async fn every_failed_attempt_is_counted_when_it_happens() {
    let item = |id: &str, body: Value| json!({"messageId": id, "body": body.to_string(), "eventSource": "aws:sqs"});
    let batch = json!({"Records": [
        item("a", json!({"JobId": "job"})), item("b", json!({"JobId": "nobody"})), item("c", json!({"JobId": "../x"})),
    ]});
    for (event, expected) in [
        (json!({"JobId": "job"}), vec![("EXPORTED", 0)]),
        (json!({"JobId": "nobody"}), vec![("JobNotFound", 1)]),
        (json!({"JobId": "../x"}), vec![("InvalidJobId", 1)]),
        (json!({}), vec![("InvalidEvent", 1)]),
        // The invocation succeeds, so that Lambda counts no error.
        (batch, vec![("InvalidJobId", 1), ("EXPORTED", 0), ("JobNotFound", 1)]),
    ] {
        let begun = unix_ms();
        let log = log(three_pages(), event.clone()).await;
        let metrics = metrics(&log);
        let counted: Vec<_> = metrics
            .iter()
            .map(|line| (line["outcome"].as_str().unwrap(), line["FailedAttempts"].as_u64().unwrap()))
            .collect();
        assert_eq!(counted, expected, "{event}");
        for line in metrics {
            assert_eq!(line["FunctionName"], "label-lake");
            let at = line["_aws"]["Timestamp"].as_u64().unwrap();
            assert!((begun..=unix_ms()).contains(&at), "{event}: {at}");
        }
    }
}

#[tokio::test]
async fn event_that_is_not_json_is_a_failed_attempt() {
    let function = Function::start(three_pages(), &[]).await;
    function.invoke("{").await;
    let lines = function.stop().await;
    let [line] = &*lines.iter().filter(|line| line.contains("\"_aws\"")).collect::<Vec<_>>() else {
        panic!("{lines:?}")
    };
    assert!(line.contains("\"FailedAttempts\":1"), "{line}");
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
}

#[tokio::test]
async fn metrics_are_written_at_every_log_level() {
    for level in ["TRACE", "INFO", "WARN", "ERROR"] {
        let function = Function::start(three_pages(), &[("RUST_LOG", level)]).await;
        function.succeed(json!({ "JobId": "job" })).await;
        let lines = function.stop().await;
        let with_metrics = lines.iter().filter(|line| line.contains("\"_aws\"")).count();
        assert_eq!(with_metrics, 1, "{level}: {lines:?}");
        let has_summary = lines.iter().any(|line| line.contains("\"done\""));
        assert_eq!(has_summary, matches!(level, "TRACE" | "INFO"), "{level}");
    }
}

#[tokio::test]
async fn duplicate_is_not_counted() {
    let event = json!({ "JobId": "job" });
    let function = Function::start(three_pages(), &[]).await;
    function.succeed(event.clone()).await;
    function.succeed(event).await;
    let lines = function.stop().await;
    assert_eq!(lines.iter().filter(|line| line.contains("\"_aws\"")).count(), 1);
}
