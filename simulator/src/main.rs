//! The simulator as a program, for callers in any language: it prints its environment, then executes commands.

mod program;

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use rekognition_simulator::Simulator;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::program::args::Arguments;
use crate::program::commands::{Request, Task, execute, invoke};

#[tokio::main]
async fn main() -> ExitCode {
    // The library panics at a mistake in a test. The caller gets the message as the answer; a backtrace would not help.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs until standard input or standard output is closed.
async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let simulator = Arc::new(arguments.simulator()?.start().await?);
    let environment = simulator.environment().into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    write_line(&Value::Object(environment.collect()))?;
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        let line = line?;
        if !line.trim().is_empty() {
            handle_line(&simulator, &line)?;
        }
    }
    Ok(())
}

/// Executes a command. Invocations run concurrently and are answered when they end; other commands are answered
/// immediately.
fn handle_line(simulator: &Arc<Simulator>, line: &str) -> io::Result<()> {
    let Request { id, task } = match Request::parse(line) {
        Ok(request) => request,
        Err(error) => return write_line(&json!({ "error": error })),
    };
    match task {
        Task::Invoke { event, timeout } => {
            let simulator = Arc::clone(simulator);
            tokio::spawn(async move {
                let answer = invoke(&simulator, &event, timeout).await;
                // A reader that is gone has closed standard input as well, which ends the program.
                let _ = write_line(&with_id(answer, id));
            });
            Ok(())
        }
        Task::Command(command) => write_line(&with_id(execute(simulator, command), id)),
    }
}

fn with_id(mut answer: Value, id: Option<Value>) -> Value {
    if let Some(id) = id {
        answer["id"] = id;
    }
    answer
}

/// Writes a line to standard output.
fn write_line(answer: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{answer}")?;
    stdout.flush()
}

/// Returns the lines of standard input. A thread reads them until the input is closed or the process exits.
fn lines() -> UnboundedReceiver<io::Result<String>> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().try_for_each(|line| sender.send(line)));
    receiver
}
