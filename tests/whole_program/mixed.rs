//! Everything that can meet, at random: copies, overwrites, late and doubled continuations, kills, other settings, and
//! deletions. Whatever the order, one consistent lake is left.
//!
//! A change of settings or a deletion while an export is under way may leave what docs/SEMANTICS.md says, "What cannot be
//! closed". Then an Overwrite has to repair it.

use std::collections::{BTreeMap, HashSet};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use aws_sdk_rekognition::config::Credentials;
use bytes::Bytes;
use label_lake::aws::names::KeyPrefix;
use label_lake::glue::catalog::Catalog;
use label_lake::job_id::JobId;
use label_lake::lake::Lake;
use label_lake::table::schema::{LABEL_DETECTIONS, LABEL_SEGMENTS};
use serde_json::{Value, json};
use simulator::{ACCESS_KEY_ID, Builder, Generated, Job, Outcome, REGION, SECRET_ACCESS_KEY, Simulator};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::faults::differences;
use crate::function::{Function, command};
use crate::glue::catalog::{DATABASE, Partitions, partitions, put_partitions, with_catalog};
use crate::lambda_service::within;
use crate::reader::job_row;

const ROW: &str = "jobs/job-job.parquet";
const CHECKPOINT: &str = "_checkpoints/job";
const SETTINGS: [&[(&str, &str)]; 2] = [&[DATABASE], &[DATABASE, ("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")]];
const PAGE_LATENCY: Duration = Duration::from_millis(60);
/// Some pages fit into an invocation, and not all.
const LIMIT: Duration = Duration::from_millis(700);
/// An invocation that failed by itself gets this much more time, so that a slow machine is no failure.
const PATIENCE: u32 = 30;
/// An event is given up after this many attempts.
const ATTEMPTS: u32 = 20;
/// How many runs there are at a time: they wait most of the time.
const SIDE_BY_SIDE: usize = 6;

/// What a whole export leaves: objects and partitions.
type Whole = (BTreeMap<String, Bytes>, Partitions);

/// What runs end with when nothing meets, by settings: of the job as it was told before, and as it is told now.
struct Expected {
    old: [Whole; 2],
    new: [Whole; 2],
}

/// One run: an account, and what happens to it.
struct Run {
    simulator: Simulator,
    chance: Mutex<fastrand::Rng>,
    /// Only one process at a time waits for its event, so that it is known which process has which.
    start: Mutex<()>,
    /// The settings of processes that start from now on.
    settings: Mutex<usize>,
    queue: UnboundedSender<(Duration, Value)>,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    deliveries: usize,
    handed_over: usize,
    killed: usize,
    overwritten: bool,
    deleted: bool,
    settings_changed: bool,
    /// Events that were given up.
    dead_lettered: usize,
    errors: Vec<String>,
}

impl Tally {
    fn may_leave_something(&self) -> bool {
        self.settings_changed || self.deleted
    }
}

fn generated(labels: usize, names: usize) -> Job {
    Job::generated(Generated { labels, names, ..Generated::default() }).page_size(60)
}

fn old_job() -> Job {
    generated(420, 60)
}

fn new_job() -> Job {
    generated(360, 25)
}

fn account(job: Job) -> Builder {
    with_catalog(Simulator::builder().job("job", job).listing_allowed(true))
}

fn overwrite() -> Value {
    json!({ "JobId": "job", "Overwrite": true })
}

async fn exported(job: Job, settings: &[(&str, &str)]) -> Whole {
    let function = Function::start(account(job), settings).await;
    function.export("job").await;
    (function.simulator.objects(), partitions(&function.simulator))
}

impl Expected {
    async fn new() -> Self {
        let [one, both] = SETTINGS;
        Self {
            old: [exported(old_job(), one).await, exported(old_job(), both).await],
            new: [exported(new_job(), one).await, exported(new_job(), both).await],
        }
    }
}

