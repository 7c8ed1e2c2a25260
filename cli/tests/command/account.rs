//! A simulated account with the deployed function in it, and the command beside it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Builder, Generated, Invocation, Job, Outcome, Simulator};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::Ran;

pub(crate) const DATABASE: &str = "label_lake";
const TABLES: [&str; 2] = ["label_detections", "label_segments"];

/// A simulator, and the real `bootstrap` that polls it.
pub(crate) struct Account {
    pub(crate) simulator: Simulator,
    _function: Child,
}

impl Account {
    /// Starts both; the function has these settings more than the bucket.
    pub(crate) async fn start(account: Builder, settings: &[(&str, &str)]) -> Self {
        let simulator = account.listing_allowed(true).start().await.unwrap();
        let mut function = Command::new(bootstrap());
        function.env_clear().envs(simulator.environment()).env("OUTPUT_BUCKET", "lake").envs(settings.iter().copied());
        let function = function.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        Self { simulator, _function: function }
    }

    /// Exports a job.
    pub(crate) async fn export(&self, job: &str) {
        let event = json!({ "JobId": job }).to_string();
        let outcome = self.simulator.invoke(event, Invocation::default()).await;
        assert!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
    }

    /// Delivers a job, with this much time for it.
    pub(crate) async fn export_within(&self, job: &str, deadline: Duration) -> Outcome {
        let event = json!({ "JobId": job }).to_string();
        self.simulator.invoke(event, Invocation { timeout: deadline, ..Invocation::default() }).await
    }

    /// Runs the command.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "").await
    }

    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut process = self.spawn(arguments);
        // A command that is refused early does not read it.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes()).await;
        ran(process).await
    }

    /// Begins the command, with what a person has in the environment and nothing of this process.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let environment = self.simulator.environment().into_iter();
        let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
        command.env_clear().envs(environment.filter(|(name, _)| !name.starts_with("AWS_LAMBDA_")));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn().unwrap()
    }

    /// How often an operation was asked for since the log was cleared.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.simulator.requests().iter().filter(|request| request.operation == operation).count()
    }
}

/// Waits for the end of the command.
pub(crate) async fn ran(process: Child) -> Ran {
    let ended = process.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: ended.status.code(), output: text(ended.stdout), errors: text(ended.stderr) }
}

/// The function's program. It is of another package, so that only a build of the workspace makes it.
fn bootstrap() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_label-lake")).with_file_name("bootstrap");
    assert!(path.exists(), "{} is missing; cargo build --workspace", path.display());
    path
}

/// A small job.
pub(crate) fn job(names: usize) -> Job {
    Job::generated(Generated { labels: 3 * names, names, ..Generated::default() }).page_size(100)
}

/// A simulator with the tables in its catalog.
pub(crate) fn with_catalog(account: Builder) -> Builder {
    let keys = ["job_id", "label"].map(|key| json!({ "Name": key, "Type": "string" }));
    let parquet = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
    let table = |name: &str| -> Value {
        json!({
            "PartitionKeys": keys,
            "StorageDescriptor": {
                "Columns": [{ "Name": "label_name", "Type": "string" }],
                "Location": format!("s3://lake/{name}/"),
                "InputFormat": parquet,
            },
        })
    };
    TABLES.into_iter().fold(account, |account, name| account.glue_table(DATABASE, name, table(name)))
}
