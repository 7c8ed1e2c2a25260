//! The commit: a job is exported once and completely, is replaced by an Overwrite, and always has the same bytes.

use rekognition_simulator::{Aggregation, Fault, Job, NameOrder};
use serde_json::json;

use crate::support::{
    BOTH_TABLES, COMMIT, Function, PAGE, account, assert_content, assert_lossless, generated, job_row,
};

#[tokio::test]
async fn duplicate_costs_one_request_and_changes_nothing() {
    let function = Function::start(account(generated(2_500, 30)), &[]).await;
    function.export("job").await;
    let before = function.simulator.objects();
    function.simulator.clear_requests();
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "ALREADY_COMMITTED");
    assert_eq!(function.operations(), ["HeadObject"]);
    assert_eq!(function.simulator.objects(), before);
}

#[tokio::test]
async fn commit_with_other_aggregations_stops_a_delivery_and_is_logged() {
    let function = Function::start(account(generated(10, 2)), &[]).await;
    function.export("job").await;
    let function = function.with_settings(BOTH_TABLES).await;
    function.simulator.clear_requests();
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "ALREADY_COMMITTED");
    assert_eq!(function.operations(), ["HeadObject"]);
    assert!(function.stop().await.iter().any(|line| line.contains("Overwrite") && line.contains("WARN")));
}

#[tokio::test]
async fn order_of_ties_does_not_change_the_bytes() {
    let mut lakes = Vec::new();
    for seed in [1, 2] {
        let function = Function::start(account(generated(4_000, 25)).shuffle_seed(seed), BOTH_TABLES).await;
        function.export("job").await;
        lakes.push(function.simulator.objects());
    }
    assert!(lakes[0].len() > 25);
    assert_eq!(lakes[0], lakes[1]);
}

#[tokio::test]
async fn reading_with_all_labels_open_does_not_change_the_bytes() {
    let mut lakes = Vec::new();
    for order in [NameOrder::Global, NameOrder::WithinPages] {
        let function = Function::start(account(generated(3_000, 25).order(order)), &[]).await;
        function.export("job").await;
        lakes.push(function.simulator.objects());
    }
    assert_eq!(lakes[0], lakes[1]);
}

#[tokio::test]
async fn overwrite_replaces_a_committed_job_completely() {
    let function = Function::start(account(generated(2_000, 40)), &[("OUTPUT_PREFIX", "a/b")]).await;
    function.export("job").await;
    function.simulator.store().put("a/b/jobs/job-job2.parquet", b"another job".to_vec());
    function.simulator.add_job("job", Job::from_labels(vec![json!({"Timestamp": 0, "Label": {"Name": "Dog"}})]));
    function.simulator.clear_requests();

    function.succeed(json!({"JobId": "job", "Overwrite": true})).await;
    let keys: Vec<_> = function.simulator.objects().into_keys().collect();
    assert_eq!(
        keys,
        [
            "a/b/jobs/job-job.parquet",
            "a/b/jobs/job-job2.parquet",
            "a/b/label_detections/job_id=job/label=Dog/part-00000.parquet"
        ]
    );
    let operations = function.operations();
    let expected = ["GetLabelDetection", "DeleteObject", "DeleteObject"];
    assert_eq!(operations[..3], expected, "fetches the first page, deletes the row, then the checkpoint");
}

#[tokio::test]
async fn content_changes_exactly_if_an_overwrite_changes_the_job() {
    let function = Function::start(account(generated(2_000, 40)), BOTH_TABLES).await;
    let content = || job_row(&function.simulator.objects(), "job")["content"].clone();
    function.succeed(json!({"JobId": "job", "Timestamp": 7})).await;
    let first = content();
    assert_eq!(first.as_str().unwrap().len(), 64);

    function.succeed(json!({"JobId": "job", "Timestamp": 7, "Overwrite": true})).await;
    assert_eq!(content(), first, "the same replies and the same message");
    function.succeed(json!({"JobId": "job", "Timestamp": 8, "Overwrite": true})).await;
    assert_ne!(content(), first, "another time");

    let mut labels = function.simulator.served("job", Aggregation::Timestamps);
    labels.pop();
    function.simulator.add_job("job", Job::from_labels(labels));
    function.succeed(json!({"JobId": "job", "Timestamp": 7, "Overwrite": true})).await;
    assert_ne!(content(), first, "one detection less");
    assert_content(&function.simulator.objects(), "job");
}

#[tokio::test]
async fn overwrite_deletes_nothing_if_the_results_have_expired() {
    let function = Function::start(account(generated(100, 4)), &[]).await;
    function.export("job").await;
    let before = function.simulator.objects();
    let expired = Fault::on(PAGE).always().status(400, "ResourceNotFoundException");
    function.simulator.add_fault(expired);
    let (error_type, _) = function.fail(json!({"JobId": "job", "Overwrite": true})).await;
    assert_eq!(error_type, "JobNotFound");
    assert_eq!(function.simulator.objects(), before);
}

#[tokio::test]
async fn existing_file_is_kept_if_identical_and_replaced_if_different() {
    let first = Function::start(account(generated(500, 4)), &[]).await;
    first.export("job").await;
    let complete = first.simulator.objects();
    let mut files = complete.iter().filter(|(key, _)| key.starts_with("label_"));
    let ((same_key, same), (other_key, _)) = (files.next().unwrap(), files.next().unwrap());

    let second = Function::start(account(generated(500, 4)), &[]).await;
    second.simulator.store().put(same_key, same.clone());
    second.simulator.store().put(other_key, b"written by another build".to_vec());
    second.export("job").await;
    assert_eq!(second.simulator.objects(), complete);
    let refused = second.simulator.requests().iter().filter(|request| request.status == 412).count();
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn provisional_file_does_not_replace_a_complete_one() {
    // A copy found the labels ungrouped, stored all files from a complete pass, and stopped before its commit.
    let ungrouped = generated(2_000, 4).order(NameOrder::WithinPages);
    let function = Function::start(account(ungrouped), &[]).await;
    function.export("job").await;
    function.simulator.store().delete(COMMIT);

    // The next copy gets grouped pages in which one label lacks a row.
    let mut labels = function.simulator.served("job", Aggregation::Timestamps);
    labels.remove(0);
    function.simulator.add_job("job", Job::from_labels(labels));
    function.export("job").await;
    let log = function.stop().await;
    assert!(log.iter().any(|line| line.contains("another copy of this export")), "{log:?}");
}

#[tokio::test]
async fn losing_the_commit_to_another_copy_is_a_success() {
    let lost = Fault::on("PutObject").key_contains(COMMIT).status_after(412, "PreconditionFailed");
    let function = Function::start(account(generated(100, 3)).fault(lost), &[]).await;
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "COMMITTED_BY_ANOTHER");
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_lossless(&function.simulator, "job", &[Aggregation::Timestamps]);
}

#[tokio::test]
async fn row_is_written_last() {
    let function = Function::start(account(generated(1_500, 30)), &[]).await;
    function.export("job").await;
    let requests = function.simulator.requests();
    assert_eq!(requests.last().unwrap().target, COMMIT);
    assert_eq!(job_row(&function.simulator.objects(), "job")["status"], "SUCCEEDED");
}
