//! Overlapping deliveries: an Overwrite concurrent with other copies, deletions, changed settings, and failed commits.

use std::time::Duration;

use rekognition_simulator::{Builder, Fault, Gate, Job, JobStatus, Outcome, Simulator};
use serde_json::{Value, json};

use crate::support::{
    BOTH_TABLES, CHECKPOINT, COMMIT, DATABASE, Function, LambdaService, Objects, PAGE, account, assert_same_lake,
    generated, job_row, outcome, partitions, spawn_process, with_catalog, within,
};

/// Timeout that is long enough for the first two pages on any machine.
const SHORT: Duration = Duration::from_secs(2);
/// Timeout that is long enough for the whole job.
const MINUTE: Duration = Duration::from_mins(1);

fn job() -> Job {
    generated(500, 40).page_size(100)
}

/// Returns an earlier version of the job, with more labels.
fn old_job() -> Job {
    generated(900, 120).page_size(100)
}

fn failed_job() -> Job {
    job().status(JobStatus::Failed { message: "the video is not supported".to_owned() })
}

fn five_pages() -> Builder {
    account(job())
}

fn plain() -> Value {
    json!({ "JobId": "job" })
}

fn overwrite() -> Value {
    json!({ "JobId": "job", "Overwrite": true })
}

/// Stalls one request for the page that follows this many labels.
fn stall_at(from: usize) -> Fault {
    Fault::on(PAGE).key_contains(&format!("TIMESTAMPS from {from}")).stall()
}

/// Returns the lake after an export of the job alone.
async fn clean() -> Objects {
    let function = Function::start(five_pages(), &[]).await;
    function.export("job").await;
    function.simulator.objects()
}

/// Returns a function in an account whose lake holds the earlier version of the job.
async fn committed() -> Function {
    let function = Function::start(five_pages(), &[]).await;
    function.simulator.add_job("job", old_job());
    function.export("job").await;
    function.simulator.add_job("job", job());
    function
}

/// Delivers these events and their continuations, and asserts that none fails.
async fn deliver_all(function: Function, events: Vec<Value>) -> LambdaService {
    let mut service = LambdaService::new(function, &[], MINUTE);
    for event in events {
        service.send(event);
    }
    service.run(None).await;
    assert!(service.stats.errors.is_empty(), "{:?}", service.stats);
    service
}

/// Makes Rekognition drop the results of the job.
fn expire(simulator: &Simulator) {
    simulator.add_fault(Fault::on(PAGE).always().status(400, "ResourceNotFoundException"));
}

#[tokio::test]
async fn handed_over_overwrite_removes_old_files_despite_other_deliveries() {
    let clean = clean().await;
    for second in [plain(), overwrite()] {
        let function = committed().await;
        let simulator = &function.simulator;
        simulator.add_fault(stall_at(200));
        assert_eq!(outcome(simulator, &overwrite(), SHORT).await, "HANDED_OVER");
        let continuation = simulator.take_invoked().remove(0);
        assert_eq!(continuation, json!({ "JobId": "job", "Continuation": 1, "Replaces": true }));

        // The second delivery finds no checkpoint yet, and later overwrites the one of the Overwrite.
        simulator.store().delete(CHECKPOINT);
        simulator.add_fault(stall_at(300));
        assert_eq!(outcome(simulator, &second, SHORT).await, "HANDED_OVER");
        assert!(simulator.faults_not_fired().is_empty());
        let other = simulator.take_invoked().remove(0);
        for events in [vec![continuation.clone(), other.clone()], vec![other.clone(), continuation.clone()]] {
            let before = simulator.objects();
            let replayed = Function::start(five_pages(), &[]).await;
            for (key, bytes) in before {
                replayed.simulator.store().put(&key, bytes);
            }
            let service = deliver_all(replayed, events).await;
            assert_same_lake(&service.function.simulator.objects(), &clean);
        }
    }
}

#[tokio::test]
async fn continuation_of_an_overwrite_stops_at_the_row_of_the_overwrite() {
    let function = committed().await;
    let simulator = &function.simulator;
    simulator.add_fault(stall_at(200));
    assert_eq!(outcome(simulator, &overwrite(), SHORT).await, "HANDED_OVER");
    let continuation = simulator.take_invoked().remove(0);
    assert_eq!(outcome(simulator, &continuation, MINUTE).await, "EXPORTED");
    let pages = function.count(PAGE);
    assert_eq!(outcome(simulator, &continuation, MINUTE).await, "ALREADY_COMMITTED");
    assert_eq!(function.count(PAGE), pages);
    assert_same_lake(&simulator.objects(), &clean().await);
}

