//! Jobs that continue in another invocation: the checkpoint, and the message that the function sends to itself.

use std::time::Duration;

use bytes::Bytes;
use rekognition_simulator::{Builder, Fault, Gate, Invocation, Job, Outcome, Simulator};
use serde_json::{Value, json};

use crate::support::{
    BOTH_TABLES, CHECKPOINT, Continuations, Function, LambdaService, Objects, PAGE, account, generated, outcome,
    spawn_process, within,
};

/// Timeout that is long enough for the first two pages on any machine.
const SHORT: Duration = Duration::from_secs(2);

fn job() -> Job {
    generated(500, 40).page_size(100)
}

fn five_pages() -> Builder {
    account(job())
}

/// Stalls this many requests for the page that follows this many labels.
fn stall_at(from: usize, times: usize) -> Fault {
    Fault::on(PAGE).key_contains(&format!("TIMESTAMPS from {from}")).times(times).stall()
}

/// Returns the lake after an uninterrupted export.
async fn clean() -> Objects {
    let function = Function::start(five_pages(), &[]).await;
    function.export("job").await;
    function.simulator.objects()
}

fn message() -> Value {
    json!({ "JobId": "job" })
}

/// Returns a function that has handed the job over after the second page, and the continuation's message.
async fn handed_over() -> (Function, Value) {
    let function = Function::start(five_pages().fault(stall_at(200, 1)), &[]).await;
    assert_eq!(outcome(&function.simulator, &message(), SHORT).await, "HANDED_OVER");
    assert!(function.simulator.faults_not_fired().is_empty());
    let [continuation] = &*function.simulator.take_invoked() else { panic!("expected one continuation") };
    assert_eq!(*continuation, json!({ "JobId": "job", "Continuation": 1 }));
    assert!(function.simulator.store().contains(CHECKPOINT));
    (function, continuation.clone())
}

/// Returns the number of requests for page 1.
fn first_pages(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.detail.ends_with(" from 0")).count()
}

/// Returns a service whose first invocation hands over after the second page.
async fn service(continuations: Continuations) -> LambdaService {
    let function = Function::start(five_pages().fault(stall_at(200, 1)), &[]).await;
    let mut service = LambdaService::new(function, &[], SHORT);
    service.continuations = continuations;
    service.send(message());
    service
}

#[tokio::test]
async fn second_delivery_of_a_continuation_finds_the_job_committed() {
    let mut service = service(Continuations::Twice).await;
    service.run(None).await;
    assert_eq!((service.stats.handed_over, service.stats.errors.len()), (1, 0), "{:?}", service.stats);
    assert!(service.function.simulator.faults_not_fired().is_empty());
    assert_eq!(first_pages(&service.function.simulator), 1);
    assert_eq!(service.function.simulator.objects(), clean().await);
}

#[tokio::test]
async fn redelivered_message_replaces_a_lost_continuation() {
    let mut service = service(Continuations::FirstLost).await;
    service.run(None).await;
    assert_eq!((service.stats.handed_over, service.stats.errors.len()), (1, 0), "{:?}", service.stats);
    assert!(service.function.simulator.faults_not_fired().is_empty());
    assert!(service.function.simulator.store().contains(CHECKPOINT));

    service.send(message());
    service.run(None).await;
    assert_eq!(first_pages(&service.function.simulator), 1, "the redelivery resumes from the checkpoint");
    assert_eq!(service.function.simulator.objects(), clean().await);
}

#[tokio::test]
async fn continuation_after_the_commit_deletes_a_late_checkpoint() {
    let mut service = service(Continuations::Late).await;
    // A duplicate of the message is delivered before the continuation, and commits.
    service.send(message());
    service.run(None).await;
    let simulator = &service.function.simulator;
    assert!(simulator.faults_not_fired().is_empty());
    assert_eq!(simulator.objects(), clean().await);

    simulator.store().put(CHECKPOINT, "saved by a late copy");
    let late = json!({ "JobId": "job", "Continuation": 1 });
    assert_eq!(outcome(simulator, &late, SHORT).await, "ALREADY_COMMITTED");
    assert_eq!(simulator.objects(), clean().await);
}

#[tokio::test]
async fn duplicate_concurrent_with_the_continuation_leaves_the_same_lake() {
    let (function, continuation) = handed_over().await;
    let _second = spawn_process(&function.simulator, &[]);
    let simulator = &function.simulator;
    // Both read the checkpoint before either continues.
    let gate = Gate::new();
    simulator.add_fault(Fault::on("GetObject").times(2).hold_reply(gate.clone()));
    let enough = Duration::from_mins(1);
    let message = message();
    let both = async { tokio::join!(outcome(simulator, &continuation, enough), outcome(simulator, &message, enough)) };
    let release = async {
        gate.reached_by(2).await;
        gate.release();
    };
    let (outcomes, ()) = tokio::join!(both, release);
    let mut outcomes = [outcomes.0, outcomes.1];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["COMMITTED_BY_ANOTHER", "EXPORTED"]);
    assert!(simulator.faults_not_fired().is_empty());
    assert_eq!(simulator.objects(), clean().await);
}

