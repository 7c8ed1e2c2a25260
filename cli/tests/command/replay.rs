//! `label-lake replay`: dead letters of every shape, limits, interruptions, and errors.

use std::collections::BTreeSet;
use std::fs;

use rekognition_simulator::{Fault, Simulator};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::account::{Account, job, wait};
use crate::deployment::Deployment;
use crate::{JOB, event};

const QUEUE: &str = "label-lake-failed";
const VIDEO_QUEUE: &str = "label-lake-videos";
const REPLAY: [&str; 3] = ["replay", "--function", "label-lake"];

/// Starts an account with this many jobs, from `job-0` on.
async fn account(jobs: usize) -> Account {
    account_with(jobs, None).await
}

async fn account_with(jobs: usize, fault: Option<Fault>) -> Account {
    let mut builder = Simulator::builder().queue(QUEUE);
    for number in 0..jobs {
        builder = builder.job(&format!("job-{number}"), job(4));
    }
    if let Some(fault) = fault {
        builder = builder.fault(fault);
    }
    Account::start(builder, &[]).await
}

async fn replay(account: &Account, more: &[&str]) -> crate::CommandOutput {
    let url = account.simulator.queue_url(QUEUE);
    account.run(&[&REPLAY[..], &[&url], more].concat()).await
}

/// Returns the IDs of the messages in the queue. All of them have to be visible.
fn remaining(account: &Account) -> BTreeSet<String> {
    let messages = account.simulator.messages(QUEUE);
    assert!(messages.iter().all(|message| !message.in_flight), "{messages:?}");
    messages.into_iter().map(|message| message.id).collect()
}

