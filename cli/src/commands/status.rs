//! `label-lake status`: shows what the lake has of jobs.

use std::process::ExitCode;

use anyhow::anyhow;

use crate::account::Account;
use crate::account::job_report::{JobReport, State, UNREADABLE_ROW_HINT};
use crate::args::StatusArguments;
use crate::error::with_hint;
use crate::output::job_status::{as_json, as_text};
use crate::output::stderr::print_error;
use crate::output::stdout::print;

/// Prints a report on each job. Returns a failure code if a job is unknown, its row cannot be read, or a file or partition
/// is missing.
pub(crate) async fn status(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open(&arguments.aws).await?;
    let lake = account.lake(&arguments.lake.location()?, arguments.database.as_ref())?;
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
