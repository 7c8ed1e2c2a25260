//! `label-lake status`: shows what the lake has of jobs.

use std::process::ExitCode;

use crate::account::Account;
use crate::account::job_report::{JobReport, State};
use crate::args::StatusArguments;
use crate::output::job_status::{as_json, as_text};
use crate::output::stdout::print;

/// Prints a report on each job. Returns a failure code if a job is unknown, or its row cannot be read.
pub(crate) async fn status(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open().await?;
    let lake = account.lake(&arguments.lake.location()?, arguments.database.as_ref())?;
    let mut reports = Vec::new();
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
        eprintln!("error: {error}");
    }
    let all_known = reports.iter().all(|report| report.state() != State::Unknown);
    Ok(if all_known && row_errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
