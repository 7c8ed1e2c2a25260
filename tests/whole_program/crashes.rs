//! Crash matrix: the process dies, or a reply is lost, at any request. After redelivery the lake is the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rekognition_simulator::Aggregation::{Segments, Timestamps};
use rekognition_simulator::{Fault, Gate, Job, Request, RequestMatcher, Simulator};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::{
    BOTH_TABLES, DATABASE, DeliveryStats, Function, Interruption, LambdaService, Objects, PAGE, Partitions, Retries,
    account, assert_lossless, generated, partitions, put_partitions, with_catalog,
};

const SETTINGS: &[(&str, &str)] = &[BOTH_TABLES[0], DATABASE];
/// Page whose token is refused once.
const REFUSED: &str = "NAME TIMESTAMPS from 240";
/// Time per page. Four pages, and then all twelve once more, take more than twice the [`TIMEOUT`].
const PAGE_LATENCY: Duration = Duration::from_millis(60);
const TIMEOUT: Duration = Duration::from_millis(500);
/// Limits the concurrent runs of all tests in this file. A run mostly waits for pages.
static CONCURRENT_RUNS: Semaphore = Semaphore::const_new(10);

/// Objects of the bucket and partitions of the catalog.
type Lake = (Objects, Partitions);

/// Request that is interrupted.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// The k-th of all requests.
    Nth(usize),
    /// The first request of this operation with this text in its key. Number and order of the requests differ a little
    /// from run to run; these points are tested in any case.
    First(&'static str, &'static str),
}

const NAMED_POINTS: [Point; 6] = [
    Point::First("PutObject", "_checkpoints/"),
    Point::First("GetObject", "_checkpoints/"),
    Point::First("DeleteObject", "_checkpoints/"),
    Point::First("Invoke", ""),
    Point::First("BatchCreatePartition", "label_segments"),
    Point::First("PutObject", "jobs/"),
];

/// A job, the event that exports it, and the lake before and after.
struct Scenario {
    job: Job,
    event: Value,
    before: Lake,
    after: Lake,
    /// Factor for all times. Raised until the machine is fast enough to hand over before it runs out of time.
    scale: u32,
    /// Approximate number of requests of an uninterrupted run.
    requests: usize,
}

/// Result of one run, or the sum of all runs.
#[derive(Debug, Default)]
struct Results {
    points: usize,
    not_reached: usize,
    missing: usize,
    extra: usize,
    different: usize,
    checkpoints: usize,
    dead_lettered: usize,
}

fn job(labels: usize, names: usize) -> Job {
    generated(labels, names).page_size(60)
}

impl Scenario {
    /// A first export: twelve pages with 230 labels.
    async fn export() -> Self {
        Self::new(job(700, 230), json!({ "JobId": "job", "Timestamp": 1 }), Lake::default()).await
    }

    /// An Overwrite of the committed job, which now has fewer labels.
    async fn overwrite() -> Self {
        let before = exported(job(700, 230)).await;
        Self::new(job(620, 90), json!({ "JobId": "job", "Timestamp": 1, "Overwrite": true }), before).await
    }

    async fn new(job: Job, event: Value, before: Lake) -> Self {
        let after = exported(job.clone()).await;
        let mut scenario = Self { job, event, before, after, scale: 1, requests: 0 };
        loop {
            let mut service = scenario.service(&[]).await;
            service.send(scenario.event.clone());
            service.run(None).await;
            let DeliveryStats { handed_over, errors, timed_out, .. } = &service.stats;
            if (*handed_over < 2 || !errors.is_empty() || *timed_out > 0) && scenario.scale < 16 {
                scenario.scale *= 2;
                continue;
            }
            assert!(*handed_over >= 2, "{:?}", service.stats);
            let simulator = &service.function.simulator;
            assert!(simulator.faults_not_fired().is_empty());
            assert_eq!(lake(simulator), scenario.after);
            scenario.requests = simulator.requests().len();
            return scenario;
        }
    }

    /// Returns a new account with these faults, in which one token is refused once.
    async fn service(&self, faults: &[Fault]) -> LambdaService {
        let mut account = with_catalog(account(self.job.clone()));
        for fault in faults {
            account = account.fault(fault.clone());
        }
        let refusal = Fault::on(PAGE).key_contains(REFUSED);
        let account = account.fault(refusal.status(400, "InvalidPaginationTokenException"));
        let account = account.page_latency(PAGE_LATENCY * self.scale);
        let function = Function::start(account, SETTINGS).await;
        for (key, body) in &self.before.0 {
            function.simulator.store().put(key, body.clone());
        }
        put_partitions(&function.simulator, &self.before.1);
        LambdaService::new(function, SETTINGS, TIMEOUT * self.scale).with_longer_retries()
    }

    /// Interrupts a run at a point and compares the lake that it leaves.
    async fn run(&self, interruption: Interruption, point: Point) -> Results {
        let gate = Gate::new();
        let fault = interruption.at(point.requests(), &gate);
        let mut service = self.service(std::slice::from_ref(&fault)).await;
        // Both orders: the retry before the continuation that the killed process sent, and after it.
        service.retries = if point.is_even() { Retries::First } else { Retries::Last };
        service.send(self.event.clone());
        if point.has_a_second_delivery() {
            // A duplicate, delivered before every continuation.
            service.send(json!({ "JobId": "job", "Timestamp": 1 }));
        }
        service.run(Some(&gate)).await;

        let requests = service.function.simulator.requests();
        let interrupted = requests.iter().find(|request| request.fault == Some(fault.to_string()));
        // When its token is refused, the program cancels its pending requests. These never reach the gate.
        let reached = interrupted.is_some() && (interruption == Interruption::ReplyLost || service.stats.crashed == 1);
        // A request that is interrupted is not also refused.
        let refused = |request: &&Request| request.operation == PAGE && request.status == 400;
        let refusals = requests.iter().filter(refused).count();
        let interrupted_instead = interrupted.is_some_and(|request| request.detail == REFUSED);
        assert!(
            refusals == 1 || (refusals == 0 && interrupted_instead),
            "{interruption:?} {point:?} {refusals} refusals {:?}",
            service.stats
        );
        let mut results = self.compare(&lake(&service.function.simulator));
        if interrupted.is_some_and(|request| leaves_a_checkpoint(interruption, request)) {
            results.checkpoints = 0;
        }
        results.points = usize::from(reached);
        results.not_reached = usize::from(!reached);
        results.dead_lettered = service.stats.dead_lettered;
        if !results.is_clean() {
            println!("{interruption:?} {point:?} {interrupted:?} → {results:?} {:?}", service.stats);
        }
        results
    }

