//! Each kind of fault at each kind of request: the lake ends as if there had been none.

mod endless;
mod hostile;
mod permanent;
mod requests;
mod stalls;
mod tokens;

use std::collections::BTreeMap;

use bytes::Bytes;
use label_lake::export::checkpoint::Checkpoint;
use label_lake::table::aggregation::Aggregation;
use serde_json::{Value, json};
use simulator::{Fault, Generated, Job, RequestMatcher, Simulator};

use crate::function::Function;
use crate::reader::assert_lossless;

const PAGE: &str = "GetLabelDetection";
const COMMIT: &str = "jobs/job-job.parquet";
const CHECKPOINT: &str = "_checkpoints/job";
/// The pages of [`five_pages`].
const PAGES: usize = 5;

type Lake = BTreeMap<String, Bytes>;
/// What happens to the requests that it is given.
type Kind = fn(RequestMatcher) -> Fault;

fn five_pages() -> Job {
    Job::generated(Generated { labels: 100, names: 8, ..Generated::default() }).page_size(20)
}

fn account(job: Job) -> simulator::Builder {
    Simulator::builder().job("job", job).listing_allowed(true)
}

/// One function in one account, that exports one job again and again into an empty lake.
struct Trials {
    function: Function,
    /// What the lake is like after an export that nothing happened to.
    clean: Lake,
}

impl Trials {
    async fn start(job: Job) -> Self {
        let function = Function::start(account(job), &[]).await;
        function.export("job").await;
        assert_lossless(&function.simulator, "job", &[simulator::Aggregation::Timestamps]);
        let clean = function.simulator.objects();
        Self { function, clean }
    }

    /// Empties the lake, and adds faults for the export to come.
    fn begin(&self, faults: impl IntoIterator<Item = Fault>) {
        let store = self.function.simulator.store();
        for key in store.keys() {
            store.delete(&key);
        }
        self.function.simulator.clear_requests();
        faults.into_iter().for_each(|fault| self.function.simulator.add_fault(fault));
    }

    /// Exports the job, which has to succeed whatever happens, and compares the lake.
    async fn survive(&self, faults: impl IntoIterator<Item = Fault>) -> Value {
        self.begin(faults);
        self.finish().await
    }

    async fn finish(&self) -> Value {
        let answer = self.function.export("job").await;
        assert_eq!(self.function.simulator.faults_not_fired(), [""; 0]);
        assert_same_lake(&self.function.simulator.objects(), &self.clean);
        answer["jobs"][0]["outcome"].clone()
    }

    /// The key of the file of the first label.
    fn first_file(&self) -> &str {
        self.clean.keys().find(|key| key.starts_with("label_detections/")).unwrap()
    }
}

/// Which objects are missing, extra, or have other bytes.
pub(crate) fn differences(lake: &Lake, clean: &Lake) -> Vec<String> {
    let missing = clean.keys().filter(|key| !lake.contains_key(*key)).map(|key| format!("missing {key}"));
    let wrong = lake.iter().filter_map(|(key, bytes)| match clean.get(key) {
        None => Some(format!("extra {key}")),
        Some(right) => (right != bytes).then(|| format!("different {key}")),
    });
    missing.chain(wrong).collect()
}

/// Asserts that two lakes are the same, and names what is not without its bytes.
pub(crate) fn assert_same_lake(lake: &Lake, clean: &Lake) {
    assert_eq!(differences(lake, clean), [""; 0]);
}

/// What may come instead of a page. All of it passes.
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
async fn whatever_comes_instead_of_a_page_is_asked_for_again() {
    let trials = Trials::start(five_pages()).await;
    for kind in PAGE_FAULTS {
        for page in [1, PAGES / 2 + 1, PAGES] {
            let outcome = trials.survive([kind(Fault::on(PAGE).nth(page))]).await;
            assert_eq!(outcome, "EXPORTED");
            assert_eq!(trials.function.count(PAGE), PAGES + 1);
        }
    }
}

/// What may come instead of a reply of S3. All of it passes.
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
async fn whatever_comes_instead_of_a_reply_of_s3_the_request_is_made_again() {
    let trials = Trials::start(five_pages()).await;
    let operations =
        [("HeadObject", COMMIT), ("GetObject", CHECKPOINT), ("PutObject", trials.first_file()), ("PutObject", COMMIT)];
    for (operation, key) in operations {
        for kind in STORE_FAULTS {
            trials.survive([kind(Fault::on(operation).key_contains(key))]).await;
        }
    }
}

#[tokio::test]
async fn a_checkpoint_is_read_written_and_deleted_whatever_comes_in_between() {
    let trials = Trials::start(five_pages()).await;
    let completion = serde_json::from_value(json!({"JobId": "job"})).unwrap();
    let checkpoint = Checkpoint::new(completion, &[Aggregation::Timestamps]).encode();
    for operation in ["GetObject", "PutObject", "DeleteObject"] {
        for kind in STORE_FAULTS {
            let refused = Fault::on(PAGE).nth(3).status(400, "InvalidPaginationTokenException");
            trials.begin([refused, kind(Fault::on(operation).key_contains(CHECKPOINT))]);
            trials.function.simulator.store().put(CHECKPOINT, checkpoint.clone());
            assert_eq!(trials.finish().await, "EXPORTED");
        }
    }
}

#[tokio::test]
async fn an_object_that_is_there_already_is_looked_at_and_taken_for_what_it_is() {
    let trials = Trials::start(five_pages()).await;
    let put = |key: &str| Fault::on("PutObject").key_contains(key);
    let file = trials.first_file();
    // The object is there, and the condition of the SDK's or S3's own second attempt is not.
    assert_eq!(trials.survive([put(file).status_after(412, "PreconditionFailed")]).await, "EXPORTED");
    // There was one a moment ago.
    assert_eq!(trials.survive([put(file).status(412, "PreconditionFailed")]).await, "EXPORTED");
    // An unanswered commit cannot be told from that of a copy of this export.
    assert_eq!(trials.survive([put(COMMIT).status_after(412, "PreconditionFailed")]).await, "COMMITTED_BY_ANOTHER");
}

#[tokio::test]
async fn expired_credentials_are_an_error_that_passes() {
    let trials = Trials::start(five_pages()).await;
    let requests = [
        (Fault::on(PAGE).nth(2), "ExpiredTokenException"),
        (Fault::on("GetObject"), "ExpiredToken"),
        (Fault::on("PutObject").key_contains("label_"), "ExpiredToken"),
        (Fault::on("PutObject").key_contains(COMMIT), "ExpiredToken"),
    ];
    let faults = requests.map(|(requests, code)| requests.times(3).status(400, code));
    assert_eq!(trials.survive(faults).await, "EXPORTED");
}

#[tokio::test]
async fn pages_that_are_odd_but_right_are_taken_as_they_are() {
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
        // Every other page is empty, and has a token.
        (five_pages().empty_pages(2), 9),
        // What looks like the token is none: it is asked for in vain, and then the right one.
        (five_pages().edit(2, |page| page["A"] = json!({"NextToken": "elsewhere"})), 6),
        (Job::from_labels(nameless()).page_size(10), 4),
    ] {
        let trials = Trials::start(job).await;
        assert_eq!(trials.function.count(PAGE), pages);
        for page in 1..=pages {
            trials.survive([Fault::on(PAGE).nth(page).truncate(500)]).await;
        }
    }
}
