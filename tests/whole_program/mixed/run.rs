//! One run: an account, and the events, kills, settings change and deletion that happen in it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use aws_sdk_rekognition::config::Credentials;
use label_lake::aws::clients;
use label_lake::aws::names::KeyPrefix;
use label_lake::glue::catalog::Catalog;
use label_lake::glue::client::client;
use label_lake::job_id::JobId;
use label_lake::lake::Lake;
use label_lake::table::schema::{LABEL_DETECTIONS, LABEL_SEGMENTS};
use rekognition_simulator::{ACCESS_KEY_ID, Outcome, REGION, SECRET_ACCESS_KEY, Simulator};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{ExpectedLakes, SETTINGS, catalog_account, new_job};
use crate::support::{
    CHECKPOINT, COMMIT, DATABASE, differences, job_row, partitions, put_partitions, spawn_process, within,
};

const PAGE_LATENCY: Duration = Duration::from_millis(60);
/// Timeout of an invocation, in which some pages fit, but not all.
const TIMEOUT: Duration = Duration::from_millis(700);
/// Factor of the timeout after a failure that the test did not cause, so that a slow machine does not fail the test.
const RETRY_FACTOR: u32 = 30;
/// Deliveries of an event before it is dead-lettered.
const MAX_ATTEMPTS: u32 = 20;

/// An event and the delay before its delivery.
pub(super) type Queued = (Duration, Value);

/// An account, and what happens to it.
pub(super) struct Run {
    simulator: Simulator,
    random: Mutex<fastrand::Rng>,
    /// Held while a process starts and receives its event, so that each event goes to the process started for it.
    start: Mutex<()>,
    /// Index into [`SETTINGS`] for processes that start from now on.
    settings: Mutex<usize>,
    queue: UnboundedSender<Queued>,
    stats: Mutex<RunStats>,
}

/// Counts of what happened in a run.
#[derive(Debug, Default)]
pub(super) struct RunStats {
    pub(super) deliveries: usize,
    pub(super) handed_over: usize,
    pub(super) killed: usize,
    overwritten: bool,
    deleted: bool,
    settings_changed: bool,
    /// Events that ran out of attempts.
    dead_lettered: usize,
    errors: Vec<String>,
}

impl Run {
    pub(super) async fn new(seed: u64, expected: &ExpectedLakes, queue: UnboundedSender<Queued>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let simulator = catalog_account(new_job()).page_latency(PAGE_LATENCY).start().await.unwrap();
        let settings = usize::from(random.bool());
        if random.u8(..10) < 7 {
            let (objects, partitions) = &expected.old[usize::from(random.bool())];
            for (key, bytes) in objects {
                simulator.store().put(key, bytes.clone());
            }
            put_partitions(&simulator, partitions);
        }
        let (start, stats) = (Mutex::default(), Mutex::default());
        Self { simulator, random: random.into(), start, settings: settings.into(), queue, stats }
    }

