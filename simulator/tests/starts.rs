//! `StartLabelDetection` with its limits, and the queue that videos wait in.

#![allow(clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use std::time::Duration;

use aws_sdk_rekognition::error::ProvideErrorMetadata as _;
use aws_sdk_rekognition::types::{NotificationChannel, S3Object, Video};
use rekognition_simulator::{JobStatus, Simulator};
use serde_json::{Value, json};

use crate::client::{json_call, rekognition};

const GB: u64 = 1 << 30;

/// Starts a job of the video with this key. Returns its ID, or the code of the error.
async fn start(simulator: &Simulator, key: &str, token: &str) -> Result<String, String> {
    start_with(simulator, key, token, None).await
}

async fn start_with(
    simulator: &Simulator,
    key: &str,
    token: &str,
    min_confidence: Option<f32>,
) -> Result<String, String> {
    let object = S3Object::builder().bucket("videos").name(key).build();
    let channel = NotificationChannel::builder()
        .sns_topic_arn("arn:aws:sns:us-east-1:123456789012:topic")
        .role_arn("arn:aws:iam::123456789012:role/rekognition");
    let request = rekognition(simulator)
        .start_label_detection()
        .video(Video::builder().s3_object(object).build())
        .client_request_token(token)
        .set_min_confidence(min_confidence)
        .job_tag("tag")
        .notification_channel(channel.build().unwrap());
    match request.send().await {
        Ok(reply) => Ok(reply.job_id.unwrap()),
        Err(error) => Err(error.code().unwrap().to_owned()),
    }
}

#[tokio::test]
async fn a_token_returns_its_job_for_seven_days() {
    let simulator = Simulator::builder().slots(2).start().await.unwrap();
    let first = start(&simulator, "a.mp4", "t").await.unwrap();
    assert_eq!(start(&simulator, "a.mp4", "t").await.unwrap(), first);
    let mismatch = Err("IdempotentParameterMismatchException".to_owned());
    assert_eq!(start(&simulator, "b.mp4", "t").await, mismatch);
    assert_eq!(start_with(&simulator, "a.mp4", "t", Some(60.0)).await, mismatch);
    simulator.advance(Duration::from_hours(7 * 24));
    assert_ne!(start(&simulator, "a.mp4", "t").await.unwrap(), first);
    assert_eq!(simulator.started_jobs().len(), 2);
}

#[tokio::test]
async fn slots_are_limited_until_a_job_ends() {
    let simulator = Simulator::builder().slots(3).start().await.unwrap();
    simulator.hold_slots(1);
    let id = start(&simulator, "a.mp4", "a").await.unwrap();
    start(&simulator, "b.mp4", "b").await.unwrap();
    assert_eq!(start(&simulator, "c.mp4", "c").await, Err("LimitExceededException".to_owned()));
    // A repeated token needs no slot.
    assert_eq!(start(&simulator, "a.mp4", "a").await.as_ref(), Ok(&id));
    simulator.end_job(&id, JobStatus::Succeeded);
    start(&simulator, "c.mp4", "c").await.unwrap();
    let in_progress: Vec<_> = simulator.started_jobs().iter().map(|job| job.in_progress).collect();
    assert_eq!(in_progress, [false, true, true]);
}

#[tokio::test]
async fn calls_a_second_are_limited() {
    let simulator = Simulator::builder().start_quota(1).start().await.unwrap();
    start(&simulator, "a.mp4", "a").await.unwrap();
    let refused = start(&simulator, "b.mp4", "b").await;
    assert_eq!(refused, Err("ProvisionedThroughputExceededException".to_owned()));
}

#[tokio::test]
async fn a_job_publishes_its_end_and_then_has_labels() {
    let simulator = Simulator::builder().start().await.unwrap();
    let id = start(&simulator, "a.mp4", "a").await.unwrap();
    let page = || rekognition(&simulator).get_label_detection().job_id(&id).send();
    assert_eq!(page().await.unwrap().job_status().unwrap().as_str(), "IN_PROGRESS");
    let event = simulator.end_job(&id, JobStatus::Succeeded);
    let message: Value = serde_json::from_str(event["Records"][0]["Sns"]["Message"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&message["JobId"], &message["Status"], &message["JobTag"]),
        (&json!(id), &json!("SUCCEEDED"), &json!("tag"))
    );
    assert_eq!(message["Video"], json!({ "S3ObjectName": "a.mp4", "S3Bucket": "videos" }));
    let reply = page().await.unwrap();
    assert_eq!((reply.job_status().unwrap().as_str(), reply.labels().len()), ("SUCCEEDED", 1000));
    assert_eq!((reply.job_tag(), reply.video().unwrap().s3_object().unwrap().name()), (Some("tag"), Some("a.mp4")));

    let failed = start(&simulator, "b.mp4", "b").await.unwrap();
    simulator.end_job(&failed, JobStatus::Failed { message: "no video".to_owned() });
    let reply = rekognition(&simulator).get_label_detection().job_id(&failed).send().await.unwrap();
    assert_eq!(reply.status_message(), Some("no video"));
}

