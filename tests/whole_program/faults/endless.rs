//! Many faults in one job, and faults by chance at every request.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;
use simulator::Aggregation::{Segments, Timestamps};
use simulator::{Action, Fault, Generated, Job, Outcome, RandomFaults};

use super::{Lake, PAGE, account, assert_same_lake, differences, five_pages};
use crate::function::Function;
use crate::reader::assert_lossless;

const BOTH: &[(&str, &str)] = &[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")];

fn both_tables(labels: usize, page_size: usize) -> Job {
    Job::generated(Generated { labels, names: 12, ..Generated::default() }).page_size(page_size)
}

async fn clean_lake(job: Job) -> Lake {
    let function = Function::start(account(job), BOTH).await;
    function.export("job").await;
    assert_lossless(&function.simulator, "job", &[Timestamps, Segments]);
    function.simulator.objects()
}

/// Throttles every fifth request of each chain, and twice in a row where a multiple of 40 is: for each of them the
/// pace slows down, and recovers before the next.
async fn throttled(pages: usize) -> usize {
    let job = || both_tables(pages * 4, 4);
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
    let function = Function::start(account, BOTH).await;
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
    assert_eq!(function.simulator.faults_not_fired(), [""; 0]);
    assert_same_lake(&function.simulator.objects(), &clean);
    throttles
}

#[tokio::test]
async fn a_job_that_is_throttled_again_and_again_completes() {
    assert!(throttled(80).await >= 18);
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn a_job_that_is_throttled_150_times_completes() {
    let throttles = throttled(600).await;
    println!("throttles in one job: {throttles}, lost 0, different 0");
    assert!(throttles >= 150);
}

/// Requests that are not answered as they should be: one in five, at most two in a row.
fn by_chance(seed: u64) -> RandomFaults {
    let mut faults = RandomFaults { seed, rate: 0.2, ..RandomFaults::default() };
    faults.actions.extend([Action::Truncate(40), Action::ResetAfterBytes(60)]);
    faults
}

/// Delivers until it succeeds, as Lambda does: at most three times. Returns the faults and the deliveries.
async fn export_by_chance(seed: u64, clean: &Lake) -> (usize, usize, Vec<String>) {
    let account = account(both_tables(120, 12)).shuffle_seed(seed).random_faults(by_chance(seed));
    let function = Function::start(account, BOTH).await;
    let mut deliveries = 1;
    while let Outcome::Error { error_type, error_message } = function.invoke(json!({"JobId": "job"})).await {
        assert!(deliveries < 3, "seed {seed}: {error_type}: {error_message}");
        deliveries += 1;
    }
    assert_lossless(&function.simulator, "job", &[Timestamps, Segments]);
    let fired = function.simulator.random_faults_fired();
    (fired, deliveries, differences(&function.simulator.objects(), clean))
}

async fn seeds(seeds: u64) {
    let clean = clean_lake(both_tables(120, 12)).await;
    // They wait more than they work.
    let runs = stream::iter(1..=seeds).map(|seed| export_by_chance(seed, &clean)).buffer_unordered(8);
    let ended: Vec<_> = runs.collect().await;
    let fired: usize = ended.iter().map(|(fired, ..)| fired).sum();
    let again = ended.iter().filter(|(_, deliveries, _)| *deliveries > 1).count();
    let count = |what: &str| ended.iter().flat_map(|(.., found)| found).filter(|line| line.starts_with(what)).count();
    let (lost, doubled) = (count("missing") + count("different"), count("extra"));
    println!("seeds: {seeds}, faults fired: {fired}, delivered again {again}, lost {lost}, doubled {doubled}");
    assert_eq!((lost, doubled), (0, 0));
    assert!(fired as u64 > 5 * seeds, "about one request in five");
}

#[tokio::test]
async fn with_a_fault_at_every_fifth_request_nothing_is_lost_or_doubled() {
    seeds(10).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn with_a_fault_at_every_fifth_request_nothing_is_lost_or_doubled_over_200_seeds() {
    seeds(200).await;
}

#[tokio::test]
async fn a_page_that_can_never_be_read_is_an_error_and_no_endless_chain() {
    let page = r#"{"JobStatus":"SUCCEEDED","Labels":[{"Timestamp":"soon"}]}"#;
    let unreadable = Fault::on(PAGE).nth(3).times(10_000).reply_body(200, page);
    let function = Function::start(account(five_pages()).fault(unreadable), &[]).await;
    let short = || simulator::Invocation { timeout: Duration::from_secs(2), ..Default::default() };
    // The two pages before it are progress.
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
async fn throttles_until_the_end_of_the_first_invocation_are_an_error_that_is_retried() {
    let job = || both_tables(40, 20);
    let clean = clean_lake(job()).await;
    let function =
        Function::start(account(job()).fault(Fault::on(PAGE).always().status(400, "ThrottlingException")), BOTH).await;
    let short = simulator::Invocation { timeout: Duration::from_secs(1), ..Default::default() };
    let outcome = function.simulator.invoke(r#"{"JobId":"job"}"#, short).await;
    let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error_type, "Throttled", "{error_message}");
    assert!(function.simulator.objects().is_empty());
    assert!(function.simulator.invoked().is_empty(), "without a page there is nothing to hand over");
    // The quota is free again: the same events in an account without the fault.
    let free = Function::start(account(job()), BOTH).await;
    free.export("job").await;
    assert_same_lake(&free.simulator.objects(), &clean);
}
