//! The command `label-lake`: runs the Lambda function on this machine without an AWS account, and maintains a lake in one.
//!
//! `args` parses the command line. Each subcommand in `commands` works on an AWS account (`account`), on this machine
//! (`local`, `duckdb`), or on a lake in either place (`lake`), and formats its results with `output`.

mod account;
mod all_jobs;
mod args;
mod commands;
mod doctor;
mod duckdb;
mod error;
mod input;
mod job_row;
mod lake;
mod local;
mod markers;
mod output;
mod own_export;
mod parquet_columns;
mod parquet_decoder;
mod report;
mod shutdown;
mod timeline;
mod videos;

use std::process::ExitCode;

use crate::args::Command;
use crate::commands::{
    backfill, completions, convert, ddl, delete, demo, export, list, man, query, register, replay, run, show, start,
    status,
};
use crate::output::stderr::print_error;
use crate::output::stdout::print;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match args::parse().command {
        Command::Run(arguments) => run::run(&arguments).await,
        Command::Export(arguments) => export::export(&arguments).await,
        Command::Ddl(arguments) => ddl::ddl(&arguments).and_then(|sql| print(&sql)).map(|()| ExitCode::SUCCESS),
        Command::List(arguments) => list::list(&arguments).await,
        Command::Show(arguments) => show::show(&arguments).await,
        Command::Report(arguments) => commands::report::report(&arguments).await,
        Command::Convert(arguments) => convert::convert(&arguments).await,
        Command::Query(arguments) => query::query(&arguments).await,
        Command::Start(arguments) => start::start(&arguments).await,
        Command::Register(arguments) => register::register(&arguments).await,
        Command::Status(arguments) => status::status(&arguments).await,
        Command::Delete(arguments) => delete::delete(&arguments).await,
        Command::Demo(arguments) => demo::demo(&arguments).await,
        Command::Replay(arguments) => replay::replay(&arguments).await,
        Command::Backfill(arguments) => backfill::backfill(&arguments).await,
        Command::Completions { shell } => print(&completions::completions(shell)).map(|()| ExitCode::SUCCESS),
        Command::Man(arguments) => man::man(&arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        print_error(&error);
        ExitCode::FAILURE
    })
}
