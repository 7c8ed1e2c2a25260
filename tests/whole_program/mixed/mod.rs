//! Random mixes of everything that can overlap: duplicates, Overwrites, late and duplicated continuations, kills,
//! changed settings and deletions. The lake must be consistent at the end, whatever the order.
//!
//! There is one exception: a change of settings or a deletion during an export may leave the inconsistencies that
//! docs/SEMANTICS.md lists under "Windows that remain". An Overwrite then has to repair them.

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

/// Environment variables of the function: those of `label_detections` alone, and those of both tables. A run may switch
/// from one to the other.
const SETTINGS: [&[(&str, &str)]; 2] = [&[DATABASE], &[DATABASE, BOTH_TABLES[0]]];
/// Maximum number of concurrent runs. There are more runs than threads, because a run mostly waits.
const CONCURRENT_RUNS: usize = 6;

/// Objects and partitions of a complete export.
type Lake = (Objects, Partitions);

/// Lakes that undisturbed exports leave, by index into [`SETTINGS`]: `old` from the earlier version of the job, `new`
/// from the current version.
struct ExpectedLakes {
    old: [Lake; 2],
    new: [Lake; 2],
}

impl ExpectedLakes {
    async fn new() -> Self {
        let [one_table, both_tables] = SETTINGS;
        Self {
            old: [exported(old_job(), one_table).await, exported(old_job(), both_tables).await],
            new: [exported(new_job(), one_table).await, exported(new_job(), both_tables).await],
        }
    }
}

/// Returns the job that may be in the lake before a run.
fn old_job() -> Job {
    generated(420, 60).page_size(60)
}

/// Returns the job that Rekognition serves during a run, with fewer labels than the old one.
fn new_job() -> Job {
    generated(360, 25).page_size(60)
}

fn catalog_account(job: Job) -> Builder {
    with_catalog(account(job))
}

/// Exports a job once, undisturbed, and returns the lake.
async fn exported(job: Job, settings: &[(&str, &str)]) -> Lake {
    let function = Function::start(catalog_account(job), settings).await;
    function.export("job").await;
    (function.simulator.objects(), partitions(&function.simulator))
}

/// Performs one run per seed. Returns the inconsistencies by seed, for the seeds whose lake was inconsistent at the
/// end.
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
    let (mut bad, mut total) = (BTreeMap::new(), RunStats::default());
    let mut repaired_lakes = 0;
    for (seed, found, repaired, stats) in running.join_all().await {
        repaired_lakes += u32::from(repaired);
        total.deliveries += stats.deliveries;
        total.handed_over += stats.handed_over;
        total.killed += stats.killed;
        if !found.is_empty() {
            let first = &found[..found.len().min(5)];
            println!("seed {seed}: {} inconsistencies, first {first:?}; {stats:?}", found.len());
            bad.insert(seed, found);
        }
    }
    let (runs, RunStats { deliveries, handed_over, killed, .. }) = (seeds.count(), total);
    println!(
        "{runs} seeds: {deliveries} deliveries, {handed_over} handovers, {killed} kills; {repaired_lakes} lakes \
         needed repair by an Overwrite, {} lakes inconsistent at the end",
        bad.len()
    );
    assert!(handed_over > 0 && killed > 0, "no invocation was killed, or none handed over");
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
