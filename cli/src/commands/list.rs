//! `label-lake list`: lists the jobs of a lake.

use std::process::ExitCode;

use anyhow::anyhow;
use label_lake::table::schema::JOBS;

use super::list_videos::list_videos;
use crate::args::{LakeLocation, ListArguments};
use crate::error::with_hint;
use crate::lake::rows::JobRows;
use crate::lake::{JobFiles, Lake};
use crate::output::job_list::{ListedJob, as_text, sort};
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::terminal;

/// Prints the jobs, or the videos of a stack. Returns a failure code if a file of `jobs` is not the row of a job.
pub(crate) async fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    if arguments.videos {
        return list_videos(arguments).await;
    }
    let (location, lake) = Lake::open(&arguments.lake, &arguments.aws).await?;
    let JobFiles { jobs: ids, foreign } = lake.job_files().await?;
    if ids.is_empty() && foreign.is_empty() {
        let error = anyhow!("no jobs found in {}", lake.path(&lake.layout().table_prefix(&JOBS)));
        return Err(with_hint(error, hint(&location)));
    }
    let JobRows { rows, errors } = lake.job_rows(&ids, arguments.quiet).await?;
    let not_a_row = |key: &String| format!("{} is not named like the row of a job", lake.path(key));
    let mut errors: Vec<_> = foreign.iter().map(not_a_row).chain(errors).collect();
    let mut jobs: Vec<_> = rows.into_iter().map(|read| ListedJob::new(read.row, read.committed_at)).collect();
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
            format!("export one with `label-lake run --out {}`, or name another lake with --lake", path.display())
        }
        LakeLocation::S3(_) => "check the bucket and the prefix in --lake".to_owned(),
    }
}
