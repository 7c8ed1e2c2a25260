//! `label-lake replay`: dead letters of every shape.

use std::collections::BTreeSet;
use std::fs;

use serde_json::json;
use simulator::{Fault, Simulator};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::account::{Account, job, ran};
use crate::{JOB, event};

const QUEUE: &str = "label-lake-failed";
const REPLAY: [&str; 3] = ["replay", "--function", "label-lake"];

/// An account with so many jobs, `job-0` and on.
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

async fn replay(account: &Account, more: &[&str]) -> crate::Ran {
    let url = account.simulator.queue_url(QUEUE);
    account.run(&[&REPLAY[..], &[&url], more].concat()).await
}

/// The ids of the messages that are in the queue. None of them is hidden.
fn left(account: &Account) -> BTreeSet<String> {
    let messages = account.simulator.messages(QUEUE);
    assert!(messages.iter().all(|message| !message.in_flight), "{messages:?}");
    messages.into_iter().map(|message| message.id).collect()
}

/// All sample events but that of another API, each with a job of its own.
fn letters() -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(event("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap() != "other-api.json");
    paths.sort();
    let texts = paths.iter().map(|path| fs::read_to_string(path).unwrap());
    texts.enumerate().map(|(number, text)| text.replace(JOB, &format!("job-{number}"))).collect()
}

#[tokio::test]
async fn every_shape_is_replayed_and_what_fails_is_left_and_named() {
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

    let ran = replay(&account, &[]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert_eq!(left(&account), poisoned.iter().map(|(id, _)| id.clone()).collect());
    for (id, error_type) in &poisoned {
        let line = ran.output.lines().find(|line| line.contains(id)).unwrap();
        assert!(line.starts_with("left ") && line.contains(error_type), "{line}");
    }
    assert!(ran.output.contains("gone  JobNotFound: job gone: Rekognition does not know it"), "{}", ran.output);
    for (number, id) in replayed.iter().enumerate() {
        let line = ran.output.lines().find(|line| line.contains(id)).unwrap();
        assert!(line.starts_with("replayed ") && line.contains(&format!("job-{number}  EXPORTED")), "{line}");
        assert!(simulator.store().contains(&format!("jobs/job-job-{number}.parquet")), "{number}");
    }
    let summary = format!("{} messages replayed, 4 left in the queue", letters.len());
    assert_eq!(ran.output.lines().last(), Some(&*summary));
    assert!(simulator.messages(QUEUE).iter().all(|message| message.receive_count == 1), "each is looked at once");
}

#[tokio::test]
async fn a_message_is_deleted_only_when_all_its_jobs_have_succeeded() {
    let account = account(2).await;
    let record = |job: &str| json!({ "messageId": job, "body": json!({ "JobId": job }).to_string() });
    let event = json!({ "Records": [record("job-0"), record("gone"), record("job-1")] });
    account.simulator.send_message(QUEUE, &json!({ "requestPayload": event }).to_string());
    let ran = replay(&account, &[]).await;
    assert_eq!((ran.code, left(&account).len()), (Some(1), 1), "{}", ran.errors);
    assert_eq!(ran.output.matches("EXPORTED").count(), 2, "{}", ran.output);

    account.simulator.add_job("gone", job(4));
    let ran = replay(&account, &[]).await;
    assert_eq!((ran.code, left(&account).len()), (Some(0), 0), "{}{}", ran.output, ran.errors);
    assert_eq!(ran.output.matches("ALREADY_COMMITTED").count(), 2, "{}", ran.output);
}

#[tokio::test]
async fn a_dry_run_shows_and_touches_nothing() {
    let account = account(1).await;
    let record = fs::read_to_string(event("failure-record.json")).unwrap();
    let id = account.simulator.send_message(QUEUE, &record.replace(JOB, "job-0"));
    let ran = replay(&account, &["--dry-run"]).await;
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    assert!(ran.output.contains(&format!("waiting   {id}  job-0  failed with Throttled")), "{}", ran.output);
    assert_eq!((left(&account).len(), account.count("Invoke")), (1, 0));
}

#[tokio::test]
async fn a_limit_leaves_the_others_alone() {
    let account = account(3).await;
    for number in 0..3 {
        account.simulator.send_message(QUEUE, &json!({ "JobId": format!("job-{number}") }).to_string());
    }
    let ran = replay(&account, &["--limit", "2"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    assert!(ran.output.ends_with("2 messages replayed, 0 left in the queue; there may be more, --limit ended it\n"));
    assert_eq!(account.simulator.messages(QUEUE)[0].receive_count, 0);
}

#[tokio::test]
async fn a_throttled_invocation_is_tried_again_and_a_refused_one_ends_it() {
    let account = account_with(1, Some(Fault::on("Invoke").nth(1).status(429, "TooManyRequestsException"))).await;
    account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    let ran = replay(&account, &[]).await;
    assert_eq!((ran.code, account.count("Invoke")), (Some(0), 2), "{}{}", ran.output, ran.errors);

    account.simulator.clear_requests();
    account.simulator.add_fault(Fault::on("Invoke").always().status(404, "ResourceNotFoundException"));
    for _ in 0..20 {
        account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    }
    let ran = replay(&account, &[]).await;
    assert_eq!((ran.code, left(&account).len()), (Some(1), 20), "{}{}", ran.output, ran.errors);
    assert!(ran.output.contains("there is no function label-lake in us-east-1"), "{}", ran.output);
    assert!(account.count("Invoke") <= 5, "it does not go through the whole queue");
}

#[tokio::test]
async fn an_interrupted_replay_gives_back_what_it_holds() {
    let gate = simulator::Gate::new();
    let account = account_with(1, Some(Fault::on("GetLabelDetection").hold(gate.clone()))).await;
    account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    let url = account.simulator.queue_url(QUEUE);
    let process = account.spawn(&[&REPLAY[..], &[&url]].concat());
    gate.reached().await;
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let ran = ran(process).await;
    assert_eq!(ran.code, Some(130), "{}", ran.errors);
    assert_eq!((left(&account).len(), ran.errors.lines().count()), (1, 1), "{}", ran.errors);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_named() {
    let account = account(0).await;
    let url = account.simulator.queue_url("other");
    let ran = account.run(&[&REPLAY[..], &[&url]].concat()).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("there is no such queue in us-east-1"), "{}", ran.errors);
    assert_eq!(ran.errors.lines().count(), 1, "{}", ran.errors);
}

#[tokio::test]
async fn messages_are_given_back_ten_a_call() {
    let account = account(0).await;
    for number in 0..25 {
        account.simulator.send_message(QUEUE, &json!({ "JobId": format!("job-{number}") }).to_string());
    }
    let ran = replay(&account, &["--dry-run"]).await;
    assert_eq!((ran.code, left(&account).len()), (Some(0), 25), "{}", ran.errors);
    assert_eq!((account.count("ChangeMessageVisibility"), account.count("ChangeMessageVisibilityBatch")), (0, 3));
}

#[tokio::test]
async fn a_dry_run_that_is_interrupted_gives_back_what_it_holds() {
    for signal in ["-INT", "-TERM"] {
        // Its second receive is answered only after the signal has come.
        let gate = simulator::Gate::new();
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
        let said = errors.next_line().await.unwrap().unwrap_or_default();
        gate.release();
        let ran = ran(process).await;
        assert_eq!((ran.code, left(&account).len()), (Some(130), 15), "{said}");
        assert!(said.starts_with("error: interrupted"), "{said}");
        assert_eq!(errors.next_line().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_dry_run_that_fails_gives_back_what_it_holds() {
    let account = account_with(0, Some(Fault::on("ReceiveMessage").nth(2).status(403, "AccessDenied"))).await;
    for _ in 0..15 {
        account.simulator.send_message(QUEUE, r#"{"JobId":"job-0"}"#);
    }
    let ran = replay(&account, &["--dry-run"]).await;
    assert_eq!((ran.code, left(&account).len()), (Some(1), 15), "{}", ran.errors);
    assert!(ran.errors.contains("allow sqs:ReceiveMessage"), "{}", ran.errors);
}
