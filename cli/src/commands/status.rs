//! `label-lake status`: checks a stack, or shows what the lake has of jobs.

use std::process::ExitCode;

use anyhow::anyhow;

use crate::account::Account;
use crate::account::job_report::{JobReport, State, UNREADABLE_ROW_HINT};
use crate::args::StatusArguments;
use crate::doctor;
use crate::doctor::check::Check;
use crate::error::with_hint;
use crate::output::check_list::{checks_as_json, checks_as_text};
use crate::output::job_status::{as_json, as_text};
use crate::output::stderr::print_error;
use crate::output::stdout::print;

/// Checks the stack if no jobs are given, or else shows the jobs.
pub(crate) async fn status(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    match (&arguments.lake.stack, &arguments.jobs[..]) {
        (Some(stack), []) => check_stack(arguments, stack).await,
        _ => show_jobs(arguments).await,
    }
}

/// Prints the checks of a stack. Returns a failure code if the stack has a fault.
async fn check_stack(arguments: &StatusArguments, name: &str) -> anyhow::Result<ExitCode> {
    let account = Account::open(&arguments.aws).await?;
    let stack = account.stack(name).await?;
    let checks = doctor::check_all(&Box::pin(doctor::read(&account, stack)).await?);
    let text = if arguments.json {
        format!("{}\n", serde_json::to_string_pretty(&checks_as_json(name, &checks))?)
    } else {
        checks_as_text(&checks)
    };
    print(&text)?;
    let has_fault = checks.iter().any(Check::is_fault);
    Ok(if has_fault { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints a report on each job. Returns a failure code if a job is unknown, its row cannot be read, or a file or partition
/// is missing.
async fn show_jobs(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open(&arguments.aws).await?;
    let (_, lake) = account.open_lake(&arguments.lake, arguments.database.as_ref()).await?;
    let mut reports = Vec::new();
    if let Some(job) = arguments.jobs.first() {
        lake.check_tables(job).await?;
    }
    for job in &arguments.jobs {
        reports.push(JobReport::read(&lake, job).await?);
    }
    if arguments.json {
        let reports: Vec<_> = reports.iter().map(as_json).collect();
        print(&format!("{}\n", serde_json::to_string_pretty(&reports)?))?;
    } else {
        let reports: Vec<_> = reports.iter().map(as_text).collect();
        print(&reports.join("\n"))?;
    }
    let row_errors: Vec<_> = reports.iter().filter_map(JobReport::row_error).collect();
    for error in &row_errors {
        print_error(&with_hint(anyhow!("{error}"), UNREADABLE_ROW_HINT));
    }
    let is_whole = |report: &JobReport| report.state() != State::Unknown && !report.is_incomplete();
    let all_whole = row_errors.is_empty() && reports.iter().all(is_whole);
    Ok(if all_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
