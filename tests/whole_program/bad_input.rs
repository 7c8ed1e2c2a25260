//! What cannot be done is said clearly, and nothing is asked for that should not be.

use serde_json::{Value, json};
use simulator::{Fault, Generated, Job, Simulator};

use crate::function::{Function, command};

fn account() -> simulator::Builder {
    Simulator::builder().job("job", Job::generated(Generated { labels: 2_000, names: 5, ..Generated::default() }))
}

#[tokio::test]
async fn an_event_that_names_no_job_is_refused_before_any_request() {
    let function = Function::start(account(), &[]).await;
    for (event, expected, word) in [
        (json!({}), "InvalidEvent", "JobId"),
        (json!({"Status": "SUCCEEDED"}), "InvalidEvent", "JobId"),
        (json!({"Records": [{"Sns": {"Message": "{"}}]}), "InvalidEvent", "not JSON"),
        (json!({"JobId": "../x"}), "InvalidJobId", "../x"),
        (json!({"JobId": ""}), "InvalidJobId", "1 to 64"),
        (json!({"JobId": "x".repeat(65)}), "InvalidJobId", "1 to 64"),
        (json!({"JobId": 5}), "InvalidJobId", "5"),
        (json!("JobId"), "InvalidEvent", "JobId"),
        (Value::Null, "InvalidEvent", "JobId"),
    ] {
        let (error_type, message) = function.fail(&event).await;
        assert_eq!(error_type, expected, "{event}");
        assert!(message.contains(word), "{event}: {message}");
    }
    assert!(function.operations().is_empty());
}

#[tokio::test]
async fn an_unknown_job_is_named_and_leaves_nothing() {
    let function = Function::start(account().listing_allowed(true), &[]).await;
    let (error_type, message) = function.fail(json!({"JobId": "nobody"})).await;
    assert_eq!(error_type, "JobNotFound");
    assert!(message.contains("nobody") && message.contains("7 days"), "{message}");
    assert_eq!(function.operations(), ["HeadObject", "GetObject", "GetLabelDetection"]);
    assert!(function.simulator.objects().is_empty());
    let log = function.stop().await;
    let failures: Vec<_> = log.iter().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(failures.len(), 1, "a failure is logged once: {log:?}");
    let line: Value = serde_json::from_str(failures[0]).unwrap();
    assert_eq!((&line["job"], &line["error_type"]), (&json!("nobody"), &json!("JobNotFound")));
}

#[tokio::test]
async fn without_the_permission_to_list_the_error_says_which_is_missing() {
    let function = Function::start(account(), &[]).await;
    let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, "AccessDenied");
    assert!(message.contains("s3:ListBucket") && message.contains("s3://lake/jobs/job-job.parquet"), "{message}");
    assert_eq!(function.operations(), ["HeadObject"], "tried once");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let function = Function::start(account().listing_allowed(true), &[("OUTPUT_BUCKET", "no-such-lake")]).await;
    let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
    // HEAD has no body to say NoSuchBucket in: the GET of the checkpoint does.
    assert_eq!(error_type, "Storage");
    assert!(message.contains("no-such-lake") && message.contains("NoSuchBucket"), "{message}");
}

#[tokio::test]
async fn a_bucket_of_another_owner_is_refused() {
    let owner = |account| [("EXPECTED_BUCKET_OWNER", account)];
    let function = Function::start(account().listing_allowed(true), &owner("999999999999")).await;
    assert_eq!(function.fail(json!({"JobId": "job"})).await.0, "AccessDenied");
    let function = function.with_settings(&owner(simulator::ACCOUNT)).await;
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
}

#[tokio::test]
async fn a_repeated_token_and_a_page_of_another_job_are_errors() {
    for (job, word) in [
        (Generated { labels: 3_000, ..Generated::default() }, "NextToken"),
        (Generated { labels: 3_000, ..Generated::default() }, "another"),
    ] {
        let job = Job::generated(job);
        let job = if word == "NextToken" {
            job.edit(2, |page| page["NextToken"] = page["NextToken"].clone()).repeat_token_at(2)
        } else {
            job.edit(2, |page| page["JobId"] = json!("another"))
        };
        let function = Function::start(Simulator::builder().job("job", job).listing_allowed(true), &[]).await;
        let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
        assert_eq!(error_type, "UnexpectedPage");
        assert!(message.contains(word) && message.contains("page "), "{message}");
        assert!(!function.simulator.objects().contains_key("jobs/job-job.parquet"));
    }
}

#[tokio::test]
async fn a_key_over_1024_bytes_is_an_error() {
    let label = json!({"Timestamp": 0, "Label": {"Name": "%".repeat(400)}});
    let account = Simulator::builder().job("job", Job::from_labels(vec![label])).listing_allowed(true);
    let function = Function::start(account, &[]).await;
    let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, "KeyTooLong");
    assert!(message.contains("1024"), "{message}");
    assert_eq!(function.count("PutObject"), 0);
}

#[tokio::test]
async fn a_wrong_setting_stops_the_function_at_start() {
    let simulator = account().start().await.unwrap();
    for (variable, value) in
        [("AGGREGATE_BY", "ALL"), ("OUTPUT_PREFIX", "/lake"), ("OUTPUT_BUCKET", ""), ("RUST_LOG", "x=y=z")]
    {
        let output = command(&simulator, &[(variable, value)]).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(error.contains("Configuration") && error.contains(variable) && error.contains("expected"), "{error}");
    }
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn what_is_denied_is_named_with_its_action_and_tried_once() {
    for (operation, action) in [("GetLabelDetection", "rekognition:GetLabelDetection"), ("PutObject", "s3:PutObject")] {
        let fault = Fault::on(operation).always().status(403, "AccessDeniedException");
        let labels = Generated { labels: 10, names: 1, ..Generated::default() };
        let account = Simulator::builder().job("job", Job::generated(labels)).listing_allowed(true).fault(fault);
        let function = Function::start(account, &[]).await;
        let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
        assert_eq!(error_type, "AccessDenied");
        assert!(message.contains(action) && message.contains("job job"), "{message}");
        assert_eq!(function.count(operation), 1);
        assert!(function.simulator.faults_not_fired().is_empty());
    }
}
