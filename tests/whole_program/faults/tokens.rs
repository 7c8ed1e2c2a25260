//! A token that is refused: the job starts over from page 1, once an invocation.

use serde_json::json;
use simulator::Fault;

use super::{CHECKPOINT, COMMIT, PAGE, PAGES, Trials, five_pages};

fn refused(request: usize) -> Fault {
    Fault::on(PAGE).nth(request).status(400, "InvalidPaginationTokenException")
}

async fn is_refused_for_good(trials: &Trials) {
    let (error_type, message) = trials.function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, "UnexpectedPage");
    assert!(message.contains("rejected the pagination token") && message.contains("page 3"), "{message}");
    assert_eq!(trials.function.simulator.faults_not_fired(), [""; 0]);
    assert!(!trials.function.simulator.store().contains(COMMIT));
}

#[tokio::test]
async fn a_token_refused_once_costs_a_second_reading_and_nothing_else() {
    let trials = Trials::start(five_pages()).await;
    for page in 2..=PAGES {
        assert_eq!(trials.survive([refused(page)]).await, "EXPORTED");
        assert_eq!(trials.function.count(PAGE), page + PAGES);
    }
}

#[tokio::test]
async fn a_token_refused_twice_is_an_error_and_nothing_is_committed() {
    let trials = Trials::start(five_pages()).await;
    trials.begin([refused(3), refused(6)]);
    is_refused_for_good(&trials).await;
    assert_eq!(trials.function.count(PAGE), 6);
    // Delivered again when tokens are good, it is exported.
    trials.finish().await;
}

#[tokio::test]
async fn each_delivery_may_start_over_once() {
    let trials = Trials::start(five_pages()).await;
    let denied = Fault::on(PAGE).nth(4).status(400, "AccessDeniedException");
    trials.begin([refused(3), denied]);
    assert_eq!(trials.function.fail(json!({"JobId": "job"})).await.0, "AccessDenied");
    assert!(trials.function.simulator.store().contains(CHECKPOINT));

    trials.function.simulator.add_fault(refused(3));
    trials.finish().await;
    assert_eq!(trials.function.simulator.faults_not_fired(), [""; 0]);
}
