//! The command `label-lake`: runs the Lambda function on this machine without an AWS account, and maintains a lake in one.
//!
//! `args` parses the command line. Each subcommand in `commands` works on an AWS account (`account`), on this machine
//! (`local`, `duckdb`), or on a lake in either place (`lake`), and formats its results with `output`.

mod account;
mod args;
mod commands;
mod duckdb;
mod job_row;
mod lake;
mod local;
mod output;
mod parquet_decoder;
mod shutdown;
mod timeline;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::args::{Arguments, Command};
use crate::commands::{backfill, ddl, delete, export, list, query, register, replay, run, show, status};
use crate::output::stdout::print;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments).await,
        Command::Export(arguments) => export::export(&arguments).await,
        Command::Ddl(arguments) => ddl::ddl(&arguments).and_then(|sql| print(&sql)).map(|()| ExitCode::SUCCESS),
        Command::List(arguments) => list::list(&arguments).await,
        Command::Show(arguments) => show::show(&arguments).await,
        Command::Query(arguments) => query::query(&arguments),
        Command::Register(arguments) => register::register(&arguments).await,
        Command::Status(arguments) => status::status(&arguments).await,
        Command::Delete(arguments) => delete::delete(&arguments).await,
        Command::Replay(arguments) => replay::replay(&arguments).await,
        Command::Backfill(arguments) => backfill::backfill(&arguments).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "label-lake", &mut script);
            print(&String::from_utf8_lossy(&script)).map(|()| ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
