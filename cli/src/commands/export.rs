//! `label-lake export`: exports jobs of an AWS account with this program instead of the deployed function.

use std::process::ExitCode;

use anyhow::anyhow;
use label_lake::handler::JobAnswer;
use label_lake::notification::Completion;
use label_lake::table::aggregation::Aggregations;
use serde_json::json;

use crate::account::Account;
use crate::account::stack::Stack;
use crate::args::{ExportArguments, ExportTarget, LakeLocation, each_once};
use crate::error::with_hint;
use crate::local::simulated_aws::SimulatedAws;
use crate::output::progress::ExportProgress;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::summary::Failure;
use crate::output::text::{answer_text, count};
use crate::own_export;
use crate::shutdown::INTERRUPTED;

/// Exports the jobs one after the other. Returns a failure code if the export of a job failed.
pub(crate) async fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open(&arguments.aws).await?;
    let target = match &arguments.stack {
        Some(name) => stack_target(&account.stack(name).await?, arguments.aggregate_by.as_ref())?,
        None => arguments.target(),
    };
    let lake = &target.lake;
    // The simulated S3 of a directory stops when it is dropped.
    let directory = match lake {
        LakeLocation::Directory(path) => Some(SimulatedAws::start(path, Vec::new()).await?),
        LakeLocation::S3(_) => None,
    };
    let settings = target.settings();
    if let (LakeLocation::S3(location), Some(job)) = (lake, arguments.jobs.first()) {
        account.lake(location, target.database.as_ref())?.check_tables(job).await?;
    }

    let (mut answers, mut failures) = (Vec::new(), Vec::new());
    for job in &each_once(&arguments.jobs) {
        // An exporter of its own, so that the progress is that of this job.
        let exporter = account.exporter(&settings, account.rekognition(), directory.as_ref().map(SimulatedAws::s3))?;
        let completion = Completion { overwrite: arguments.overwrite, ..Completion::new(job.clone()) };
        let bar = ExportProgress::start_unknown(job.as_str(), arguments.quiet)?;
        let Some(result) = own_export::export(&exporter, &completion, bar).await? else {
            let error = anyhow!("interrupted; job {job} was not committed to {lake}");
            print_error(&with_hint(error, "run the command again to start over"));
            return Ok(ExitCode::from(INTERRUPTED));
        };
        match result {
            Ok(outcome) => {
                let answer = JobAnswer::new(job.clone(), &outcome);
                if !arguments.json {
                    print(&answer_line(&answer))?;
                }
                answers.push(answer);
            }
            Err(error) => {
                let failure = match &directory {
                    Some(directory) => directory.failure(&error),
                    None => Failure::from(&error),
                };
                print_error(&failure.error());
                failures.push(failure);
            }
        }
    }
    if arguments.json {
        let report = json!({ "lake": lake.to_string(), "jobs": answers, "failures": failures });
        print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else if let Some(answer) = answers.first() {
        print(&format!("The lake is {lake}. To look at a job:\n  label-lake show {} --lake {lake}\n", answer.job_id))?;
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the lake of a stack, with the settings of its function. Without `aggregate_by`, the tables are those that the
/// function fills.
pub(super) fn stack_target(stack: &Stack, aggregate_by: Option<&Aggregations>) -> anyhow::Result<ExportTarget> {
    let aggregations = match aggregate_by {
        Some(aggregations) => aggregations.clone(),
        None => stack.aggregations()?,
    };
    let (lake, database) = (LakeLocation::S3(stack.location()?), Some(stack.database()?));
    Ok(ExportTarget { lake, database, aggregations })
}

/// Describes the outcome of a job in one line.
pub(super) fn answer_line(answer: &JobAnswer) -> String {
    let counts = [
        answer.labels.map(|labels| count(labels, "label")),
        answer.detections.map(|detections| count(detections as usize, "detection")),
        answer.rows.map(|rows| count(rows as usize, "row")),
        answer.segments.map(|segments| count(segments as usize, "segment")),
    ];
    let counts: Vec<_> = counts.into_iter().flatten().collect();
    let separator = if counts.is_empty() { "" } else { "  " };
    format!("{}  {}{separator}{}\n", answer.job_id, answer_text(answer), counts.join(", "))
}
