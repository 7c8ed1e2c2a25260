//! Deliveries of one message, one after the other and at once: one lake.

use std::sync::Arc;

use serde_json::json;
use simulator::{Fault, Gate, Generated, Invocation, Job, NameOrder, Outcome, RequestMatcher, Simulator};
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::faults::assert_same_lake;
use crate::function::{Function, command};

const COPIES: usize = 4;
const COMMIT: &str = "jobs/job-job.parquet";
const MESSAGE: &str = r#"{"JobId":"job"}"#;

fn job() -> Job {
    Job::generated(Generated { labels: 120, names: 9, ..Generated::default() }).page_size(30)
}

fn account(job: Job) -> simulator::Builder {
    Simulator::builder().job("job", job).listing_allowed(true)
}

async fn deliver_again(times: usize) {
    let function = Function::start(account(job()), &[]).await;
    function.export("job").await;
    let clean = function.simulator.objects();
    function.simulator.clear_requests();
    for _ in 0..times {
        assert_eq!(function.export("job").await["jobs"][0]["outcome"], "ALREADY_COMMITTED");
    }
    assert!(function.operations().iter().all(|operation| operation == "HeadObject"));
    assert_eq!(function.operations().len(), times);
    assert_same_lake(&function.simulator.objects(), &clean);
}

