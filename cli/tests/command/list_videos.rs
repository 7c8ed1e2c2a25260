//! `label-lake list --videos`: the states of videos, from the lake, the starter's log and Rekognition.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rekognition_simulator::{Fault, Job, JobStatus};
use serde_json::{Value, json};

use crate::account::{Account, job};
use crate::deployment::Deployment;
use crate::start::{QUEUE, builder, deploy};

const LIST: [&str; 4] = ["list", "--videos", "--stack", "label-lake"];
/// Services that only the scripted server has.
const LOGS: [&str; 1] = ["CLOUDWATCH_LOGS"];

/// Returns a stack with a video in each state, and the time of its log in milliseconds.
async fn deployment() -> (Deployment, u64) {
    let in_progress = JobStatus::InProgress { replies: u32::MAX };
    let failed = || Job::from_labels(Vec::new()).status(JobStatus::Failed { message: "no video".to_owned() });
    let builder = builder()
        .job("job-exported", job(3).video("videos", "exported.mp4", None))
        .job("job-failed", failed().video("videos", "failed.mp4", None))
        .job("job-analyzed", job(3))
        .job("job-started", job(3).status(in_progress))
        .job("job-failing", failed());
    let account = Account::start(builder, &[]).await;
    let now = SystemTime::now();
    for name in ["exported", "failed", "analyzed", "started", "failing", "forgotten", "refused", "full", "new"] {
        account.simulator.store().put_modified(&format!("{name}.mp4"), "x", now - Duration::from_hours(1));
    }
    account.simulator.store().put_modified("overwritten.mp4", "x", now + Duration::from_hours(1));
    account.simulator.store().put("notes.txt", "x");
    account.export("job-exported").await;
    account.export("job-failed").await;
    account.simulator.send_message(QUEUE, "{}");
    (deploy(account).await, now.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64)
}

fn started(video: &str, job: &str) -> String {
    json!({ "level": "INFO", "message": "started", "video": format!("s3://videos/{video}"), "job": job, "size": 1 })
        .to_string()
}

