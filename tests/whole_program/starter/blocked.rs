//! Faults of the stack: no video can be started, the videos wait, and the error names the cause.

use rekognition_simulator::{Fault, Simulator};

use super::{SETTINGS, START, Starter, assert_distinct, reply, with_queues};
use crate::support::command;

const USER: &str = "User: arn:aws:sts::123456789012:assumed-role/starter/x is not authorized to perform";

/// Wakes a starter that meets these faults, with two videos. Returns the error. When the faults are over, both videos are
/// started.
async fn error_after(fault: Fault) -> String {
    let mut starter = Starter::start(Simulator::builder().fault(fault)).await;
    starter.send("a.mp4", "e");
    starter.send("b.mp4", "e");
    let message = starter.blocked().await;
    starter.assert_faults_fired();
    assert_eq!((starter.waiting(), starter.failures().len()), (2, 0), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    starter.run_until_empty().await;
    assert_distinct(&starter.started(), 2);
    assert_eq!(starter.failures().len(), 0);
    message
}

#[tokio::test]
async fn names_the_permission_that_rekognition_misses() {
    for (action, resource) in
        [("rekognition:StartLabelDetection", "*"), ("iam:PassRole", "arn:aws:iam::123456789012:role/rekognition")]
    {
        let body = reply("AccessDeniedException", &format!("{USER}: {action} on resource: {resource}"));
        let message = error_after(Fault::on(START).reply_body(400, body)).await;
        let advice = format!("allow {action} on {resource} in the role of the starter");
        assert!(message.contains(&advice) && message.contains(USER), "{message}");
    }
}

#[tokio::test]
async fn names_the_topic_and_the_role_that_rekognition_does_not_accept() {
    let body = reply("InvalidParameterException", "Invalid NotificationChannel: SNSTopicArn is not valid");
    let message = error_after(Fault::on(START).reply_body(400, body)).await;
    assert!(message.contains("AmazonRekognition-label-lake") && message.contains("role/rekognition"), "{message}");
}

/// The text of Rekognition says only that a parameter is wrong. The same settings go with every video.
#[tokio::test]
async fn a_setting_that_rekognition_does_not_accept_keeps_the_videos_in_their_queue() {
    for code in ["InvalidParameterException", "ValidationException"] {
        let body = reply(code, "Request has invalid parameters");
        let message = error_after(Fault::on(START).reply_body(400, body)).await;
        assert!(message.contains(code) && message.contains("MinConfidence, IncludeLabels"), "{message}");
    }
}

#[tokio::test]
async fn names_the_credentials_that_are_not_valid() {
    let message = error_after(Fault::on(START).status(400, "UnrecognizedClientException")).await;
    assert!(message.contains("UnrecognizedClientException"), "{message}");
}

#[tokio::test]
async fn names_the_permission_that_a_queue_misses() {
    for operation in ["ReceiveMessage", "DeleteMessage"] {
        let message = error_after(Fault::on(operation).status(403, "AccessDeniedException")).await;
        let advice = format!("allow sqs:{operation} on https://sqs.us-east-1.amazonaws.com/123456789012/videos");
        assert!(message.contains(&advice), "{message}");
    }
}

#[tokio::test]
async fn names_the_permission_to_put_a_video_back() {
    let fault = Fault::on("ChangeMessageVisibility").status(403, "AccessDeniedException");
    let mut starter = Starter::start(Simulator::builder().slots(0).fault(fault)).await;
    starter.send("a.mp4", "e");
    let message = starter.blocked().await;
    assert!(message.contains("allow sqs:ChangeMessageVisibility on "), "{message}");
    starter.assert_faults_fired();
    starter.simulator().advance(super::ALL_VISIBLE);
    starter.restart().await;
    assert_eq!(starter.minute().await["refused"], 1);
    assert_eq!(starter.waiting(), 1);
}

#[tokio::test]
async fn names_a_queue_that_does_not_exist() {
    let account = Simulator::builder().queue("failures");
    let function = crate::support::Function::start(account, SETTINGS).await;
    let (error_type, message) = function.fail("{}").await;
    assert_eq!(error_type, "StartsBlocked");
    assert!(message.contains("123456789012/videos") && message.contains("QueueDoesNotExist"), "{message}");
}

#[tokio::test]
async fn invalid_setting_stops_the_starter_at_start() {
    let simulator = with_queues(Simulator::builder()).start().await.unwrap();
    for (variable, value) in [
        ("VIDEO_QUEUE_URL", ""),
        ("FAILED_QUEUE_URL", "failures"),
        ("TOPIC_ARN", "topic"),
        ("REKOGNITION_ROLE_ARN", ""),
        ("MIN_CONFIDENCE", "101"),
        ("JOB_TAG", "two words"),
    ] {
        let settings: Vec<_> = SETTINGS.iter().copied().chain([(variable, value)]).collect();
        let output = command(&simulator, &settings).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(error.contains("Configuration") && error.contains(variable) && error.contains("expected"), "{error}");
    }
    assert!(simulator.requests().is_empty());
}
