//! Refused tokens: the job restarts from page 1, once per invocation.

use rekognition_simulator::Fault;
use serde_json::json;

use super::{PAGES, Trials, five_pages};
use crate::support::{CHECKPOINT, COMMIT, PAGE};

fn refused(request: usize) -> Fault {
    Fault::on(PAGE).nth(request).status(400, "InvalidPaginationTokenException")
}

/// Delivers the event, and asserts that it fails because the token was refused twice.
async fn assert_refused_twice(trials: &Trials) {
    let (error_type, message) = trials.function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, "UnexpectedPage");
    assert!(message.contains("rejected the pagination token") && message.contains("page 3"), "{message}");
    assert_eq!(trials.function.simulator.faults_not_fired(), [""; 0]);
    assert!(!trials.function.simulator.store().contains(COMMIT));
}

#[tokio::test]
async fn token_refused_once_costs_only_a_second_pass() {
    let trials = Trials::start(five_pages()).await;
    for page in 2..=PAGES {
        assert_eq!(trials.export_with([refused(page)]).await, "EXPORTED");
        assert_eq!(trials.function.count(PAGE), page + PAGES);
    }
}

#[tokio::test]
async fn token_refused_twice_is_an_error_without_a_commit() {
    let trials = Trials::start(five_pages()).await;
    trials.arrange([refused(3), refused(6)]);
    assert_refused_twice(&trials).await;
    assert_eq!(trials.function.count(PAGE), 6);
    // A redelivery with good tokens exports the job.
    trials.export().await;
}

#[tokio::test]
async fn each_delivery_may_restart_once() {
    let trials = Trials::start(five_pages()).await;
    let denied = Fault::on(PAGE).nth(4).status(400, "AccessDeniedException");
    trials.arrange([refused(3), denied]);
    assert_eq!(trials.function.fail(json!({"JobId": "job"})).await.0, "AccessDenied");
    assert!(trials.function.simulator.store().contains(CHECKPOINT));

    trials.function.simulator.add_fault(refused(3));
    trials.export().await;
    assert_eq!(trials.function.simulator.faults_not_fired(), [""; 0]);
}