    fn compare(&self, (objects, partitions): &Lake) -> Results {
        let (checkpoints, objects): (Objects, Objects) =
            objects.clone().into_iter().partition(|(key, _)| key.starts_with("_checkpoints/"));
        let mut results = Results { checkpoints: checkpoints.len(), ..Results::default() };
        results.compare(&objects, &self.after.0);
        results.compare(partitions, &self.after.1);
        results
    }
}

/// Returns true if the process dies between its commit and the deletion of its checkpoint. The next delivery stops at
/// the commit, and the checkpoint stays until it expires.
fn leaves_a_checkpoint(interruption: Interruption, request: &Request) -> bool {
    match &*request.operation {
        "PutObject" => interruption == Interruption::KilledAfter && request.target.contains("jobs/"),
        "DeleteObject" => interruption != Interruption::ReplyLost && request.target.contains("_checkpoints/"),
        _ => false,
    }
}

impl Point {
    fn requests(self) -> RequestMatcher {
        match self {
            Self::Nth(k) => Fault::on_any().nth(k),
            Self::First(operation, key) => Fault::on(operation).key_contains(key),
        }
    }

    fn has_a_second_delivery(self) -> bool {
        matches!(self, Self::Nth(k) if k % 3 == 0)
    }

    fn is_even(self) -> bool {
        matches!(self, Self::Nth(k) if k % 2 == 0)
    }
}

impl Results {
    fn add(&mut self, other: &Self) {
        self.points += other.points;
        self.not_reached += other.not_reached;
        self.missing += other.missing;
        self.extra += other.extra;
        self.different += other.different;
        self.checkpoints += other.checkpoints;
        self.dead_lettered += other.dead_lettered;
    }

    fn compare<K: Ord, V: PartialEq>(&mut self, found: &BTreeMap<K, V>, expected: &BTreeMap<K, V>) {
        let differs = |(key, value): &(&K, &V)| found.get(*key).is_some_and(|found| found != *value);
        self.missing += expected.keys().filter(|key| !found.contains_key(key)).count();
        self.extra += found.keys().filter(|key| !expected.contains_key(key)).count();
        self.different += expected.iter().filter(differs).count();
    }

    fn is_clean(&self) -> bool {
        self.missing + self.extra + self.different + self.checkpoints + self.dead_lettered == 0
    }
}

/// Returns what an uninterrupted export of the job leaves in an empty lake.
async fn exported(job: Job) -> Lake {
    let function = Function::start(with_catalog(account(job)), SETTINGS).await;
    function.succeed(json!({ "JobId": "job", "Timestamp": 1 })).await;
    assert_lossless(&function.simulator, "job", &[Timestamps, Segments]);
    lake(&function.simulator)
}

fn lake(simulator: &Simulator) -> Lake {
    (simulator.objects(), partitions(simulator))
}

/// Interrupts the scenario at every `step`-th request and at the named points, in every way, and prints the results.
async fn survives(name: &str, scenario: Scenario, step: usize) {
    let scenario = Arc::new(scenario);
    let by_number = Interruption::ALL.iter().enumerate().flat_map(|(index, &interruption)| {
        // Each kind of interruption starts at a different request.
        let first = 1 + index * step / Interruption::ALL.len();
        (first..=scenario.requests).step_by(step).map(move |k| (interruption, Point::Nth(k)))
    });
    let by_name = Interruption::ALL.iter().flat_map(|&interruption| NAMED_POINTS.map(|point| (interruption, point)));
    let mut results = Results::default();
    let mut running = JoinSet::new();
    for (interruption, point) in by_number.chain(by_name) {
        let permit = CONCURRENT_RUNS.acquire().await.unwrap();
        let scenario = Arc::clone(&scenario);
        running.spawn(async move {
            let _permit = permit;
            scenario.run(interruption, point).await
        });
    }
    for run in running.join_all().await {
        results.add(&run);
    }
    let Results { points, not_reached, missing, extra, different, checkpoints, dead_lettered } = &results;
    println!(
        "{name}: {points} crash points ({not_reached} more were not reached); {missing} missing, {extra} extra, \
         {different} different, {checkpoints} checkpoints left, {dead_lettered} dead-lettered"
    );
    assert!(results.is_clean());
    // The number of requests depends on the speed of the machine: on how often a run hands over, and on what was in
    // flight when the token was refused.
    assert!(not_reached * 2 <= *points, "{results:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_survives_interruption_at_a_sample_of_requests() {
    survives("export", Scenario::export().await, 97).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overwrite_survives_interruption_at_a_sample_of_requests() {
    survives("overwrite", Scenario::overwrite().await, 67).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: .ci/full runs it"]
async fn export_survives_interruption_at_every_request() {
    survives("export", Scenario::export().await, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: .ci/full runs it"]
async fn overwrite_survives_interruption_at_every_request() {
    survives("overwrite", Scenario::overwrite().await, 1).await;
}
