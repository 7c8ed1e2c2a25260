//! Videos that can never be started: they go to the failures with a reason, and do not hold up others.

use rekognition_simulator::{Fault, Simulator};
use serde_json::{Value, json};

use super::{START, Starter, event, reply};

const GB: u64 = 1 << 30;

/// Starts one video whose start is answered with this error. Returns the text of its failure.
async fn failure_after(code: &str, message: &str) -> String {
    let fault = Fault::on(START).reply_body(400, reply(code, message));
    let starter = Starter::start(Simulator::builder().fault(fault)).await;
    starter.send("a.mp4", "e");
    starter.send("b.mp4", "e");
    assert_eq!(starter.minute().await, json!({ "started": 1, "refused": 0, "notStarted": 1 }), "{code}");
    starter.assert_faults_fired();
    assert_eq!((starter.waiting(), starter.started()), (0, vec!["b.mp4".to_owned()]));
    let [failure] = &starter.failures()[..] else { panic!("{:?}", starter.failures()) };
    assert_eq!((&failure["errorType"], &failure["video"]), (&json!("VideoNotStarted"), &event("a.mp4", "e")));
    failure["errorMessage"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn says_what_is_wrong_and_what_to_do() {
    let denied = "User: arn:aws:sts::123456789012:assumed-role/starter/x is not authorized to perform: s3:GetObject on \
                  resource: arn:aws:s3:::videos/a.mp4";
    for (code, message, words) in [
        ("InvalidS3ObjectException", "Unable to get object metadata from S3.", ["cannot read", "region"]),
        ("VideoTooLargeException", "Video size is greater than 10 GB", ["10 GB", "split"]),
        ("AccessDeniedException", denied, ["s3:GetObject", "replay"]),
        ("InvalidParameterException", "Value at 'video.s3Object.name' is not valid", ["name of the object", "replay"]),
        ("IdempotentParameterMismatchException", "other parameters", ["other settings", "7 days"]),
    ] {
        let text = failure_after(code, message).await;
        assert!(text.starts_with("video s3://videos/a.mp4: not started: "), "{text}");
        assert!(text.contains(code) && text.contains(message), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[tokio::test]
async fn a_completion_passes_over_what_cannot_be_started() {
    let starter = Starter::start(Simulator::builder().slots(1)).await;
    starter.simulator().add_video("videos", "good.mp4", 10 * GB);
    starter.simulator().add_video("videos", "large.mp4", 10 * GB + 1);
    let deleted = json!({
        "detail-type": "Object Deleted", "detail": { "bucket": { "name": "videos" }, "object": { "key": "a.mp4" } },
    });
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "videos" });
    for body in ["no json", &deleted.to_string(), &test.to_string()] {
        starter.simulator().send_message("videos", body);
    }
    for key in ["missing.mp4", "large.mp4", " spaced.mp4", "good.mp4"] {
        starter.send(key, "e");
    }
    let ended = json!({ "Records": [{ "Sns": { "Message": "{}" } }] });
    assert_eq!(starter.function.succeed(ended).await, json!({ "started": 1, "refused": 0, "notStarted": 5 }));
    assert_eq!((starter.started(), starter.waiting()), (vec!["good.mp4".to_owned()], 0));
    let failures = starter.failures();
    let texts: Vec<_> = failures.iter().map(|failure| failure["errorMessage"].as_str().unwrap()).collect();
    for (text, word) in
        texts.iter().zip(["not JSON", "Object Deleted", "InvalidS3Object", "VideoTooLarge", "InvalidParameter"])
    {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(failures[0]["video"], Value::from("no json"));
    assert_eq!(failures[1]["video"], deleted);
}

#[tokio::test]
async fn a_video_that_was_not_sent_to_the_failures_stays_in_its_queue() {
    let fault = Fault::on("SendMessage").status(400, "InvalidMessageContents");
    let mut starter = Starter::start(Simulator::builder().fault(fault)).await;
    starter.simulator().send_message("videos", "no json");
    let message = starter.blocked().await;
    assert!(message.contains("sqs:SendMessage") && message.contains("failures"), "{message}");
    starter.assert_faults_fired();
    assert_eq!((starter.waiting(), starter.failures().len()), (1, 0));
    starter.run_until_empty().await;
    assert_eq!(starter.failures().len(), 1);
}
