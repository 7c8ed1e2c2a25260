//! `label-lake register`: registers the partitions of jobs, derived from the files in the lake.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use futures_util::stream::{self, StreamExt as _};
use label_lake::aws::deadline::Deadline;
use label_lake::error::Error;
use label_lake::glue::catalog::{Catalog, TablePartitions};
use label_lake::glue::registration;
use label_lake::job_id::JobId;
use label_lake::lake::Lake;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::LabelPartition;

use crate::account::{Account, call_deadline, for_operator};
use crate::args::RegisterArguments;
use crate::error::with_hint;
use crate::output::progress::counter;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::count;

/// Number of jobs that are registered concurrently. Low, because Glue throttles per account and the function needs calls too.
const CONCURRENCY: usize = 2;

/// Numbers of partitions in both tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    partitions: usize,
    /// Number of partitions that this command registered.
    created: usize,
}

/// Registers the jobs. Returns a failure code if a job was skipped or failed.
pub(crate) async fn register(arguments: &RegisterArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open(&arguments.aws).await?;
    let (_, lake) = account.open_lake(&arguments.lake, arguments.database.as_ref()).await?;
    let catalog = lake.catalog.as_ref().context("no database given")?;
    let all = arguments.selection.all;
    let jobs = if all { lake.jobs().await? } else { arguments.selection.jobs.clone() };
    if let Some(job) = jobs.first() {
        lake.check_tables(job).await?;
    }

    let bar = counter(jobs.len() as u64, "jobs", arguments.quiet)?;
    let registrations = jobs.iter().map(|job| {
        let lake = &lake.lake;
        async move { (job, register_job(lake, catalog, job).await) }
    });
    // Buffered in order, so that the output has the order of the jobs.
    let mut results = stream::iter(registrations).buffered(CONCURRENCY);
    let (mut total, mut registered, mut failed) = (Counts::default(), 0, 0);
    while let Some((job, result)) = results.next().await {
        bar.inc(1);
        match result {
            Ok(counts) => {
                registered += 1;
                total.partitions += counts.partitions;
                total.created += counts.created;
                // With --all, only jobs that have changed are printed.
                if !all || counts.created > 0 {
                    bar.suspend(|| print(&format!("{job}  {}\n", counts.text())))?;
                }
            }
            Err(error) => {
                failed += 1;
                bar.suspend(|| print_error(&error));
            }
        }
    }
    drop(results);
    bar.finish_and_clear();
    print(&format!("{}, {}\n", count(registered, "job"), total.text()))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Counts {
    fn text(self) -> String {
        format!("{}, {} created", count(self.partitions, "partition"), self.created)
    }
}

async fn register_job(lake: &Lake, catalog: &Catalog, job: &JobId) -> anyhow::Result<Counts> {
    let deadline = call_deadline()?;
    // GET, because an error reply to HEAD does not say whether the login or the permission is wrong.
    let row = lake.job(job, deadline.leave()).get_row().await.map_err(for_operator)?;
    if row.is_none() {
        let error = anyhow!("job {job}: skipped: not committed");
        return Err(with_hint(error, "export the job; that also registers its partitions"));
    }
    let (tables, existing) = find_partitions(lake, catalog, job, deadline).await.map_err(for_operator)?;
    let registered =
        registration::register_partitions(catalog, job, &tables, 0, deadline).await.map_err(for_operator)?;
    if !registered.done {
        let reason = registered
            .last_retryable_error
            .map_or_else(|| with_hint(anyhow!("the deadline has passed"), "run the command again"), for_operator);
        let partitions = count(registered.registered, "partition");
        return Err(reason.context(format!("job {job}: only {partitions} registered")));
    }
    Ok(Counts { partitions: registered.registered, created: registered.registered - existing })
}

/// Returns the partitions that the files call for, and the number of them that are already registered.
async fn find_partitions(
    lake: &Lake,
    catalog: &Catalog,
    job: &JobId,
    deadline: Deadline,
) -> Result<(Vec<TablePartitions>, usize), Error> {
    let (mut tables, mut existing) = (Vec::new(), 0);
    for aggregation in Aggregation::ALL {
        let files = lake.job(job, deadline.leave()).list_files(aggregation).await?;
        let labels: HashSet<LabelPartition> = files.into_iter().filter_map(|file| file.label).collect();
        // The table may be missing if nothing was exported to it.
        if labels.is_empty() {
            continue;
        }
        let registered = catalog.table(job, aggregation.table(), deadline.leave()).labels().await?;
        let registered: HashSet<_> = registered.into_iter().collect();
        existing += labels.iter().filter(|label| registered.contains(label.partition_value())).count();
        tables.push(lake.partitions(aggregation, job, labels.iter()));
    }
    Ok((tables, existing))
}
