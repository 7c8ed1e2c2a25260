//! `label-lake register`: the partitions of jobs, from the lake alone.

use std::collections::HashSet;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use futures_util::stream::{self, StreamExt as _};
use indicatif::HumanCount;
use label_lake::aws::deadline::Deadline;
use label_lake::error::Error;
use label_lake::glue::catalog::{Catalog, TablePartitions};
use label_lake::glue::registration;
use label_lake::job_id::JobId;
use label_lake::lake::Lake;
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::LabelPartition;

use crate::account::{Account, by_hand, patience};
use crate::args::RegisterArguments;
use crate::print;
use crate::progress::counted;

/// How many jobs are registered at once: Glue throttles an account, and the function registers too.
const SIDE_BY_SIDE: usize = 2;

/// The partitions of a job, in both tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    partitions: usize,
    /// Those that were not there before.
    created: usize,
}

/// Registers the jobs. The code is that of a failure if one was skipped or failed.
pub(crate) async fn register(arguments: &RegisterArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open().await?;
    let lake = account.lake(&arguments.lake, Some(&arguments.database))?;
    let catalog = lake.catalog.as_ref().context("there is no database")?;
    let jobs = if arguments.all { lake.jobs().await? } else { arguments.jobs.clone() };

    let bar = counted(jobs.len() as u64, "jobs", arguments.quiet)?;
    let registrations = jobs.iter().map(|job| {
        let lake = &lake.lake;
        async move { (job, register_job(lake, catalog, job).await) }
    });
    // In the order of the jobs, so that the output has it too.
    let mut ended = stream::iter(registrations).buffered(SIDE_BY_SIDE);
    let (mut total, mut registered, mut failed) = (Counts::default(), 0, 0);
    while let Some((job, result)) = ended.next().await {
        bar.inc(1);
        match result {
            Ok(counts) => {
                registered += 1;
                total.partitions += counts.partitions;
                total.created += counts.created;
                // Of a whole lake only what has changed is of interest.
                if !arguments.all || counts.created > 0 {
                    bar.suspend(|| print(format!("{job}  {}\n", counts.text()).as_bytes()))?;
                }
            }
            Err(error) => {
                failed += 1;
                bar.suspend(|| eprintln!("error: {error:#}"));
            }
        }
    }
    drop(ended);
    bar.finish_and_clear();
    let jobs = if registered == 1 { "job" } else { "jobs" };
    print(format!("{} {jobs}, {}\n", HumanCount(registered), total.text()).as_bytes())?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Counts {
    fn text(self) -> String {
        let [partitions, created] = [self.partitions, self.created].map(|count| HumanCount(count as u64));
        format!("{partitions} partitions, {created} created")
    }
}

async fn register_job(lake: &Lake, catalog: &Catalog, job: &JobId) -> anyhow::Result<Counts> {
    let deadline = patience()?;
    let committed = lake.job(job, deadline.leave()).find_commit().await.map_err(|error| by_hand(&error))?;
    if committed.is_none() {
        return Err(anyhow!("job {job}: skipped, it is not in `jobs`; export it first, and it is registered by that"));
    }
    let (tables, existing) = survey(lake, catalog, job, deadline).await.map_err(|error| by_hand(&error))?;
    let registered = registration::register_partitions(catalog, job, &tables, 0, deadline).await;
    let registered = registered.map_err(|error| by_hand(&error))?;
    if !registered.done {
        let why = registered.last_retryable_error.map_or_else(|| anyhow!("the time is over"), |error| by_hand(&error));
        let some = registered.registered;
        return Err(why.context(format!("job {job}: only {some} partitions are registered; run the command again")));
    }
    Ok(Counts { partitions: registered.registered, created: registered.registered - existing })
}

/// The partitions that the files ask for, and how many of them are registered already.
async fn survey(
    lake: &Lake,
    catalog: &Catalog,
    job: &JobId,
    deadline: Deadline,
) -> Result<(Vec<TablePartitions>, usize), Error> {
    let (mut tables, mut existing) = (Vec::new(), 0);
    for aggregation in Aggregation::ALL {
        let files = lake.job(job, deadline.leave()).list_files(aggregation).await?;
        let labels: HashSet<LabelPartition> = files.into_iter().filter_map(|file| file.label).collect();
        // A table that nothing was exported to need not be there.
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
