//! A job that goes on in another invocation: its checkpoint, and the message that the function sends to itself.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use simulator::{Builder, Fault, Gate, Generated, Invocation, Job, Outcome, Simulator};
use tokio::process::Child;

use crate::function::{Function, command};
use crate::lambda_service::{Continuations, LambdaService, within};

const CHECKPOINT: &str = "_checkpoints/job";
/// Long enough for the first two pages on any machine.
const SHORT: Duration = Duration::from_secs(2);

fn job() -> Job {
    Job::generated(Generated { labels: 500, names: 40, ..Generated::default() }).page_size(100)
}

fn account() -> Builder {
    Simulator::builder().job("job", job()).listing_allowed(true)
}

/// The page after so many labels does not come, so many times.
fn stall_at(from: usize, times: usize) -> Fault {
    Fault::on("GetLabelDetection").key_contains(&format!("TIMESTAMPS from {from}")).times(times).stall()
}

async fn clean(settings: &[(&str, &str)]) -> BTreeMap<String, Bytes> {
    let function = Function::start(account(), settings).await;
    function.export("job").await;
    function.simulator.objects()
}

fn message() -> Value {
    json!({ "JobId": "job" })
}

async fn invoke(simulator: &Simulator, event: &Value, limit: Duration) -> String {
    match simulator.invoke(event.to_string(), within(limit)).await {
        Outcome::Response(answer) => answer["jobs"][0]["outcome"].as_str().unwrap().to_owned(),
        failed @ Outcome::Error { .. } => panic!("{failed:?}"),
    }
}

/// A function that has handed the job over after its second page, and the message to go on with.
async fn handed_over() -> (Function, Value) {
    let function = Function::start(account().fault(stall_at(200, 1)), &[]).await;
    assert_eq!(invoke(&function.simulator, &message(), SHORT).await, "HANDED_OVER");
    assert!(function.simulator.faults_not_fired().is_empty());
    let [continuation] = &*function.simulator.take_invoked() else { panic!("one message") };
    assert_eq!(*continuation, json!({ "JobId": "job", "Continuation": 1 }));
    assert!(function.simulator.store().contains(CHECKPOINT));
    (function, continuation.clone())
}

fn first_pages(simulator: &Simulator) -> usize {
    simulator.requests().iter().filter(|request| request.detail.ends_with(" from 0")).count()
}

/// Another process of the same function.
fn another_process(function: &Function) -> Child {
    command(&function.simulator, &[]).stdout(Stdio::null()).spawn().unwrap()
}

async fn service(continuations: Continuations) -> LambdaService {
    let function = Function::start(account().fault(stall_at(200, 1)), &[]).await;
    let mut service = LambdaService::new(function, &[], SHORT);
    service.continuations = continuations;
    service.send(message());
    service
}

#[tokio::test]
async fn a_continuation_that_is_delivered_twice_finds_the_job_committed() {
    let mut service = service(Continuations::Twice).await;
    service.run(None).await;
    assert_eq!((service.tally.handed_over, service.tally.errors.len()), (1, 0), "{:?}", service.tally);
    assert!(service.function.simulator.faults_not_fired().is_empty());
    assert_eq!(first_pages(&service.function.simulator), 1);
    assert_eq!(service.function.simulator.objects(), clean(&[]).await);
}

#[tokio::test]
async fn a_lost_continuation_is_made_up_for_by_the_original_message() {
    let mut service = service(Continuations::FirstLost).await;
    service.run(None).await;
    assert_eq!((service.tally.handed_over, service.tally.errors.len()), (1, 0), "{:?}", service.tally);
    assert!(service.function.simulator.faults_not_fired().is_empty());
    assert!(service.function.simulator.store().contains(CHECKPOINT));

    service.send(message());
    service.run(None).await;
    assert_eq!(first_pages(&service.function.simulator), 1, "it goes on where the first one stopped");
    assert_eq!(service.function.simulator.objects(), clean(&[]).await);
}

#[tokio::test]
async fn a_continuation_after_the_commit_removes_what_a_late_copy_saved() {
    let mut service = service(Continuations::Late).await;
    // A duplicate of the message comes before the continuation, and commits.
    service.send(message());
    service.run(None).await;
    let simulator = &service.function.simulator;
    assert!(simulator.faults_not_fired().is_empty());
    assert_eq!(simulator.objects(), clean(&[]).await);

    simulator.store().put(CHECKPOINT, "of a copy that was late");
    let late = json!({ "JobId": "job", "Continuation": 1 });
    assert_eq!(invoke(simulator, &late, SHORT).await, "ALREADY_COMMITTED");
    assert_eq!(simulator.objects(), clean(&[]).await);
}

#[tokio::test]
async fn a_duplicate_beside_the_continuation_makes_the_same_lake() {
    let (function, continuation) = handed_over().await;
    let _other = another_process(&function);
    let simulator = &function.simulator;
    // Both have read the checkpoint before either goes on.
    let gate = Gate::new();
    simulator.add_fault(Fault::on("GetObject").times(2).hold_reply(gate.clone()));
    let enough = Duration::from_mins(1);
    let message = message();
    let both = async { tokio::join!(invoke(simulator, &continuation, enough), invoke(simulator, &message, enough)) };
    let open = async {
        gate.reached_by(2).await;
        gate.release();
    };
    let (outcomes, ()) = tokio::join!(both, open);
    let mut outcomes = [outcomes.0, outcomes.1];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["COMMITTED_BY_ANOTHER", "EXPORTED"]);
    assert!(simulator.faults_not_fired().is_empty());
    assert_eq!(simulator.objects(), clean(&[]).await);
}