#[tokio::test]
async fn overwrite_replaces_a_row_committed_during_its_cleanup() {
    let settings = [DATABASE];
    let both = [BOTH_TABLES, &settings].concat();
    let function = Function::start(with_catalog(five_pages()), &both).await;
    let simulator = &function.simulator;
    // The plain copy, with the old settings, has stored everything and is about to commit.
    let (before_plain, before_overwrite) = (Gate::new(), Gate::new());
    let commit = |nth| Fault::on("PutObject").key_contains(COMMIT).nth(nth);
    simulator.add_fault(commit(1).hold(before_plain.clone()));
    simulator.add_fault(commit(2).hold(before_overwrite.clone()));
    let (plain, overwrite) = (plain(), overwrite());
    let copy = async {
        let ended = outcome(simulator, &plain, MINUTE).await;
        before_overwrite.release();
        ended
    };
    let replacing = async {
        before_plain.reached().await;
        let _process = spawn_process(simulator, &settings);
        simulator.wait_for_poll().await;
        let ended = outcome(simulator, &overwrite, MINUTE);
        let release = async {
            before_overwrite.reached().await;
            before_plain.release();
        };
        tokio::join!(ended, release).0
    };
    let ended = tokio::join!(copy, replacing);
    assert_eq!(ended, ("EXPORTED".to_owned(), "EXPORTED".to_owned()));
    assert!(simulator.faults_not_fired().is_empty());
    assert_same_lake(&simulator.objects(), &clean().await);
    assert!(partitions(simulator).keys().all(|partition| partition[0] == "label_detections"));
}

#[tokio::test]
async fn losing_copy_with_other_settings_removes_its_tables() {
    let settings = [DATABASE];
    let both = [BOTH_TABLES, &settings].concat();
    let function = Function::start(with_catalog(five_pages()), &both).await;
    let simulator = &function.simulator;
    let gate = Gate::new();
    simulator.add_fault(Fault::on("PutObject").key_contains(COMMIT).hold(gate.clone()));
    let message = plain();
    let winner = async {
        gate.reached().await;
        let _process = spawn_process(simulator, &settings);
        simulator.wait_for_poll().await;
        let ended = outcome(simulator, &message, MINUTE).await;
        gate.release();
        ended
    };
    let ended = tokio::join!(outcome(simulator, &message, MINUTE), winner);
    assert_eq!(ended, ("COMMITTED_BY_ANOTHER".to_owned(), "EXPORTED".to_owned()));
    assert!(simulator.faults_not_fired().is_empty());
    assert_same_lake(&simulator.objects(), &clean().await);
    assert!(partitions(simulator).keys().all(|partition| partition[0] == "label_detections"));
}

#[tokio::test]
async fn job_lacking_only_its_commit_is_committed_after_its_results_expire() {
    let clean = clean().await;
    for (handovers, again) in [(0, plain()), (1, plain()), (0, overwrite()), (1, overwrite())] {
        let function = Function::start(five_pages(), &[]).await;
        let simulator = &function.simulator;
        let mut message = plain();
        if handovers == 1 {
            simulator.add_fault(stall_at(200));
            assert_eq!(outcome(simulator, &message, SHORT).await, "HANDED_OVER");
            message = simulator.take_invoked().remove(0);
        }
        simulator.add_fault(Fault::on("PutObject").key_contains(COMMIT).status(403, "AccessDenied"));
        assert_eq!(function.fail(&message).await.0, "AccessDenied");
        assert!(simulator.faults_not_fired().is_empty());
        expire(simulator);
        // An Overwrite deletes nothing before it has the first page, which no longer exists.
        assert_eq!(function.succeed(again).await["jobs"][0]["outcome"], "EXPORTED");
        assert_same_lake(&simulator.objects(), &clean);
    }
}

#[tokio::test]
async fn job_with_stale_tokens_in_every_delivery_completes() {
    let function = Function::start(five_pages(), &[]).await;
    let simulator = &function.simulator;
    let mut message = plain();
    for stalled_at in [200, 300, 400] {
        simulator.add_fault(stall_at(stalled_at));
        assert_eq!(outcome(simulator, &message, SHORT).await, "HANDED_OVER");
        message = simulator.take_invoked().remove(0);
        // The saved token is stale when the continuation uses it.
        let refused = Fault::on(PAGE).key_contains(&format!("from {stalled_at}"));
        simulator.add_fault(refused.status(400, "InvalidPaginationTokenException"));
    }
    assert_eq!(outcome(simulator, &message, MINUTE).await, "EXPORTED");
    assert!(simulator.faults_not_fired().is_empty());
    assert_same_lake(&simulator.objects(), &clean().await);
}

