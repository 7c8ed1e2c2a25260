//! Videos that are started: requests, slots, tokens, and repeated, reordered and lost messages.

use rekognition_simulator::{Fault, Simulator};
use serde_json::{Value, json};

use super::{ALL_VISIBLE, SETTINGS, START, Starter, assert_distinct, with_queues};
use crate::support::Function;

#[tokio::test]
async fn every_waiting_video_is_started_and_its_message_deleted() {
    let starter = Starter::start(Simulator::builder()).await;
    for key in ["a.mp4", "b/ü 1+1.mp4", "c.mov"] {
        starter.send(key, "e");
    }
    assert_eq!(starter.minute().await, json!({ "started": 3, "refused": 0, "notStarted": 0 }));
    assert_eq!(starter.started(), ["a.mp4", "b/ü 1+1.mp4", "c.mov"]);
    assert_eq!((starter.waiting(), starter.failures().len()), (0, 0));
    // One request of each kind for a video, and a last one to an empty queue.
    let count = |operation| starter.function.count(operation);
    assert_eq!([count("ReceiveMessage"), count(START), count("DeleteMessage")], [4, 3, 3]);
    assert_eq!(starter.function.operations().len(), 10);
}

#[tokio::test]
async fn request_has_the_settings_of_the_stack() {
    let object = json!({ "key": "a.mp4", "etag": "e", "version-id": "v1" });
    let event = json!({
        "detail-type": "Object Created", "detail": { "bucket": { "name": "videos" }, "object": object },
    });
    let settings = [
        ("MIN_CONFIDENCE", "72.5"),
        ("INCLUDE_LABELS", "Car,Dog"),
        ("EXCLUDE_LABELS", "Person"),
        ("JOB_TAG", "team=a"),
    ];
    let all: Vec<_> = SETTINGS.iter().copied().chain(settings).collect();
    let function = Function::start(with_queues(Simulator::builder()), &all).await;
    function.simulator.send_message("videos", &event.to_string());
    function.succeed(json!({})).await;
    let [job] = &function.simulator.started_jobs()[..] else { panic!("one job") };
    assert_eq!(
        job.request,
        json!({
            "Video": { "S3Object": { "Bucket": "videos", "Name": "a.mp4", "Version": "v1" } },
            "MinConfidence": 72.5,
            "NotificationChannel": {
                "SNSTopicArn": "arn:aws:sns:us-east-1:123456789012:AmazonRekognition-label-lake",
                "RoleArn": "arn:aws:iam::123456789012:role/rekognition",
            },
            "JobTag": "team=a",
            "Features": ["GENERAL_LABELS"],
            "Settings": { "GeneralLabels": {
                "LabelInclusionFilters": ["Car", "Dog"], "LabelExclusionFilters": ["Person"],
            } },
        })
    );
    assert_eq!(job.token.as_ref().unwrap().len(), 64);
}

#[tokio::test]
async fn request_without_settings_leaves_the_defaults_to_rekognition() {
    let starter = Starter::start(Simulator::builder()).await;
    starter.send("a.mp4", "e");
    starter.minute().await;
    let [job] = &starter.simulator().started_jobs()[..] else { panic!("one job") };
    let fields: Vec<_> = job.request.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["NotificationChannel", "Video"]);
}

#[tokio::test]
async fn a_completion_starts_one_video_and_the_clock_all_that_have_a_slot() {
    let starter = Starter::start(Simulator::builder().slots(2)).await;
    for key in ["a", "b", "c", "d"] {
        starter.send(key, "e");
    }
    assert_eq!(starter.minute().await, json!({ "started": 2, "refused": 1, "notStarted": 0 }));
    assert_eq!(starter.waiting(), 2);
    // The refused message is hidden for two minutes, so that the next completion takes the other one.
    let hidden: Vec<_> = starter.simulator().messages("videos").iter().map(|message| message.in_flight).collect();
    assert_eq!(hidden, [true, false]);
    starter.simulator().clear_requests();

    let ended = starter.end(&starter.simulator().started_jobs()[0]);
    assert_eq!(starter.function.succeed(ended).await, json!({ "started": 1, "refused": 0, "notStarted": 0 }));
    assert_eq!(starter.started(), ["a", "b", "d"]);
    assert_eq!(starter.function.operations(), ["ReceiveMessage", START, "DeleteMessage"]);

    // The clock does not try so soon after a refusal.
    starter.simulator().clear_requests();
    starter.simulator().advance(ALL_VISIBLE);
    starter.minute().await;
    assert_eq!(starter.function.operations(), [""; 0]);
    let ended = starter.end(&starter.simulator().started_jobs()[1]);
    starter.function.succeed(ended).await;
    assert_eq!((starter.started().len(), starter.waiting()), (4, 0));
}

#[tokio::test]
async fn slots_of_other_programs_are_left_alone() {
    let starter = Starter::start(Simulator::builder()).await;
    starter.simulator().hold_slots(20);
    starter.send("a", "e");
    assert_eq!(starter.minute().await["refused"], 1);
    assert_eq!((starter.started().len(), starter.waiting(), starter.failures().len()), (0, 1, 0));
    // Any completion may have freed a slot, whatever its API or status.
    starter.simulator().hold_slots(19);
    starter.simulator().advance(ALL_VISIBLE);
    let message = json!({ "JobId": "other", "API": "StartFaceDetection", "Status": "FAILED" }).to_string();
    starter.function.succeed(json!({ "Records": [{ "Sns": { "Message": message } }] })).await;
    assert_eq!(starter.started(), ["a"]);
}

