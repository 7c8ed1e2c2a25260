//! `label-lake backfill`: exports, reports, resuming, and errors.

use std::fs;

use rekognition_simulator::{Fault, Gate, Simulator};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::account::{Account, job, wait};

const BACKFILL: [&str; 3] = ["backfill", "--function", "label-lake"];

async fn account(jobs: usize, fault: Option<Fault>) -> Account {
    let mut builder = Simulator::builder();
    for number in 0..jobs {
        builder = builder.job(&format!("job-{number}"), job(2));
    }
    if let Some(fault) = fault {
        builder = builder.fault(fault);
    }
    Account::start(builder, &[]).await
}

/// Returns the IDs of this many jobs, one per line.
fn ids(jobs: usize) -> String {
    (0..jobs).map(|number| format!("job-{number}\n")).collect::<Vec<_>>().concat()
}

struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn report(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("report.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn reports_failed_jobs_and_retries_only_them_in_the_next_run() {
    // The last of the twenty jobs does not exist.
    let (account, files) = (account(19, None).await, Files::new());
    let (list, report) = (files.path("jobs.txt"), files.path("report.jsonl"));
    fs::write(&list, format!("# all\n{}\njob-3\n", ids(20))).unwrap();
    let arguments = [&BACKFILL[..], &["--file", &list, "--report", &report]].concat();
    let output = account.run(&arguments).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), "20 jobs: 19 EXPORTED, 1 failed\n"), "{}", output.stderr);
    assert!(output.stderr.contains("failed  job-19  JobNotFound: job job-19: not found"), "{}", output.stderr);
    let lines = files.report();
    assert_eq!(lines.len(), 20);
    let failed: Vec<_> = lines.iter().filter(|line| line["ok"] == false).collect();
    assert_eq!(
        (failed.len(), &failed[0]["jobId"], &failed[0]["errorType"]),
        (1, &"job-19".into(), &"JobNotFound".into())
    );

    account.simulator.clear_requests();
    let again = account.run(&arguments).await;
    assert_eq!((again.code, &*again.stdout), (Some(1), "20 jobs: 1 failed, 19 skipped\n"), "{}", again.stderr);
    assert_eq!(account.count("Invoke"), 1);

    account.simulator.add_job("job-19", job(2));
    let complete = account.run(&arguments).await;
    assert_eq!((complete.code, &*complete.stderr), (Some(0), ""));
    assert_eq!(complete.stdout, "20 jobs: 1 EXPORTED, 19 skipped\n");
    account.simulator.clear_requests();
    assert_eq!(account.run(&arguments).await.code, Some(0));
    assert_eq!(account.count("Invoke"), 0);
}

#[tokio::test]
async fn takes_jobs_from_arguments_and_standard_input_and_overwrites_on_request() {
    let account = account(3, None).await;
    let output = account.run_with_input(&[&BACKFILL[..], &["--file", "-", "job-2"]].concat(), &ids(2)).await;
    assert_eq!((output.code, &*output.stdout), (Some(0), "3 jobs: 3 EXPORTED\n"), "{}", output.stderr);
    let output = account.run(&[&BACKFILL[..], &["job-0"]].concat()).await;
    assert_eq!((output.code, &*output.stdout), (Some(0), "1 job: 1 ALREADY_COMMITTED\n"), "{}", output.stderr);
    let output = account.run(&[&BACKFILL[..], &["--overwrite", "job-0"]].concat()).await;
    assert_eq!((output.code, &*output.stdout), (Some(0), "1 job: 1 EXPORTED\n"), "{}", output.stderr);
}

#[tokio::test]
async fn retries_throttled_invocations() {
    let throttle = Fault::on("Invoke").nth(2).times(2).status(429, "TooManyRequestsException");
    let account = account(3, Some(throttle)).await;
    let output = account.run_with_input(&[&BACKFILL[..], &["--file", "-"]].concat(), &ids(3)).await;
    assert_eq!((output.code, &*output.stdout), (Some(0), "3 jobs: 3 EXPORTED\n"), "{}", output.stderr);
    assert_eq!(account.count("Invoke"), 5);
}

#[tokio::test]
async fn resumes_an_interrupted_run_from_its_report() {
    let gate = Gate::new();
    let hold = Fault::on("GetLabelDetection").key_contains("job-2").hold(gate.clone());
    let (account, files) = (account(4, Some(hold)).await, Files::new());
    let report = files.path("report.jsonl");
    let more = ["--concurrency", "1", "--report", &report, "job-0", "job-1", "job-2", "job-3"];
    let arguments = [&BACKFILL[..], &more].concat();
    let process = account.spawn(&arguments);
    gate.reached().await;
    let id = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let interrupted = wait(process).await;
    assert_eq!(interrupted.code, Some(130), "{}", interrupted.stderr);
    assert_eq!(interrupted.stdout, "4 jobs: 2 EXPORTED, 2 not finished\n");
    assert_eq!(files.report().len(), 2);

    gate.release();
    let output = account.run(&arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.ends_with("2 skipped\n"), "{}", output.stdout);
}

#[tokio::test]
async fn stops_at_once_if_the_function_cannot_be_invoked() {
    let fault = Fault::on("Invoke").always().status(403, "AccessDeniedException");
    let account = account(20, Some(fault)).await;
    let output = account.run_with_input(&[&BACKFILL[..], &["--file", "-"]].concat(), &ids(20)).await;
    assert_eq!((output.code, &*output.stdout), (Some(1), "20 jobs: 1 failed, 19 not finished\n"), "{}", output.stderr);
    assert!(output.stderr.contains("you lack permission lambda:InvokeFunction on label-lake"), "{}", output.stderr);
}

#[tokio::test]
async fn advises_how_to_provide_missing_credentials() {
    let account = account(0, None).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
    command.env_clear().envs([("AWS_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true")]);
    let ended = command.args(BACKFILL).arg("job-0").output().await.unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{errors}");
    assert!(errors.contains("log in with `aws sso login` or `aws login`, select a profile with --profile"), "{errors}");
    assert_eq!((errors.lines().count(), account.simulator.requests().len()), (2, 0), "{errors}");
}
