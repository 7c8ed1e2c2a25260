//! `label-lake register`, `status` and `delete`: a job's way into the catalog, and out of the lake.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use label_lake::glue::catalog::Catalog;
use label_lake::job_id::JobId;
use label_lake::table::schema::LABEL_DETECTIONS;
use serde_json::Value;
use simulator::{ACCESS_KEY_ID, Fault, Outcome, REGION, SECRET_ACCESS_KEY, Simulator};

use crate::account::{Account, DATABASE, job, with_catalog};

const CATALOG: (&str, &str) = ("GLUE_DATABASE", DATABASE);
const LAKE: [&str; 2] = ["--bucket", "lake"];
const DATABASE_OPTION: [&str; 2] = ["--database", DATABASE];

/// An account with two jobs of 120 labels each, exported by a function with these settings.
async fn account(settings: &[(&str, &str)]) -> Account {
    let builder = with_catalog(Simulator::builder().job("job-1", job(120)).job("job-2", job(120)));
    let account = Account::start(builder, settings).await;
    account.export("job-1").await;
    account.export("job-2").await;
    account
}

async fn command(account: &Account, name: &str, more: &[&str]) -> crate::Ran {
    account.run(&[&[name], &LAKE[..], &DATABASE_OPTION, more].concat()).await
}

/// The status of a job.
async fn status(account: &Account, job: &str) -> (Option<i32>, Value) {
    let ran = command(account, "status", &["--json", job]).await;
    (ran.code, ran.json()[0].clone())
}

fn partitions(account: &Account) -> BTreeMap<Vec<String>, Value> {
    account.simulator.partitions(DATABASE, LABEL_DETECTIONS.name)
}

/// Removes the partitions of a job but for one.
async fn lose_partitions(account: &Account, job: &str, kept: &str) {
    let aws = label_lake::aws::clients::sdk_config(None)
        .unwrap()
        .region(aws_config::Region::from_static(REGION))
        .credentials_provider(aws_sdk_rekognition::config::Credentials::new(
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
            None,
            None,
            "",
        ))
        .endpoint_url(account.simulator.glue_url())
        .load()
        .await;
    let catalog = Catalog::new(label_lake::glue::client::Client::new(&aws), DATABASE);
    let (job, until) = (JobId::try_from(job).unwrap(), tokio::time::Instant::now() + Duration::from_mins(1));
    catalog.table(&job, &LABEL_DETECTIONS, until).delete_except(&HashSet::from([kept])).await.unwrap();
}

#[tokio::test]
async fn partitions_that_are_lost_are_made_again() {
    let account = account(&[CATALOG]).await;
    let whole = partitions(&account);
    assert_eq!(whole.len(), 240);
    assert!(whole.keys().any(|values| values[1].contains('\'')), "names that are escaped in keys are among them");
    lose_partitions(&account, "job-1", "Car").await;
    assert_eq!(partitions(&account).len(), 121);
    let (_, before) = status(&account, "job-1").await;
    assert_eq!(before["partitions"][LABEL_DETECTIONS.name]["missing"], 119);

    let ran = command(&account, "register", &["job-1"]).await;
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    assert_eq!(ran.output, "job-1  120 partitions, 119 created\n1 job, 120 partitions, 119 created\n");
    assert_eq!(partitions(&account), whole);
}

#[tokio::test]
async fn a_catalog_that_was_switched_on_late_gets_the_whole_lake() {
    let account = account(&[]).await;
    assert!(partitions(&account).is_empty());
    let ran = command(&account, "register", &["--all"]).await;
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    assert!(ran.output.ends_with("2 jobs, 240 partitions, 240 created\n"), "{}", ran.output);
    assert_eq!(partitions(&account).len(), 240);
    let again = command(&account, "register", &["--all"]).await;
    assert_eq!((again.code, &*again.output), (Some(0), "2 jobs, 240 partitions, 0 created\n"));
}