/// Returns all sample events except the one for another API, each with a job of its own.
fn letters() -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(event("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap() != "other-api.json");
    paths.sort();
    let texts = paths.iter().map(|path| fs::read_to_string(path).unwrap());
    texts.enumerate().map(|(number, text)| text.replace(JOB, &format!("job-{number}"))).collect()
}

#[tokio::test]
async fn replays_every_shape_and_keeps_messages_that_fail() {
    let letters = letters();
    assert!(letters.len() >= 10);
    let account = account(letters.len()).await;
    let simulator = &account.simulator;
    let replayed: Vec<_> = letters.iter().map(|letter| simulator.send_message(QUEUE, letter)).collect();
    let other_api = fs::read_to_string(event("other-api.json")).unwrap();
    let poisoned = [
        ("InvalidJobId", r#"{"JobId":"../x"}"#),
        ("InvalidEvent", "no json"),
        ("JobNotFound", r#"{"JobId":"gone"}"#),
        ("OtherApi", &other_api),
    ];
    let poisoned = poisoned.map(|(error_type, body)| (simulator.send_message(QUEUE, body), error_type));

    let output = replay(&account, &[]).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert_eq!(remaining(&account), poisoned.iter().map(|(id, _)| id.clone()).collect());
    for (id, error_type) in &poisoned {
        let line = output.stdout.lines().find(|line| line.contains(id)).unwrap();
        assert!(line.starts_with("kept ") && line.contains(error_type), "{line}");
    }
    assert!(output.stdout.contains("gone  JobNotFound: job gone: not found"), "{}", output.stdout);
    for (number, id) in replayed.iter().enumerate() {
        let line = output.stdout.lines().find(|line| line.contains(id)).unwrap();
        assert!(line.starts_with("replayed ") && line.contains(&format!("job-{number}  EXPORTED")), "{line}");
        assert!(simulator.store().contains(&format!("jobs/job-job-{number}.parquet")), "{number}");
    }
    let summary = format!("{} messages replayed, 4 kept in the queue", letters.len());
    assert_eq!(output.stdout.lines().last(), Some(&*summary));
    assert!(
        simulator.messages(QUEUE).iter().all(|message| message.receive_count == 1),
        "each message is received once"
    );
}

#[tokio::test]
async fn deletes_a_message_only_when_all_its_jobs_have_succeeded() {
    let account = account(2).await;
    let record = |job: &str| json!({ "messageId": job, "body": json!({ "JobId": job }).to_string() });
    let event = json!({ "Records": [record("job-0"), record("gone"), record("job-1")] });
    account.simulator.send_message(QUEUE, &json!({ "requestPayload": event }).to_string());
    let output = replay(&account, &[]).await;
    assert_eq!((output.code, remaining(&account).len()), (Some(1), 1), "{}", output.stderr);
    assert_eq!(output.stdout.matches("EXPORTED").count(), 2, "{}", output.stdout);

    account.simulator.add_job("gone", job(4));
    let output = replay(&account, &[]).await;
    assert_eq!((output.code, remaining(&account).len()), (Some(0), 0), "{}{}", output.stdout, output.stderr);
    assert_eq!(output.stdout.matches("ALREADY_COMMITTED").count(), 2, "{}", output.stdout);
}

#[tokio::test]
async fn lists_messages_in_a_dry_run_without_replaying_them() {
    let account = account(1).await;
    let record = fs::read_to_string(event("failure-record.json")).unwrap();
    let id = account.simulator.send_message(QUEUE, &record.replace(JOB, "job-0"));
    let output = replay(&account, &["--dry-run"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.contains(&format!("waiting   {id}  job-0  failed with Throttled")), "{}", output.stdout);
    assert_eq!((remaining(&account).len(), account.count("Invoke")), (1, 0));
}

#[tokio::test]
async fn does_not_receive_messages_beyond_the_limit() {
    let account = account(3).await;
    for number in 0..3 {
        account.simulator.send_message(QUEUE, &json!({ "JobId": format!("job-{number}") }).to_string());
    }
    let output = replay(&account, &["--limit", "2"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stdout.ends_with("2 messages replayed, 0 kept in the queue; stopped at --limit, there may be more\n")
    );
    assert_eq!(account.simulator.messages(QUEUE)[0].receive_count, 0);
}

#[tokio::test]
async fn retries_a_throttled_invocation_and_stops_at_a_rejected_one() {
    let account = account_with(1, Some(Fault::on("Invoke").nth(1).status(429, "TooManyRequestsException"))).await;
    account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    let output = replay(&account, &[]).await;
    assert_eq!((output.code, account.count("Invoke")), (Some(0), 2), "{}{}", output.stdout, output.stderr);

    account.simulator.clear_requests();
    account.simulator.add_fault(Fault::on("Invoke").always().status(404, "ResourceNotFoundException"));
    for _ in 0..20 {
        account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    }
    let output = replay(&account, &[]).await;
    assert_eq!((output.code, remaining(&account).len()), (Some(1), 20), "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("function label-lake not found in us-east-1"), "{}", output.stdout);
    assert!(account.count("Invoke") <= 5, "the command stops before the end of the queue");
}

#[tokio::test]
async fn makes_messages_visible_after_an_interruption() {
    let gate = rekognition_simulator::Gate::new();
    let account = account_with(1, Some(Fault::on("GetLabelDetection").hold(gate.clone()))).await;
    account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    let url = account.simulator.queue_url(QUEUE);
    let process = account.spawn(&[&REPLAY[..], &[&url]].concat());
    gate.reached().await;
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let output = wait(process).await;
    assert_eq!(output.code, Some(130), "{}", output.stderr);
    assert_eq!((remaining(&account).len(), output.stderr.lines().count()), (1, 1), "{}", output.stderr);
}

#[tokio::test]
async fn names_a_missing_queue() {
    let account = account(0).await;
    let url = account.simulator.queue_url("other");
    let output = account.run(&[&REPLAY[..], &[&url]].concat()).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("queue not found in us-east-1"), "{}", output.stderr);
    output.assert_one_error();
}

#[tokio::test]
async fn makes_ten_messages_visible_per_request() {
    let account = account(0).await;
    for number in 0..25 {
        account.simulator.send_message(QUEUE, &json!({ "JobId": format!("job-{number}") }).to_string());
    }
    let output = replay(&account, &["--dry-run"]).await;
    assert_eq!((output.code, remaining(&account).len()), (Some(0), 25), "{}", output.stderr);
    assert_eq!((account.count("ChangeMessageVisibility"), account.count("ChangeMessageVisibilityBatch")), (0, 3));
}

#[tokio::test]
async fn makes_messages_visible_after_an_interrupted_dry_run() {
    for signal in ["-INT", "-TERM"] {
        // The reply to the second receive request is delayed until after the signal.
        let gate = rekognition_simulator::Gate::new();
        let account = account_with(0, Some(Fault::on("ReceiveMessage").nth(2).hold_reply(gate.clone()))).await;
        for _ in 0..15 {
            account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
        }
        let url = account.simulator.queue_url(QUEUE);
        let mut process = account.spawn(&[&REPLAY[..], &[&url, "--dry-run"]].concat());
        gate.reached().await;
        let id = process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let mut errors = BufReader::new(process.stderr.take().unwrap()).lines();
        let notice = errors.next_line().await.unwrap().unwrap_or_default();
        gate.release();
        let output = wait(process).await;
        assert_eq!((output.code, remaining(&account).len()), (Some(130), 15), "{notice}");
        assert!(notice.starts_with("error: interrupted"), "{notice}");
        assert_eq!(errors.next_line().await.unwrap(), None);
    }
}

/// Returns a stack that starts jobs, its queues, and an event for a video.
async fn stack_with_videos(jobs: usize) -> (Deployment, Value) {
    let mut builder = Simulator::builder().queue(QUEUE).queue(VIDEO_QUEUE);
    for number in 0..jobs {
        builder = builder.job(&format!("job-{number}"), job(4));
    }
    let account = Account::start(builder, &[]).await;
    let [failed, videos] = [QUEUE, VIDEO_QUEUE].map(|queue| account.simulator.queue_url(queue));
    let outputs = [("FailedQueueUrl", &*failed), ("VideoQueueUrl", &*videos)];
    let event = json!({
        "source": "aws.s3", "detail-type": "Object Created",
        "detail": { "bucket": { "name": "videos" }, "object": { "key": "beach day.mp4", "size": 7, "etag": "e" } },
    });
    (Deployment::of(account, &[], &outputs).await, event)
}

/// Returns the failure message of the starter for an event.
fn not_started(event: &Value) -> String {
    let text = "video s3://videos/beach day.mp4: not started: the video is too large";
    json!({ "errorType": "VideoNotStarted", "errorMessage": text, "video": event }).to_string()
}

#[tokio::test]
async fn sends_videos_back_to_their_queue() {
    let (deployment, event) = stack_with_videos(1).await;
    let simulator = &deployment.account.simulator;
    let bare = json!({ "Records": [{
        "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": "videos" }, "object": { "key": "a+b.mp4", "size": 7, "eTag": "e" } },
    }] });
    let failed = simulator.send_message(QUEUE, &not_started(&event));
    let redriven = simulator.send_message(QUEUE, &bare.to_string());
    let no_video = simulator.send_message(QUEUE, &not_started(&json!("no video")));
    simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);

    let replay = ["replay", "--stack", "label-lake"];
    let listed = deployment.run(&[&replay[..], &["--dry-run"]].concat()).await;
    assert_eq!((listed.code, &*listed.stderr), (Some(0), ""));
    for line in [
        format!("waiting   {failed}  s3://videos/beach day.mp4  not started: the video is too large\n"),
        format!("waiting   {redriven}  s3://videos/a b.mp4\n"),
    ] {
        assert!(listed.stdout.contains(&line), "{line}: {}", listed.stdout);
    }
    assert_eq!((remaining(&deployment.account).len(), simulator.messages(VIDEO_QUEUE).len()), (4, 0));

    let output = deployment.run(&replay).await;
    assert_eq!((output.code, &*output.stderr), (Some(1), ""), "{}", output.stdout);
    for line in [
        format!(
            "replayed  {failed}  s3://videos/beach day.mp4  SENT to the queue of videos; before: not started: the video is \
             too large\n"
        ),
        format!("replayed  {redriven}  s3://videos/a b.mp4  SENT to the queue of videos; before: received too often\n"),
        format!("kept      {no_video}  -  VideoNotStarted: video s3://videos/beach day.mp4: not started"),
    ] {
        assert!(output.stdout.contains(&line), "{line}: {}", output.stdout);
    }
    assert!(output.stdout.contains("  job-0  EXPORTED\n"), "{}", output.stdout);
    assert!(output.stdout.ends_with("3 messages replayed, 1 kept in the queue\n"), "{}", output.stdout);
    assert_eq!(remaining(&deployment.account), BTreeSet::from([no_video]));
    let sent: Vec<Value> = bodies(simulator, VIDEO_QUEUE);
    assert!(sent.len() == 2 && sent.contains(&event) && sent.contains(&bare), "{sent:?}");
}

fn bodies(simulator: &Simulator, queue: &str) -> Vec<Value> {
    simulator.messages(queue).iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

#[tokio::test]
async fn sends_each_video_once_and_keeps_it_if_it_fails_again() {
    let (deployment, event) = stack_with_videos(0).await;
    let simulator = &deployment.account.simulator;
    simulator.send_message(QUEUE, &event.to_string());
    // A failed start of the same video arrives while the command runs.
    let again = simulator.send_message(QUEUE, &not_started(&event));
    let output = deployment.run(&["replay", "--stack", "label-lake"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    let line = format!(
        "kept      {again}  s3://videos/beach day.mp4  VideoNotStarted: already sent by this command; not started: the video"
    );
    assert!(output.stdout.contains(&line), "{}", output.stdout);
    assert_eq!(
        (remaining(&deployment.account), bodies(simulator, VIDEO_QUEUE)),
        (BTreeSet::from([again]), vec![event])
    );
}

#[tokio::test]
async fn keeps_videos_that_cannot_be_sent() {
    let (deployment, event) = stack_with_videos(0).await;
    let simulator = &deployment.account.simulator;
    let id = simulator.send_message(QUEUE, &not_started(&event));
    let output = replay(&deployment.account, &[]).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stdout.contains("NoVideoQueue: pass a stack with a bucket of videos as --stack"),
        "{}",
        output.stdout
    );

    simulator.add_fault(Fault::on("SendMessageBatch").status(403, "AccessDenied"));
    let output = deployment.run(&["replay", "--stack", "label-lake"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stdout.contains("you lack permission sqs:SendMessage on the queue"), "{}", output.stdout);
    assert_eq!((remaining(&deployment.account), simulator.messages(VIDEO_QUEUE).len()), (BTreeSet::from([id]), 0));
}

#[tokio::test]
async fn makes_messages_visible_after_a_failed_dry_run() {
    let account = account_with(0, Some(Fault::on("ReceiveMessage").nth(2).status(403, "AccessDenied"))).await;
    for _ in 0..15 {
        account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    }
    let output = replay(&account, &["--dry-run"]).await;
    assert_eq!((output.code, remaining(&account).len()), (Some(1), 15), "{}", output.stderr);
    assert!(output.stderr.contains("you lack permission sqs:ReceiveMessage"), "{}", output.stderr);
}
