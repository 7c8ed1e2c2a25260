//! Every kind of fault at every kind of request: the lake is the same as without faults.

mod endless;
mod hostile;
mod permanent;
mod requests;
mod stalls;
mod tokens;

use label_lake::export::checkpoint::Checkpoint;
use label_lake::table::aggregation::Aggregation;
use rekognition_simulator::{Fault, Job, RequestMatcher};
use serde_json::{Value, json};

use crate::support::{
    CHECKPOINT, COMMIT, Function, Objects, PAGE, account, assert_lossless, assert_same_lake, generated,
};

/// Pages of [`five_pages`].
const PAGES: usize = 5;

/// Kind of fault, to be applied to the chosen requests.
type Kind = fn(RequestMatcher) -> Fault;

fn five_pages() -> Job {
    generated(100, 8).page_size(20)
}

/// A function that exports one job again and again, each time into an empty lake.
struct Trials {
    function: Function,
    /// The lake after an export without faults.
    clean: Objects,
}

impl Trials {
    async fn start(job: Job) -> Self {
        let function = Function::start(account(job), &[]).await;
        function.export("job").await;
        assert_lossless(&function.simulator, "job", &[rekognition_simulator::Aggregation::Timestamps]);
        let clean = function.simulator.objects();
        Self { function, clean }
    }

    /// Empties the lake, and adds faults for the next export.
    fn arrange(&self, faults: impl IntoIterator<Item = Fault>) {
        let store = self.function.simulator.store();
        for key in store.keys() {
            store.delete(&key);
        }
        self.function.simulator.clear_requests();
        faults.into_iter().for_each(|fault| self.function.simulator.add_fault(fault));
    }

    /// Exports the job into an empty lake with these faults, asserts the lake, and returns the outcome.
    async fn export_with(&self, faults: impl IntoIterator<Item = Fault>) -> Value {
        self.arrange(faults);
        self.export().await
    }

    /// Exports the job, asserts that all faults fired and that the lake is the clean one, and returns the outcome.
    async fn export(&self) -> Value {
        let answer = self.function.export("job").await;
        assert_eq!(self.function.simulator.faults_not_fired(), [""; 0]);
        assert_same_lake(&self.function.simulator.objects(), &self.clean);
        answer["jobs"][0]["outcome"].clone()
    }

    /// Returns the key of the first label's file.
    fn first_file(&self) -> &str {
        self.clean.keys().find(|key| key.starts_with("label_detections/")).unwrap()
    }
}

