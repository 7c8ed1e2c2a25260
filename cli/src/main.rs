//! The command `label-lake`: what the Lambda function does, on this machine and without an AWS account; and what looks
//! after a lake that it made in one.

mod account;
mod args;
mod backfill;
mod committed;
mod ddl;
mod delete;
mod event;
mod function;
mod held;
mod interrupt;
mod known;
mod letter;
mod progress;
mod queue;
mod recorded;
mod register;
mod rehearsal;
mod replay;
mod report;
mod run;
mod services;
mod status;
mod summary;
mod text;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::args::{Arguments, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments).await,
        Command::Ddl(arguments) => print(ddl::ddl(&arguments).as_bytes()).map(|()| ExitCode::SUCCESS),
        Command::Register(arguments) => register::register(&arguments).await,
        Command::Status(arguments) => status::status(&arguments).await,
        Command::Delete(arguments) => delete::delete(&arguments).await,
        Command::Replay(arguments) => replay::replay(&arguments).await,
        Command::Backfill(arguments) => backfill::backfill(&arguments).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "label-lake", &mut script);
            print(&script).map(|()| ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Writes to standard output. That the reader has seen enough (`label-lake … | head`) is no error.
fn print(output: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(output).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
