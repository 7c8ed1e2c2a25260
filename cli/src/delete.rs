//! `label-lake delete`: jobs out of the lake.

use std::collections::HashSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::bail;
use indicatif::{HumanBytes, HumanCount};
use label_lake::error::Error;
use label_lake::job_id::JobId;
use label_lake::table::aggregation::Aggregation;
use tokio::time::Instant;

use crate::account::{Account, AccountLake, by_hand, patience};
use crate::args::DeleteArguments;
use crate::known::{Known, State};
use crate::print;

/// Number of passes over a job. An export that is under way meanwhile writes more; a second pass
/// gets what it wrote during the first one, and the third is to spare.
const PASSES: usize = 3;

/// Deletes the jobs, after a yes. The code is that of a failure if the lake has nothing of one, or an export writes one
/// again.
pub(crate) async fn delete(arguments: &DeleteArguments) -> anyhow::Result<ExitCode> {
    if !arguments.yes && !io::stdin().is_terminal() {
        bail!("there is no terminal to ask at; say --yes to delete without a question");
    }
    let account = Account::open().await?;
    let lake = account.lake(&arguments.lake, arguments.database.as_ref())?;
    let (mut found, mut complete) = (Vec::new(), true);
    for job in &arguments.jobs {
        let known = Known::read(&lake, job).await?;
        if is_gone(&known) {
            eprintln!("error: job {job}: the lake has nothing of it; is --prefix that of the function?");
            complete = false;
        } else {
            print(format!("{job}  {}{}\n", inventory(&known), warning(&known)).as_bytes())?;
            found.push(known);
        }
    }
    if !found.is_empty() && !arguments.yes && !confirmed(found.len())? {
        bail!("nothing was deleted");
    }
    for known in &found {
        match delete_job(&lake, &known.job).await? {
            None => print(format!("{}  deleted\n", known.job).as_bytes())?,
            Some(left) => {
                complete = false;
                eprintln!(
                    "error: job {}: an export is under way, and writes again what is deleted; run the command again when it \
                     has ended; left: {}",
                    known.job,
                    inventory(&left)
                );
            }
        }
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_gone(known: &Known) -> bool {
    known.state() == State::Unknown && known.registered() == 0
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
        parts.push("a saved state".to_owned());
    }
    if known.partitions.is_some() {
        parts.push(format!("{} partitions", HumanCount(known.registered() as u64)));
    }
    parts.push(format!("{} files of {}", HumanCount(known.files.count), HumanBytes(known.files.bytes)));
    parts.join(", ")
}

/// The traces of an export that has not committed: a saved state, or files without a row.
fn warning(known: &Known) -> &'static str {
    if known.saved.is_some() || known.state() == State::UnderWay {
        "; an export is under way or was interrupted: one that goes on can write again what is deleted"
    } else {
        ""
    }
}

fn confirmed(jobs: usize) -> anyhow::Result<bool> {
    let which = if jobs == 1 { "this job".to_owned() } else { format!("these {jobs} jobs") };
    eprint!("Delete {which}? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Deletes until nothing is found any more. Returns what is left after the last pass.
async fn delete_job(account: &AccountLake, job: &JobId) -> anyhow::Result<Option<Known>> {
    let mut left = None;
    for _ in 0..PASSES {
        let deleted = delete_once(account, job, patience()?.leave()).await;
        deleted.map_err(|error| by_hand(&error).context("not all is deleted"))?;
        left = Some(Known::read(account, job).await?).filter(|known| !is_gone(known));
        if left.is_none() {
            break;
        }
    }
    Ok(left)
}

/// Without its row no query takes the job for complete. Without its saved state no later delivery goes on from there, and
/// commits a job whose files are gone.
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