#[tokio::test]
async fn job_with_tokens_always_refused_ends_with_an_error() {
    let function = Function::start(five_pages(), &[]).await;
    let simulator = &function.simulator;
    // Every invocation stalls on the page and saves its token, and the token is stale when the next one uses it.
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
        panic!("the continuations never end");
    };
    assert_eq!(error_type, "TooManyContinuations");
}

#[tokio::test]
async fn files_deleted_during_an_export_are_written_again() {
    let settings = [DATABASE];
    let function = Function::start(with_catalog(five_pages()), &settings).await;
    let simulator = &function.simulator;
    let gate = Gate::new();
    simulator.add_fault(Fault::on("BatchCreatePartition").hold(gate.clone()));
    let message = plain();
    let deletion = async {
        gate.reached().await;
        for key in simulator.store().keys().iter().filter(|key| key.starts_with("label_")).take(30) {
            simulator.store().delete(key);
        }
        gate.release();
    };
    let (ended, ()) = tokio::join!(outcome(simulator, &message, MINUTE), deletion);
    assert_eq!(ended, "EXPORTED");
    assert_same_lake(&simulator.objects(), &clean().await);
}

#[tokio::test]
async fn overwrite_of_a_since_failed_job_replaces_its_row_and_files() {
    let function = committed().await;
    function.simulator.add_job("job", failed_job());
    let answer = function.succeed(overwrite()).await;
    assert_eq!((&answer["jobs"][0]["outcome"], &answer["jobs"][0]["status"]), (&json!("EXPORTED"), &json!("FAILED")));
    let objects = function.simulator.objects();
    assert_eq!(objects.keys().collect::<Vec<_>>(), [COMMIT]);
    assert_eq!(job_row(&objects, "job")["status"], "FAILED");

    // A second Overwrite of the job that is now known to have failed changes nothing.
    assert_eq!(function.succeed(overwrite()).await["jobs"][0]["outcome"], "EXPORTED");
    assert_eq!(function.simulator.objects(), objects);
}

#[tokio::test]
async fn commit_with_a_lost_reply_is_counted() {
    for (job, metric) in [(job(), "Jobs"), (failed_job(), "FailedJobs")] {
        let lost = Fault::on("PutObject").key_contains(COMMIT).lose_reply();
        let function = Function::start(account(job).fault(lost), &[]).await;
        assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
        assert!(function.simulator.faults_not_fired().is_empty());
        let lines = function.stop().await;
        let metrics = lines.iter().find(|line| line.contains("\"_aws\"")).unwrap();
        let metrics: Value = serde_json::from_str(metrics).unwrap();
        assert_eq!(metrics[metric], 1, "{metrics}");
    }
}

#[tokio::test]
async fn overwrite_out_of_time_during_cleanup_hands_over() {
    let function = committed().await;
    let simulator = &function.simulator;
    simulator.add_fault(Fault::on("ListObjectsV2").stall());
    assert_eq!(outcome(simulator, &overwrite(), SHORT).await, "HANDED_OVER");
    assert!(simulator.faults_not_fired().is_empty());
    let pages = function.count(PAGE);
    let continuation = simulator.take_invoked().remove(0);
    assert_eq!(outcome(simulator, &continuation, MINUTE).await, "EXPORTED");
    assert_eq!(function.count(PAGE), pages, "no page is fetched twice");
    assert_same_lake(&simulator.objects(), &clean().await);
}

#[tokio::test]
async fn files_of_an_aggregation_dropped_mid_export_are_removed() {
    let both = [BOTH_TABLES, &[DATABASE]].concat();
    let function = Function::start(with_catalog(five_pages().fault(stall_at(400))), &both).await;
    assert_eq!(outcome(&function.simulator, &plain(), SHORT).await, "HANDED_OVER");
    assert!(function.simulator.store().keys().iter().any(|key| key.starts_with("label_segments/")));
    let continuation = function.simulator.take_invoked().remove(0);
    let function = function.with_settings(&[DATABASE]).await;
    assert_eq!(function.succeed(continuation).await["jobs"][0]["outcome"], "EXPORTED");
    assert_same_lake(&function.simulator.objects(), &clean().await);
}
