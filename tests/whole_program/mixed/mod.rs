//! Random mixes of everything that can overlap: duplicates, Overwrites, late and duplicated continuations, kills,
//! changed settings and deletions. In any order, they leave one consistent lake.
//!
//! A change of settings or a deletion during an export may leave the inconsistencies that docs/SEMANTICS.md lists under
//! "What cannot be closed". An Overwrite then has to repair them.

mod run;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use rekognition_simulator::{Builder, Job};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use self::run::{Run, RunStats};
use crate::support::{
    BOTH_TABLES, DATABASE, Function, Objects, Partitions, account, generated, partitions, with_catalog,
};

/// Settings that a run changes between.
const SETTINGS: [&[(&str, &str)]; 2] = [&[DATABASE], &[DATABASE, BOTH_TABLES[0]]];
/// Maximum number of concurrent runs. A run mostly waits.
const CONCURRENT_RUNS: usize = 6;

/// Objects and partitions of a complete export.
type Lake = (Objects, Partitions);

/// Lakes after undisturbed exports of the earlier and the current version of the job, each by index into [`SETTINGS`].
struct ExpectedLakes {
    old: [Lake; 2],
    new: [Lake; 2],
}

impl ExpectedLakes {
    async fn new() -> Self {
        let [one, both] = SETTINGS;
        Self {
            old: [exported(old_job(), one).await, exported(old_job(), both).await],
            new: [exported(new_job(), one).await, exported(new_job(), both).await],
        }
    }
}

fn old_job() -> Job {
    generated(420, 60).page_size(60)
}

fn new_job() -> Job {
    generated(360, 25).page_size(60)
}

fn catalog_account(job: Job) -> Builder {
    with_catalog(account(job))
}

async fn exported(job: Job, settings: &[(&str, &str)]) -> Lake {
    let function = Function::start(catalog_account(job), settings).await;
    function.export("job").await;
    (function.simulator.objects(), partitions(&function.simulator))
}

/// Runs these seeds, and returns the inconsistencies of each seed that left a bad lake.
async fn run_seeds(seeds: RangeInclusive<u64>) -> BTreeMap<u64, Vec<String>> {
    let expected = Arc::new(ExpectedLakes::new().await);
    let permits = Arc::new(Semaphore::new(CONCURRENT_RUNS));
    let mut running = JoinSet::new();
    for seed in seeds.clone() {
        let (expected, permit) = (Arc::clone(&expected), Arc::clone(&permits).acquire_owned().await.unwrap());
        running.spawn(async move {
            let (queue, mut queued) = unbounded_channel();
            let run = Arc::new(Run::new(seed, &expected, queue).await);
            run.perform(&mut queued).await;
            let mut found = run.inconsistencies(&expected).await;
            let repaired = !found.is_empty() && run.may_need_repair().await;
            if repaired {
                run.repair(&mut queued).await;
                found = run.inconsistencies(&expected).await;
            }
            drop(permit);
            (seed, found, repaired, Arc::into_inner(run).unwrap().into_stats())
        });
    }
    let (mut bad, mut sum) = (BTreeMap::new(), RunStats::default());
    let mut repaired = 0;
    for (seed, found, was_repaired, stats) in running.join_all().await {
        repaired += u32::from(was_repaired);
        sum.deliveries += stats.deliveries;
        sum.handed_over += stats.handed_over;
        sum.killed += stats.killed;
        if !found.is_empty() {
            let shown = &found[..found.len().min(5)];
            println!("seed {seed}: {} inconsistencies, {shown:?} … {stats:?}", found.len());
            bad.insert(seed, found);
        }
    }
    let (all, RunStats { deliveries, handed_over, killed, .. }) = (seeds.count(), sum);
    println!(
        "{all} seeds: {deliveries} deliveries, {handed_over} handovers, {killed} kills; {repaired} lakes repaired by \
         an Overwrite, {} bad lakes",
        bad.len()
    );
    assert!(handed_over > 0 && killed > 0, "nothing overlapped");
    bad
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_deliveries_leave_one_consistent_lake() {
    assert_eq!(run_seeds(1..=12).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: .ci/full runs it"]
async fn random_deliveries_leave_one_consistent_lake_over_500_seeds() {
    assert_eq!(run_seeds(1..=500).await.len(), 0);
}
