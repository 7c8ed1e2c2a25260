//! How many requests a job takes: a formula, so that a change that costs more is seen.

use std::time::Duration;

use serde_json::json;
use simulator::{Fault, Invocation, Outcome};

use super::{PAGE, PAGES, Trials, five_pages};

/// Is it committed, is there a checkpoint; the pages; a file a label; are the files there; the commit.
fn clean(labels: usize) -> usize {
    2 + PAGES + labels + 2
}

#[tokio::test]
async fn the_requests_of_a_job_follow_from_its_pages_and_labels() {
    let trials = Trials::start(five_pages()).await;
    let labels = trials.clean.len() - 1;
    let requests = || trials.function.simulator.requests().len();
    assert_eq!(requests(), clean(labels));

    trials.function.simulator.clear_requests();
    trials.function.export("job").await;
    assert_eq!(requests(), 1, "a duplicate");

    trials.survive([Fault::on(PAGE).nth(3).status(500, "InternalServerError")]).await;
    assert_eq!(requests(), clean(labels) + 1, "a fault that passes");

    trials.survive([Fault::on(PAGE).nth(3).status(400, "InvalidPaginationTokenException")]).await;
    let files_again = requests() - (clean(labels) + 3 + 2);
    // Those closed before the third page, which are found there: the refused PUT, and a HEAD.
    assert!(files_again.is_multiple_of(2) && files_again < 2 * labels, "{files_again}");
}

#[tokio::test]
async fn each_hand_over_costs_four_requests_and_all_together_one_more() {
    let trials = Trials::start(five_pages()).await;
    let labels = trials.clean.len() - 1;
    for hand_overs in 1..=2 {
        // A page that takes most of the time of its invocation: there is none for another.
        let slow = |page| Fault::on(PAGE).nth(page).delay(Duration::from_millis(800));
        trials.begin((0..hand_overs).map(|hand_over| slow(2 + 2 * hand_over)));
        let simulator = &trials.function.simulator;
        let mut message = json!({"JobId": "job"});
        for _ in 0..hand_overs {
            let short = Invocation { timeout: Duration::from_millis(1800), ..Invocation::default() };
            let Outcome::Response(answer) = simulator.invoke(message.to_string(), short).await else {
                panic!("{:?}", simulator.requests());
            };
            assert_eq!(answer["jobs"][0]["outcome"], "HANDED_OVER");
            message = simulator.take_invoked().remove(0);
        }
        trials.function.succeed(message).await;
        trials.finish().await;

        let requests = simulator.requests();
        // On a machine that is very slow a page is given up at the end of its invocation, and asked for again.
        let given_up = requests.iter().filter(|request| request.status == 0).count();
        let duplicate = 1;
        // Of each: the checkpoint, the invocation, and again whether it is committed, and the checkpoint. In the end
        // the checkpoint is deleted.
        let expected = clean(labels) + 4 * hand_overs + 1;
        assert_eq!(requests.len(), expected + given_up + duplicate, "{hand_overs} hand-overs");
    }
}
