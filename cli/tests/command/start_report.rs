//! `label-lake start`: its report in a dry run and while another run uses it, interruptions, and the command after it.

use std::fs;

use rekognition_simulator::{Fault, Gate};
use tokio::process::Command;

use crate::account::wait;
use crate::start::{QUEUE, Report, START, with_videos};

/// Two messages start one job, but only within 7 days.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_in_use_is_read_by_a_dry_run_only() {
    let deployment = with_videos(&["a.mp4", "b.mp4"]).await;
    let report = Report::new();
    let gate = Gate::new();
    let simulator = &deployment.account.simulator;
    assert_eq!(report.run(&deployment, &["s3://videos/a.mp4"]).await.code, Some(0));
    simulator.add_fault(Fault::on("SendMessageBatch").hold(gate.clone()));
    let mut path = String::new();
    let process = deployment.spawn(&report.arguments(&mut path, &["s3://videos/b.mp4"]));
    gate.reached().await;

    let output = report.run(&deployment, &["s3://videos"]).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    let hint = "another run is using it\nhint: wait for the end of that run\n";
    assert!(output.stderr.ends_with(hint), "{}", output.stderr);

    // A killed run may have left an incomplete line.
    let complete = fs::read_to_string(&path).unwrap();
    let incomplete = format!("{complete}{{\"video\":\"s3://vid");
    fs::write(&path, &incomplete).unwrap();
    let dry_run = [&START[..], &["--dry-run", "--report", &path, "s3://videos"]].concat();
    let output = deployment.run(&dry_run).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.contains("left out  s3://videos/a.mp4  sent before\n"), "{}", output.stdout);
    assert_eq!(fs::read_to_string(&path).unwrap(), incomplete);
    fs::write(&path, complete).unwrap();
    gate.release();
    assert_eq!(wait(process).await.code, Some(0));
    assert_eq!(simulator.messages(QUEUE).len(), 2);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_hides_no_error() {
    // One more than a batch has: the first batch is held, and the second is denied.
    let keys: Vec<_> = (0..=10).map(|number| format!("{number}.mp4")).collect();
    let deployment = with_videos(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let gate = Gate::new();
    let simulator = &deployment.account.simulator;
    simulator.add_fault(Fault::on("SendMessageBatch").hold(gate.clone()));
    simulator.add_fault(Fault::on("SendMessageBatch").nth(2).status(403, "AccessDenied"));
    let (report, mut path) = (Report::new(), String::new());
    let process = deployment.spawn(&report.arguments(&mut path, &["s3://videos"]));
    gate.reached().await;
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    gate.release();
    let output = wait(process).await;
    assert_eq!(output.code, Some(130), "{}", output.stderr);
    assert!(output.stderr.contains("\nhint: you lack permission sqs:SendMessage on the queue\n"), "{}", output.stderr);
    let last = output.stderr.lines().last().unwrap();
    assert!(last.starts_with("hint: run the command again to send the others"), "{}", output.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_after_it_has_the_same_region() {
    let deployment = with_videos(&["a.mp4"]).await;
    let output = Report::new().run(&deployment, &["--region", "us-east-1", "s3://videos"]).await;
    let command = "  label-lake list --videos --stack label-lake --region us-east-1\n";
    assert!(output.stdout.ends_with(command), "{}", output.stdout);
}