#[tokio::test]
async fn videos_are_checked_in_buckets_with_known_videos() {
    let simulator = Simulator::builder().start().await.unwrap();
    start(&simulator, "any.mp4", "any").await.unwrap();
    simulator.add_video("videos", "a.mp4", 10 * GB);
    simulator.add_video("videos", "large.mp4", 10 * GB + 1);
    start(&simulator, "a.mp4", "a").await.unwrap();
    assert_eq!(start(&simulator, "missing.mp4", "b").await, Err("InvalidS3ObjectException".to_owned()));
    assert_eq!(start(&simulator, "large.mp4", "c").await, Err("VideoTooLargeException".to_owned()));
}

/// Sends a request as it is, and returns the status of the reply.
async fn raw_start(simulator: &Simulator, change: impl FnOnce(&mut Value)) -> u16 {
    let mut request = json!({ "Video": { "S3Object": { "Bucket": "videos", "Name": "a.mp4" } } });
    change(&mut request);
    let target = "RekognitionService.StartLabelDetection";
    json_call(&simulator.rekognition_url(), target, &request).await.0
}

#[tokio::test]
async fn parameters_are_checked_as_by_the_api() {
    let simulator = Simulator::builder().slots(100).start().await.unwrap();
    let filters = |count| json!({ "GeneralLabels": { "LabelInclusionFilters": vec!["Car"; count] } });
    let channel = |topic: &str, role: &str| json!({ "SNSTopicArn": topic, "RoleArn": role });
    let (topic, role) = ("arn:aws:sns:us-east-1:123456789012:t", "arn:aws:iam::123456789012:role/r");
    for (field, valid, invalid) in [
        ("ClientRequestToken", json!("a-Z_0".repeat(12)), json!("x".repeat(65))),
        ("ClientRequestToken", json!("a"), json!("a b")),
        ("JobTag", json!("a_.-:+=/"), json!("a b")),
        ("MinConfidence", json!(0), json!(100.5)),
        ("MinConfidence", json!(100), json!(-1)),
        ("Features", json!(["GENERAL_LABELS"]), json!(["FACES"])),
        ("Settings", filters(100), filters(101)),
        ("NotificationChannel", channel(topic, role), channel("topic", role)),
        ("NotificationChannel", channel(topic, role), channel(topic, "role")),
        (
            "Video",
            json!({ "S3Object": { "Bucket": "videos", "Name": "é b.mp4" } }),
            json!({ "S3Object": { "Bucket": "videos", "Name": " b.mp4" } }),
        ),
        (
            "Video",
            json!({ "S3Object": { "Bucket": "videos", "Name": "k".repeat(1024) } }),
            json!({ "S3Object": { "Bucket": "videos", "Name": "k".repeat(1025) } }),
        ),
    ] {
        for (value, status) in [(valid, 200), (invalid, 400)] {
            assert_eq!(
                raw_start(&simulator, |request| request[field] = value.clone()).await,
                status,
                "{field}: {value}"
            );
        }
    }
    assert_eq!(raw_start(&simulator, |request| *request = json!({})).await, 400);
}

/// Calls an operation of SQS for the queue `videos`.
async fn sqs(simulator: &Simulator, operation: &str, mut request: Value) -> Value {
    request["QueueUrl"] = simulator.queue_url("videos").into();
    let (status, reply) = json_call(&simulator.sqs_url(), &format!("AmazonSQS.{operation}"), &request).await;
    assert_eq!(status, 200, "{reply}");
    reply
}

#[tokio::test]
async fn a_message_is_hidden_counted_and_redriven() {
    let builder = Simulator::builder().queue_with_redrive("videos", "failures", 2).queue("failures");
    let simulator = builder.start().await.unwrap();
    let entries = json!({ "Entries": [{ "Id": "0", "MessageBody": "a" }, { "Id": "1", "MessageBody": "b" }] });
    let sent = sqs(&simulator, "SendMessageBatch", entries).await;
    assert_eq!(sent["Successful"].as_array().unwrap().len(), 2);

    let receive = || {
        let names = ["ApproximateReceiveCount", "SentTimestamp"];
        let request = json!({
            "MaxNumberOfMessages": 10, "VisibilityTimeout": 60, "MessageSystemAttributeNames": names,
        });
        sqs(&simulator, "ReceiveMessage", request)
    };
    let received = receive().await;
    let messages = received["Messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["Attributes"]["ApproximateReceiveCount"], "1");
    assert!(messages[0]["Attributes"]["SentTimestamp"].as_str().unwrap().parse::<u64>().is_ok());
    let entries = json!({ "Entries": [{ "Id": "0", "ReceiptHandle": messages[1]["ReceiptHandle"] }] });
    sqs(&simulator, "DeleteMessageBatch", entries).await;
    assert_eq!(receive().await, json!({}));

    simulator.advance(Duration::from_mins(1));
    assert_eq!(receive().await["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "2");
    simulator.advance(Duration::from_mins(1));
    assert_eq!(receive().await, json!({}));
    assert!(simulator.messages("videos").is_empty());
    let [dead] = &simulator.messages("failures")[..] else { panic!("one message") };
    assert_eq!((&*dead.body, dead.receive_count), ("a", 0));
}
