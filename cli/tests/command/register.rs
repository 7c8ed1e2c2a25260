//! `label-lake register`, `status` and `delete`.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use label_lake::glue::catalog::Catalog;
use label_lake::job_id::JobId;
use label_lake::table::schema::LABEL_DETECTIONS;
use rekognition_simulator::{ACCESS_KEY_ID, Fault, Outcome, REGION, SECRET_ACCESS_KEY, Simulator};
use serde_json::Value;

use crate::account::{Account, DATABASE, job, with_catalog};

const CATALOG: (&str, &str) = ("GLUE_DATABASE", DATABASE);
const LAKE: [&str; 2] = ["--bucket", "lake"];
const DATABASE_OPTION: [&str; 2] = ["--database", DATABASE];

/// Starts an account with two jobs of 120 labels each, exported by a function with these settings.
async fn account(settings: &[(&str, &str)]) -> Account {
    let builder = with_catalog(Simulator::builder().job("job-1", job(120)).job("job-2", job(120)));
    let account = Account::start(builder, settings).await;
    account.export("job-1").await;
    account.export("job-2").await;
    account
}

async fn command(account: &Account, name: &str, more: &[&str]) -> crate::CommandOutput {
    account.run(&[&[name], &LAKE[..], &DATABASE_OPTION, more].concat()).await
}

/// Returns the exit code and the output of `label-lake status --json`.
async fn status(account: &Account, job: &str) -> (Option<i32>, Value) {
    let output = command(account, "status", &["--json", job]).await;
    (output.code, output.json()[0].clone())
}

fn partitions(account: &Account) -> BTreeMap<Vec<String>, Value> {
    account.simulator.partitions(DATABASE, LABEL_DETECTIONS.name)
}

/// Deletes the partitions of a job except one.
async fn delete_partitions(account: &Account, job: &str, kept: &str) {
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
    let catalog = Catalog::new(label_lake::glue::client::client(&aws), &DATABASE.parse().unwrap());
    let (job, until) = (JobId::try_from(job).unwrap(), tokio::time::Instant::now() + Duration::from_mins(1));
    catalog.table(&job, &LABEL_DETECTIONS, until).delete_except(&HashSet::from([kept])).await.unwrap();
}

