//! Permanent faults: the request is sent once, and the error says where to look.

use rekognition_simulator::{Fault, Request, RequestMatcher};
use serde_json::{Value, json};

use super::{PAGES, Trials, five_pages};
use crate::support::{CHECKPOINT, COMMIT, PAGE};

/// Asserts that the faulty request is sent once, fails with this error and leaves no commit, and that a redelivery
/// without the fault completes the job.
async fn fails_once(trials: &Trials, fault: Fault, target: &str, error: &str, words: &[&str]) {
    trials.arrange([fault]);
    let (error_type, message) = trials.function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, error, "{message}");
    for word in words {
        assert!(message.contains(word), "{word}: {message}");
    }
    let simulator = &trials.function.simulator;
    assert_eq!(simulator.faults_not_fired(), [""; 0]);
    let requests = simulator.requests();
    let first = requests.iter().position(|request| request.fault.is_some()).unwrap();
    let is_retry = |later: &&Request| {
        (&later.operation, &later.target, &later.detail)
            == (&requests[first].operation, &requests[first].target, &requests[first].detail)
    };
    assert!(requests[first].target.contains(target));
    assert_eq!(requests[first + 1..].iter().filter(is_retry).count(), 0, "sent once");
    assert!(!simulator.store().contains(COMMIT));
    // A job that lacks only its commit keeps its checkpoint.
    for (key, bytes) in simulator.objects().into_iter().filter(|(key, _)| key != CHECKPOINT) {
        assert_eq!(trials.clean.get(&key), Some(&bytes), "{key}");
    }
    trials.export().await;
}

#[tokio::test]
async fn denied_s3_request_is_named_with_bucket_key_and_action() {
    let trials = Trials::start(five_pages()).await;
    let file = trials.first_file().to_owned();
    let denied = [(403, "AccessDenied"), (400, "KMS.DisabledException"), (403, "SignatureDoesNotMatch")];
    for (operation, key, action) in [
        ("GetObject", CHECKPOINT, "s3:GetObject"),
        ("PutObject", file.as_str(), "s3:PutObject"),
        ("PutObject", COMMIT, "s3:PutObject"),
    ] {
        let url = format!("s3://lake/{key}");
        for (http, code) in denied {
            let fault = Fault::on(operation).key_contains(key).status(http, code);
            fails_once(&trials, fault, key, "AccessDenied", &["job job", &url, action, code]).await;
        }
        let fault = Fault::on(operation).key_contains(key).status(404, "NoSuchBucket");
        fails_once(&trials, fault, key, "Storage", &["job job", &url, action, "NoSuchBucket"]).await;
    }
    // The reply to HEAD has no body, so 403 is all that is known.
    let fault = Fault::on("HeadObject").key_contains(COMMIT).status(403, "AccessDenied");
    let words = ["s3://lake/jobs/job-job.parquet", "s3:GetObject", "s3:ListBucket"];
    fails_once(&trials, fault, COMMIT, "AccessDenied", &words).await;
}

#[tokio::test]
async fn bucket_in_another_region_is_named_with_its_region() {
    const REGION_HEADER: &str = "x-amz-bucket-region";
    let trials = Trials::start(five_pages()).await;
    let file = trials.first_file().to_owned();
    let requests = [("HeadObject", COMMIT), ("GetObject", CHECKPOINT), ("PutObject", &file), ("PutObject", COMMIT)];
    for (operation, key) in requests {
        let url = format!("s3://lake/{key}");
        let on = || Fault::on(operation).key_contains(key);
        for (http, code) in [
            (301, "PermanentRedirect"),
            (307, "TemporaryRedirect"),
            (400, "AuthorizationHeaderMalformed"),
            (400, "IllegalLocationConstraintException"),
        ] {
            let words = ["job job", &url, "the bucket is in eu-west-1; deploy the function in that region"];
            let fault = on().status_with_header(http, code, REGION_HEADER, "eu-west-1");
            fails_once(&trials, fault, key, "Storage", &words).await;
        }
        let words = ["job job", &url, "the bucket is at another endpoint, most likely in another region"];
        fails_once(&trials, on().status(301, "PermanentRedirect"), key, "Storage", &words).await;
    }
    // A 400 without a body means expired credentials, unless the bucket is in another region.
    let expired =
        Fault::on("HeadObject").status_with_header(400, "ExpiredToken", REGION_HEADER, rekognition_simulator::REGION);
    assert_eq!(trials.export_with([expired]).await, "EXPORTED");
}

#[tokio::test]
async fn unimplemented_operation_is_requested_once() {
    let trials = Trials::start(five_pages()).await;
    let file = trials.first_file().to_owned();
    for (operation, key, error) in
        [("HeadObject", COMMIT, "Storage"), ("GetObject", CHECKPOINT, "Checkpoint"), ("PutObject", &file, "Storage")]
    {
        let fault = Fault::on(operation).key_contains(key).status(501, "NotImplemented");
        fails_once(&trials, fault, key, error, &["job job", "retrying will not help until the cause is fixed"]).await;
    }
}

#[tokio::test]
async fn refused_rekognition_call_is_named_with_its_action() {
    let trials = Trials::start(five_pages()).await;
    for page in [1, 3, PAGES] {
        for (http, code, error, word) in [
            (400, "AccessDeniedException", "AccessDenied", "rekognition:GetLabelDetection"),
            (400, "ResourceNotFoundException", "JobNotFound", "7 days"),
            (400, "InvalidParameterException", "Upstream", "rekognition:GetLabelDetection"),
        ] {
            let fault = Fault::on(PAGE).nth(page).status(http, code);
            fails_once(&trials, fault, "job", error, &["job job", word]).await;
        }
    }
}

#[tokio::test]
async fn contradictory_page_is_an_error_that_names_the_page() {
    let trials = Trials::start(five_pages()).await;
    let status = |status: &str| json!({"JobStatus": status, "Labels": []});
    for (page, body, word) in [
        (1, status("PAUSED"), "PAUSED"),
        (3, status("PAUSED"), "PAUSED"),
        (PAGES, status("IN_PROGRESS"), "IN_PROGRESS"),
        (3, status("FAILED"), "FAILED"),
        (3, json!({"JobStatus": "SUCCEEDED", "JobId": "another", "Labels": []}), "another"),
        (2, aggregated_by("SEGMENTS"), "SEGMENTS"),
    ] {
        let fault = reply(Fault::on(PAGE).nth(page), &body);
        let words = ["job job", &format!("page {page} of TIMESTAMPS"), word];
        fails_once(&trials, fault, "job", "UnexpectedPage", &words).await;
    }
}

fn aggregated_by(aggregation: &str) -> Value {
    json!({"JobStatus": "SUCCEEDED", "Labels": [], "GetRequestMetadata": {"AggregateBy": aggregation}})
}

fn reply(requests: RequestMatcher, body: &Value) -> Fault {
    requests.reply_body(200, body.to_string())
}
