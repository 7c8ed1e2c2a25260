//! `label-lake demo`: shows a deployed stack at work with a sample job.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use label_lake::handler::JobAnswer;
use label_lake::job_id::JobId;
use label_lake::notification::Completion;

use super::delete::delete_job;
use super::export::{answer_line, stack_target};
use super::report::report;
use crate::account::athena::{Athena, ResultRows};
use crate::account::lake::AccountLake;
use crate::account::stack::Stack;
use crate::account::{Account, for_operator};
use crate::args::{DemoArguments, ExportTarget, LakeLocation, LakeToRead, ReportArguments};
use crate::duckdb::literal;
use crate::duckdb::saved_queries::SavedQuery;
use crate::error::with_hint;
use crate::local::sample;
use crate::local::simulated_aws::SimulatedAws;
use crate::output::progress::ExportProgress;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::table::{Column, absent, table};
use crate::own_export;
use crate::report::html_file::is_report;
use crate::shutdown::INTERRUPTED;

/// The saved query that the demo runs.
const QUERY: &str = "labels-of-a-video";
/// Number of rows that the demo shows.
const ROWS: usize = 10;

/// Exports the sample, queries it, and writes its report; or removes the sample.
pub(crate) async fn demo(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    let has_report = is_report(&arguments.out)?;
    let account = Account::open(&arguments.aws).await?;
    let stack = account.stack(&arguments.stack).await?;
    let job = sample::job_id()?;
    let target = stack_target(&stack, None)?;
    let lake = account.lake(&stack.location()?, target.database.as_ref())?;
    lake.check_tables(&job).await?;
    if arguments.clean {
        let report = has_report.then_some(&*arguments.out);
        return clean(&lake, &job, report).await;
    }
    print("1. Export the sample job\n")?;
    let Some(answer) = export(&account, &target, &job, arguments.quiet).await? else {
        let error = anyhow!("interrupted; job {job} was not committed to {}", target.lake);
        print_error(&with_hint(error, "run the command again to start over, or with --clean to remove the files"));
        return Ok(ExitCode::from(INTERRUPTED));
    };
    print(&format!("{}\n2. Run the saved query {QUERY} on Athena\n", answer_line(&answer)))?;
    print(&first_rows(&query(&account, &stack, &job).await?))?;
    print("\n3. Write the report\n")?;
    let written = report(&report_arguments(arguments, target.lake, job)).await?;
    print(&format!(
        "\nOpen {} in a browser. To remove the sample:\n  label-lake demo --stack {} --clean\n",
        arguments.out.display(),
        arguments.stack
    ))?;
    Ok(written)
}

/// Exports the sample to the lake of the stack. Returns `None` after Ctrl-C.
async fn export(
    account: &Account,
    target: &ExportTarget,
    job: &JobId,
    quiet: bool,
) -> anyhow::Result<Option<JobAnswer>> {
    // The simulated Rekognition serves the pages of the sample. Its directory stays empty.
    let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
    let simulated = SimulatedAws::start(directory.path(), vec![(job.to_string(), sample::job())]).await?;
    let exporter = account.exporter(&target.settings(), simulated.rekognition(), None)?;
    let bar = ExportProgress::start(sample::PAGES, quiet)?;
    match own_export::export(&exporter, &Completion::new(job.clone()), bar).await? {
        Some(Ok(outcome)) => Ok(Some(JobAnswer::new(job.clone(), &outcome))),
        Some(Err(error)) => Err(for_operator(error)),
        None => Ok(None),
    }
}

/// Runs the saved query on the sample.
async fn query(account: &Account, stack: &Stack, job: &JobId) -> anyhow::Result<ResultRows> {
    let query = SavedQuery::named(QUERY).with_context(|| format!("no saved query {QUERY}"))?;
    let athena = Athena::new(account, stack.output("WorkGroupName")?, stack.output("DatabaseName")?);
    athena.run(query.athena(), &[literal(job.as_str())], ROWS).await
}

/// Returns the rows as a table.
fn first_rows(result: &ResultRows) -> String {
    let cell = |row: &Vec<Option<String>>, index: usize| row.get(index).cloned().flatten().unwrap_or_else(absent);
    let columns = result.columns.iter().enumerate().map(|(index, name)| {
        let cells = result.rows.iter().map(|row| cell(row, index));
        // The first column has the names of the labels, and the others have numbers.
        if index == 0 { Column::text(name, cells) } else { Column::numbers(name, cells) }
    });
    table(&columns.collect::<Vec<_>>())
}

fn report_arguments(arguments: &DemoArguments, lake: LakeLocation, job: JobId) -> ReportArguments {
    let lake = LakeToRead { lake, stack: None };
    let out = Some(arguments.out.clone());
    ReportArguments { lake, out, video: None, quiet: arguments.quiet, aws: arguments.aws.clone(), jobs: vec![job] }
}

/// Removes the sample, which may be gone already, and its report.
async fn clean(lake: &AccountLake, job: &JobId, report: Option<&Path>) -> anyhow::Result<ExitCode> {
    if delete_job(lake, job).await?.is_some() {
        let error = anyhow!("job {job}: an export in progress writes it again");
        return Err(with_hint(error, "run the command again when the export has ended"));
    }
    print(&format!("{job}  deleted from the lake\n"))?;
    if let Some(report) = report {
        fs::remove_file(report).with_context(|| format!("cannot delete {}", report.display()))?;
        print(&format!("{}  deleted\n", report.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
