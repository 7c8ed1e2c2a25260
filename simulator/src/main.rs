//! The simulator as a program, for callers in any language: it prints its environment, and then takes commands.

mod program {
    pub(crate) mod args;
    pub(crate) mod commands;
}

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use serde_json::{Value, json};
use simulator::Simulator;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::program::args::Arguments;
use crate::program::commands::{Request, Task, invoke, obey};

#[tokio::main]
async fn main() -> ExitCode {
    // The library panics at a mistake in a test, which is answered; its trace would say nothing about the caller.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until standard input is closed, or standard output.
async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let simulator = Arc::new(arguments.simulator()?.start().await?);
    let environment = simulator.environment().into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    say(&Value::Object(environment.collect()))?;
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        let line = line?;
        if !line.trim().is_empty() {
            take(&simulator, &line)?;
        }
    }
    Ok(())
}

/// Takes a command. Invocations run side by side, and are answered as they end; all else is answered at once.
fn take(simulator: &Arc<Simulator>, line: &str) -> io::Result<()> {
    let Request { id, task } = match Request::read(line) {
        Ok(request) => request,
        Err(refusal) => return say(&json!({ "error": refusal })),
    };
    match task {
        Task::Invoke { event, timeout } => {
            let simulator = Arc::clone(simulator);
            tokio::spawn(async move {
                let answer = invoke(&simulator, &event, timeout).await;
                // A reader that is gone closes standard input, too.
                let _ = say(&with_id(answer, id));
            });
            Ok(())
        }
        Task::Command(command) => say(&with_id(obey(simulator, command), id)),
    }
}

fn with_id(mut answer: Value, id: Option<Value>) -> Value {
    if let Some(id) = id {
        answer["id"] = id;
    }
    answer
}

/// Writes a line.
fn say(answer: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{answer}")?;
    stdout.flush()
}

/// The lines of standard input. Its thread ends with it, or with the process.
fn lines() -> UnboundedReceiver<io::Result<String>> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().try_for_each(|line| sender.send(line)));
    receiver
}
