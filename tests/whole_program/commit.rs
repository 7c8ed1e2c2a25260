//! Once, whole, and the same: duplicates, overwriting, and the bytes.

use serde_json::json;
use simulator::{Fault, Generated, Job, NameOrder, Simulator};

use crate::function::Function;
use crate::reader::{assert_lossless, job_row};

fn generated(labels: usize, names: usize) -> Job {
    Job::generated(Generated { labels, names, ..Generated::default() })
}

fn account(job: Job) -> simulator::Builder {
    Simulator::builder().job("job", job).listing_allowed(true)
}

#[tokio::test]
async fn a_duplicate_costs_one_request_and_changes_nothing() {
    let function = Function::start(account(generated(2_500, 30)), &[]).await;
    function.export("job").await;
    let before = function.simulator.objects();
    function.simulator.clear_requests();
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "ALREADY_COMMITTED");
    assert_eq!(function.operations(), ["HeadObject"]);
    assert_eq!(function.simulator.objects(), before);
}

#[tokio::test]
async fn a_commit_with_other_aggregations_stops_a_delivery_too_and_is_logged() {
    let function = Function::start(account(generated(10, 2)), &[]).await;
    function.export("job").await;
    let function = function.with_settings(&[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")]).await;
    function.simulator.clear_requests();
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "ALREADY_COMMITTED");
    assert_eq!(function.operations(), ["HeadObject"]);
    assert!(function.stop().await.iter().any(|line| line.contains("Overwrite") && line.contains("WARN")));
}

#[tokio::test]
async fn two_lakes_have_the_same_bytes_whatever_the_order_of_ties() {
    let settings = &[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")];
    let mut lakes = Vec::new();
    for seed in [1, 2] {
        let function = Function::start(account(generated(4_000, 25)).shuffle_seed(seed), settings).await;
        function.export("job").await;
        lakes.push(function.simulator.objects());
    }
    assert!(lakes[0].len() > 25);
    assert_eq!(lakes[0], lakes[1]);
}

#[tokio::test]
async fn a_job_read_with_all_labels_open_has_the_same_bytes() {
    let mut lakes = Vec::new();
    for order in [NameOrder::Global, NameOrder::WithinPages] {
        let function = Function::start(account(generated(3_000, 25).order(order)), &[]).await;
        function.export("job").await;
        lakes.push(function.simulator.objects());
    }
    assert_eq!(lakes[0], lakes[1]);
}

#[tokio::test]
async fn overwrite_replaces_a_committed_job_and_leaves_nothing_of_it() {
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
    assert_eq!(operations[..3], expected, "the first page, then the row, then the checkpoint");
}

#[tokio::test]
async fn overwrite_deletes_nothing_when_the_results_are_gone() {
    let function = Function::start(account(generated(100, 4)), &[]).await;
    function.export("job").await;
    let before = function.simulator.objects();
    let gone = Fault::on("GetLabelDetection").always().status(400, "ResourceNotFoundException");
    function.simulator.add_fault(gone);
    let (error_type, _) = function.fail(json!({"JobId": "job", "Overwrite": true})).await;
    assert_eq!(error_type, "JobNotFound");
    assert_eq!(function.simulator.objects(), before);
}

#[tokio::test]
async fn a_file_that_another_copy_left_is_kept_if_it_is_the_same_and_replaced_if_not() {
    let first = Function::start(account(generated(500, 4)), &[]).await;
    first.export("job").await;
    let whole = first.simulator.objects();
    let mut files = whole.iter().filter(|(key, _)| key.starts_with("label_"));
    let ((same_key, same), (other_key, _)) = (files.next().unwrap(), files.next().unwrap());

    let second = Function::start(account(generated(500, 4)), &[]).await;
    second.simulator.store().put(same_key, same.clone());
    second.simulator.store().put(other_key, b"of another build".to_vec());
    second.export("job").await;
    assert_eq!(second.simulator.objects(), whole);
    let refused = second.simulator.requests().iter().filter(|request| request.status == 412).count();
    assert_eq!(refused, 2);
}

#[tokio::test]
async fn a_file_of_an_export_that_saw_the_whole_job_is_not_replaced_by_one_that_relied_on_the_order() {
    // A copy that found the order broken has stored all files, and was stopped before its commit.
    let disordered = generated(2_000, 4).order(NameOrder::WithinPages);
    let function = Function::start(account(disordered), &[]).await;
    function.export("job").await;
    function.simulator.store().delete("jobs/job-job.parquet");

    // This copy is told another, grouped story, in which a label lacks a row.
    let mut labels = function.simulator.served("job", simulator::Aggregation::Timestamps);
    labels.remove(0);
    function.simulator.add_job("job", Job::from_labels(labels));
    function.export("job").await;
    let log = function.stop().await;
    assert!(log.iter().any(|line| line.contains("another copy of this export")), "{log:?}");
}

#[tokio::test]
async fn a_commit_that_another_copy_made_first_is_a_success() {
    let function = Function::start(
        account(generated(100, 3))
            .fault(Fault::on("PutObject").key_contains("jobs/").status_after(412, "PreconditionFailed")),
        &[],
    )
    .await;
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "COMMITTED_BY_ANOTHER");
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_lossless(&function.simulator, "job", &[simulator::Aggregation::Timestamps]);
}

#[tokio::test]
async fn the_row_comes_last() {
    let function = Function::start(account(generated(1_500, 30)), &[]).await;
    function.export("job").await;
    let requests = function.simulator.requests();
    assert_eq!(requests.last().unwrap().target, "jobs/job-job.parquet");
    assert_eq!(job_row(&function.simulator.objects(), "job")["status"], "SUCCEEDED");
}