#[tokio::test]
async fn duplicate_and_continuation_that_both_hand_over_leave_the_same_lake() {
    let (function, continuation) = handed_over().await;
    let _second = spawn_process(&function.simulator, &[]);
    let simulator = &function.simulator;
    simulator.add_fault(stall_at(400, 2));
    let message = message();
    let both = tokio::join!(outcome(simulator, &continuation, SHORT), outcome(simulator, &message, SHORT));
    assert_eq!(both, ("HANDED_OVER".to_owned(), "HANDED_OVER".to_owned()));
    assert!(simulator.faults_not_fired().is_empty());

    let mut service = LambdaService::new(function, &[], SHORT);
    let continuations = service.function.simulator.take_invoked();
    assert_eq!(continuations.len(), 2);
    for event in continuations {
        service.send(event);
    }
    service.run(None).await;
    assert!(service.stats.errors.is_empty(), "{:?}", service.stats);
    assert_eq!(service.function.simulator.objects(), clean().await);
}

#[tokio::test]
async fn duplicate_overwrite_concurrent_with_its_continuation_loses_nothing() {
    let overwrite = json!({ "JobId": "job", "Overwrite": true });
    let function = Function::start(five_pages().fault(stall_at(200, 1)), &[]).await;
    let _second = spawn_process(&function.simulator, &[]);
    let simulator = &function.simulator;
    assert_eq!(outcome(simulator, &overwrite, SHORT).await, "HANDED_OVER");
    let continuation = simulator.take_invoked().remove(0);

    // The continuation has read the checkpoint. The duplicate then deletes everything, and hands over after its first
    // page.
    let gate = Gate::new();
    simulator.add_fault(Fault::on("GetObject").hold_reply(gate.clone()));
    simulator.add_fault(stall_at(100, 1));
    let duplicate = async {
        gate.reached().await;
        assert_eq!(outcome(simulator, &overwrite, SHORT).await, "HANDED_OVER");
        gate.release();
    };
    let enough = Duration::from_mins(1);
    tokio::join!(outcome(simulator, &continuation, enough), duplicate);
    assert!(simulator.faults_not_fired().is_empty());

    let mut service = LambdaService::new(function, &[], enough);
    for event in service.function.simulator.take_invoked() {
        service.send(event);
    }
    service.run(None).await;
    assert!(service.stats.errors.is_empty(), "{:?}", service.stats);
    assert_eq!(service.function.simulator.objects(), clean().await);
}

#[tokio::test]
async fn unusable_checkpoint_is_discarded_with_a_warning() {
    let (function, _) = handed_over().await;
    let saved = function.simulator.store().get(CHECKPOINT).unwrap();
    let mut flipped = saved.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;

    let length = saved.len();
    let cases = [
        ("job", "CRC mismatch", flipped.into()),
        ("job", "it is truncated", Bytes::new()),
        ("job", "CRC mismatch", saved.slice(..length - 1)),
        ("job", "AGGREGATE_BY", saved.clone()),
        ("job-2", "it belongs to job job", saved),
    ];
    for (id, reason, bytes) in cases {
        let settings = if reason == "AGGREGATE_BY" { BOTH_TABLES } else { &[] };
        let function = Function::start(five_pages().job("job-2", job()), settings).await;
        let expected = Function::start(five_pages().job("job-2", job()), settings).await;
        expected.export(id).await;
        function.simulator.store().put(&format!("_checkpoints/{id}"), bytes);
        function.succeed(json!({ "JobId": id, "Continuation": 1 })).await;
        assert_eq!(first_pages(&function.simulator), settings.len() + 1, "{reason}");
        assert_eq!(function.simulator.objects(), expected.simulator.objects(), "{reason}");
        let log = function.stop().await;
        assert!(log.iter().any(|line| line.contains("WARN") && line.contains(reason)), "{reason}: {log:?}");
    }
}

#[tokio::test]
async fn unsent_continuation_is_an_error_and_a_redelivery_resumes() {
    let refused = Fault::on("Invoke").status(403, "AccessDeniedException");
    let broken = Fault::on("Invoke").always().status(500, "ServiceException");
    for (fault, expected) in [(refused, "AccessDenied"), (broken, "Upstream")] {
        let function = Function::start(five_pages().fault(stall_at(200, 1)).fault(fault), &[]).await;
        let outcome = function.simulator.invoke(message().to_string(), within(SHORT)).await;
        let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
        assert_eq!(error_type, expected, "{error_message}");
        assert!(error_message.contains("lambda:InvokeFunction"), "{error_message}");
        assert_eq!(function.count("Invoke") == 1, expected == "AccessDenied", "only Upstream is retried");
        assert!(function.simulator.faults_not_fired().is_empty() && function.simulator.invoked().is_empty());
        assert!(function.simulator.store().contains(CHECKPOINT));

        assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
        assert_eq!(first_pages(&function.simulator), 1, "the redelivery resumes from the checkpoint");
        assert_eq!(function.simulator.objects(), clean().await);
    }
}

#[tokio::test]
async fn continuation_invokes_the_same_alias() {
    let function = Function::start(five_pages().fault(stall_at(200, 1)), &[]).await;
    let alias = format!("{}:live", function.simulator.function_arn());
    let invocation = Invocation { timeout: SHORT, function_arn: Some(alias.clone()) };
    function.simulator.invoke(message().to_string(), invocation).await;
    assert!(function.simulator.faults_not_fired().is_empty());
    let requests = function.simulator.requests();
    let invoked: Vec<_> = requests.iter().filter(|request| request.operation == "Invoke").collect();
    assert_eq!(invoked.len(), 1);
    assert_eq!(invoked[0].target, alias);

    let continuation = function.simulator.take_invoked().remove(0);
    assert_eq!(outcome(&function.simulator, &continuation, SHORT).await, "EXPORTED");
    assert_eq!(function.simulator.objects(), clean().await);
}