#[tokio::test]
async fn registers_missing_partitions_again() {
    let account = account(&[CATALOG]).await;
    let whole = partitions(&account);
    assert_eq!(whole.len(), 240);
    assert!(whole.keys().any(|values| values[1].contains('\'')), "the job has a label that is escaped in keys");
    delete_partitions(&account, "job-1", "Car").await;
    assert_eq!(partitions(&account).len(), 121);
    let (_, before) = status(&account, "job-1").await;
    assert_eq!(before["partitions"][LABEL_DETECTIONS.name]["missing"], 119);

    let output = command(&account, "register", &["job-1"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(output.stdout, "job-1  120 partitions, 119 created\n1 job, 120 partitions, 119 created\n");
    assert_eq!(partitions(&account), whole);
}

#[tokio::test]
async fn registers_the_whole_lake_in_a_new_catalog() {
    let account = account(&[]).await;
    assert!(partitions(&account).is_empty());
    let output = command(&account, "register", &["--all"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.ends_with("2 jobs, 240 partitions, 240 created\n"), "{}", output.stdout);
    assert_eq!(partitions(&account).len(), 240);
    let again = command(&account, "register", &["--all"]).await;
    assert_eq!((again.code, &*again.stdout), (Some(0), "2 jobs, 240 partitions, 0 created\n"));
}

#[tokio::test]
async fn takes_the_lake_as_an_s3_url() {
    let account = account(&[]).await;
    let lake = ["--lake", "s3://lake/", "--database", DATABASE];
    let run = async |name: &'static str, more: &[&'static str]| {
        let output = account.run(&[&[name], &lake[..], more].concat()).await;
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{name}");
        output.stdout
    };
    assert!(run("register", &["--all"]).await.ends_with("2 jobs, 240 partitions, 240 created\n"));
    assert_eq!(run("status", &["job-1"]).await, command(&account, "status", &["job-1"]).await.stdout);
    assert!(run("delete", &["--yes", "job-1"]).await.ends_with("job-1  deleted\n"));
    assert!(partitions(&account).keys().all(|values| values[0] == "job-2"));

    let elsewhere = account.run(&["delete", "--lake", "s3://lake/video", "--yes", "job-2"]).await;
    assert_eq!(elsewhere.code, Some(1));
    assert!(elsewhere.stderr.contains("job job-2 not found in s3://lake/video/"), "{}", elsewhere.stderr);
}

#[tokio::test]
async fn skips_a_job_that_is_not_committed() {
    let account = account(&[]).await;
    account.simulator.store().delete("jobs/job-job-1.parquet");
    let output = command(&account, "register", &["job-1", "job-2"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("job job-1: skipped: not committed"), "{}", output.stderr);
    assert!(output.stdout.ends_with("1 job, 120 partitions, 120 created\n"), "{}", output.stdout);
    assert!(partitions(&account).keys().all(|values| values[0] == "job-2"));
}

#[tokio::test]
async fn advises_how_to_create_a_missing_table() {
    let account = account(&[]).await;
    let output = account.run(&["register", "--bucket", "lake", "--database", "other", "job-1"]).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("other.label_detections") && output.stderr.contains("label-lake ddl"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("run the command again"), "{}", output.stderr);
}

#[tokio::test]
async fn deletes_one_job_and_keeps_the_other() {
    let account = account(&[CATALOG]).await;
    let (code, before) = status(&account, "job-1").await;
    assert_eq!((code, &before["state"], &before["status"]), (Some(0), &"COMMITTED".into(), &"SUCCEEDED".into()));
    assert_eq!((&before["labels"], &before["detections"], &before["files"]), (&120.into(), &360.into(), &121.into()));
    let registered = &before["partitions"][LABEL_DETECTIONS.name];
    assert_eq!((&registered["registered"], &registered["missing"]), (&120.into(), &0.into()));

    let objects = account.simulator.objects();
    let refused = command(&account, "delete", &["job-1"]).await;
    assert_eq!((refused.code, &*refused.stdout), (Some(1), ""));
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(account.simulator.objects(), objects);

    account.simulator.clear_requests();
    let output = command(&account, "delete", &["--yes", "job-1"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.starts_with("job-1  its row in `jobs`, 120 partitions, 120 files ("), "{}", output.stdout);
    let requests = account.simulator.requests();
    let first = |operation: &str, target: &str| {
        let found = |request: &rekognition_simulator::Request| {
            request.operation == operation && request.target.contains(target)
        };
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
async fn shows_the_progress_of_an_export() {
    let throttle = Fault::on("GetLabelDetection").nth(3).always().status(400, "ThrottlingException");
    let builder = Simulator::builder().job("job-1", job(120)).fault(throttle);
    let account = Account::start(builder, &[]).await;
    let handed_over = account.export_within("job-1", Duration::from_secs(3)).await;
    assert!(matches!(&handed_over, Outcome::Response(answer) if answer["jobs"][0]["outcome"] == "HANDED_OVER"));
    let output = account.run(&["status", "--bucket", "lake", "job-1"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.contains("UNDER_WAY") && output.stdout.contains("2 pages so far"), "{}", output.stdout);

    account.simulator.store().put("_checkpoints/job-1", "of another build");
    let output = account.run(&["status", "--bucket", "lake", "job-1"]).await;
    assert!(output.stdout.contains("by another version of the function"), "{}", output.stdout);
    let output = account.run(&["delete", "--bucket", "lake", "--yes", "job-1"]).await;
    assert!(output.stdout.contains("an export is in progress"), "{}", output.stdout);
    assert!(account.simulator.objects().is_empty());
}

#[tokio::test]
async fn shows_a_committed_job() {
    let account = account(&[CATALOG]).await;
    let output = command(&account, "status", &["job-1"]).await;
    for words in
        ["State      COMMITTED at 20", "Result     SUCCEEDED", "360 detections", "120 of 120 in label_detections"]
    {
        assert!(output.stdout.contains(words), "{words}: {}", output.stdout);
    }
}

#[tokio::test]
async fn names_the_region_of_a_bucket_in_another_region() {
    let account = account(&[]).await;
    for (operation, name, more) in [("GetObject", "status", "job-1"), ("ListObjectsV2", "register", "--all")] {
        let elsewhere = Fault::on(operation).status_with_header(301, "", "x-amz-bucket-region", "eu-west-1");
        account.simulator.add_fault(elsewhere);
        let output = command(&account, name, &[more]).await;
        assert_eq!(output.code, Some(1), "{name}");
        assert!(output.stderr.contains("the bucket is in eu-west-1"), "{name}: {}", output.stderr);
        assert!(
            output.stderr.ends_with("\nhint: run the command with --region eu-west-1\n"),
            "{name}: {}",
            output.stderr
        );
    }
}

#[tokio::test]
async fn refuses_tables_that_lie_elsewhere() {
    let account = account(&[("OUTPUT_PREFIX", "video")]).await;
    let at_video = ["--bucket", "lake", "--prefix", "video", "--database", DATABASE];
    let objects = account.simulator.objects();
    for (name, more) in [
        ("register", &["--all"][..]),
        ("register", &["job-1"]),
        ("status", &["job-1"]),
        ("delete", &["--yes", "job-1"]),
    ] {
        let output = account.run(&[&[name][..], &at_video, more].concat()).await;
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{name}");
        let words = "table label_lake.label_detections is in s3://lake/label_detections/, but the lake has it in \
                     s3://lake/video/label_detections/";
        assert!(output.stderr.contains(words), "{name}: {}", output.stderr);
        output.assert_one_error();
    }
    assert!(partitions(&account).is_empty());
    assert_eq!(account.simulator.objects(), objects);
}

#[tokio::test]
async fn names_both_ways_to_select_jobs() {
    let output = crate::label_lake([&["register"], &LAKE[..], &DATABASE_OPTION].concat(), "");
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("--all") && output.stderr.contains("JOB"), "{}", output.stderr);
    let both = crate::label_lake([&["register", "--all", "job-1"], &LAKE[..], &DATABASE_OPTION].concat(), "");
    assert_eq!(both.code, Some(2));
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
}

#[tokio::test]
async fn a_misspelled_database_is_an_error_before_anything_is_changed() {
    let account = account(&[CATALOG]).await;
    let objects = account.simulator.objects();
    for (name, more) in [
        ("status", &["job-1"][..]),
        ("delete", &["--yes", "job-1"]),
        ("delete", &["--dry-run", "job-1"]),
        ("register", &["--all"]),
    ] {
        let output = account.run(&[&[name][..], &LAKE, &["--database", "label_lak"], more].concat()).await;
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{name}");
        assert!(
            output.stderr.contains("label_lak") && output.stderr.contains("hint: check --database"),
            "{}",
            output.stderr
        );
    }
    assert_eq!(account.simulator.objects(), objects);
}