    /// Sends random events, kills processes, and perhaps changes the settings and deletes the job. Returns when nothing
    /// is left to deliver.
    pub(super) async fn perform(self: &Arc<Self>, queued: &mut UnboundedReceiver<Queued>) {
        let deliveries = self.random.lock().await.usize(2..6);
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
                run.stats.lock().await.settings_changed = true;
            });
        }
        if self.one_in(5).await {
            let (run, delay) = (Arc::clone(self), self.up_to(2500).await);
            running.spawn(async move {
                sleep(delay).await;
                run.delete().await;
            });
        }
        self.deliver_queued(running, queued).await;
    }

    /// Sends an Overwrite, and returns when nothing is left to deliver.
    pub(super) async fn repair(self: &Arc<Self>, queued: &mut UnboundedReceiver<Queued>) {
        self.send(&overwrite(), u8::MAX).await;
        self.deliver_queued(JoinSet::new(), queued).await;
    }

    /// Returns true if docs/SEMANTICS.md allows the run to leave an inconsistent lake until the next Overwrite.
    pub(super) async fn may_need_repair(&self) -> bool {
        let stats = self.stats.lock().await;
        stats.settings_changed || stats.deleted
    }

    /// Returns one line for each inconsistency of the lake.
    pub(super) async fn inconsistencies(&self, expected: &ExpectedLakes) -> Vec<String> {
        let stats = self.stats.lock().await;
        let mut objects = self.simulator.objects();
        // A process that died after its commit may leave a checkpoint.
        let checkpoint = objects.remove(CHECKPOINT);
        if !objects.contains_key(COMMIT) {
            let mut left: Vec<_> = objects.into_keys().chain(checkpoint.map(|_| CHECKPOINT.to_owned())).collect();
            if !stats.deleted {
                left.push("no row".to_owned());
            }
            return left;
        }
        let row = job_row(&objects, "job");
        let settings = row["aggregate_by"].as_array().map_or(0, Vec::len) - 1;
        let (new, old) = (&expected.new[settings], &expected.old[settings]);
        // An old export stays unless it was overwritten or deleted.
        let replaced = stats.overwritten || stats.deleted || objects.get(COMMIT) == new.0.get(COMMIT);
        let (lake, catalog) = if replaced { new } else { old };
        let mut found = differences(&objects, lake);
        let registered = partitions(&self.simulator);
        let missing = catalog.keys().filter(|key| !registered.contains_key(*key));
        found.extend(missing.map(|key| format!("missing partition {key:?}")));
        let extra = registered.keys().filter(|key| !catalog.contains_key(*key));
        found.extend(extra.map(|key| format!("extra partition {key:?}")));
        if stats.dead_lettered > 0 {
            found.push(format!("dead-lettered: {:?}", stats.errors));
        }
        found
    }

    pub(super) fn into_stats(self) -> RunStats {
        self.stats.into_inner()
    }

    /// Returns a random time below this one.
    async fn up_to(&self, millis: u64) -> Duration {
        Duration::from_millis(self.random.lock().await.u64(..millis))
    }

    /// Returns true once in this many times.
    async fn one_in(&self, times: u8) -> bool {
        self.random.lock().await.u8(..times) == 0
    }

    /// Queues an event with a random delay; once in `twice_in` times, queues it twice.
    async fn send(&self, event: &Value, twice_in: u8) {
        let copies = if self.one_in(twice_in).await { 2 } else { 1 };
        for _ in 0..copies {
            let delay = self.up_to(1500).await;
            self.queue.send((delay, event.clone())).unwrap();
        }
    }

    /// Delivers queued events until the queue is empty and nothing is running.
    async fn deliver_queued(self: &Arc<Self>, mut running: JoinSet<()>, queued: &mut UnboundedReceiver<Queued>) {
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

    /// Delivers an event until it succeeds, as Lambda's asynchronous queue does.
    async fn deliver(&self, event: Value) {
        let mut timeout = TIMEOUT;
        for attempt in 0..MAX_ATTEMPTS {
            // Only the first two attempts may be killed on purpose.
            let kill = attempt < 2 && self.one_in(4).await;
            let killed_after = self.up_to(600).await;
            let settings = SETTINGS[*self.settings.lock().await];
            let starting = self.start.lock().await;
            let mut process = spawn_process(&self.simulator, settings);
            let running = self.simulator.start_invocation(event.to_string(), within(timeout)).await;
            drop(starting);
            self.stats.lock().await.deliveries += 1;
            let ended = tokio::select! {
                outcome = running.outcome() => Some(outcome),
                () = sleep(killed_after), if kill => None,
                () = sleep(timeout) => None,
            };
            process.kill().await.unwrap();
            for continuation in self.simulator.take_invoked() {
                self.send(&continuation, 8).await;
            }
            let mut stats = self.stats.lock().await;
            match ended {
                Some(Outcome::Response(answer)) => {
                    stats.handed_over += usize::from(answer["jobs"][0]["outcome"] == "HANDED_OVER");
                    stats.overwritten |= event["Overwrite"] == true;
                    return;
                }
                Some(Outcome::Error { error_type, error_message }) => {
                    stats.errors.push(format!("{event}: {error_type}: {error_message}"));
                }
                None => stats.killed += 1,
            }
            timeout = if kill { timeout } else { TIMEOUT * RETRY_FACTOR };
        }
        self.stats.lock().await.dead_lettered += 1;
    }

    /// Deletes the job as `label-lake delete` does.
    async fn delete(&self) {
        let aws = clients::sdk_config(None)
            .unwrap()
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
            .load()
            .await;
        let at = |url| aws.to_builder().endpoint_url(url).build();
        let s3 = clients::s3(&at(self.simulator.s3_url()), true);
        let lake = Lake::new(s3, &"lake".parse().unwrap(), &KeyPrefix::none(), None);
        let catalog = Catalog::new(client(&at(self.simulator.glue_url())), &DATABASE.1.parse().unwrap());
        let (job, until) = (JobId::try_from("job").unwrap(), Instant::now() + Duration::from_mins(1));
        let objects = lake.job(&job, until);
        // Exports may write while the job is being deleted, so the deletion repeats until the bucket is empty.
        while !self.simulator.store().keys().is_empty() {
            objects.delete_commit().await.unwrap();
            objects.delete_checkpoint().await.unwrap();
            for table in [&LABEL_DETECTIONS, &LABEL_SEGMENTS] {
                catalog.table(&job, table, until).delete_except(&HashSet::new()).await.unwrap();
            }
            objects.delete_files().await.unwrap();
        }
        self.stats.lock().await.deleted = true;
    }
}

fn overwrite() -> Value {
    json!({ "JobId": "job", "Overwrite": true })
}