impl Run {
    async fn new(seed: u64, expected: &Expected, queue: UnboundedSender<(Duration, Value)>) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let simulator = account(new_job()).page_latency(PAGE_LATENCY).start().await.unwrap();
        let settings = usize::from(chance.bool());
        if chance.u8(..10) < 7 {
            let (objects, partitions) = &expected.old[usize::from(chance.bool())];
            for (key, bytes) in objects {
                simulator.store().put(key, bytes.clone());
            }
            put_partitions(&simulator, partitions);
        }
        let (start, tally) = (Mutex::default(), Mutex::default());
        Self { simulator, chance: chance.into(), start, settings: settings.into(), queue, tally }
    }

    async fn up_to(&self, millis: u64) -> Duration {
        Duration::from_millis(self.chance.lock().await.u64(..millis))
    }

    async fn one_in(&self, times: u8) -> bool {
        self.chance.lock().await.u8(..times) == 0
    }

    /// Delivers an event until it is answered, as Lambda's asynchronous queue does.
    async fn deliver(&self, event: Value) {
        let mut limit = LIMIT;
        for attempt in 0..ATTEMPTS {
            // The last attempts are not killed on purpose.
            let kill = attempt < 2 && self.one_in(4).await;
            let killed_after = self.up_to(600).await;
            let settings = SETTINGS[*self.settings.lock().await];
            let starting = self.start.lock().await;
            let mut process = command(&self.simulator, settings).stdout(Stdio::null()).spawn().unwrap();
            let running = self.simulator.start_invocation(event.to_string(), within(limit)).await;
            drop(starting);
            self.tally.lock().await.deliveries += 1;
            let ended = tokio::select! {
                outcome = running.outcome() => Some(outcome),
                () = sleep(killed_after), if kill => None,
                () = sleep(limit) => None,
            };
            process.kill().await.unwrap();
            for continuation in self.simulator.take_invoked() {
                self.send(&continuation, 8).await;
            }
            let mut tally = self.tally.lock().await;
            match ended {
                Some(Outcome::Response(answer)) => {
                    tally.handed_over += usize::from(answer["jobs"][0]["outcome"] == "HANDED_OVER");
                    tally.overwritten |= event["Overwrite"] == true;
                    return;
                }
                Some(Outcome::Error { error_type, error_message }) => {
                    tally.errors.push(format!("{event}: {error_type}: {error_message}"));
                }
                None => tally.killed += 1,
            }
            // A slow machine is no failure.
            limit = if kill { limit } else { LIMIT * PATIENCE };
        }
        self.tally.lock().await.dead_lettered += 1;
    }

    /// Queues an event, which arrives some time later; once in so many times twice.
    async fn send(&self, event: &Value, twice_in: u8) {
        let copies = if self.one_in(twice_in).await { 2 } else { 1 };
        for _ in 0..copies {
            let delay = self.up_to(1500).await;
            self.queue.send((delay, event.clone())).unwrap();
        }
    }

    /// Removes the job as `label-lake delete` does.
    async fn delete(&self) {
        let aws = label_lake::aws::clients::sdk_config(None)
            .unwrap()
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
            .load()
            .await;
        let at = |url| aws.to_builder().endpoint_url(url).build();
        let lake = Lake::new(
            label_lake::aws::clients::s3(&at(self.simulator.s3_url()), true),
            &"lake".parse().unwrap(),
            &KeyPrefix::none(),
            None,
        );
        let catalog = Catalog::new(
            label_lake::glue::client::Client::new(&at(self.simulator.glue_url())),
            &DATABASE.1.parse().unwrap(),
        );
        let (job, until) = (JobId::try_from("job").unwrap(), Instant::now() + Duration::from_mins(1));
        // What an export writes meanwhile is deleted, too.
        while !self.simulator.store().keys().is_empty() {
            lake.job(&job, until).delete_commit().await.unwrap();
            lake.job(&job, until).delete_checkpoint().await.unwrap();
            for table in [&LABEL_DETECTIONS, &LABEL_SEGMENTS] {
                catalog.table(&job, table, until).delete_except(&HashSet::new()).await.unwrap();
            }
            lake.job(&job, until).delete_files().await.unwrap();
        }
        self.tally.lock().await.deleted = true;
    }

    /// Lets everything happen, and waits for its end.
    async fn happen(self: &Arc<Self>, queued: &mut UnboundedReceiver<(Duration, Value)>) {
        let deliveries = self.chance.lock().await.usize(2..6);
        for _ in 0..deliveries {
            let is_overwrite = self.one_in(2).await;
            let event = if is_overwrite { overwrite() } else { json!({ "JobId": "job" }) };
            self.send(&event, 5).await;
        }
        let mut running = JoinSet::new();
        if self.one_in(3).await {
            let (run, delay) = (Arc::clone(self), self.up_to(2000).await);
            running.spawn(async move {
                sleep(delay).await;
                let mut settings = run.settings.lock().await;
                *settings = 1 - *settings;
                run.tally.lock().await.settings_changed = true;
            });
        }
        if self.one_in(5).await {
            let (run, delay) = (Arc::clone(self), self.up_to(2500).await);
            running.spawn(async move {
                sleep(delay).await;
                run.delete().await;
            });
        }
        self.settle(running, queued).await;
    }

    /// Delivers what is queued, until nothing is left and nothing goes on.
    async fn settle(self: &Arc<Self>, mut running: JoinSet<()>, queued: &mut UnboundedReceiver<(Duration, Value)>) {
        while !running.is_empty() || !queued.is_empty() {
            tokio::select! {
                Some((delay, event)) = queued.recv() => {
                    let run = Arc::clone(self);
                    running.spawn(async move {
                        sleep(delay).await;
                        run.deliver(event).await;
                    });
                }
                Some(ended) = running.join_next() => ended.unwrap(),
            }
        }
    }

    /// Returns what is wrong with the lake that is left.
    async fn faults(&self, expected: &Expected) -> Vec<String> {
        let tally = self.tally.lock().await;
        let mut objects = self.simulator.objects();
        // That of a job whose process died after its commit.
        let checkpoint = objects.remove(CHECKPOINT);
        if !objects.contains_key(ROW) {
            let mut left: Vec<_> = objects.into_keys().chain(checkpoint.map(|_| CHECKPOINT.to_owned())).collect();
            if !tally.deleted {
                left.push("no row".to_owned());
            }
            return left;
        }
        let row = job_row(&objects, "job");
        let settings = row["aggregate_by"].as_array().map_or(0, Vec::len) - 1;
        let (new, old) = (&expected.new[settings], &expected.old[settings]);
        // An old export that nobody replaced or deleted stays.
        let replaced = tally.overwritten || tally.deleted || objects.get(ROW) == new.0.get(ROW);
        let (lake, catalog) = if replaced { new } else { old };
        let mut faults = differences(&objects, lake);
        let found = partitions(&self.simulator);
        faults
            .extend(catalog.keys().filter(|key| !found.contains_key(*key)).map(|key| format!("no partition {key:?}")));
        faults.extend(found.keys().filter(|key| !catalog.contains_key(*key)).map(|key| format!("partition {key:?}")));
        if tally.dead_lettered > 0 {
            faults.push(format!("given up: {:?}", tally.errors));
        }
        faults
    }
}