/// Transient faults of a request for a page.
const PAGE_FAULTS: [Kind; 16] = [
    |page| page.status(500, "InternalServerError"),
    |page| page.status(503, "SlowDown"),
    |page| page.status(400, "ThrottlingException"),
    |page| page.status(400, "ProvisionedThroughputExceededException"),
    |page| page.status(400, "ExpiredTokenException"),
    |page| page.reset(),
    |page| page.reset_after_bytes(300),
    |page| page.truncate(300),
    |page| page.lose_reply(),
    |page| page.reply_body(200, ""),
    |page| page.reply_body(200, r#"{"JobStatus":"SUCCEEDED","Labels":[{"Timestamp":0"#),
    |page| page.reply_body(200, &b"{\"JobStatus\":\"SUCCEEDED\",\"Labels\":[{\"Label\":{\"Name\":\"\xff\"}}]}"[..]),
    |page| page.reply_body(200, r#"{"JobStatus":"SUCCEEDED","Labels":[{"Label":{"Name":"\ud800"}}]}"#),
    |page| page.reply_body(200, r#"{"JobStatus":"SUCCEEDED","Labels":[{"Timestamp":"soon"}]}"#),
    |page| page.reply_body(200, r#"{"__type":"InternalServerError","Message":"simulated"}"#),
    |page| page.reply_body(200, r#"{"Labels":[]}"#),
];

#[tokio::test]
async fn retries_any_transient_fault_of_a_page_request() {
    let trials = Trials::start(five_pages()).await;
    for kind in PAGE_FAULTS {
        for page in [1, PAGES / 2 + 1, PAGES] {
            let outcome = trials.export_with([kind(Fault::on(PAGE).nth(page))]).await;
            assert_eq!(outcome, "EXPORTED");
            assert_eq!(trials.function.count(PAGE), PAGES + 1);
        }
    }
}

/// Transient faults of a request to S3.
const STORE_FAULTS: [Kind; 12] = [
    |request| request.status(500, "InternalError"),
    |request| request.status(400, "KMS.ThrottlingException"),
    |request| request.status(503, "KMS.DependencyTimeoutException"),
    |request| request.status(500, "KMS.KMSInternalException"),
    |request| request.status(503, "SlowDown"),
    |request| request.status(503, "ServiceUnavailable"),
    |request| request.status(409, "ConditionalRequestConflict"),
    |request| request.status_after(500, "InternalError"),
    |request| request.reset(),
    |request| request.reset_after_bytes(40),
    |request| request.truncate(10),
    |request| request.lose_reply(),
];

#[tokio::test]
async fn retries_any_transient_fault_of_an_s3_request() {
    let trials = Trials::start(five_pages()).await;
    let operations =
        [("HeadObject", COMMIT), ("GetObject", CHECKPOINT), ("PutObject", trials.first_file()), ("PutObject", COMMIT)];
    for (operation, key) in operations {
        for kind in STORE_FAULTS {
            trials.export_with([kind(Fault::on(operation).key_contains(key))]).await;
        }
    }
}

#[tokio::test]
async fn retries_any_transient_fault_of_a_checkpoint_request() {
    let trials = Trials::start(five_pages()).await;
    let completion = serde_json::from_value(json!({"JobId": "job"})).unwrap();
    let checkpoint = Checkpoint::new(completion, &[Aggregation::Timestamps]).encode();
    for operation in ["GetObject", "PutObject", "DeleteObject"] {
        for kind in STORE_FAULTS {
            let refused = Fault::on(PAGE).nth(3).status(400, "InvalidPaginationTokenException");
            trials.arrange([refused, kind(Fault::on(operation).key_contains(CHECKPOINT))]);
            trials.function.simulator.store().put(CHECKPOINT, checkpoint.clone());
            assert_eq!(trials.export().await, "EXPORTED");
        }
    }
}

#[tokio::test]
async fn failed_precondition_compares_the_existing_object() {
    let trials = Trials::start(five_pages()).await;
    let put = |key: &str| Fault::on("PutObject").key_contains(key);
    let file = trials.first_file();
    // The first attempt wrote the object, so the retry's condition fails.
    assert_eq!(trials.export_with([put(file).status_after(412, "PreconditionFailed")]).await, "EXPORTED");
    // An object existed a moment ago, and is gone.
    assert_eq!(trials.export_with([put(file).status(412, "PreconditionFailed")]).await, "EXPORTED");
    // A commit without a reply looks the same as the commit of another copy.
    assert_eq!(trials.export_with([put(COMMIT).status_after(412, "PreconditionFailed")]).await, "COMMITTED_BY_ANOTHER");
}

#[tokio::test]
async fn retries_expired_credentials() {
    let trials = Trials::start(five_pages()).await;
    let requests = [
        (Fault::on(PAGE).nth(2), "ExpiredTokenException"),
        (Fault::on("GetObject"), "ExpiredToken"),
        (Fault::on("PutObject").key_contains("label_"), "ExpiredToken"),
        (Fault::on("PutObject").key_contains(COMMIT), "ExpiredToken"),
    ];
    let faults = requests.map(|(requests, code)| requests.times(3).status(400, code));
    assert_eq!(trials.export_with(faults).await, "EXPORTED");
}

#[tokio::test]
async fn accepts_unusual_but_valid_pages() {
    let label = |name: Value, parents: Value| json!({"Timestamp": 0, "Label": {"Name": name, "Parents": parents}});
    let long = "x".repeat(10 * 1024);
    let huge = (0..1000).map(|index| label(format!("label {}", index % 7).into(), json!([{"Name": long}])));
    let nameless = || {
        let mut labels =
            vec![json!({"Timestamp": 5, "Label": {"Confidence": 50.5}}), json!({"Timestamp": 6, "Label": {}})];
        labels.extend((0..30).map(|index| label(format!("{index}").into(), json!([]))));
        labels
    };
    for (job, pages) in [
        (Job::from_labels(huge.collect()), 1),
        // Every second page is empty and has a token.
        (five_pages().empty_pages(2), 9),
        // A nested field looks like the token. It is prefetched and discarded, and then the right page is fetched.
        (five_pages().edit(2, |page| page["A"] = json!({"NextToken": "elsewhere"})), 6),
        (Job::from_labels(nameless()).page_size(10), 4),
    ] {
        let trials = Trials::start(job).await;
        assert_eq!(trials.function.count(PAGE), pages);
        for page in 1..=pages {
            trials.export_with([Fault::on(PAGE).nth(page).truncate(500)]).await;
        }
    }
}