fn write_log(deployment: &Deployment, now: u64) {
    let put_back = json!({ "message": "put back", "video": "s3://videos/full.mp4", "reason": "all slots are in use" });
    let (video, reason) = ("s3://videos/refused.mp4", "the video is too large");
    let not_started = json!({ "message": "not started", "video": video, "reason": reason });
    let first_put_back = json!({ "message": "put back", "video": "s3://videos/started.mp4", "reason": "no slot" });
    deployment.log.lock().unwrap().extend([
        (now, first_put_back.to_string()),
        (now + 1, started("started.mp4", "job-started")),
        (now + 2, started("analyzed.mp4", "job-analyzed")),
        (now + 3, started("failing.mp4", "job-failing")),
        (now + 4, started("forgotten.mp4", "job-forgotten")),
        (now + 5, started("overwritten.mp4", "job-analyzed")),
        (now + 6, not_started.to_string()),
        (now + 7, put_back.to_string()),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_how_far_each_video_has_come() {
    let (deployment, now) = deployment().await;
    write_log(&deployment, now);
    let output = deployment.run_with(&LIST, &LOGS).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{}", output.stdout);
    for (video, state, details) in [
        ("exported", "exported", "job-exported"),
        ("failed", "failed", "job-failed: no video"),
        ("analyzed", "analyzed", "job-analyzed"),
        ("started", "started", "job-started"),
        ("failing", "failed", "job-failing: no video"),
        ("forgotten", "failed", "job-forgotten: Rekognition has deleted the results, and the lake does not have them"),
        ("refused", "failed", "the video is too large"),
        ("full", "waiting", "all slots are in use"),
        ("new", "not in the lake", "-"),
        ("overwritten", "not in the lake", "-"),
    ] {
        let line = output.stdout.lines().find(|line| line.contains(&format!("/{video}.mp4 ")));
        let line = line.unwrap_or_else(|| panic!("{video}: {}", output.stdout));
        assert!(line.contains(&format!("Z  {state} ")) && line.ends_with(&format!(" {details}")), "{line}");
    }
    let summary =
        "10 videos: 1 analyzed, 1 exported, 4 failed, 2 not in the lake, 1 started, 1 waiting\n1 video in the queue\n";
    assert!(output.stdout.ends_with(summary), "{}", output.stdout);

    let json = deployment.run_with(&[&LIST[..], &["--json"]].concat(), &LOGS).await.json();
    let of = |video: &str| -> Value {
        let url = format!("s3://videos/{video}.mp4");
        let mut found = json.as_array().unwrap().iter().find(|listed| listed["video"] == *url).unwrap().clone();
        assert!(found.as_object_mut().unwrap().remove("modified").unwrap().is_string());
        found
    };
    let common = |video: &str| json!({ "video": format!("s3://videos/{video}.mp4"), "version": null, "bytes": 1 });
    let mut started = common("started");
    (started["state"], started["jobId"]) = ("STARTED".into(), "job-started".into());
    assert_eq!(of("started"), started);
    let mut refused = common("refused");
    (refused["state"], refused["jobId"], refused["reason"]) =
        ("FAILED".into(), Value::Null, "the video is too large".into());
    assert_eq!(of("refused"), refused);
    let mut new = common("new");
    new["state"] = "NOT_IN_LAKE".into();
    assert_eq!(of("new"), new);
}

/// The same bytes have the same token in a bucket without versioning, and so the same job.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_uploaded_again_has_the_job_that_the_lake_has() {
    let (deployment, now) = deployment().await;
    let store = deployment.account.simulator.store();
    let after = SystemTime::now() + Duration::from_mins(1);
    for (name, job) in [("exported", "job-exported"), ("failed", "job-failed")] {
        store.put_modified(&format!("{name}.mp4"), "x", after);
        deployment.log.lock().unwrap().push((now + 120_000, started(&format!("{name}.mp4"), job)));
    }
    let calls = deployment.account.count("GetLabelDetection");
    let output = deployment.run_with(&LIST, &LOGS).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{}", output.stdout);
    for (state, details) in [("exported", "job-exported"), ("failed", "job-failed: no video")] {
        let line = output.stdout.lines().find(|line| line.contains(&format!("/{state}.mp4 "))).unwrap();
        assert!(line.contains(&format!("Z  {state} ")) && line.ends_with(&format!(" {details}")), "{line}");
    }
    assert_eq!(deployment.account.count("GetLabelDetection"), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_what_the_lake_has_if_the_rest_cannot_be_read() {
    let (deployment, now) = deployment().await;
    let output = deployment.run_with(&LIST, &LOGS).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stdout.contains("10 videos: 1 exported, 1 failed, 8 not in the lake\n"), "{}", output.stdout);
    let error = "error: logs:FilterLogEvents on StarterLogGroup failed: ";
    assert!(
        output.stderr.starts_with(error) && output.stderr.contains("\nhint: you lack the permission"),
        "{}",
        output.stderr
    );
    output.assert_one_error();

    write_log(&deployment, now);
    let denied = Fault::on("GetLabelDetection").always().status(400, "AccessDeniedException");
    deployment.account.simulator.add_fault(denied);
    let output = deployment.run_with(&LIST, &LOGS).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stdout.contains("10 videos: 1 exported, 2 failed, 2 not in the lake, 4 started, 1 waiting\n"),
        "{}",
        output.stdout
    );
    assert!(output.stderr.starts_with("error: rekognition:GetLabelDetection on job "), "{}", output.stderr);
    output.assert_one_error();
}

#[tokio::test(flavor = "multi_thread")]
async fn needs_a_stack_with_videos() {
    let empty = deploy(Account::new(builder().start().await.unwrap())).await;
    let output = empty.run(&LIST).await;
    let error = "error: no videos found in s3://videos\nhint: the stack takes objects with the suffix .mp4 or .mov\n";
    assert_eq!((output.code, &*output.stdout, &*output.stderr), (Some(1), "", error));
    let output = empty.run(&["list", "--videos"]).await;
    assert_eq!((output.code, &*output.stdout), (Some(2), ""));
}
