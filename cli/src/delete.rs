//! `label-lake delete`: jobs out of the lake.

use std::collections::HashSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use indicatif::{HumanBytes, HumanCount};
use label_lake::error::Error;
use label_lake::job_id::JobId;
use label_lake::tables::Aggregation;
use tokio::time::Instant;

use crate::account::{Account, AccountLake, by_hand, patience};
use crate::args::DeleteArguments;
use crate::known::{Known, State};
use crate::print;

/// Deletes the jobs, after a yes. The code is that of a failure if the lake has nothing of one.
pub(crate) async fn delete(arguments: &DeleteArguments) -> anyhow::Result<ExitCode> {
    if !arguments.yes && !io::stdin().is_terminal() {
        bail!("there is no terminal to ask at; say --yes to delete without a question");
    }
    let account = Account::open().await?;
    let lake = account.lake(&arguments.lake, arguments.database.as_deref())?;
    let (mut found, mut all_found) = (Vec::new(), true);
    for job in &arguments.jobs {
        let known = Known::read(&lake, job).await?;
        if known.state() == State::Unknown && known.registered() == 0 {
            eprintln!("error: job {job}: the lake has nothing of it; is --prefix that of the function?");
            all_found = false;
        } else {
            print(format!("{job}  {}\n", inventory(&known)).as_bytes())?;
            found.push(known);
        }
    }
    if !found.is_empty() && !arguments.yes && !confirmed(found.len())? {
        bail!("nothing was deleted");
    }
    for known in &found {
        let until = patience()?.leave();
        let deleted = delete_job(&lake, &known.job, until).await;
        deleted.map_err(|error| by_hand(&error).context("not all is deleted"))?;
        print(format!("{}  deleted\n", known.job).as_bytes())?;
    }
    Ok(if all_found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What there is of a job, in the order in which it is deleted.
fn inventory(known: &Known) -> String {
    let mut parts = Vec::new();
    if known.commit.is_some() {
        parts.push("its row in `jobs`".to_owned());
    }
    if known.unreadable().is_some() {
        parts.push("which is unreadable".to_owned());
    }
    if known.saved.is_some() {
        parts.push("a saved state (an export is under way, and can write again what is deleted now)".to_owned());
    }
    if known.partitions.is_some() {
        parts.push(format!("{} partitions", HumanCount(known.registered() as u64)));
    }
    parts.push(format!("{} files of {}", HumanCount(known.files.count), HumanBytes(known.files.bytes)));
    parts.join(", ")
}

fn confirmed(jobs: usize) -> anyhow::Result<bool> {
    let which = if jobs == 1 { "this job".to_owned() } else { format!("these {jobs} jobs") };
    eprint!("Delete {which}? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Without its row no query takes the job for complete. Without its saved state no later delivery goes on from there, and
/// commits a job whose files are gone.
async fn delete_job(account: &AccountLake, job: &JobId, until: Instant) -> Result<(), Error> {
    account.lake.delete_commit(job, until).await?;
    account.lake.delete_checkpoint(job, until).await?;
    if let Some(catalog) = &account.catalog {
        for aggregation in Aggregation::ALL {
            catalog.table(job, aggregation.table(), until).remove_others(&HashSet::new()).await?;
        }
    }
    account.lake.delete_files(job, until).await
}
