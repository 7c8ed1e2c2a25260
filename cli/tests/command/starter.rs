//! Commands together with the real starter: what they send is what it takes, and what it refuses is what they replay.

use std::collections::BTreeMap;
use std::time::Duration;

use rekognition_simulator::{Fault, Gate, Invocation, Outcome};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::account::Account;
use crate::deployment::Deployment;
use crate::start::{QUEUE, builder, outputs};

const FAILED: &str = "label-lake-failed";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:jobs";
const ROLE: &str = "arn:aws:iam::123456789012:role/rekognition";

/// Returns a stack with a running starter.
async fn deployment() -> Deployment {
    let simulator = builder().queue(FAILED).start().await.unwrap();
    let [videos, failed] = [QUEUE, FAILED].map(|queue| simulator.queue_url(queue));
    let settings = [
        ("_HANDLER", "starter"),
        ("VIDEO_QUEUE_URL", &*videos),
        ("FAILED_QUEUE_URL", &failed),
        ("TOPIC_ARN", TOPIC),
        ("REKOGNITION_ROLE_ARN", ROLE),
    ];
    let account = Account::with_function(simulator, &settings);
    let outputs = [&outputs("videos", &videos)[..], &[("FailedQueueUrl", &failed)]].concat();
    let deployment = Deployment::of(account, &[], &outputs).await;
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    deployment.starter.lock().unwrap().extend(settings);
    deployment
}

/// Wakes the starter, and returns its answer.
async fn wake(deployment: &Deployment) -> Value {
    let answer = deployment.account.simulator.invoke("{}", Invocation::default());
    // A starter that does not start never answers.
    match tokio::time::timeout(Duration::from_mins(1), answer).await {
        Ok(Outcome::Response(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

/// Returns the number of started jobs by key and version of their video.
fn jobs(deployment: &Deployment) -> BTreeMap<(String, Option<String>), usize> {
    let mut jobs = BTreeMap::new();
    for job in deployment.account.simulator.started_jobs() {
        *jobs.entry((job.video.name, job.video.version)).or_default() += 1;
    }
    jobs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_uploaded_sent_and_started_has_one_job() {
    let deployment = deployment().await;
    let simulator = &deployment.account.simulator;
    simulator.store().put("a+b %41.mp4", "x");
    simulator.store().put_version("versions.mov", "x", "v1");
    simulator.store().put_version("versions.mov", "y", "v2");
    let directory = TempDir::new().unwrap();
    let report = directory.path().join("sent.jsonl");
    let start = ["start", "--stack", "label-lake", "--yes", "--report", report.to_str().unwrap(), "s3://videos"];
    let output = deployment.run(&start).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(wake(&deployment).await, json!({ "started": 2, "refused": 0, "notStarted": 0 }));
    let once = BTreeMap::from([
        (("a+b %41.mp4".to_owned(), None), 1),
        (("versions.mov".to_owned(), Some("v2".to_owned())), 1),
    ]);
    assert_eq!(jobs(&deployment), once);

    // The event of the upload arrives late.
    let etag = "9dd4e461268c8034f5c8564e155c67a6";
    let object = json!({ "key": "a+b %41.mp4", "size": 1, "etag": etag, "sequencer": "1" });
    let event = json!({ "version": "0", "source": "aws.s3", "detail-type": "Object Created",
        "detail": { "bucket": { "name": "videos" }, "object": object, "reason": "PutObject" } });
    simulator.send_message(QUEUE, &event.to_string());
    assert_eq!(wake(&deployment).await["started"], 1);
    let gate = Gate::new();
    simulator.add_fault(Fault::on("GetLabelDetection").hold(gate.clone()));
    let now = ["start", "--stack", "label-lake", "--now", "s3://videos/versions.mov"];
    let now = deployment.spawn_with(&now, &["LAMBDA"]);
    gate.reached().await;
    drop(now);
    gate.release();
    assert_eq!(deployment.account.count("StartLabelDetection"), 4);
    assert_eq!(jobs(&deployment), once);
    assert!(simulator.messages(QUEUE).is_empty() && simulator.messages(FAILED).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_video_is_replayed() {
    let deployment = deployment().await;
    let simulator = &deployment.account.simulator;
    simulator.store().put("gone.mp4", "x");
    // All other objects of the bucket are then missing.
    simulator.add_video("videos", "other.mp4", 1);
    let directory = TempDir::new().unwrap();
    let report = directory.path().join("sent.jsonl");
    let start = ["start", "--stack", "label-lake", "--yes", "--report", report.to_str().unwrap(), "s3://videos"];
    assert_eq!(deployment.run(&start).await.code, Some(0));
    assert_eq!(wake(&deployment).await, json!({ "started": 0, "refused": 0, "notStarted": 1 }));
    let messages = simulator.messages(FAILED);
    assert_eq!(messages.len(), 1);

    let replay = ["replay", "--stack", "label-lake"];
    let listed = deployment.run(&[&replay[..], &["--dry-run"]].concat()).await;
    let line =
        format!("waiting   {}  s3://videos/gone.mp4  not started: Rekognition cannot read the object", messages[0].id);
    assert!(listed.stdout.starts_with(&line), "{}", listed.stdout);
    assert_eq!(wake(&deployment).await["started"], 0);

    simulator.add_video("videos", "gone.mp4", 1);
    let replayed = deployment.run(&replay).await;
    assert_eq!((replayed.code, &*replayed.stderr), (Some(0), ""), "{}", replayed.stdout);
    assert!(replayed.stdout.contains("  s3://videos/gone.mp4  SENT to the queue of videos; before: not started: "));
    assert_eq!(wake(&deployment).await["started"], 1);
    assert_eq!(jobs(&deployment).into_values().sum::<usize>(), 1);
    assert!(simulator.messages(QUEUE).is_empty() && simulator.messages(FAILED).is_empty());
}