#[tokio::test]
async fn a_job_that_is_not_committed_is_skipped_and_named() {
    let account = account(&[]).await;
    account.simulator.store().delete("jobs/job-job-1.parquet");
    let ran = command(&account, "register", &["job-1", "job-2"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("job job-1: skipped, it is not in `jobs`"), "{}", ran.errors);
    assert!(ran.output.ends_with("1 job, 120 partitions, 120 created\n"), "{}", ran.output);
    assert!(partitions(&account).keys().all(|values| values[0] == "job-2"));
}

#[tokio::test]
async fn a_missing_table_is_named_with_the_next_step() {
    let account = account(&[]).await;
    let ran = account.run(&["register", "--bucket", "lake", "--database", "other", "job-1"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("other.label_detections") && ran.errors.contains("label-lake ddl"), "{}", ran.errors);
    assert!(ran.errors.contains("run the command again"), "{}", ran.errors);
}

#[tokio::test]
async fn a_deleted_job_is_unknown_and_the_other_stays() {
    let account = account(&[CATALOG]).await;
    let (code, before) = status(&account, "job-1").await;
    assert_eq!((code, &before["state"], &before["status"]), (Some(0), &"COMMITTED".into(), &"SUCCEEDED".into()));
    assert_eq!((&before["labels"], &before["detections"], &before["files"]), (&120.into(), &360.into(), &120.into()));
    let registered = &before["partitions"][LABEL_DETECTIONS.name];
    assert_eq!((&registered["registered"], &registered["missing"]), (&120.into(), &0.into()));

    let objects = account.simulator.objects();
    let refused = command(&account, "delete", &["job-1"]).await;
    assert_eq!((refused.code, &*refused.output), (Some(1), ""));
    assert!(refused.errors.contains("--yes"), "{}", refused.errors);
    assert_eq!(account.simulator.objects(), objects);

    account.simulator.clear_requests();
    let ran = command(&account, "delete", &["--yes", "job-1"]).await;
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    assert!(ran.output.starts_with("job-1  its row in `jobs`, 120 partitions, 120 files of "), "{}", ran.output);
    let requests = account.simulator.requests();
    let first = |operation: &str, target: &str| {
        let found = |request: &simulator::Request| request.operation == operation && request.target.contains(target);
        requests.iter().position(found).unwrap_or_else(|| panic!("{operation} {target}: {requests:?}"))
    };
    let order = [
        first("DeleteObject", "jobs/"),
        first("DeleteObject", "_checkpoints/"),
        first("BatchDeletePartition", ""),
        first("DeleteObjects", ""),
    ];
    assert!(order.is_sorted(), "{order:?}");
    let (code, after) = status(&account, "job-1").await;
    assert_eq!((code, &after["state"], &after["files"]), (Some(1), &"UNKNOWN".into(), &0.into()));
    assert!(partitions(&account).keys().all(|values| values[0] == "job-2"));
    assert_eq!(status(&account, "job-2").await.0, Some(0));
    assert_eq!(account.simulator.objects().len(), 121);
    assert_eq!(command(&account, "delete", &["--yes", "job-1"]).await.code, Some(1));
}

#[tokio::test]
async fn a_job_under_way_says_how_far_it_is() {
    let throttle = Fault::on("GetLabelDetection").nth(3).always().status(400, "ThrottlingException");
    let builder = Simulator::builder().job("job-1", job(120)).fault(throttle);
    let account = Account::start(builder, &[]).await;
    let handed_over = account.export_within("job-1", Duration::from_secs(1)).await;
    assert!(matches!(&handed_over, Outcome::Response(answer) if answer["jobs"][0]["outcome"] == "HANDED_OVER"));
    let ran = account.run(&["status", "--bucket", "lake", "job-1"]).await;
    assert_eq!((ran.code, &*ran.errors), (Some(0), ""));
    assert!(ran.output.contains("UNDER_WAY") && ran.output.contains("2 pages so far"), "{}", ran.output);

    account.simulator.store().put("_checkpoints/job-1", "of another build");
    let ran = account.run(&["status", "--bucket", "lake", "job-1"]).await;
    assert!(ran.output.contains("by another version of the function"), "{}", ran.output);
    let ran = account.run(&["delete", "--bucket", "lake", "--yes", "job-1"]).await;
    assert!(ran.output.contains("an export is under way"), "{}", ran.output);
    assert!(account.simulator.objects().is_empty());
}

#[tokio::test]
async fn what_a_person_reads_of_a_committed_job() {
    let account = account(&[CATALOG]).await;
    let ran = command(&account, "status", &["job-1"]).await;
    for words in
        ["State      COMMITTED at 20", "Result     SUCCEEDED", "360 detections", "120 of 120 in label_detections"]
    {
        assert!(ran.output.contains(words), "{words}: {}", ran.output);
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_is_named_with_its_region() {
    let account = account(&[]).await;
    for (operation, name, more) in [("GetObject", "status", "job-1"), ("ListObjectsV2", "register", "--all")] {
        let elsewhere = Fault::on(operation).status_with_header(301, "", "x-amz-bucket-region", "eu-west-1");
        account.simulator.add_fault(elsewhere);
        let ran = command(&account, name, &[more]).await;
        assert_eq!(ran.code, Some(1), "{name}");
        let words = "the bucket is in eu-west-1; set AWS_REGION to that region";
        assert!(ran.errors.contains(words), "{name}: {}", ran.errors);
    }
}
