//! `label-lake export`: exports jobs of an account to a directory or to S3, without the deployed function.

use std::collections::BTreeMap;

use rekognition_simulator::{Job, JobStatus, Simulator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::account::{Account, DATABASE, job, with_catalog};
use crate::collect;

const BOTH: (&str, &str) = ("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS");

/// Starts an account with two jobs that succeeded and one that failed. The function has exported `job-1`.
async fn account() -> Account {
    let failed = Job::from_labels(Vec::new()).status(JobStatus::Failed { message: "no video".to_owned() });
    let jobs = Simulator::builder().job("job-1", job(40)).job("job-2", job(5)).job("job-3", failed);
    let account = Account::start(with_catalog(jobs), &[BOTH, ("GLUE_DATABASE", DATABASE)]).await;
    account.export("job-1").await;
    account
}

/// Returns the objects below a prefix, by their keys without the prefix.
fn objects(account: &Account, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let objects = account.simulator.objects().into_iter();
    objects.filter_map(|(key, body)| Some((key.strip_prefix(prefix)?.to_owned(), body.to_vec()))).collect()
}

/// Returns the partitions of both tables, without the locations and the tables' own properties.
fn partitions(account: &Account) -> [Vec<Vec<String>>; 2] {
    ["label_detections", "label_segments"]
        .map(|table| account.simulator.partitions(DATABASE, table).into_keys().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_the_files_of_the_deployed_function_to_a_directory() {
    let account = account().await;
    let expected = objects(&account, "");
    assert!(expected.len() > 80, "{}", expected.len());
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("lake");
    let arguments = ["export", "job-1", "--aggregate-by", "TIMESTAMPS,SEGMENTS", "--out", out.to_str().unwrap()];
    let output = account.run(&arguments).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    for words in ["job-1  EXPORTED  40 labels, 120 detections", "label-lake show job-1 --lake"] {
        assert!(output.stdout.contains(words), "{words}: {}", output.stdout);
    }
    let mut files = BTreeMap::new();
    collect(&out, "", &mut files);
    assert!(files == expected);
    assert_eq!(objects(&account, ""), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_the_files_and_partitions_of_the_deployed_function_to_s3() {
    let account = account().await;
    let (expected, registered) = (objects(&account, ""), partitions(&account));
    let other = with_catalog(Simulator::builder().job("job-1", job(40))).start().await.unwrap();
    let other = Account::new(other);
    let to = ["--to", "s3://lake/", "--database", DATABASE];
    let arguments = [&["export", "job-1", "--aggregate-by", "TIMESTAMPS,SEGMENTS"], &to[..]].concat();
    let output = other.run(&arguments).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(objects(&other, "") == expected);
    assert_eq!(partitions(&other), registered);

    // The tables of this database belong to the lake above.
    let elsewhere = other.run(&["export", "job-1", "--to", "s3://lake/video", "--database", DATABASE]).await;
    assert_eq!((elsewhere.code, &*elsewhere.stdout), (Some(1), ""));
    assert!(elsewhere.stderr.contains("but the lake has it in s3://lake/video/"), "{}", elsewhere.stderr);
    let copied = other.run(&["export", "job-1", "--to", "s3://lake/video"]).await;
    assert_eq!(copied.code, Some(0), "{}", copied.stderr);
    assert!(objects(&other, "video/").keys().all(|key| expected.contains_key(key)));
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_each_job_and_continues_after_a_failure() {
    let account = account().await;
    let directory = TempDir::new().unwrap();
    let out = directory.path().to_str().unwrap();
    let output = account.run(&["export", "--json", "--out", out, "job-9", "job-2", "job-2", "job-3"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.starts_with("error: job job-9: not found"), "{}", output.stderr);
    let report = output.json();
    let outcomes = |report: &Value| -> Vec<Value> {
        let jobs = report["jobs"].as_array().unwrap().iter();
        jobs.map(|job| json!([job["jobId"], job["outcome"], job["status"]])).collect()
    };
    let [second, third] = [("job-2", "SUCCEEDED"), ("job-3", "FAILED")];
    let exported = [second, third].map(|(job, status)| json!([job, "EXPORTED", status]));
    assert_eq!(outcomes(&report), exported);
    assert_eq!(report["failures"][0]["errorType"], "JobNotFound");

    let again = account.run(&["export", "--json", "--out", out, "job-2", "job-3"]).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let committed = ["job-2", "job-3"].map(|job| json!([job, "ALREADY_COMMITTED", null]));
    assert_eq!(outcomes(&again.json()), committed);
    let replaced = account.run(&["export", "--overwrite", "--json", "--out", out, "job-2"]).await;
    assert_eq!(outcomes(&replaced.json()), [json!(["job-2", "EXPORTED", "SUCCEEDED"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_two_targets_and_a_database_without_a_bucket() {
    let account = Account::new(Simulator::builder().start().await.unwrap());
    for (more, words) in [
        (&["--out", "lake", "--to", "s3://lake"][..], "cannot be used with"),
        (&["--database", DATABASE], "--to <URL>"),
        (&["--to", "lake"], "s3://BUCKET/PREFIX"),
    ] {
        let output = account.run(&[&["export", "job-1"], more].concat()).await;
        assert_eq!(output.code, Some(2), "{words}");
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
}
