//! The number of requests of a job follows a formula, so that a change that costs more requests fails a test.

use std::time::Duration;

use rekognition_simulator::{Fault, Outcome};
use serde_json::json;

use super::{PAGES, Trials, five_pages};
use crate::support::{PAGE, within};

/// Returns the number of requests of an export without faults: HEAD of the commit, GET of the checkpoint, the pages,
/// one file per label, the listing of the files, the commit.
fn clean(labels: usize) -> usize {
    2 + PAGES + labels + 2
}

#[tokio::test]
async fn request_count_follows_from_pages_and_labels() {
    let trials = Trials::start(five_pages()).await;
    let labels = trials.clean.len() - 1;
    let requests = || trials.function.simulator.requests().len();
    assert_eq!(requests(), clean(labels));

    trials.function.simulator.clear_requests();
    trials.function.export("job").await;
    assert_eq!(requests(), 1, "a duplicate");

    trials.export_with([Fault::on(PAGE).nth(3).status(500, "InternalServerError")]).await;
    assert_eq!(requests(), clean(labels) + 1, "a transient fault");

    trials.export_with([Fault::on(PAGE).nth(3).status(400, "InvalidPaginationTokenException")]).await;
    let files_again = requests() - (clean(labels) + 3 + 2);
    // Files that were written before the third page: the second pass finds them, with a refused PUT and a HEAD each.
    assert!(files_again.is_multiple_of(2) && files_again < 2 * labels, "{files_again}");
}

#[tokio::test]
async fn each_handover_costs_four_requests_plus_one_in_total() {
    let trials = Trials::start(five_pages()).await;
    let labels = trials.clean.len() - 1;
    for handovers in 1..=2 {
        // A page that takes most of its invocation's time, so that no other fits.
        let slow = |page| Fault::on(PAGE).nth(page).delay(Duration::from_millis(800));
        trials.arrange((0..handovers).map(|handover| slow(2 + 2 * handover)));
        let simulator = &trials.function.simulator;
        let mut message = json!({"JobId": "job"});
        for _ in 0..handovers {
            let short = within(Duration::from_millis(1800));
            let Outcome::Response(answer) = simulator.invoke(message.to_string(), short).await else {
                panic!("{:?}", simulator.requests());
            };
            assert_eq!(answer["jobs"][0]["outcome"], "HANDED_OVER");
            message = simulator.take_invoked().remove(0);
        }
        trials.function.succeed(message).await;
        trials.export().await;

        let requests = simulator.requests();
        // On a very slow machine a page is abandoned at the end of its invocation, and fetched again.
        let abandoned = requests.iter().filter(|request| request.status == 0).count();
        let duplicate = 1;
        // Per handover: PUT of the checkpoint, Invoke, HEAD of the commit, GET of the checkpoint. At the end, DELETE of
        // the checkpoint.
        let expected = clean(labels) + 4 * handovers + 1;
        assert_eq!(requests.len(), expected + abandoned + duplicate, "{handovers} handovers");
    }
}
