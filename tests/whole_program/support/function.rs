//! The function under test: a process that polls the simulator's Runtime API.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rekognition_simulator::{Builder, Invocation, Outcome, Request, Simulator};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::within;

/// Number of requests and of log lines that a failing test prints.
const SHOWN_ON_FAILURE: usize = 100;

/// A simulated account and one process of the function in it. A failing test prints their last requests and log lines.
pub(crate) struct Function {
    /// Dropped, and so killed, before the simulator closes its ports. The process would otherwise send its next request
    /// to a port that another test may have opened in the meantime.
    process: Child,
    pub(crate) simulator: Simulator,
    log: Log,
}

/// Log of a process.
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Function {
    /// Starts the account and the process, with `OUTPUT_BUCKET=lake` and these additional settings.
    pub(crate) async fn start(account: Builder, settings: &[(&str, &str)]) -> Self {
        let simulator = account.start().await.expect("a free port on 127.0.0.1");
        let (process, log) = start(&simulator, settings);
        Self { process, simulator, log }
    }

    /// Restarts the function with other settings in the same account.
    pub(crate) async fn with_settings(mut self, settings: &[(&str, &str)]) -> Self {
        self.restart(settings).await;
        self
    }

    /// Kills the process, whatever it is doing, and starts a new one.
    pub(crate) async fn restart(&mut self, settings: &[(&str, &str)]) {
        self.process.kill().await.unwrap();
        (self.process, self.log) = start(&self.simulator, settings);
    }

    /// Delivers an event and returns the function's answer.
    pub(crate) async fn invoke(&self, event: impl ToString) -> Outcome {
        self.simulator.invoke(event.to_string(), Invocation::default()).await
    }

    /// Delivers a completion message that holds only the job ID, and expects success.
    pub(crate) async fn export(&self, job: &str) -> Value {
        self.succeed(json!({ "JobId": job })).await
    }

    /// Delivers an event and expects success.
    pub(crate) async fn succeed(&self, event: Value) -> Value {
        match self.invoke(&event).await {
            Outcome::Response(answer) => answer,
            failed @ Outcome::Error { .. } => panic!("{event} → {failed:?}"),
        }
    }

    /// Delivers an event, expects an error, and returns the error's type and message.
    pub(crate) async fn fail(&self, event: impl ToString) -> (String, String) {
        match self.invoke(event).await {
            Outcome::Error { error_type, error_message, .. } => (error_type, error_message),
            Outcome::Response(answer) => panic!("expected an error, not {answer}"),
        }
    }

    /// Returns the operations of all requests so far, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.simulator.requests().iter().map(|request| request.operation.clone()).collect()
    }

    /// Returns the number of requests of an operation so far.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.operations().iter().filter(|requested| *requested == operation).count()
    }

    /// Returns the ID of the process, to look it up in `/proc`.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Returns the peak memory of the process in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Kills the process and returns its log lines.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        self.process.kill().await.unwrap();
        (&mut self.log.reader).await.unwrap();
        self.log.lines()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let requests = self.simulator.requests().iter().map(line).collect();
            for (what, lines) in [("requests", requests), ("log lines", self.log.lines())] {
                let first = lines.len().saturating_sub(SHOWN_ON_FAILURE);
                println!("last {what}:\n{}", lines[first..].join("\n"));
            }
        }
    }
}

/// Formats a request as one short line.
fn line(request: &Request) -> String {
    let Request { operation, target, detail, status, .. } = request;
    let fault = request.fault.as_ref().map(|fault| format!(" (fault: {fault})")).unwrap_or_default();
    format!("{operation} {target} {detail} → {status}{fault}")
}

impl Log {
    /// Returns the lines so far.
    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

fn start(simulator: &Simulator, settings: &[(&str, &str)]) -> (Child, Log) {
    let mut process = command(simulator, settings).stdout(Stdio::piped()).spawn().expect("bootstrap is built");
    let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let reader = tokio::spawn(async move {
        while let Ok(Some(line)) = output.next_line().await {
            log.lock().unwrap().push(line);
        }
    });
    (process, Log { lines, reader })
}

/// Starts one more process of the function in this account. Its log is discarded. Dropping the process kills it.
pub(crate) fn spawn_process(simulator: &Simulator, settings: &[(&str, &str)]) -> Child {
    command(simulator, settings).stdout(Stdio::null()).spawn().expect("bootstrap is built")
}

/// Returns the `bootstrap` command as Lambda runs it: with the function's environment and nothing of this process's.
pub(crate) fn command(simulator: &Simulator, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    command
        .env_clear()
        .envs(simulator.environment())
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "label-lake"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("OUTPUT_BUCKET", "lake"),
        ])
        .envs(settings.iter().copied())
        .kill_on_drop(true);
    command
}

/// Delivers an event to any process in this account, with this timeout, and returns the outcome of its first job.
pub(crate) async fn outcome(simulator: &Simulator, event: &Value, timeout: Duration) -> String {
    match simulator.invoke(event.to_string(), within(timeout)).await {
        Outcome::Response(answer) => answer["jobs"][0]["outcome"].as_str().unwrap().to_owned(),
        failed @ Outcome::Error { .. } => panic!("{event} → {failed:?}"),
    }
}
