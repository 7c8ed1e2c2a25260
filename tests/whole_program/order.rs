//! The function makes its requests in the order that the model in `tests/protocol` explores, and the problems that the
//! model found stay fixed.

use std::time::Duration;

use rekognition_simulator::{Builder, Fault, Job, Simulator};
use serde_json::{Value, json};

use crate::support::orders::{CONTINUATION, OVERWRITE, PLAIN};
use crate::support::{CHECKPOINT, COMMIT, Function, PAGE, account, outcome};

/// A file that only an older export owns.
const OLD: &str = "label_detections/job_id=job/label=Old/part-00000.parquet";
/// A file in a table that the export does not fill.
const SEGMENT: &str = "label_segments/job_id=job/label=Cat/part-00000.parquet";

/// Returns an account with a job of two labels in three pages.
fn two_labels() -> Builder {
    let label = |name| json!({ "Timestamp": 0, "Label": { "Name": name } });
    let job = Job::from_labels(vec![label("Cat"), label("Dog"), label("Dog")]).page_size(1);
    account(job)
}

/// Returns the requests to S3 in the format of `orders.rs`.
fn requests(simulator: &Simulator) -> Vec<String> {
    let requests = simulator.requests();
    let to_s3 = requests.iter().filter(|request| request.operation.contains("Object"));
    let named = to_s3.map(|request| {
        let folder = request.target.split('/').next().unwrap_or_default();
        format!("{} {folder}", request.operation).trim_end().to_owned()
    });
    named.collect()
}

/// Returns a function whose Overwrite handed over after its first label, and the continuation's message.
async fn handed_over_overwrite(settings: &[(&str, &str)]) -> (Function, Value) {
    let stall = Fault::on(PAGE).key_contains("from 2").times(1).stall();
    let function = Function::start(two_labels().fault(stall), settings).await;
    function.simulator.store().put(OLD, "written by an older export");
    function.simulator.store().put(COMMIT, "written by an older export");
    let overwrite = json!({ "JobId": "job", "Overwrite": true });
    assert_eq!(outcome(&function.simulator, &overwrite, Duration::from_secs(2)).await, "HANDED_OVER");
    let continuation = function.simulator.take_invoked().remove(0);
    (function, continuation)
}

#[tokio::test]
async fn plain_export_makes_requests_in_order() {
    let function = Function::start(two_labels(), &[]).await;
    function.export("job").await;
    assert_eq!(requests(&function.simulator), PLAIN);
}

#[tokio::test]
async fn overwrite_makes_requests_in_order() {
    let function = Function::start(two_labels(), &[]).await;
    function.simulator.store().put(OLD, "written by an older export");
    function.simulator.store().put(COMMIT, "written by an older export");
    function.succeed(json!({ "JobId": "job", "Overwrite": true })).await;
    assert_eq!(requests(&function.simulator), OVERWRITE);
}

#[tokio::test]
async fn replacing_continuation_makes_requests_in_order() {
    let (function, continuation) = handed_over_overwrite(&[]).await;
    function.simulator.store().put(COMMIT, "written by a plain copy");
    function.simulator.clear_requests();
    function.succeed(continuation).await;
    assert_eq!(requests(&function.simulator), CONTINUATION);
    assert!(!function.simulator.store().contains(OLD));
}

#[tokio::test]
async fn overwrite_removes_an_unused_table_after_its_commit() {
    let function = Function::start(two_labels(), &[]).await;
    function.simulator.store().put(SEGMENT, "written by an export of both tables");
    function.succeed(json!({ "JobId": "job", "Overwrite": true })).await;
    let requests = requests(&function.simulator);
    let at = |request| requests.iter().position(|other| other == request).unwrap();
    assert!(at("PutObject jobs") < at("DeleteObjects"), "{requests:?}");
    assert!(!function.simulator.store().contains(SEGMENT));
}

#[tokio::test]
async fn continuation_of_a_committed_job_removes_a_table_missing_from_the_row() {
    let function = Function::start(two_labels(), &[]).await;
    function.export("job").await;
    let clean = function.simulator.objects();
    function.simulator.store().put(SEGMENT, "written by a copy with other settings");
    let answer = function.succeed(json!({ "JobId": "job", "Continuation": 1 })).await;
    assert_eq!(answer["jobs"][0]["outcome"], "ALREADY_COMMITTED");
    assert_eq!(function.simulator.objects(), clean);
}

#[tokio::test]
async fn overwrite_with_expired_results_commits_from_the_checkpoint() {
    // All pages are fetched, and the commit is denied.
    let denied = Fault::on("PutObject").key_contains("jobs/").times(1).status(403, "AccessDenied");
    let function = Function::start(two_labels().fault(denied), &[]).await;
    let overwrite = json!({ "JobId": "job", "Overwrite": true });
    assert_eq!(function.fail(&overwrite).await.0, "AccessDenied");
    assert!(function.simulator.store().contains(CHECKPOINT));

    let expired = Fault::on(PAGE).always().status(400, "ResourceNotFoundException");
    function.simulator.add_fault(expired);
    assert_eq!(function.succeed(overwrite.clone()).await["jobs"][0]["outcome"], "EXPORTED");
    let keys: Vec<_> = function.simulator.objects().into_keys().collect();
    assert_eq!(keys.len(), 3, "the row and two files: {keys:?}");
    // Without a checkpoint, an Overwrite changes nothing.
    assert_eq!(function.fail(&overwrite).await.0, "JobNotFound");
    assert_eq!(function.simulator.objects().len(), 3);
}