/// Runs these seeds, and returns those that left a bad lake.
async fn run(seeds: std::ops::RangeInclusive<u64>) -> BTreeMap<u64, Vec<String>> {
    let expected = Arc::new(Expected::new().await);
    let turns = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut running = JoinSet::new();
    for seed in seeds.clone() {
        let (expected, turn) = (Arc::clone(&expected), Arc::clone(&turns).acquire_owned().await.unwrap());
        running.spawn(async move {
            let (queue, mut queued) = unbounded_channel();
            let run = Arc::new(Run::new(seed, &expected, queue).await);
            run.happen(&mut queued).await;
            let mut faults = run.faults(&expected).await;
            let repaired = !faults.is_empty() && run.tally.lock().await.may_leave_something();
            if repaired {
                run.send(&overwrite(), u8::MAX).await;
                run.settle(JoinSet::new(), &mut queued).await;
                faults = run.faults(&expected).await;
            }
            drop(turn);
            (seed, faults, repaired, Arc::into_inner(run).unwrap().tally.into_inner())
        });
    }
    let (mut bad, mut sum) = (BTreeMap::new(), Tally::default());
    let mut repaired = 0;
    for (seed, faults, was_repaired, tally) in running.join_all().await {
        repaired += u32::from(was_repaired);
        sum.deliveries += tally.deliveries;
        sum.handed_over += tally.handed_over;
        sum.killed += tally.killed;
        if !faults.is_empty() {
            println!("seed {seed}: {} faults, {:?} … {tally:?}", faults.len(), &faults[..faults.len().min(5)]);
            bad.insert(seed, faults);
        }
    }
    let (all, Tally { deliveries, handed_over, killed, .. }) = (seeds.count(), sum);
    println!(
        "mixed: {all} seeds, {deliveries} deliveries, {handed_over} hand-overs, {killed} killed, {repaired} repaired \
         by an Overwrite, bad {}",
        bad.len()
    );
    assert!(handed_over > 0 && killed > 0, "nothing has met");
    bad
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_meets_leaves_one_consistent_lake() {
    assert_eq!(run(1..=12).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: .ci/full runs it"]
async fn whatever_meets_leaves_one_consistent_lake_over_500_seeds() {
    assert_eq!(run(1..=500).await.len(), 0);
}
