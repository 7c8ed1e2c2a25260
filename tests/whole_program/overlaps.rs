//! Deliveries that meet: an Overwrite beside other copies, deletions, other settings, and a commit that fails.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use simulator::{Builder, Fault, Gate, Generated, Job, JobStatus, Outcome, Simulator};
use tokio::process::Child;

use crate::faults::assert_same_lake;
use crate::function::{Function, command};
use crate::glue::catalog::{DATABASE, partitions, with_catalog};
use crate::lambda_service::{LambdaService, within};
use crate::reader::job_row;

const ROW: &str = "jobs/job-job.parquet";
const CHECKPOINT: &str = "_checkpoints/job";
const PAGE: &str = "GetLabelDetection";
const BOTH: &[(&str, &str)] = &[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")];
/// Long enough for the first two pages on any machine.
const SHORT: Duration = Duration::from_secs(2);

fn job() -> Job {
    Job::generated(Generated { labels: 500, names: 40, ..Generated::default() }).page_size(100)
}

/// The job as it was told before: with more labels.
fn old_job() -> Job {
    Job::generated(Generated { labels: 900, names: 120, ..Generated::default() }).page_size(100)
}

fn failed_job() -> Job {
    job().status(JobStatus::Failed { message: "the video is not supported".to_owned() })
}

fn account() -> Builder {
    Simulator::builder().job("job", job()).listing_allowed(true)
}

fn plain() -> Value {
    json!({ "JobId": "job" })
}

fn overwrite() -> Value {
    json!({ "JobId": "job", "Overwrite": true })
}

/// The page after so many labels does not come, once.
fn stall_at(from: usize) -> Fault {
    Fault::on(PAGE).key_contains(&format!("TIMESTAMPS from {from}")).stall()
}

/// The lake of the job alone.
async fn clean(settings: &[(&str, &str)]) -> BTreeMap<String, Bytes> {
    let function = Function::start(account(), settings).await;
    function.export("job").await;
    function.simulator.objects()
}

/// A function in an account whose lake has the old job.
async fn committed(settings: &[(&str, &str)]) -> Function {
    let function = Function::start(account(), settings).await;
    function.simulator.add_job("job", old_job());
    function.export("job").await;
    function.simulator.add_job("job", job());
    function
}

fn another_process(simulator: &Simulator, settings: &[(&str, &str)]) -> Child {
    command(simulator, settings).stdout(Stdio::null()).spawn().unwrap()
}

async fn outcome(simulator: &Simulator, event: &Value, limit: Duration) -> String {
    match simulator.invoke(event.to_string(), within(limit)).await {
        Outcome::Response(answer) => answer["jobs"][0]["outcome"].as_str().unwrap().to_owned(),
        failed @ Outcome::Error { .. } => panic!("{failed:?}"),
    }
}

/// Delivers what the function sent to itself, until nothing is left.
async fn settle(function: Function, events: Vec<Value>) -> LambdaService {
    let mut service = LambdaService::new(function, &[], Duration::from_mins(1));
    for event in events {
        service.send(event);
    }
    service.run(None).await;
    assert!(service.tally.errors.is_empty(), "{:?}", service.tally);
    service
}

#[tokio::test]
async fn an_overwrite_that_hands_over_removes_the_old_files_whatever_is_delivered_in_between() {
    let clean = clean(&[]).await;
    for second in [plain(), overwrite()] {
        let function = committed(&[]).await;
        let simulator = &function.simulator;
        simulator.add_fault(stall_at(200));
        assert_eq!(outcome(simulator, &overwrite(), SHORT).await, "HANDED_OVER");
        let continuation = simulator.take_invoked().remove(0);
        assert_eq!(continuation, json!({ "JobId": "job", "Continuation": 1, "Replaces": true }));

        // The second delivery found no checkpoint yet, and saves its own over that of the Overwrite.
        simulator.store().delete(CHECKPOINT);
        simulator.add_fault(stall_at(300));
        assert_eq!(outcome(simulator, &second, SHORT).await, "HANDED_OVER");
        assert!(simulator.faults_not_fired().is_empty());
        let other = simulator.take_invoked().remove(0);
        for events in [vec![continuation.clone(), other.clone()], vec![other.clone(), continuation.clone()]] {
            let before = simulator.objects();
            let replayed = Function::start(account(), &[]).await;
            for (key, bytes) in before {
                replayed.simulator.store().put(&key, bytes);
            }
            let service = settle(replayed, events).await;
            assert_same_lake(&service.function.simulator.objects(), &clean);
        }
    }
}

#[tokio::test]
async fn a_continuation_of_an_overwrite_stops_at_the_row_of_the_overwrite() {
    let function = committed(&[]).await;
    let simulator = &function.simulator;
    simulator.add_fault(stall_at(200));
    assert_eq!(outcome(simulator, &overwrite(), SHORT).await, "HANDED_OVER");
    let continuation = simulator.take_invoked().remove(0);
    assert_eq!(outcome(simulator, &continuation, SHORT * 30).await, "EXPORTED");
    let pages = function.count(PAGE);
    assert_eq!(outcome(simulator, &continuation, SHORT * 30).await, "ALREADY_COMMITTED");
    assert_eq!(function.count(PAGE), pages);
    assert_same_lake(&simulator.objects(), &clean(&[]).await);
}

#[tokio::test]
async fn an_overwrite_replaces_the_row_of_a_copy_that_commits_while_it_removes() {
    let settings = [DATABASE];
    let both = [BOTH, &settings].concat();
    let function = Function::start(with_catalog(account()), &both).await;
    let simulator = &function.simulator;
    // The plain copy, of the old settings, has stored everything and is about to commit.
    let (before_plain, before_overwrite) = (Gate::new(), Gate::new());
    let commit = |nth| Fault::on("PutObject").key_contains(ROW).nth(nth);
    simulator.add_fault(commit(1).hold(before_plain.clone()));
    simulator.add_fault(commit(2).hold(before_overwrite.clone()));
    let (plain, overwrite) = (plain(), overwrite());
    let minute = Duration::from_mins(1);
    let copy = async {
        let ended = outcome(simulator, &plain, minute).await;
        before_overwrite.release();
        ended
    };
    let replacing = async {
        before_plain.reached().await;
        let _process = another_process(simulator, &settings);
        simulator.wait_for_poll().await;
        let ends = outcome(simulator, &overwrite, minute);
        let meet = async {
            before_overwrite.reached().await;
            before_plain.release();
        };
        tokio::join!(ends, meet).0
    };
    let ended = tokio::join!(copy, replacing);
    assert_eq!(ended, ("EXPORTED".to_owned(), "EXPORTED".to_owned()));
    assert!(simulator.faults_not_fired().is_empty());
    assert_same_lake(&simulator.objects(), &clean(&[]).await);
    assert!(partitions(simulator).keys().all(|partition| partition[0] == "label_detections"));
}

#[tokio::test]
async fn a_copy_with_other_settings_that_loses_removes_its_tables() {
    let settings = [DATABASE];
    let both = [BOTH, &settings].concat();
    let function = Function::start(with_catalog(account()), &both).await;
    let simulator = &function.simulator;
    let gate = Gate::new();
    simulator.add_fault(Fault::on("PutObject").key_contains(ROW).hold(gate.clone()));
    let (message, minute) = (plain(), Duration::from_mins(1));
    let winner = async {
        gate.reached().await;
        let _process = another_process(simulator, &settings);
        simulator.wait_for_poll().await;
        let ended = outcome(simulator, &message, minute).await;
        gate.release();
        ended
    };
    let ended = tokio::join!(outcome(simulator, &message, minute), winner);
    assert_eq!(ended, ("COMMITTED_BY_ANOTHER".to_owned(), "EXPORTED".to_owned()));
    assert!(simulator.faults_not_fired().is_empty());
    assert_same_lake(&simulator.objects(), &clean(&[]).await);
    assert!(partitions(simulator).keys().all(|partition| partition[0] == "label_detections"));
}

/// Lets the results of the job expire.
fn expire(simulator: &Simulator) {
    simulator.add_fault(Fault::on(PAGE).always().status(400, "ResourceNotFoundException"));
}

#[tokio::test]
async fn a_job_that_only_lacks_its_commit_is_committed_after_its_results_are_gone() {
    let clean = clean(&[]).await;
    for (hand_overs, again) in [(0, plain()), (1, plain()), (0, overwrite()), (1, overwrite())] {
        let function = Function::start(account(), &[]).await;
        let simulator = &function.simulator;
        let mut message = plain();
        if hand_overs == 1 {
            simulator.add_fault(stall_at(200));
            assert_eq!(outcome(simulator, &message, SHORT).await, "HANDED_OVER");
            message = simulator.take_invoked().remove(0);
        }
        simulator.add_fault(Fault::on("PutObject").key_contains(ROW).status(403, "AccessDenied"));
        assert_eq!(function.fail(&message).await.0, "AccessDenied");
        assert!(simulator.faults_not_fired().is_empty());
        expire(simulator);
        // An Overwrite deletes nothing before its first page, and there is none any more.
        assert_eq!(function.succeed(again).await["jobs"][0]["outcome"], "EXPORTED");
        assert_same_lake(&simulator.objects(), &clean);
    }
}

#[tokio::test]
async fn tokens_that_are_stale_in_every_delivery_are_no_dead_end() {
    let function = Function::start(account(), &[]).await;
    let simulator = &function.simulator;
    let mut message = plain();
    for stalled_at in [200, 300, 400] {
        simulator.add_fault(stall_at(stalled_at));
        assert_eq!(outcome(simulator, &message, SHORT).await, "HANDED_OVER");
        message = simulator.take_invoked().remove(0);
        // The token that was saved is stale when the continuation arrives.
        let refused = Fault::on(PAGE).key_contains(&format!("from {stalled_at}"));
        simulator.add_fault(refused.status(400, "InvalidPaginationTokenException"));
    }
    assert_eq!(outcome(simulator, &message, SHORT * 30).await, "EXPORTED");
    assert!(simulator.faults_not_fired().is_empty());
    assert_same_lake(&simulator.objects(), &clean(&[]).await);
}

#[tokio::test]
async fn a_job_whose_tokens_are_always_refused_ends_with_an_error() {
    let function = Function::start(account(), &[]).await;
    let simulator = &function.simulator;
    // The page does not come, so that its token is saved, and the token is stale when it is used.
    for nth in [1, 3, 5, 7] {
        let page = |nth| Fault::on(PAGE).key_contains("from 300").nth(nth);
        simulator.add_fault(page(nth).stall());
        simulator.add_fault(page(nth + 1).status(400, "InvalidPaginationTokenException"));
    }
    let mut message = plain();
    for _ in 0..3 {
        assert_eq!(outcome(simulator, &message, SHORT).await, "HANDED_OVER");
        message = simulator.take_invoked().remove(0);
    }
    let Outcome::Error { error_type, .. } = simulator.invoke(message.to_string(), within(SHORT)).await else {
        panic!("it goes round in a circle");
    };
    assert_eq!(error_type, "TooManyContinuations");
}

#[tokio::test]
async fn files_that_are_deleted_while_a_job_is_exported_are_written_again() {
    let settings = [DATABASE];
    let function = Function::start(with_catalog(account()), &settings).await;
    let simulator = &function.simulator;
    let gate = Gate::new();
    simulator.add_fault(Fault::on("BatchCreatePartition").hold(gate.clone()));
    let message = plain();
    let deletes = async {
        gate.reached().await;
        for key in simulator.store().keys().iter().filter(|key| key.starts_with("label_")).take(30) {
            simulator.store().delete(key);
        }
        gate.release();
    };
    let (ended, ()) = tokio::join!(outcome(simulator, &message, Duration::from_mins(1)), deletes);
    assert_eq!(ended, "EXPORTED");
    assert_same_lake(&simulator.objects(), &clean(&[]).await);
}

#[tokio::test]
async fn an_overwrite_of_a_job_that_has_failed_since_replaces_its_row_and_files() {
    let function = committed(&[]).await;
    function.simulator.add_job("job", failed_job());
    let answer = function.succeed(overwrite()).await;
    assert_eq!((&answer["jobs"][0]["outcome"], &answer["jobs"][0]["status"]), (&json!("EXPORTED"), &json!("FAILED")));
    let objects = function.simulator.objects();
    assert_eq!(objects.keys().collect::<Vec<_>>(), [ROW]);
    assert_eq!(job_row(&objects, "job")["status"], "FAILED");

    // And once more, when it is known to have failed.
    assert_eq!(function.succeed(overwrite()).await["jobs"][0]["outcome"], "EXPORTED");
    assert_eq!(function.simulator.objects(), objects);
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_counted() {
    for (job, metric) in [(job(), "Jobs"), (failed_job(), "FailedJobs")] {
        let lost = Fault::on("PutObject").key_contains(ROW).lose_reply();
        let account = Simulator::builder().job("job", job).listing_allowed(true).fault(lost);
        let function = Function::start(account, &[]).await;
        assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
        assert!(function.simulator.faults_not_fired().is_empty());
        let lines = function.stop().await;
        let metrics = lines.iter().find(|line| line.contains("\"_aws\"")).unwrap();
        let metrics: Value = serde_json::from_str(metrics).unwrap();
        assert_eq!(metrics[metric], 1, "{metrics}");
    }
}

#[tokio::test]
async fn an_overwrite_that_runs_out_of_time_while_it_removes_hands_over() {
    let function = committed(&[]).await;
    let simulator = &function.simulator;
    simulator.add_fault(Fault::on("ListObjectsV2").stall());
    assert_eq!(outcome(simulator, &overwrite(), SHORT).await, "HANDED_OVER");
    assert!(simulator.faults_not_fired().is_empty());
    let pages = function.count(PAGE);
    let continuation = simulator.take_invoked().remove(0);
    assert_eq!(outcome(simulator, &continuation, SHORT * 30).await, "EXPORTED");
    assert_eq!(function.count(PAGE), pages, "no page is fetched twice");
    assert_same_lake(&simulator.objects(), &clean(&[]).await);
}

#[tokio::test]
async fn files_of_an_aggregation_that_is_dropped_while_a_job_is_under_way_are_removed() {
    let both = [BOTH, &[DATABASE]].concat();
    let function = Function::start(with_catalog(account().fault(stall_at(400))), &both).await;
    assert_eq!(outcome(&function.simulator, &plain(), SHORT).await, "HANDED_OVER");
    assert!(function.simulator.store().keys().iter().any(|key| key.starts_with("label_segments/")));
    let continuation = function.simulator.take_invoked().remove(0);
    let function = function.with_settings(&[DATABASE]).await;
    assert_eq!(function.succeed(continuation).await["jobs"][0]["outcome"], "EXPORTED");
    assert_same_lake(&function.simulator.objects(), &clean(&[]).await);
}
