//! `label-lake delete`: deletes jobs from the lake.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use indicatif::HumanBytes;
use label_lake::error::Error;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;
use tokio::time::Instant;

use crate::account::job_report::{JobReport, State};
use crate::account::lake::AccountLake;
use crate::account::{Account, call_deadline, for_operator};
use crate::args::{DeleteArguments, each_once};
use crate::error::with_hint;
use crate::output::confirmation::{confirm, require_terminal};
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::count;

/// Maximum number of passes over a job. An export in progress may write files during a pass; the second pass deletes what
/// was written during the first, and the third is a reserve.
const MAX_PASSES: usize = 3;

/// Deletes the jobs after confirmation. Returns a failure code if a job is not in the lake, or if an export wrote it again.
pub(crate) async fn delete(arguments: &DeleteArguments) -> anyhow::Result<ExitCode> {
    if !arguments.yes && !arguments.dry_run {
        require_terminal("delete")?;
    }
    let account = Account::open(&arguments.aws).await?;
    let (location, lake) = account.open_lake(&arguments.lake, arguments.database.as_ref()).await?;
    if let Some(job) = arguments.jobs.first() {
        lake.check_tables(job).await?;
    }
    let (mut found, mut all_deleted) = (Vec::new(), true);
    for job in &each_once(&arguments.jobs) {
        let report = JobReport::read(&lake, job).await?;
        if report.is_empty() {
            let error = anyhow!("job {job} not found in {location}");
            print_error(&with_hint(error, "check the bucket and the prefix"));
            all_deleted = false;
        } else {
            print(&format!("{job}  {}{}\n", contents(&report), warning(&report)))?;
            found.push(report);
        }
    }
    if arguments.dry_run {
        print("Dry run: nothing was deleted.\n")?;
        return Ok(if all_deleted { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let which = if found.len() == 1 { "this job".to_owned() } else { format!("these {} jobs", found.len()) };
    if !found.is_empty() && !arguments.yes && !confirm(&format!("Delete {which}?"))? {
        bail!("nothing was deleted");
    }
    for report in &found {
        match delete_job(&lake, &report.job).await? {
            None => print(&format!("{}  deleted\n", report.job))?,
            Some(left) => {
                all_deleted = false;
                let error = anyhow!(
                    "job {}: an export in progress writes it again; found after deleting: {}",
                    report.job,
                    contents(&left)
                );
                print_error(&with_hint(error, "run the command again when the export has ended"));
            }
        }
    }
    Ok(if all_deleted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lists what the lake has of a job, in the order of deletion.
fn contents(report: &JobReport) -> String {
    let mut parts = Vec::new();
    if report.row_error().is_some() {
        parts.push("an unreadable row in `jobs`".to_owned());
    } else if report.commit.is_some() {
        parts.push("its row in `jobs`".to_owned());
    }
    if report.checkpoint.is_some() {
        parts.push("a checkpoint".to_owned());
    }
    if report.partitions.is_some() {
        parts.push(count(report.registered_partitions(), "partition"));
    }
    let size = HumanBytes(report.table_bytes);
    parts.push(format!("{} ({size})", count(report.table_files as usize, "file")));
    parts.join(", ")
}

/// Returns a warning if the job has a checkpoint, or files without a row: an export may be in progress.
fn warning(report: &JobReport) -> &'static str {
    if report.checkpoint.is_some() || report.state() == State::UnderWay {
        "; an export is in progress, or an export or a delete was interrupted: an export that resumes may write the job again"
    } else {
        ""
    }
}

/// Deletes a job, in several passes if an export keeps writing it. Returns what the lake has of the job after the last pass,
/// or `None` if it has nothing.
pub(super) async fn delete_job(account: &AccountLake, job: &JobId) -> anyhow::Result<Option<JobReport>> {
    let mut left = None;
    for _ in 0..MAX_PASSES {
        let deleted = delete_once(account, job, call_deadline()?.leave()).await;
        deleted.map_err(|error| for_operator(error).context("the job is only partly deleted"))?;
        left = Some(JobReport::read(account, job).await?).filter(|report| !report.is_empty());
        if left.is_none() {
            break;
        }
    }
    Ok(left)
}

/// Deletes everything that the lake and the catalog have of a job.
///
/// The row goes first, so that no query takes the job for complete. The checkpoint goes next, so that no later delivery
/// resumes from it and commits a job whose files are gone.
async fn delete_once(account: &AccountLake, job: &JobId, until: Instant) -> Result<(), Error> {
    let lake = account.lake.job(job, until);
    lake.delete_commit().await?;
    lake.delete_checkpoint().await?;
    if let Some(catalog) = &account.catalog {
        for aggregation in Aggregation::ALL {
            catalog.table(job, aggregation.table(), until).delete_except(&HashSet::new()).await?;
        }
    }
    lake.delete_files().await
}
