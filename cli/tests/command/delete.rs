//! `label-lake delete`: concurrent exports of the same job, and rows that cannot be read.

use std::collections::BTreeMap;

use label_lake::table::schema::LABEL_DETECTIONS;
use rekognition_simulator::{Fault, Gate, Simulator};
use serde_json::Value;

use crate::account::{Account, DATABASE, job, wait, with_catalog};

const DELETE: [&str; 6] = ["delete", "--bucket", "lake", "--database", DATABASE, "--yes"];
/// Maximum number of passes of the command over a job.
const MAX_PASSES: usize = 3;

/// Starts an account with two exported jobs of 4 labels each.
async fn account(faults: impl IntoIterator<Item = Fault>) -> Account {
    let mut builder = with_catalog(Simulator::builder().job("job-1", job(4)).job("job-2", job(4)));
    for fault in faults {
        builder = builder.fault(fault);
    }
    let account = Account::start(builder, &[("GLUE_DATABASE", DATABASE)]).await;
    account.export("job-1").await;
    account.export("job-2").await;
    account
}

fn delete(jobs: &[&'static str]) -> Vec<&'static str> {
    [&DELETE[..], jobs].concat()
}

/// Returns the objects of a job, including its row.
fn objects(account: &Account, job: &str) -> BTreeMap<String, Vec<u8>> {
    let all = account.simulator.objects().into_iter().filter(|(key, _)| key.contains(job));
    all.map(|(key, bytes)| (key, bytes.to_vec())).collect()
}

fn partitions(account: &Account, job: &str) -> Vec<Value> {
    let all = account.simulator.partitions(DATABASE, LABEL_DETECTIONS.name).into_iter();
    all.filter(|(values, _)| values[0] == job).map(|(_, partition)| partition).collect()
}

#[tokio::test]
async fn deletes_what_an_export_writes_during_the_first_pass() {
    let gate = Gate::new();
    let account = account([Fault::on("DeleteObjects").hold_reply(gate.clone())]).await;
    let (written, registered) = (objects(&account, "job-1"), partitions(&account, "job-1"));
    assert_eq!((written.len(), registered.len()), (5, 4));

    let process = account.spawn(&delete(&["job-1", "job-2"]));
    gate.reached().await;
    assert!(objects(&account, "job-1").is_empty());
    for (key, bytes) in written {
        account.simulator.store().put(&key, bytes);
    }
    account.simulator.store().put("_checkpoints/job-1", "a state");
    for partition in registered {
        account.simulator.put_partition(DATABASE, LABEL_DETECTIONS.name, partition);
    }
    gate.release();
    let output = wait(process).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{}", output.stdout);
    assert_eq!(output.stdout.matches("  deleted\n").count(), 2, "{}", output.stdout);
    assert!(account.simulator.objects().is_empty(), "{:?}", account.simulator.objects().keys());
    assert!(account.simulator.partitions(DATABASE, LABEL_DETECTIONS.name).is_empty());
}

#[tokio::test]
async fn reports_an_export_that_keeps_writing_the_job() {
    let gates: Vec<_> = (0..MAX_PASSES).map(|_| Gate::new()).collect();
    let held = |(pass, gate): (usize, &Gate)| Fault::on("DeleteObjects").nth(pass + 1).hold_reply(gate.clone());
    let account = account(gates.iter().enumerate().map(held)).await;
    let written = objects(&account, "job-1");

    let mut process = account.spawn(&delete(&["job-1", "job-2"]));
    for gate in &gates {
        tokio::select! {
            () = gate.reached() => {}
            ended = process.wait() => panic!("the command makes no further pass: {ended:?}"),
        }
        for (key, bytes) in &written {
            account.simulator.store().put(key, bytes.clone());
        }
        gate.release();
    }
    let output = wait(process).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(output.stderr.starts_with("error: job job-1: an export in progress writes it again"), "{}", output.stderr);
    for words in ["its row in `jobs`", "4 files", "run the command again"] {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
    assert_eq!(account.count("DeleteObjects"), MAX_PASSES + 1);
    assert!(!output.stdout.contains("job-1  deleted") && output.stdout.contains("job-2  deleted"), "{}", output.stdout);
    assert_eq!(objects(&account, "job-2").len(), 0, "the other job is deleted");
}

#[tokio::test]
async fn warns_about_an_export_in_progress_if_there_are_files_or_a_checkpoint_without_a_row() {
    let account = account([]).await;
    account.simulator.store().delete("jobs/job-job-1.parquet");
    for key in objects(&account, "job-2").keys() {
        account.simulator.store().delete(key);
    }
    account.simulator.store().put("_checkpoints/job-2", "a state");
    let output = account.run(&delete(&["job-1", "job-2"])).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    for job in ["job-1", "job-2"] {
        let line = output.stdout.lines().find(|line| line.starts_with(job)).unwrap();
        assert!(line.contains("an export is in progress, or an export or a delete was interrupted"), "{line}");
    }
    assert!(account.simulator.objects().is_empty());
}

#[tokio::test]
async fn status_and_delete_handle_an_unreadable_row() {
    let account = account([]).await;
    account.simulator.store().put("jobs/job-job-1.parquet", "no Parquet");
    let status = ["status", "--bucket", "lake", "--database", DATABASE, "job-1", "job-2"];
    let output = account.run(&status).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.starts_with("error: job job-1: cannot read its row in `jobs`"), "{}", output.stderr);
    assert_eq!(output.stdout.matches("COMMITTED").count(), 2, "{}", output.stdout);
    assert!(output.stdout.contains("Result     unreadable: ") && output.stdout.contains("Result     SUCCEEDED"));
    assert!(output.stdout.contains("Partitions 4 in label_detections\n"), "{}", output.stdout);

    let json = account.run(&[&status[..], &["--json"]].concat()).await;
    assert_eq!(json.code, Some(1));
    let json = json.json();
    assert_eq!((&json[0]["state"], &json[1]["labels"]), (&"COMMITTED".into(), &4.into()));
    assert!(json[0]["error"].as_str().unwrap().contains("cannot read its row"), "{json}");

    let output = account.run(&delete(&["job-1", "job-2"])).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.starts_with("job-1  an unreadable row in `jobs`, 4 partitions"), "{}", output.stdout);
    assert!(account.simulator.objects().is_empty());
}

#[tokio::test]
async fn a_dry_run_deletes_nothing() {
    let account = account([]).await;
    let objects = account.simulator.objects();
    let dry_run = ["delete", "--bucket", "lake", "--database", DATABASE, "--dry-run"];
    let output = account.run(&[&dry_run[..], &["job-1", "job-2"]].concat()).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let lines: Vec<_> = output.stdout.lines().collect();
    assert!(lines[0].starts_with("job-1  its row in `jobs`, 4 partitions, 4 files ("), "{lines:?}");
    assert_eq!((lines.len(), lines[2]), (3, "Dry run: nothing was deleted."));
    assert_eq!(account.simulator.objects(), objects);
    assert_eq!(partitions(&account, "job-1").len(), 4);
    let missing = account.run(&[&dry_run[..], &["job-1", "nojob"]].concat()).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("job nojob not found"), "{}", missing.stderr);
}
