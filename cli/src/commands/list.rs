//! `label-lake list`: lists the jobs of a lake.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use futures_util::stream::{self, StreamExt as _};
use label_lake::job_id::JobId;
use label_lake::table::schema::JOBS;

use crate::args::{LakeLocation, ListArguments};
use crate::error::with_hint;
use crate::job_row::JobRow;
use crate::lake::{JobFiles, Lake};
use crate::output::job_list::{ListedJob, as_text, sort};
use crate::output::progress::counter;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::terminal;

/// Number of rows that are read concurrently. S3 allows thousands of requests a second for a prefix.
const CONCURRENCY: usize = 32;

/// Prints the jobs. Returns a failure code if a file of `jobs` is not the row of a job.
pub(crate) async fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let (location, lake) = Lake::open(&arguments.lake, &arguments.aws).await?;
    let JobFiles { jobs: ids, foreign } = lake.job_files().await?;
    if ids.is_empty() && foreign.is_empty() {
        let error = anyhow!("no jobs found in {}", lake.path(&lake.layout().table_prefix(&JOBS)));
        return Err(with_hint(error, hint(&location)));
    }
    let bar = counter(ids.len() as u64, "jobs", arguments.quiet)?;
    let rows = ids.iter().map(|job| read_job(&lake, job));
    let mut rows = stream::iter(rows).buffer_unordered(CONCURRENCY);
    let not_a_row = |key: &String| format!("{} is not named like the row of a job", lake.path(key));
    let (mut jobs, mut errors) = (Vec::new(), foreign.iter().map(not_a_row).collect::<Vec<_>>());
    while let Some(row) = rows.next().await {
        bar.inc(1);
        match row? {
            Some(Ok(job)) => jobs.push(job),
            Some(Err(error)) => errors.push(error),
            None => {}
        }
    }
    drop(rows);
    bar.finish_and_clear();
    sort(&mut jobs);
    errors.sort();
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&jobs)?))?;
    } else if !jobs.is_empty() {
        print(&as_text(&jobs, terminal::width()))?;
    }
    for error in &errors {
        print_error(&anyhow!("{error}"));
    }
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the next step if a lake has no jobs.
fn hint(lake: &LakeLocation) -> String {
    match lake {
        LakeLocation::Directory(path) => {
            format!("export one with `label-lake run EVENT --out {}`, or name another lake with --lake", path.display())
        }
        LakeLocation::S3(_) => "check the bucket and the prefix in --lake".to_owned(),
    }
}

/// Reads the row of a job. Returns an error message instead if its file is not a row, or `None` if the job has been deleted
/// since it was listed.
async fn read_job(lake: &Lake, job: &JobId) -> anyhow::Result<Option<Result<ListedJob, String>>> {
    let key = lake.layout().commit_key(job)?;
    let Some(file) = lake.read(job, &key).await? else { return Ok(None) };
    let row = JobRow::read_without_labels(file.bytes).and_then(|row| row.of_job(job));
    let row = row.with_context(|| format!("cannot read the row of a job from {}", lake.path(key.as_str())));
    Ok(Some(row.map(|row| ListedJob::new(row, file.last_modified)).map_err(|error| format!("{error:#}"))))
}
