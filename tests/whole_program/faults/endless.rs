//! Many faults in one job, and random faults at every request.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use rekognition_simulator::Aggregation::{Segments, Timestamps};
use rekognition_simulator::{Action, Fault, Job, Outcome, RandomFaults};
use serde_json::json;

use super::five_pages;
use crate::support::{
    BOTH_TABLES, Function, Objects, PAGE, account, assert_lossless, assert_same_lake, differences, generated, within,
};

fn job(labels: usize, page_size: usize) -> Job {
    generated(labels, 12).page_size(page_size)
}

/// Returns the lake with both tables after an export without faults.
async fn clean_lake(job: Job) -> Objects {
    let function = Function::start(account(job), BOTH_TABLES).await;
    function.export("job").await;
    assert_lossless(&function.simulator, "job", &[Timestamps, Segments]);
    function.simulator.objects()
}

/// Throttles every fifth request of each aggregation, and at multiples of 40 two in a row. The pace slows down after
/// each throttle and recovers before the next. Returns the number of throttles.
async fn throttled(pages: usize) -> usize {
    let job = || job(pages * 4, 4);
    let clean = clean_lake(job()).await;
    let mut account = account(job());
    let mut throttles = 0;
    for (aggregation, requests) in [(Timestamps, pages), (Segments, job().label_count(Segments).div_ceil(4))] {
        for request in (5..requests).filter(|request| request % 5 == 0 || request % 40 == 1) {
            let code = ["ProvisionedThroughputExceededException", "ThrottlingException"][request % 2];
            let request = Fault::on(PAGE).key_contains(aggregation.as_str()).nth(request);
            account = account.fault(request.status(400, code));
            throttles += 1;
        }
    }
    let function = Function::start(account, BOTH_TABLES).await;
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
    assert_eq!(function.simulator.faults_not_fired(), [""; 0]);
    assert_same_lake(&function.simulator.objects(), &clean);
    throttles
}

#[tokio::test]
async fn repeatedly_throttled_job_completes() {
    assert!(throttled(80).await >= 18);
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn job_throttled_150_times_completes() {
    let throttles = throttled(600).await;
    println!("{throttles} throttles in one job: 0 different objects");
    assert!(throttles >= 150);
}

/// Returns random faults at a fifth of all requests, at most two in a row.
fn random_faults(seed: u64) -> RandomFaults {
    let mut faults = RandomFaults { seed, rate: 0.2, ..RandomFaults::default() };
    faults.actions.extend([Action::Truncate(40), Action::ResetAfterBytes(60)]);
    faults
}

/// Exports with random faults, in up to three deliveries as in Lambda. Returns the number of faults, the number of
/// deliveries, and the differences from the clean lake.
async fn export_with_random_faults(seed: u64, clean: &Objects) -> (usize, usize, Vec<String>) {
    let account = account(job(120, 12)).shuffle_seed(seed).random_faults(random_faults(seed));
    let function = Function::start(account, BOTH_TABLES).await;
    let mut deliveries = 1;
    while let Outcome::Error { error_type, error_message } = function.invoke(json!({"JobId": "job"})).await {
        assert!(deliveries < 3, "seed {seed}: {error_type}: {error_message}");
        deliveries += 1;
    }
    assert_lossless(&function.simulator, "job", &[Timestamps, Segments]);
    let fired = function.simulator.random_faults_fired();
    let found = differences(&function.simulator.objects(), clean);
    if !found.is_empty() {
        println!("seed {seed}: {found:?}");
    }
    (fired, deliveries, found)
}

async fn run_seeds(seeds: u64) {
    let clean = clean_lake(job(120, 12)).await;
    // Runs wait more than they compute, so several run at once.
    let runs = stream::iter(1..=seeds).map(|seed| export_with_random_faults(seed, &clean)).buffer_unordered(8);
    let ended: Vec<_> = runs.collect().await;
    let fired: usize = ended.iter().map(|(fired, ..)| fired).sum();
    let redelivered = ended.iter().filter(|(_, deliveries, _)| *deliveries > 1).count();
    let count = |kind: &str| ended.iter().flat_map(|(.., found)| found).filter(|line| line.starts_with(kind)).count();
    let (lost, duplicated) = (count("missing") + count("different"), count("extra"));
    println!(
        "{seeds} seeds: {fired} faults, {redelivered} events redelivered, {lost} objects lost, {duplicated} duplicated"
    );
    assert_eq!((lost, duplicated), (0, 0));
    assert!(fired as u64 > 5 * seeds, "about a fifth of the requests fail");
}

#[tokio::test]
async fn random_faults_at_a_fifth_of_requests_lose_and_duplicate_nothing() {
    run_seeds(10).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn random_faults_at_a_fifth_of_requests_lose_and_duplicate_nothing_over_200_seeds() {
    run_seeds(200).await;
}

#[tokio::test]
async fn permanently_unreadable_page_is_an_error_without_endless_continuations() {
    let page = r#"{"JobStatus":"SUCCEEDED","Labels":[{"Timestamp":"soon"}]}"#;
    let unreadable = Fault::on(PAGE).nth(3).times(10_000).reply_body(200, page);
    let function = Function::start(account(five_pages()).fault(unreadable), &[]).await;
    let short = || within(Duration::from_secs(2));
    // The first invocation makes progress: two pages.
    let outcome = function.simulator.invoke(r#"{"JobId":"job"}"#, short()).await;
    let Outcome::Response(answer) = outcome else { panic!("{outcome:?}") };
    assert_eq!(answer["jobs"][0]["outcome"], "HANDED_OVER");
    let message = function.simulator.take_invoked().remove(0);
    let outcome = function.simulator.invoke(message.to_string(), short()).await;
    let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error_type, "Upstream", "{error_message}");
    assert!(function.simulator.invoked().is_empty());
}

#[tokio::test]
async fn throttling_for_a_whole_invocation_is_a_retryable_error() {
    let job = || job(40, 20);
    let clean = clean_lake(job()).await;
    let throttled = Fault::on(PAGE).always().status(400, "ThrottlingException");
    let function = Function::start(account(job()).fault(throttled), BOTH_TABLES).await;
    let outcome = function.simulator.invoke(r#"{"JobId":"job"}"#, within(Duration::from_secs(1))).await;
    let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error_type, "Throttled", "{error_message}");
    assert!(function.simulator.objects().is_empty());
    assert!(function.simulator.invoked().is_empty(), "no page was fetched, so there is nothing to hand over");
    // Once the quota is free again, the same event succeeds in an account without the fault.
    let free = Function::start(account(job()), BOTH_TABLES).await;
    free.export("job").await;
    assert_same_lake(&free.simulator.objects(), &clean);
}
