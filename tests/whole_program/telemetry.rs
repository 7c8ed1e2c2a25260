//! What the function writes to its log: lines that each can be read alone, and metrics.

use serde_json::{Value, json};
use simulator::{Builder, Fault, Generated, Job, Simulator};

use crate::function::Function;

fn account() -> Builder {
    let job = Job::generated(Generated { labels: 250, names: 20, ..Generated::default() }).page_size(100);
    account(job)
}

/// The log of a function that was given the event, as JSON: each line is.
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
    let log = log(account(), json!({ "JobId": "job" })).await;
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
    let throttle = Fault::on("GetLabelDetection").times(2).status(400, "ThrottlingException");
    let log_of_throttled = log(account().fault(throttle), json!({ "JobId": "job" })).await;
    assert_eq!(metrics(&log_of_throttled)[0]["Throttles"], 2);

    let log_of_unknown = log(account(), json!({ "JobId": "nobody" })).await;
    let [metrics] = &*metrics(&log_of_unknown) else { panic!("{log_of_unknown:?}") };
    assert_eq!((&metrics["outcome"], &metrics["Jobs"]), (&json!("JobNotFound"), &json!(0)));
}

#[tokio::test]
async fn duplicate_is_not_counted() {
    let event = json!({ "JobId": "job" });
    let function = Function::start(account(), &[]).await;
    function.succeed(event.clone()).await;
    function.succeed(event).await;
    let lines = function.stop().await;
    assert_eq!(lines.iter().filter(|line| line.contains("\"_aws\"")).count(), 1);
}