#[tokio::test]
async fn each_of_50_duplicates_costs_one_request_and_changes_nothing() {
    deliver_again(50).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn each_of_1000_duplicates_costs_one_request_and_changes_nothing() {
    deliver_again(1000).await;
    println!("duplicates: 1000, requests 1000, different 0");
}

/// Where all copies are held, and go on from in an order made by chance.
type Barrier = fn(last_file: &str) -> RequestMatcher;

const BARRIERS: [(&str, Barrier); 4] = [
    ("HEAD", |_| Fault::on("HeadObject").key_contains(COMMIT)),
    ("checkpoint", |_| Fault::on("GetObject").key_contains("_checkpoints/")),
    ("last file", |last_file| Fault::on("PutObject").key_contains(last_file)),
    ("commit", |_| Fault::on("PutObject").key_contains(COMMIT)),
];

/// Four processes in one account. Each takes the next event as soon as it is idle.
struct Copies {
    simulator: Arc<Simulator>,
    clean: std::collections::BTreeMap<String, bytes::Bytes>,
    last_file: String,
    _processes: Vec<Child>,
}

impl Copies {
    async fn start(job: Job, settings: &[(&str, &str)]) -> Self {
        let alone = Function::start(account(job.clone()), settings).await;
        alone.export("job").await;
        let clean = alone.simulator.objects();
        let simulator = Arc::new(account(job).start().await.unwrap());
        let processes = (0..COPIES).map(|_| {
            command(&simulator, settings).stdout(std::process::Stdio::null()).spawn().expect("bootstrap is built")
        });
        let last_file = clean.keys().rfind(|key| key.starts_with("label_detections/")).unwrap().clone();
        Self { _processes: processes.collect(), simulator, clean, last_file }
    }

    /// Runs four copies from an empty lake, held at the barrier, and returns how they ended.
    async fn run(&self, barrier: Barrier, seed: u64) -> Vec<String> {
        for key in self.simulator.store().keys() {
            self.simulator.store().delete(&key);
        }
        let mut gates: Vec<_> = (0..COPIES).map(|_| Gate::new()).collect();
        for (copy, gate) in (1..).zip(&gates) {
            self.simulator.add_fault(barrier(&self.last_file).nth(copy).hold(gate.clone()));
        }
        let mut copies = JoinSet::new();
        for _ in 0..COPIES {
            let simulator = Arc::clone(&self.simulator);
            copies.spawn(async move { simulator.invoke(MESSAGE, Invocation::default()).await });
        }
        for gate in &gates {
            gate.reached().await;
        }

        // From there on each goes alone to its end, or with those that go already.
        let mut chance = fastrand::Rng::with_seed(seed);
        chance.shuffle(&mut gates);
        let mut ended = Vec::new();
        for gate in gates {
            gate.release();
            if chance.bool() {
                ended.push(copies.join_next().await.unwrap().unwrap());
            }
        }
        ended.extend(copies.join_all().await);
        assert_eq!(self.simulator.faults_not_fired(), [""; 0]);
        assert_same_lake(&self.simulator.objects(), &self.clean);
        ended.iter().map(outcome).collect()
    }

    /// As [`Copies::run`]; exactly one copy commits.
    async fn meet(&self, barrier: Barrier, seed: u64) {
        let outcomes = self.run(barrier, seed).await;
        let count = |name: &str| outcomes.iter().filter(|outcome| *outcome == name).count();
        let others = count("COMMITTED_BY_ANOTHER") + count("ALREADY_COMMITTED");
        assert_eq!((count("EXPORTED"), others), (1, COPIES - 1), "seed {seed}: {outcomes:?}");
    }
}

fn outcome(ended: &Outcome) -> String {
    match ended {
        Outcome::Response(answer) => answer["jobs"][0]["outcome"].as_str().unwrap().to_owned(),
        failed @ Outcome::Error { .. } => panic!("{failed:?}"),
    }
}

async fn meet_at_each_barrier(seeds: u64) {
    let mut runs = 0;
    for settings in [&[][..], &[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")]] {
        let copies = Copies::start(job(), settings).await;
        for seed in (1..=seeds).filter(|seed| seed % 2 == settings.len() as u64) {
            for (_, barrier) in BARRIERS {
                copies.meet(barrier, seed).await;
                runs += 1;
            }
        }
    }
    let names: Vec<_> = BARRIERS.iter().map(|(name, _)| *name).collect();
    println!("4 copies held at {}: {runs} runs, {seeds} seeds, different 0", names.join(", "));
}

#[tokio::test]
async fn four_copies_that_meet_at_any_step_make_one_lake() {
    meet_at_each_barrier(3).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn four_copies_that_meet_at_any_step_make_one_lake_over_50_seeds() {
    meet_at_each_barrier(50).await;
}

/// Where a job whose labels come back on later pages makes its copies meet: they begin to write files that lack rows,
/// find out, and begin again with all labels open.
async fn meet_without_order(seeds: u64) {
    let barriers: [Barrier; 3] = [
        |_| Fault::on("GetObject").key_contains("_checkpoints/"),
        |_| Fault::on("PutObject").key_contains("_checkpoints/"),
        |_| Fault::on("PutObject").key_contains(COMMIT),
    ];
    let copies = Copies::start(job().order(NameOrder::WithinPages), &[]).await;
    for seed in 1..=seeds {
        for barrier in barriers {
            copies.meet(barrier, seed).await;
        }
    }
    println!("4 copies of a job without order: {} runs, {seeds} seeds, different 0", seeds * 3);
}

#[tokio::test]
async fn four_copies_of_a_job_whose_order_does_not_hold_make_one_lake() {
    meet_without_order(3).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn four_copies_of_a_job_whose_order_does_not_hold_make_one_lake_over_50_seeds() {
    meet_without_order(50).await;
}

#[tokio::test]
async fn a_message_twice_in_one_event_and_its_duplicates_in_another_form_are_one_job() {
    let function = Function::start(account(job()), &[]).await;
    let record = json!({"Sns": {"Message": MESSAGE}});
    let answer = function.succeed(json!({"Records": [record, record]})).await;
    assert_eq!(answer["jobs"].as_array().unwrap().len(), 1);
    let clean = function.simulator.objects();
    let item = json!({"messageId": "m", "body": MESSAGE});
    function.succeed(json!({"Records": [item]})).await;
    function.succeed(json!({"requestPayload": {"Message": MESSAGE}})).await;
    assert_eq!(function.count("HeadObject"), 3);
    assert_same_lake(&function.simulator.objects(), &clean);
}
