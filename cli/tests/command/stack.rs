//! `--stack`: commands that take their names from a stack, and the doctor when calls are denied.

use rekognition_simulator::Simulator;
use serde_json::Value;

use crate::account::{Account, DATABASE, job, with_catalog};
use crate::deployment::Deployment;

const QUEUE: &str = "label-lake-failed";
/// Services that the simulator does not have, or of which it has other operations than the doctor calls.
const DENIED: [&str; 7] = ["CLOUDWATCH", "IAM", "LAMBDA", "SCHEDULER", "SFN", "SNS", "SQS"];

/// Returns a deployed stack whose lake has `job-1`.
async fn deploy() -> Deployment {
    let builder = Simulator::builder().queue(QUEUE).job("job-1", job(4)).job("job-2", job(3));
    let account = Account::start(with_catalog(builder), &[("GLUE_DATABASE", DATABASE)]).await;
    account.export("job-1").await;
    let queue = account.simulator.queue_url(QUEUE);
    Deployment::of(account, &[], &[("FailedQueueUrl", &queue)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_takes_its_names_from_the_stack() {
    let deployment = deploy().await;
    let simulator = &deployment.account.simulator;
    let message = simulator.send_message(QUEUE, r#"{"JobId": "job-1"}"#);
    for (arguments, words) in [
        (&["status", "--stack", "label-lake", "job-1"][..], "Partitions 4 of 4 in label_detections"),
        (&["list", "--stack", "label-lake"], "job-1"),
        (&["show", "job-1", "--stack", "label-lake"], "job-1"),
        (&["query", "jobs-of-a-video", "b", "k", "--sql", "--stack", "label-lake"], "s3://lake/jobs/"),
        (&["replay", "--stack", "label-lake"], "1 message replayed"),
        (&["backfill", "--stack", "label-lake", "job-2"], "1 job: 1 EXPORTED"),
        (&["export", "job-2", "--stack", "label-lake", "--overwrite"], "job-2  EXPORTED"),
        (&["register", "--stack", "label-lake", "--all"], "2 jobs, 7 partitions, 0 created"),
        (&["delete", "--stack", "label-lake", "--yes", "job-2"], "3 partitions"),
    ] {
        let output = deployment.run(arguments).await;
        assert_eq!(output.code, Some(0), "{arguments:?}: {}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(words), "{arguments:?}: {}", output.stdout);
    }
    assert!(!simulator.messages(QUEUE).iter().any(|left| left.id == message));
    assert_eq!(simulator.partitions(DATABASE, "label_detections").len(), 4);
}

#[tokio::test]
async fn names_a_stack_that_is_missing_or_not_from_the_template() {
    let deployment = deploy().await;
    let missing = deployment.run(&["status", "--stack", "other"]).await;
    assert_eq!((missing.code, &*missing.stdout), (Some(1), ""));
    assert!(
        missing.stderr.starts_with("error: stack other not found in us-east-1\nhint: check --stack"),
        "{}",
        missing.stderr
    );
    let foreign = deployment.run(&["list", "--stack", "elsewhere"]).await;
    assert_eq!((foreign.code, &*foreign.stdout), (Some(1), ""));
    let error = "error: stack elsewhere (CREATE_COMPLETE) has no output BucketName\nhint: name a stack";
    assert!(foreign.stderr.starts_with(error), "{}", foreign.stderr);
}

#[tokio::test]
async fn a_stack_replaces_the_other_names() {
    let deployment = deploy().await;
    for arguments in [
        &["status", "--stack", "label-lake", "--lake", "s3://lake", "job-1"][..],
        &["status", "--stack", "label-lake", "--database", DATABASE, "job-1"],
        &["list", "--stack", "label-lake", "--lake", "s3://lake"],
        &["replay", "--stack", "label-lake", "https://queue"],
        &["backfill", "--stack", "label-lake", "--function", "label-lake", "job-1"],
        &["export", "job-1", "--stack", "label-lake", "--to", "s3://lake"],
        &["status", "--lake", "s3://lake"],
        &["replay"],
        &["backfill", "job-1"],
        &["register", "--lake", "s3://lake", "--all"],
    ] {
        let output = deployment.run(arguments).await;
        assert_eq!((output.code, &*output.stdout), (Some(2), ""), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_denied_call_is_a_fault_that_names_the_permission() {
    let deployment = deploy().await;
    let output = deployment.run_with(&["status", "--stack", "label-lake", "--json"], &DENIED).await;
    assert_eq!((output.code, &*output.stderr), (Some(1), ""));
    let report = output.json();
    let check = |name: &str| -> &Value {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
    };
    for (name, action) in [
        ("topic", "sns:GetTopicAttributes"),
        ("dead-letter queue", "sqs:GetQueueAttributes"),
        ("function", "lambda:GetFunctionConfiguration"),
        ("function permissions", "iam:GetRole"),
        ("Rekognition permissions", "iam:GetRole"),
        ("alarms", "cloudwatch:DescribeAlarms"),
        ("tables of all jobs", "states:DescribeStateMachine"),
        ("schedule AllJobsSchedule", "scheduler:GetSchedule"),
    ] {
        let check = check(name);
        let fix = check["fix"].as_str().unwrap_or_default();
        assert!(fix.starts_with(&format!("allow {action} on ")), "{check:#}");
        assert!(check["text"].as_str().unwrap_or_default().contains("cannot be read"), "{check:#}");
    }
    // Without permissions, the other checks still run.
    assert_eq!((&check("stack")["ok"], &check("job job-1")["ok"]), (&true.into(), &true.into()));
    assert_eq!(check("table label_detections")["text"], "is in s3://lake/label_detections/");
    assert_eq!(check("table jobs")["text"], format!("table {DATABASE}.jobs does not exist"));
    assert_eq!(report["faults"], 9);

    let text = deployment.run_with(&["status", "--stack", "label-lake"], &DENIED).await;
    assert_eq!((text.code, &*text.stderr), (Some(1), ""));
    assert!(text.stdout.starts_with("ok     stack"), "{}", text.stdout);
    assert!(text.stdout.ends_with(" checks, 9 faults\n"), "{}", text.stdout);
}