#[tokio::test]
async fn an_object_is_started_again_only_if_it_changed() {
    let starter = Starter::start(Simulator::builder()).await;
    for etag in ["1", "1", "2", "1", "2"] {
        starter.send("a", etag);
    }
    assert_eq!(starter.minute().await["started"], 5);
    assert_eq!(starter.started(), ["a", "a"]);
    let notification = json!({ "Records": [{
        "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": "videos" }, "object": { "key": "a", "eTag": "2" } },
    }] });
    starter.simulator().send_message("videos", &notification.to_string());
    starter.minute().await;
    assert_eq!(starter.started(), ["a", "a"]);
    // Rekognition forgets a token after 7 days.
    starter.simulator().advance(std::time::Duration::from_hours(7 * 24 + 1));
    starter.send("a", "2");
    starter.minute().await;
    assert_eq!(starter.started(), ["a", "a", "a"]);
}

#[tokio::test]
async fn throttled_and_failed_calls_are_retried() {
    let faults = [
        Fault::on(START).status(400, "ProvisionedThroughputExceededException"),
        Fault::on(START).nth(2).status(400, "ThrottlingException"),
        Fault::on(START).nth(3).status(500, "InternalServerError"),
        Fault::on("ReceiveMessage").status(503, "ServiceUnavailable"),
        Fault::on("DeleteMessage").reset(),
    ];
    let starter =
        Starter::start(faults.into_iter().fold(Simulator::builder(), rekognition_simulator::Builder::fault)).await;
    starter.send("a", "e");
    assert_eq!(starter.minute().await, json!({ "started": 1, "refused": 3, "notStarted": 0 }));
    assert_eq!((starter.started(), starter.waiting()), (vec!["a".to_owned()], 0));
    starter.assert_faults_fired();
}

#[tokio::test]
async fn a_video_is_put_back_if_rekognition_stays_unavailable() {
    let fault = Fault::on(START).times(5).status(503, "ServiceUnavailable");
    let mut starter = Starter::start(Simulator::builder().fault(fault)).await;
    starter.send("a", "e");
    starter.send("b", "e");
    assert_eq!(starter.minute().await, json!({ "started": 0, "refused": 5, "notStarted": 0 }));
    starter.assert_faults_fired();
    assert_eq!((starter.waiting(), starter.failures().len()), (2, 0));
    starter.run_until_empty().await;
    assert_distinct(&starter.started(), 2);
}

/// All the videos of a bucket: events doubled and out of order, slots that jobs free one by one, and one lost completion
/// message in ten.
#[tokio::test]
async fn each_video_has_one_job_if_completion_messages_are_lost() {
    let mut starter = Starter::start(Simulator::builder().slots(5)).await;
    let videos = 30;
    let mut keys: Vec<_> = (0..2 * videos).map(|number| format!("{}.mp4", number % videos)).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut keys);
    for key in &keys {
        starter.send(key, "e");
    }
    let (mut ended, mut lost) = (0, 0);
    for _ in 0..1000 {
        let Some(job) = starter.simulator().started_jobs().into_iter().find(|job| job.in_progress) else {
            if starter.waiting() == 0 {
                break;
            }
            // No completion message is left. The clock goes on, in a process that does not remember the last refusal.
            starter.simulator().advance(ALL_VISIBLE);
            starter.restart().await;
            starter.minute().await;
            continue;
        };
        let completion = starter.end(&job);
        ended += 1;
        if ended % 10 == 0 {
            lost += 1;
        } else {
            starter.function.succeed(completion).await;
        }
    }
    assert_distinct(&starter.started(), videos);
    assert_eq!((ended, lost, starter.waiting(), starter.failures().len()), (videos, videos / 10, 0, 0));
}

#[tokio::test]
async fn logs_and_counts_each_video() {
    let starter = Starter::start(Simulator::builder().slots(1)).await;
    for key in ["a", "b"] {
        starter.simulator().add_video("videos", key, 7);
    }
    for key in ["a", "missing", "b"] {
        starter.send(key, "e");
    }
    starter.minute().await;
    let lines = starter.function.stop().await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let message = |text: &str| lines.iter().find(|line| line["message"] == text).unwrap_or_else(|| panic!("{lines:?}"));
    let line = message("started");
    assert_eq!((&line["video"], &line["size"]), (&json!("s3://videos/a"), &json!(7)));
    assert_eq!(line["job"].as_str().unwrap().len(), 64);
    let line = message("not started");
    assert_eq!((&line["video"], &line["error_type"]), (&json!("s3://videos/missing"), &json!("VideoNotStarted")));
    let [reason, error] = ["reason", "error"].map(|field| line[field].as_str().unwrap());
    assert_eq!(error, format!("video s3://videos/missing: not started: {reason}"));
    let put_back = message("put back");
    assert_eq!((&put_back["video"], &put_back["hidden_s"]), (&json!("s3://videos/b"), &json!(120)));
    let metrics: Vec<_> = lines.iter().filter(|line| line["_aws"].is_object()).collect();
    let [line] = metrics[..] else { panic!("{metrics:?}") };
    assert_eq!(
        (&line["VideosStarted"], &line["StartsRefused"], &line["VideosNotStarted"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(line["FunctionName"], "label-lake");
}

#[tokio::test]
async fn nothing_is_sent_to_rekognition_while_the_queue_is_empty() {
    let starter = Starter::start(Simulator::builder()).await;
    starter.minute().await;
    starter.function.succeed(json!({ "Records": [{ "Sns": { "Message": "{}" } }] })).await;
    assert_eq!(starter.function.operations(), ["ReceiveMessage", "ReceiveMessage"]);
    // Any other event wakes the starter as the clock does.
    starter.send("a", "e");
    starter.function.invoke("no json").await;
    assert_eq!(starter.started(), ["a"]);
}
