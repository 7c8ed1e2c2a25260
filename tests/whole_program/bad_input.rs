//! Bad events, settings and permissions: the error names the cause, and no needless request is made.

use rekognition_simulator::{Builder, Fault, Generated, Job};
use serde_json::{Value, json};

use crate::support::{COMMIT, Function, account, command, generated};

fn good_account() -> Builder {
    account(generated(2_000, 5))
}

#[tokio::test]
async fn refuses_event_without_valid_job_before_any_request() {
    let function = Function::start(good_account(), &[]).await;
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
async fn unknown_job_is_named_in_the_error_and_leaves_no_objects() {
    let function = Function::start(good_account(), &[]).await;
    let (error_type, message) = function.fail(json!({"JobId": "nobody"})).await;
    assert_eq!(error_type, "JobNotFound");
    assert!(message.contains("nobody") && message.contains("7 days"), "{message}");
    assert_eq!(function.operations(), ["HeadObject", "GetObject", "GetLabelDetection"]);
    assert!(function.simulator.objects().is_empty());
    let log = function.stop().await;
    let failures: Vec<_> = log.iter().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(failures.len(), 1, "the failure is logged once: {log:?}");
    let line: Value = serde_json::from_str(failures[0]).unwrap();
    assert_eq!((&line["job"], &line["error_type"]), (&json!("nobody"), &json!("JobNotFound")));
}

#[tokio::test]
async fn missing_list_permission_is_named_in_the_error() {
    let function = Function::start(good_account().listing_allowed(false), &[]).await;
    let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, "AccessDenied");
    assert!(message.contains("s3:ListBucket") && message.contains("s3://lake/jobs/job-job.parquet"), "{message}");
    assert_eq!(function.operations(), ["HeadObject"], "sent once");
}

#[tokio::test]
async fn missing_bucket_is_named_in_the_error() {
    let function = Function::start(good_account(), &[("OUTPUT_BUCKET", "no-such-lake")]).await;
    let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
    // The reply to HEAD has no body. The GET of the checkpoint is the first whose reply can say NoSuchBucket.
    assert_eq!(error_type, "Storage");
    assert!(message.contains("no-such-lake") && message.contains("NoSuchBucket"), "{message}");
}

#[tokio::test]
async fn bucket_of_another_owner_is_refused() {
    let owner = |account| [("EXPECTED_BUCKET_OWNER", account)];
    let function = Function::start(good_account(), &owner("999999999999")).await;
    assert_eq!(function.fail(json!({"JobId": "job"})).await.0, "AccessDenied");
    let function = function.with_settings(&owner(rekognition_simulator::ACCOUNT)).await;
    assert_eq!(function.export("job").await["jobs"][0]["outcome"], "EXPORTED");
}

#[tokio::test]
async fn repeated_token_and_page_of_another_job_are_errors() {
    let job = || Job::generated(Generated { detections: 3_000, ..Generated::default() });
    let repeated_token = job().edit(2, |page| page["NextToken"] = page["NextToken"].clone()).repeat_token_at(2);
    let page_of_another_job = job().edit(2, |page| page["JobId"] = json!("another"));
    for (job, word) in [(repeated_token, "NextToken"), (page_of_another_job, "another")] {
        let function = Function::start(account(job), &[]).await;
        let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
        assert_eq!(error_type, "UnexpectedPage");
        assert!(message.contains(word) && message.contains("page "), "{message}");
        assert!(!function.simulator.store().contains(COMMIT));
    }
}

#[tokio::test]
async fn key_over_1024_bytes_is_an_error() {
    let label = json!({"Timestamp": 0, "Label": {"Name": "%".repeat(400)}});
    let function = Function::start(account(Job::from_labels(vec![label])), &[]).await;
    let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
    assert_eq!(error_type, "KeyTooLong");
    assert!(message.contains("1024"), "{message}");
    assert_eq!(function.count("PutObject"), 0);
}

#[tokio::test]
async fn invalid_setting_stops_the_function_at_start() {
    let simulator = good_account().start().await.unwrap();
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
async fn denied_call_is_named_with_its_action_and_sent_once() {
    for (operation, action) in [("GetLabelDetection", "rekognition:GetLabelDetection"), ("PutObject", "s3:PutObject")] {
        let fault = Fault::on(operation).always().status(403, "AccessDeniedException");
        let function = Function::start(account(generated(10, 1)).fault(fault), &[]).await;
        let (error_type, message) = function.fail(json!({"JobId": "job"})).await;
        assert_eq!(error_type, "AccessDenied");
        assert!(message.contains(action) && message.contains("job job"), "{message}");
        assert_eq!(function.count(operation), 1);
        assert!(function.simulator.faults_not_fired().is_empty());
    }
}