#[tokio::test]
async fn a_duplicate_and_the_continuation_that_both_hand_over_make_the_same_lake() {
    let (function, continuation) = handed_over().await;
    let _other = another_process(&function);
    let simulator = &function.simulator;
    simulator.add_fault(stall_at(400, 2));
    let message = message();
    let both = tokio::join!(invoke(simulator, &continuation, SHORT), invoke(simulator, &message, SHORT));
    assert_eq!(both, ("HANDED_OVER".to_owned(), "HANDED_OVER".to_owned()));
    assert!(simulator.faults_not_fired().is_empty());

    let mut service = LambdaService::new(function, &[], SHORT);
    let next = service.function.simulator.take_invoked();
    assert_eq!(next.len(), 2);
    for event in next {
        service.send(event);
    }
    service.run(None).await;
    assert!(service.tally.errors.is_empty(), "{:?}", service.tally);
    assert_eq!(service.function.simulator.objects(), clean(&[]).await);
}

#[tokio::test]
async fn a_duplicate_of_an_overwrite_beside_its_continuation_loses_nothing() {
    let overwrite = json!({ "JobId": "job", "Overwrite": true });
    let function = Function::start(account().fault(stall_at(200, 1)), &[]).await;
    let _other = another_process(&function);
    let simulator = &function.simulator;
    assert_eq!(invoke(simulator, &overwrite, SHORT).await, "HANDED_OVER");
    let continuation = simulator.take_invoked().remove(0);

    // The continuation has read the checkpoint. The duplicate deletes everything, and hands over after its first page.
    let gate = Gate::new();
    simulator.add_fault(Fault::on("GetObject").hold_reply(gate.clone()));
    simulator.add_fault(stall_at(100, 1));
    let duplicate = async {
        gate.reached().await;
        assert_eq!(invoke(simulator, &overwrite, SHORT).await, "HANDED_OVER");
        gate.release();
    };
    let enough = Duration::from_mins(1);
    tokio::join!(invoke(simulator, &continuation, enough), duplicate);
    assert!(simulator.faults_not_fired().is_empty());

    let mut service = LambdaService::new(function, &[], enough);
    for event in service.function.simulator.take_invoked() {
        service.send(event);
    }
    service.run(None).await;
    assert!(service.tally.errors.is_empty(), "{:?}", service.tally);
    assert_eq!(service.function.simulator.objects(), clean(&[]).await);
}

#[tokio::test]
async fn a_checkpoint_that_is_of_no_use_is_discarded_with_a_warning() {
    const BOTH: &[(&str, &str)] = &[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")];
    let (function, _) = handed_over().await;
    let saved = function.simulator.store().get(CHECKPOINT).unwrap();
    let mut flipped = saved.to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;

    let whole = saved.len();
    let cases = [
        ("job", "checksum", flipped.into()),
        ("job", "cut off", Bytes::new()),
        ("job", "checksum", saved.slice(..whole - 1)),
        ("job", "AGGREGATE_BY", saved.clone()),
        ("job-2", "it is of job job", saved),
    ];
    for (id, reason, bytes) in cases {
        let settings = if reason == "AGGREGATE_BY" { BOTH } else { &[] };
        let function = Function::start(account().job("job-2", job()), settings).await;
        let expected = Function::start(account().job("job-2", job()), settings).await;
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
async fn a_continuation_that_cannot_be_sent_is_an_error_and_a_redelivery_goes_on() {
    let refused = Fault::on("Invoke").status(403, "AccessDeniedException");
    let broken = Fault::on("Invoke").always().status(500, "ServiceException");
    for (fault, expected) in [(refused, "AccessDenied"), (broken, "Upstream")] {
        let function = Function::start(account().fault(stall_at(200, 1)).fault(fault), &[]).await;
        let outcome = function.simulator.invoke(message().to_string(), within(SHORT)).await;
        let Outcome::Error { error_type, error_message } = outcome else { panic!("{outcome:?}") };
        assert_eq!(error_type, expected, "{error_message}");
        assert!(error_message.contains("lambda:InvokeFunction"), "{error_message}");
        assert_eq!(function.count("Invoke") == 1, expected == "AccessDenied", "only the other is tried again");
        assert!(function.simulator.faults_not_fired().is_empty() && function.simulator.invoked().is_empty());
        assert!(function.simulator.store().contains(CHECKPOINT));

        assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
        assert_eq!(first_pages(&function.simulator), 1, "it goes on where the first one stopped");
        assert_eq!(function.simulator.objects(), clean(&[]).await);
    }
}

#[tokio::test]
async fn the_alias_that_was_invoked_is_invoked_again() {
    let function = Function::start(account().fault(stall_at(200, 1)), &[]).await;
    let alias = format!("{}:live", function.simulator.function_arn());
    let invocation = Invocation { timeout: SHORT, function_arn: Some(alias.clone()) };
    function.simulator.invoke(message().to_string(), invocation).await;
    assert!(function.simulator.faults_not_fired().is_empty());
    let requests = function.simulator.requests();
    let invoked: Vec<_> = requests.iter().filter(|request| request.operation == "Invoke").collect();
    assert_eq!(invoked.len(), 1);
    assert_eq!(invoked[0].target, alias);

    let continuation = function.simulator.take_invoked().remove(0);
    assert_eq!(invoke(&function.simulator, &continuation, SHORT).await, "EXPORTED");
    assert_eq!(function.simulator.objects(), clean(&[]).await);
}
