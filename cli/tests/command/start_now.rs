//! `label-lake start --now`: one video from its start into the lake.

use label_lake::config::JobSettings;
use label_lake::starter::message::Video;
use label_lake::starter::request::token;
use rekognition_simulator::{Builder, Fault, Gate, Generated, Invocation, JobStatus, Outcome};
use tokio::process::{Child, Command};

use crate::CommandOutput;
use crate::account::{Account, job, wait};
use crate::deployment::Deployment;
use crate::start::{QUEUE, builder, deploy};

const NOW: [&str; 5] = ["start", "--stack", "label-lake", "--now", "s3://videos/beach day.mp4"];

async fn deployment(builder: Builder) -> Deployment {
    let labels = Generated { detections: 60, label_names: 20, ..Generated::default() };
    let account = Account::start(builder.unknown_jobs(labels), &[]).await;
    account.simulator.store().put_version("beach day.mp4", "x", "v1");
    let deployment = deploy(account).await;
    let variables = [
        ("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:jobs"),
        ("REKOGNITION_ROLE_ARN", "arn:aws:iam::123456789012:role/rekognition"),
        ("INCLUDE_LABELS", "Car, Dog"),
        ("MIN_CONFIDENCE", ""),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    deployment.starter.lock().unwrap().extend(variables);
    deployment
}

/// Services that only the scripted server has.
const LAMBDA: [&str; 1] = ["LAMBDA"];

/// Starts the command, and waits until it asks for the state of the job, which `gate` holds.
async fn follow(deployment: &Deployment, gate: &Gate) -> (Child, String) {
    let process = deployment.spawn_with(&NOW, &LAMBDA);
    gate.reached().await;
    let started = deployment.account.simulator.started_jobs();
    assert_eq!(started.len(), 1);
    (process, started[0].id.clone())
}

/// Ends the job at Rekognition, and delivers its completion message to the function.
async fn end(deployment: &Deployment, job: &str, status: JobStatus) {
    let simulator = &deployment.account.simulator;
    let event = simulator.end_job(job, status).to_string();
    let outcome = simulator.invoke(event, Invocation::default()).await;
    assert!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
}

fn first_call(gate: &Gate) -> Fault {
    Fault::on("GetLabelDetection").hold_reply(gate.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_a_video_from_a_full_account_into_the_lake() {
    let gate = Gate::new();
    let no_slot = Fault::on("StartLabelDetection").times(2).status(400, "LimitExceededException");
    let deployment = deployment(builder().fault(no_slot).fault(first_call(&gate))).await;
    let (process, job) = follow(&deployment, &gate).await;
    let started = &deployment.account.simulator.started_jobs()[0];
    let labels = serde_json::json!(["Car", "Dog"]);
    assert_eq!(started.request["Settings"]["GeneralLabels"]["LabelInclusionFilters"], labels);
    assert_eq!(started.video.version.as_deref(), Some("v1"));
    // The starter of the stack would make the same token.
    let settings = JobSettings {
        topic_arn: "arn:aws:sns:us-east-1:123456789012:jobs".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/rekognition".to_owned(),
        min_confidence: None,
        include_labels: ["Car", "Dog"].map(str::to_owned).to_vec(),
        exclude_labels: Vec::new(),
        tag: None,
    };
    let (bucket, key) = ("videos".to_owned(), "beach day.mp4".to_owned());
    let video = Video { bucket, key, version: Some("v1".to_owned()), etag: None, size: None };
    assert_eq!(started.token.as_deref(), Some(&*token(&video, &settings)));

    end(&deployment, &job, JobStatus::Succeeded).await;
    gate.release();
    let output = wait(process).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{}", output.stdout);
    let (phases, details) = output.stdout.split_once("\n\n").unwrap();
    assert!(phases.starts_with("waiting 0:00:0") && phases.contains(" > started 0:00:0"), "{phases}");
    assert!(phases.contains(" > analyzed 0:00:0") && phases.ends_with(" > exported"), "{phases}");
    assert!(details.starts_with(&format!("Job          {job}\nStatus       SUCCEEDED\n")), "{details}");
    assert_eq!(deployment.account.count("StartLabelDetection"), 3);
    assert!(deployment.account.simulator.messages(QUEUE).is_empty());

    // The lake has the video now, so nothing is started.
    let again = deployment.run_with(&NOW, &LAMBDA).await;
    assert_eq!((again.code, &*again.stderr), (Some(0), ""));
    let expected = format!("s3://videos/beach day.mp4 is in the lake already.\nJob          {job}\n");
    assert!(again.stdout.starts_with(&expected), "{}", again.stdout);
    assert_eq!(deployment.account.count("StartLabelDetection"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn resumes_after_an_interruption_with_the_same_job() {
    let gate = Gate::new();
    let deployment = deployment(builder().fault(first_call(&gate))).await;
    let (process, job) = follow(&deployment, &gate).await;
    interrupt(&process).await;
    gate.release();
    let output = wait(process).await;
    assert_eq!((output.code, &*output.stdout), (Some(130), ""));
    let error = format!("error: interrupted; job {job} continues at Rekognition");
    let hint = format!("\nhint: `label-lake status --stack label-lake {job}` shows whether it is in the lake");
    assert!(output.stderr.starts_with(&error) && output.stderr.contains(&hint), "{}", output.stderr);
    output.assert_one_error();

    end(&deployment, &job, JobStatus::Failed { message: "the video has no frames".to_owned() }).await;
    let output = deployment.run_with(&NOW, &LAMBDA).await;
    assert_eq!((output.code, &*output.stderr), (Some(1), ""));
    assert!(output.stdout.contains("FAILED: the video has no frames\n"), "{}", output.stdout);
    assert_eq!(deployment.account.simulator.started_jobs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_before_the_export_names_what_shows_its_failure() {
    let (analyzed, row) = (Gate::new(), Gate::new());
    let deployment = deployment(builder().fault(first_call(&analyzed))).await;
    let (process, job) = follow(&deployment, &analyzed).await;
    // The function does not get the completion message.
    let simulator = &deployment.account.simulator;
    simulator.end_job(&job, JobStatus::Succeeded);
    simulator.add_fault(Fault::on("GetObject").key_contains(&job).hold_reply(row.clone()));
    analyzed.release();
    row.reached().await;
    interrupt(&process).await;
    row.release();
    let output = wait(process).await;
    assert_eq!((output.code, &*output.stdout), (Some(130), ""));
    let error = format!("error: interrupted; job {job} has ended at Rekognition");
    assert!(output.stderr.starts_with(&error), "{}", output.stderr);
    for command in [
        format!("`label-lake status --stack label-lake {job}`"),
        "`label-lake replay --stack label-lake --dry-run`".to_owned(),
    ] {
        assert!(output.stderr.contains(&command), "{}", output.stderr);
    }
    output.assert_one_error();
}

async fn interrupt(process: &Child) {
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_without_a_free_slot_starts_nothing() {
    let gate = Gate::new();
    let full = Fault::on("StartLabelDetection").nth(2).hold(gate.clone());
    let deployment = deployment(builder().fault(full)).await;
    deployment.account.simulator.hold_slots(20);
    let process = deployment.spawn_with(&NOW, &LAMBDA);
    gate.reached().await;
    interrupt(&process).await;
    gate.release();
    let output = wait(process).await;
    assert_eq!((output.code, &*output.stdout), (Some(130), ""));
    assert!(output.stderr.contains("has no free slot, and the video was not started\nhint: run"), "{}", output.stderr);
    assert!(deployment.account.simulator.started_jobs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_what_keeps_the_video_from_starting() {
    let deployment = deployment(builder().job("job-1", job(3))).await;
    let run = async |video: &str| -> CommandOutput {
        let output = deployment.run_with(&["start", "--stack", "label-lake", "--now", video], &LAMBDA).await;
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{video}");
        output.assert_one_error();
        output
    };
    let output = run("s3://videos/other.mp4").await;
    assert!(output.stderr.starts_with("error: no object s3://videos/other.mp4\n"), "{}", output.stderr);
    assert!(run("s3://other/a.mp4").await.stderr.contains("may read videos in s3://videos only"));
    let simulator = &deployment.account.simulator;
    simulator.store().put_archived("archived.mp4", "x", "DEEP_ARCHIVE", false);
    simulator.store().put("empty.mp4", "");
    for (key, error) in [
        ("archived", "is archived in S3, and Rekognition cannot read it\nhint: restore the object first\n"),
        ("empty", "is empty\nhint: upload the video again\n"),
    ] {
        let output = run(&format!("s3://videos/{key}.mp4")).await;
        assert_eq!(output.stderr, format!("error: s3://videos/{key}.mp4 {error}"));
        assert_eq!(deployment.account.count("StartLabelDetection"), 0);
    }
    for (code, words) in [
        (
            "AccessDeniedException",
            "you lack rekognition:StartLabelDetection, or iam:PassRole on arn:aws:iam::1234567890",
        ),
        ("InvalidS3ObjectException", "Rekognition reads the video with your permissions"),
        ("VideoTooLargeException", "Rekognition takes at most 10 GB"),
    ] {
        simulator.add_fault(Fault::on("StartLabelDetection").status(400, code));
        let output = run("s3://videos/beach day.mp4").await;
        assert!(output.stderr.contains(&format!("\nhint: {words}")), "{}", output.stderr);
    }
    deployment.starter.lock().unwrap().clear();
    let words = "\nhint: you lack permission lambda:GetFunctionConfiguration on label-lake-starter\n";
    assert!(run("s3://videos/beach day.mp4").await.stderr.contains(words));
    let two = deployment.run(&["start", "--stack", "s", "--now", "s3://videos/a.mp4", "s3://videos/b.mp4"]).await;
    assert_eq!((two.code, &*two.stdout), (Some(2), ""));
}
