//! `label-lake query`: runs a saved query on a lake with DuckDB.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::anyhow;
use label_lake::table::schema::JOBS;

use crate::args::{LakeLocation, QueryArguments};
use crate::duckdb::all_jobs::AllJobsTable;
use crate::duckdb::program;
use crate::duckdb::saved_queries::{SAVED_QUERIES, SavedQuery};
use crate::duckdb::views::{has_files, views};
use crate::error::with_hint;
use crate::lake::locate;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::count;
use crate::shutdown::INVALID_USAGE;

/// Runs the query, prints the script that runs it, or lists the queries if none is named.
pub(crate) async fn query(arguments: &QueryArguments) -> anyhow::Result<ExitCode> {
    let Some(query) = arguments.query else {
        print(&list())?;
        return Ok(ExitCode::SUCCESS);
    };
    if arguments.values.len() != query.values.len() {
        let (expected, given) = (count(query.values.len(), "value"), arguments.values.len());
        let error = anyhow!("{} takes {expected}, not {given}", query.name);
        print_error(&with_hint(error, format!("usage: label-lake query {}", usage(query))));
        return Ok(ExitCode::from(INVALID_USAGE));
    }
    let lake = locate(&arguments.lake, &arguments.aws).await?;
    if let LakeLocation::Directory(directory) = &lake
        && !has_files(directory, &JOBS)?
    {
        let error = anyhow!("no jobs found in {}", directory.display());
        return Err(with_hint(error, "pass a lake with --lake DIRECTORY or --lake s3://BUCKET/PREFIX"));
    }
    let mut views = views(&lake, &query.tables(), &arguments.aws)?;
    views.extend(query.all_jobs_tables().map(AllJobsTable::view));
    let statement = query.duckdb(&arguments.values);
    if arguments.sql {
        print(&format!("{views}\n{statement}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    program::run(&views, &statement)
}

/// Lists the queries with their values and descriptions.
fn list() -> String {
    let mut list = String::new();
    for query in &SAVED_QUERIES {
        // Writing to a String does not fail.
        let _ = writeln!(list, "{}\n    {}", usage(query), query.description());
    }
    list
}

/// Returns the name of a query and those of its values.
fn usage(query: &SavedQuery) -> String {
    [&[query.name], query.values].concat().join(" ")
}
