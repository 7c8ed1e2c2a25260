//! The starter dies, or a reply is lost, at any of its requests. Each video still has one job, and each failure is kept.

use std::time::Duration;

use rekognition_simulator::{Fault, Gate, Request, Simulator};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Starter;
use crate::support::Interruption;

/// Time limit of a run.
const LIMIT: Duration = Duration::from_mins(1);

/// Limits the concurrent runs.
static CONCURRENT_RUNS: Semaphore = Semaphore::const_new(8);

/// Returns a starter with three slots, events of four videos, one of them doubled, and one video that is missing.
async fn starter(fault: Option<Fault>) -> Starter {
    let account = Simulator::builder().slots(3);
    let starter = Starter::start(fault.into_iter().fold(account, rekognition_simulator::Builder::fault)).await;
    for key in ["a", "b", "c", "d"] {
        starter.simulator().add_video("videos", key, 7);
    }
    for key in ["a", "missing", "b", "a", "c", "d"] {
        starter.send(key, "e");
    }
    starter
}

/// Interrupts the starter at its k-th request, and checks what is left when no video waits any more.
async fn run(interruption: Interruption, k: usize) -> Request {
    let gate = Gate::new();
    let fault = interruption.at(Fault::on_any().nth(k), &gate);
    let name = fault.to_string();
    let mut starter = starter(Some(fault)).await;
    if interruption == Interruption::ReplyLost {
        starter.function.invoke(json!({})).await;
    } else {
        tokio::select! {
            biased;
            () = gate.reached() => {}
            outcome = starter.function.invoke(json!({})) => panic!("request {k} was not made: {outcome:?}"),
        }
        starter.restart().await;
    }
    starter.run_until_empty().await;
    starter.assert_faults_fired();
    let mut keys = starter.started();
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b", "c", "d"], "{interruption:?} at request {k}");
    let failures = starter.failures();
    // A death between the two requests that move a message leaves a copy of the failure, but never loses it.
    assert!(matches!(failures.len(), 1 | 2), "{interruption:?} at request {k}: {failures:?}");
    assert!(failures.iter().all(|failure| failure["video"]["detail"]["object"]["key"] == "missing"));
    let requests = starter.simulator().requests();
    requests.into_iter().find(|request| request.fault.as_ref() == Some(&name)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_video_has_one_job_after_an_interruption_at_any_request() {
    let uninterrupted = starter(None).await;
    // Three slots: `a` twice, `b` and `c`, the failure, and `d`, which is put back.
    assert_eq!(uninterrupted.minute().await, json!({ "started": 4, "refused": 1, "notStarted": 1 }));
    let requests = uninterrupted.function.operations();
    assert_eq!(requests.len(), 19, "{requests:?}");
    let mut running = JoinSet::new();
    for interruption in Interruption::ALL {
        for k in 1..=requests.len() {
            running.spawn(async move {
                let _permit = CONCURRENT_RUNS.acquire().await.unwrap();
                timeout(LIMIT, run(interruption, k)).await.expect("the run ends").operation
            });
        }
    }
    let interrupted = running.join_all().await;
    for operation in ["ReceiveMessage", super::START, "DeleteMessage", "SendMessage", "ChangeMessageVisibility"] {
        assert!(interrupted.iter().any(|interrupted| interrupted == operation), "{operation}");
    }
    assert_eq!(interrupted.len(), Interruption::ALL.len() * requests.len());
}
