//! `label-lake status` and `delete` of jobs whose row cannot be read.

use simulator::Simulator;

use crate::account::{Account, DATABASE, job, with_catalog};

const DELETE: [&str; 6] = ["delete", "--bucket", "lake", "--database", DATABASE, "--yes"];

/// An account with two jobs that are exported, of 4 labels each.
async fn account() -> Account {
    let builder = with_catalog(Simulator::builder().job("job-1", job(4)).job("job-2", job(4)));
    let account = Account::start(builder, &[("GLUE_DATABASE", DATABASE)]).await;
    account.export("job-1").await;
    account.export("job-2").await;
    account
}

fn delete(jobs: &[&'static str]) -> Vec<&'static str> {
    [&DELETE[..], jobs].concat()
}

#[tokio::test]
async fn a_row_that_cannot_be_read_stops_neither_status_nor_delete() {
    let account = account().await;
    account.simulator.store().put("jobs/job-job-1.parquet", "no Parquet");
    let status = ["status", "--bucket", "lake", "--database", DATABASE, "job-1", "job-2"];
    let ran = account.run(&status).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.starts_with("error: job job-1: its row in `jobs` is unreadable"), "{}", ran.errors);
    assert_eq!(ran.output.matches("COMMITTED").count(), 2, "{}", ran.output);
    assert!(ran.output.contains("Result     unreadable: ") && ran.output.contains("Result     SUCCEEDED"));
    assert!(ran.output.contains("Partitions 4 in label_detections\n"), "{}", ran.output);

    let json = account.run(&[&status[..], &["--json"]].concat()).await;
    assert_eq!(json.code, Some(1));
    let json = json.json();
    assert_eq!((&json[0]["state"], &json[1]["labels"]), (&"COMMITTED".into(), &4.into()));
    assert!(json[0]["error"].as_str().unwrap().contains("unreadable"), "{json}");

    let ran = account.run(&delete(&["job-1", "job-2"])).await;
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    assert!(ran.output.starts_with("job-1  its row in `jobs`, which is unreadable, 4 partitions"), "{}", ran.output);
    assert!(account.simulator.objects().is_empty());
}
