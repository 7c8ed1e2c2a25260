//! A simulated AWS account with the deployed function, and commands that run against it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rekognition_simulator::{Builder, Generated, Invocation, Job, Outcome, Simulator};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::CommandOutput;

pub(crate) const DATABASE: &str = "label_lake";
const TABLES: [&str; 2] = ["label_detections", "label_segments"];

/// A simulator, and the real function program that polls it for invocations.
pub(crate) struct Account {
    /// Dropped, and so killed, before the simulator closes its ports. `None` if the test needs no function.
    _function: Option<Child>,
    pub(crate) simulator: Simulator,
}

impl Account {
    /// Starts the simulator and the function. `settings` are added to the bucket.
    pub(crate) async fn start(account: Builder, settings: &[(&str, &str)]) -> Self {
        let settings = [&[("OUTPUT_BUCKET", "lake")], settings].concat();
        Self::with_function(account.start().await.unwrap(), &settings)
    }

    /// Starts a function with these settings in front of a simulator.
    pub(crate) fn with_function(simulator: Simulator, settings: &[(&str, &str)]) -> Self {
        let mut function = Command::new(bootstrap());
        function.env_clear().envs(simulator.environment()).envs(settings.iter().copied());
        let function = function.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        Self { simulator, _function: Some(function) }
    }

    /// Returns an account without a function.
    pub(crate) fn new(simulator: Simulator) -> Self {
        Self { simulator, _function: None }
    }

    /// Exports a job through the function.
    pub(crate) async fn export(&self, job: &str) {
        let event = json!({ "JobId": job }).to_string();
        let outcome = self.simulator.invoke(event, Invocation::default()).await;
        assert!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
    }

    /// Invokes the function with a job and this much time.
    pub(crate) async fn export_within(&self, job: &str, deadline: Duration) -> Outcome {
        let event = json!({ "JobId": job }).to_string();
        self.simulator.invoke(event, Invocation { timeout: deadline, ..Invocation::default() }).await
    }

    /// Runs the command and waits for its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with_input(arguments, "").await
    }

    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut process = self.spawn(arguments);
        // A command that fails early does not read standard input.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes()).await;
        wait(process).await
    }

    /// Starts the command.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Returns the command with the environment of a user, and without the environment of this process.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let environment = self.simulator.environment().into_iter();
        let mut command = Command::new(env!("CARGO_BIN_EXE_label-lake"));
        command.env_clear().envs(environment.filter(|(name, _)| !name.starts_with("AWS_LAMBDA_")));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Returns the number of requests of an operation since the log was cleared.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.simulator.requests().iter().filter(|request| request.operation == operation).count()
    }
}

/// Runs a command, which has to end within a minute.
pub(crate) async fn run_to_end(mut command: Command) -> CommandOutput {
    let ended = tokio::time::timeout(Duration::from_mins(1), wait(command.spawn().unwrap())).await;
    ended.expect("the command ends within a minute")
}

/// Waits for the end of the command.
pub(crate) async fn wait(process: Child) -> CommandOutput {
    let ended = process.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    CommandOutput { code: ended.status.code(), stdout: text(ended.stdout), stderr: text(ended.stderr) }
}

/// Returns the path of the function program. It belongs to another package, so only a build of the workspace creates it.
fn bootstrap() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_label-lake")).with_file_name("bootstrap");
    assert!(path.exists(), "{} is missing; run cargo build --workspace", path.display());
    path
}

/// Returns a small job with this many distinct labels.
pub(crate) fn job(label_names: usize) -> Job {
    Job::generated(Generated { detections: 3 * label_names, label_names, ..Generated::default() }).page_size(100)
}

/// Adds the tables to the catalog of a simulator.
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
