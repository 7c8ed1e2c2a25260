//! `label-lake status`: the contents of a job, missing parts, and interrupted deletions.

use label_lake::table::schema::LABEL_DETECTIONS;
use rekognition_simulator::{Fault, Generated, Job, Simulator};

use crate::account::{Account, DATABASE, job, with_catalog};
use crate::{CommandOutput, Workspace};

const STATUS: [&str; 6] = ["status", "--bucket", "lake", "--database", DATABASE, "job-1"];

async fn account(job: Job, settings: &[(&str, &str)]) -> Account {
    let account = Account::start(with_catalog(Simulator::builder().job("job-1", job)), settings).await;
    account.export("job-1").await;
    account
}

async fn text_and_json(account: &Account) -> (CommandOutput, CommandOutput) {
    (account.run(&STATUS).await, account.run(&[&STATUS[..], &["--json"]].concat()).await)
}

#[tokio::test]
async fn shows_the_video_and_counts_the_files_with_the_row() {
    let video = job(4).video("videos", "beach day.mp4", None);
    let account = account(video, &[("GLUE_DATABASE", DATABASE)]).await;
    let (text, json) = text_and_json(&account).await;
    assert_eq!((text.code, &*text.stderr), (Some(0), ""));
    assert!(text.stdout.contains("Video      s3://videos/beach day.mp4, 0:"), "{}", text.stdout);
    let objects = account.simulator.objects();
    assert_eq!(objects.len(), 5);
    assert!(text.stdout.contains("Files      5, "), "{}", text.stdout);
    assert!(text.stdout.contains(": 4 in the tables, 1 in `jobs`\n"), "{}", text.stdout);
    let json = &json.json()[0];
    let bytes = objects.values().fold(0, |sum, object| sum + object.len());
    assert_eq!((&json["files"], &json["bytes"], &json["missingFiles"]), (&5.into(), &bytes.into(), &0.into()));
    assert_eq!(json["video"], "s3://videos/beach day.mp4");
    assert!(json["videoDurationMs"].as_i64() > Some(0), "{json}");

    // `label-lake run` counts the same files.
    let workspace = Workspace::new();
    let run = workspace.run_with_input("-", &["--pages", "1", "--labels", "4"], r#"{"JobId": "job-1"}"#);
    assert!(run.stdout.contains(": 4 in the tables, 1 in `jobs`\n"), "{}", run.stdout);
}

#[tokio::test]
async fn fails_if_partitions_are_missing() {
    let account = account(job(4), &[]).await;
    let (text, json) = text_and_json(&account).await;
    assert_eq!((text.code, json.code), (Some(1), Some(1)));
    assert!(text.stdout.contains("Partitions 0 of 4 in label_detections; 4 missing"), "{}", text.stdout);
    assert_eq!(json.json()[0]["partitions"][LABEL_DETECTIONS.name]["missing"], 4);
    let without_database = account.run(&["status", "--bucket", "lake", "job-1"]).await;
    assert_eq!((without_database.code, &*without_database.stderr), (Some(0), ""));
}

#[tokio::test]
async fn fails_if_files_are_missing() {
    let account = account(job(4), &[("GLUE_DATABASE", DATABASE)]).await;
    let file = account.simulator.objects().into_keys().find(|key| key.starts_with("label_detections/")).unwrap();
    account.simulator.store().delete(&file);
    let (text, json) = text_and_json(&account).await;
    assert_eq!((text.code, json.code), (Some(1), Some(1)));
    assert!(text.stdout.contains("1 file missing in the tables; export the job again"), "{}", text.stdout);
    assert_eq!((&json.json()[0]["files"], &json.json()[0]["missingFiles"]), (&4.into(), &1.into()));
}

#[tokio::test]
async fn does_not_take_an_interrupted_delete_for_an_export() {
    let account = account(job(4), &[]).await;
    account.simulator.add_fault(Fault::on("DeleteObjects").always().status(403, "AccessDenied"));
    let delete = account.run(&["delete", "--bucket", "lake", "--yes", "job-1"]).await;
    assert_eq!(delete.code, Some(1));
    assert!(delete.stderr.contains("only partly deleted"), "{}", delete.stderr);
    let status = account.run(&["status", "--bucket", "lake", "job-1"]).await;
    for words in [
        "UNDER_WAY: the job has no row in `jobs`; an export is in progress, or an export or a delete was interrupted",
        "Checkpoint none, as in the first invocation of an export, or after a delete has begun",
        "4 in the tables, 0 in `jobs`",
    ] {
        assert!(status.stdout.contains(words), "{words}: {}", status.stdout);
    }
    assert!(account.simulator.faults_not_fired().is_empty());
}

#[tokio::test]
async fn one_detection_is_singular() {
    let one = Generated { detections: 1, label_names: 1, instances_percent: 0, ..Generated::default() };
    let account = account(Job::generated(one), &[]).await;
    let output = account.run(&["status", "--bucket", "lake", "job-1"]).await;
    assert!(output.stdout.contains("Rows       1: 1 detection\n"), "{}", output.stdout);

    let workspace = Workspace::new();
    let reply =
        r#"{"JobStatus": "SUCCEEDED", "Labels": [{"Timestamp": 0, "Label": {"Name": "Car", "Instances": []}}]}"#;
    let path = workspace.directory.path().join("reply.json");
    std::fs::write(&path, reply).unwrap();
    let output = workspace.run(crate::event("sns.json"), &["--recorded", path.to_str().unwrap()]);
    assert!(
        output.stdout.contains("Rows      1: 1 detection with 0 instances\n"),
        "{}{}",
        output.stdout,
        output.stderr
    );
}
