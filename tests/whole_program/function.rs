//! The function under test: a process that polls the simulator's Runtime API.

use std::process::Stdio;

use serde_json::{Value, json};
use simulator::{Builder, Invocation, Outcome, Simulator};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// A simulated account and a function in it.
pub(crate) struct Function {
    pub(crate) simulator: Simulator,
    process: Child,
    log: JoinHandle<Vec<String>>,
}

impl Function {
    /// Starts both, with `OUTPUT_BUCKET=lake` and these settings more.
    pub(crate) async fn start(account: Builder, settings: &[(&str, &str)]) -> Self {
        let simulator = account.start().await.expect("a port on 127.0.0.1");
        let (process, log) = start(&simulator, settings);
        Self { simulator, process, log }
    }

    /// Starts the function anew with other settings, in the same account.
    pub(crate) async fn with_settings(mut self, settings: &[(&str, &str)]) -> Self {
        self.restart(settings).await;
        self
    }

    /// Kills the process, whatever it is doing, and starts another.
    pub(crate) async fn restart(&mut self, settings: &[(&str, &str)]) {
        self.process.kill().await.unwrap();
        (self.process, self.log) = start(&self.simulator, settings);
    }

    /// Delivers an event, and returns what the function answers.
    pub(crate) async fn invoke(&self, event: impl ToString) -> Outcome {
        self.simulator.invoke(event.to_string(), Invocation::default()).await
    }

    /// Delivers a bare completion message, and expects success.
    pub(crate) async fn export(&self, job: &str) -> Value {
        self.succeed(json!({ "JobId": job })).await
    }

    /// Delivers an event, and expects success.
    pub(crate) async fn succeed(&self, event: Value) -> Value {
        match self.invoke(&event).await {
            Outcome::Response(answer) => answer,
            failed @ Outcome::Error { .. } => panic!("{event} → {failed:?}"),
        }
    }

    /// Delivers an event, expects an error, and returns its type and its message.
    pub(crate) async fn fail(&self, event: impl ToString) -> (String, String) {
        match self.invoke(event).await {
            Outcome::Error { error_type, error_message, .. } => (error_type, error_message),
            Outcome::Response(answer) => panic!("{answer}"),
        }
    }

    /// The operations that were asked for so far, in their order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.simulator.requests().iter().map(|request| request.operation.clone()).collect()
    }

    /// How often an operation was asked for so far.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.operations().iter().filter(|asked| *asked == operation).count()
    }

    /// The process, for what the system knows of it.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// The most memory that the process has had, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Ends the process, and returns its log lines.
    pub(crate) async fn stop(mut self) -> Vec<String> {
        self.process.kill().await.unwrap();
        self.log.await.unwrap()
    }
}

fn start(simulator: &Simulator, settings: &[(&str, &str)]) -> (Child, JoinHandle<Vec<String>>) {
    let mut process = command(simulator, settings).stdout(Stdio::piped()).spawn().expect("bootstrap is built");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let log = tokio::spawn(async move {
        let mut log = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            log.push(line);
        }
        log
    });
    (process, log)
}

/// The `bootstrap` as Lambda starts it: with the function's environment, and none of this process.
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
