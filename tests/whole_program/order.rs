//! The requests of an export come in the order that `tests/protocol` explores, and what it found stays mended.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Builder, Fault, Invocation, Job, Outcome, Simulator};

use crate::function::Function;
use crate::orders::{CONTINUATION, OVERWRITE, PLAIN};

const CHECKPOINT: &str = "_checkpoints/job";
const ROW: &str = "jobs/job-job.parquet";
const OLD: &str = "label_detections/job_id=job/label=Old/part-00000.parquet";
const SEGMENT: &str = "label_segments/job_id=job/label=Cat/part-00000.parquet";

/// Two labels in three pages.
fn account() -> Builder {
    let label = |name| json!({ "Timestamp": 0, "Label": { "Name": name } });
    let job = Job::from_labels(vec![label("Cat"), label("Dog"), label("Dog")]).page_size(1);
    Simulator::builder().job("job", job).listing_allowed(true)
}

/// The requests to S3, as `orders.rs` has them.
fn requests(simulator: &Simulator) -> Vec<String> {
    let requests = simulator.requests();
    let to_s3 = requests.iter().filter(|request| request.operation.contains("Object"));
    let named = to_s3.map(|request| {
        let folder = request.target.split('/').next().unwrap_or_default();
        format!("{} {folder}", request.operation).trim_end().to_owned()
    });
    named.collect()
}

/// An Overwrite that handed over with its first label, and its continuation.
async fn overwrite_under_way(settings: &[(&str, &str)]) -> (Function, Value) {
    let stall = Fault::on("GetLabelDetection").key_contains("from 2").times(1).stall();
    let function = Function::start(account().fault(stall), settings).await;
    function.simulator.store().put(OLD, "of an older export");
    function.simulator.store().put(ROW, "of an older export");
    let short = Invocation { timeout: Duration::from_secs(2), ..Invocation::default() };
    let overwrite = json!({ "JobId": "job", "Overwrite": true });
    let Outcome::Response(answer) = function.simulator.invoke(overwrite.to_string(), short).await else {
        panic!("{:?}", function.simulator.requests());
    };
    assert_eq!(answer["jobs"][0]["outcome"], "HANDED_OVER");
    let continuation = function.simulator.take_invoked().remove(0);
    (function, continuation)
}

#[tokio::test]
async fn a_plain_export() {
    let function = Function::start(account(), &[]).await;
    function.export("job").await;
    assert_eq!(requests(&function.simulator), PLAIN);
}

#[tokio::test]
async fn an_overwrite() {
    let function = Function::start(account(), &[]).await;
    function.simulator.store().put(OLD, "of an older export");
    function.simulator.store().put(ROW, "of an older export");
    function.succeed(json!({ "JobId": "job", "Overwrite": true })).await;
    assert_eq!(requests(&function.simulator), OVERWRITE);
}

#[tokio::test]
async fn a_continuation_that_replaces() {
    let (function, continuation) = overwrite_under_way(&[]).await;
    function.simulator.store().put(ROW, "of a plain copy");
    function.simulator.clear_requests();
    function.succeed(continuation).await;
    assert_eq!(requests(&function.simulator), CONTINUATION);
    assert!(!function.simulator.store().contains(OLD));
}

#[tokio::test]
async fn an_overwrite_removes_a_table_that_it_does_not_fill_after_its_commit() {
    let function = Function::start(account(), &[]).await;
    function.simulator.store().put(SEGMENT, "of an export with both tables");
    function.succeed(json!({ "JobId": "job", "Overwrite": true })).await;
    let requests = requests(&function.simulator);
    let at = |request| requests.iter().position(|other| other == request).unwrap();
    assert!(at("PutObject jobs") < at("DeleteObjects"), "{requests:?}");
    assert!(!function.simulator.store().contains(SEGMENT));
}

#[tokio::test]
async fn a_continuation_that_finds_the_job_committed_removes_the_table_that_the_row_lacks() {
    let function = Function::start(account(), &[]).await;
    function.export("job").await;
    let clean = function.simulator.objects();
    function.simulator.store().put(SEGMENT, "of a copy with other settings");
    let answer = function.succeed(json!({ "JobId": "job", "Continuation": 1 })).await;
    assert_eq!(answer["jobs"][0]["outcome"], "ALREADY_COMMITTED");
    assert_eq!(function.simulator.objects(), clean);
}

#[tokio::test]
async fn an_overwrite_whose_results_are_gone_commits_what_an_earlier_delivery_saved() {
    // All pages are read, and the commit is refused for good.
    let denied = Fault::on("PutObject").key_contains("jobs/").times(1).status(403, "AccessDenied");
    let function = Function::start(account().fault(denied), &[]).await;
    let overwrite = json!({ "JobId": "job", "Overwrite": true });
    assert_eq!(function.fail(&overwrite).await.0, "AccessDenied");
    assert!(function.simulator.store().contains(CHECKPOINT));

    let gone = Fault::on("GetLabelDetection").always().status(400, "ResourceNotFoundException");
    function.simulator.add_fault(gone);
    assert_eq!(function.succeed(overwrite.clone()).await["jobs"][0]["outcome"], "EXPORTED");
    let keys: Vec<_> = function.simulator.objects().into_keys().collect();
    assert_eq!(keys.len(), 3, "the row and two files: {keys:?}");
    // With nothing saved, nothing changes.
    assert_eq!(function.fail(&overwrite).await.0, "JobNotFound");
    assert_eq!(function.simulator.objects().len(), 3);
}
