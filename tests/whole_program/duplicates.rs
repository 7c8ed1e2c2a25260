//! Duplicate deliveries of one message, one after the other and concurrent, leave one lake.

use std::sync::Arc;

use rekognition_simulator::{Fault, Gate, Invocation, Job, NameOrder, Outcome, RequestMatcher, Simulator};
use serde_json::json;
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::support::{
    BOTH_TABLES, COMMIT, Function, Objects, account, assert_same_lake, differences, generated, spawn_process,
};

/// Number of concurrent deliveries of the message, and of processes.
const COPIES: usize = 4;
const MESSAGE: &str = r#"{"JobId":"job"}"#;

fn job() -> Job {
    generated(120, 9).page_size(30)
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
    println!("1000 duplicates: 1000 requests, 0 different objects");
}

/// Requests at which all copies are held. They are released in random order.
type Barrier = fn(last_file: &str) -> RequestMatcher;

const BARRIERS: [(&str, Barrier); 4] = [
    ("HEAD", |_| Fault::on("HeadObject").key_contains(COMMIT)),
    ("checkpoint", |_| Fault::on("GetObject").key_contains("_checkpoints/")),
    ("last file", |last_file| Fault::on("PutObject").key_contains(last_file)),
    ("commit", |_| Fault::on("PutObject").key_contains(COMMIT)),
];

/// Processes in one account. Each takes the next event as soon as it is idle.
struct Copies {
    simulator: Arc<Simulator>,
    clean: Objects,
    last_file: String,
    _processes: Vec<Child>,
}

impl Copies {
    async fn start(job: Job, settings: &[(&str, &str)]) -> Self {
        let alone = Function::start(account(job.clone()), settings).await;
        alone.export("job").await;
        let clean = alone.simulator.objects();
        let simulator = Arc::new(account(job).start().await.unwrap());
        let processes = (0..COPIES).map(|_| spawn_process(&simulator, settings));
        let last_file = clean.keys().rfind(|key| key.starts_with("label_detections/")).unwrap().clone();
        Self { _processes: processes.collect(), simulator, clean, last_file }
    }

    /// Runs all copies on an empty lake, holds them at the barrier, and returns their outcomes.
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

        // A released copy either runs alone to its end, or together with those released after it.
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut gates);
        let mut ended = Vec::new();
        for gate in gates {
            gate.release();
            if random.bool() {
                ended.push(copies.join_next().await.unwrap().unwrap());
            }
        }
        ended.extend(copies.join_all().await);
        assert_eq!(self.simulator.faults_not_fired(), [""; 0], "seed {seed}");
        assert_eq!(differences(&self.simulator.objects(), &self.clean), [""; 0], "seed {seed}");
        ended.iter().map(outcome).collect()
    }

    /// Runs all copies, and asserts that exactly one commits.
    async fn assert_one_commits(&self, barrier: Barrier, seed: u64) {
        let outcomes = self.run(barrier, seed).await;
        let count = |name: &str| outcomes.iter().filter(|outcome| *outcome == name).count();
        let others = count("COMMITTED_BY_ANOTHER") + count("ALREADY_COMMITTED");
        assert_eq!((count("EXPORTED"), others), (1, COPIES - 1), "seed {seed}: {outcomes:?}");
    }
}

/// Returns the outcome of the job.
fn outcome(ended: &Outcome) -> String {
    match ended {
        Outcome::Response(answer) => answer["jobs"][0]["outcome"].as_str().unwrap().to_owned(),
        failed @ Outcome::Error { .. } => panic!("{failed:?}"),
    }
}

async fn run_at_each_barrier(seeds: u64) {
    let mut runs = 0;
    for settings in [&[][..], BOTH_TABLES] {
        let copies = Copies::start(job(), settings).await;
        for seed in (1..=seeds).filter(|seed| seed % 2 == settings.len() as u64) {
            for (_, barrier) in BARRIERS {
                copies.assert_one_commits(barrier, seed).await;
                runs += 1;
            }
        }
    }
    let names: Vec<_> = BARRIERS.iter().map(|(name, _)| *name).collect();
    println!("4 copies held at {}: {runs} runs, {seeds} seeds, 0 different lakes", names.join(", "));
}

#[tokio::test]
async fn four_copies_held_at_any_step_leave_one_lake() {
    run_at_each_barrier(3).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn four_copies_held_at_any_step_leave_one_lake_over_50_seeds() {
    run_at_each_barrier(50).await;
}

/// Runs copies of a job whose labels are not grouped by name. The copies write files that lack rows, detect it, and
/// restart with all labels open.
async fn run_ungrouped(seeds: u64) {
    let barriers: [Barrier; 3] = [
        |_| Fault::on("GetObject").key_contains("_checkpoints/"),
        |_| Fault::on("PutObject").key_contains("_checkpoints/"),
        |_| Fault::on("PutObject").key_contains(COMMIT),
    ];
    let copies = Copies::start(job().order(NameOrder::WithinPages), &[]).await;
    for seed in 1..=seeds {
        for barrier in barriers {
            copies.assert_one_commits(barrier, seed).await;
        }
    }
    println!("4 copies of an ungrouped job: {} runs, {seeds} seeds, 0 different lakes", seeds * 3);
}

#[tokio::test]
async fn four_copies_of_an_ungrouped_job_leave_one_lake() {
    run_ungrouped(3).await;
}

#[tokio::test]
#[ignore = "long: .ci/full runs it"]
async fn four_copies_of_an_ungrouped_job_leave_one_lake_over_50_seeds() {
    run_ungrouped(50).await;
}

#[tokio::test]
async fn duplicate_messages_in_any_event_shape_export_the_job_once() {
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
