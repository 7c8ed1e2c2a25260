//! Reads the tables from Glue, and the last jobs from the lake.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use futures_util::future::{join_all, try_join_all};
use label_lake::glue::client::client;
use label_lake::job_id::JobId;
use label_lake::table::schema::TABLES;
use serde_json::{Value, json};

use super::found;
use crate::account::job_report::JobReport;
use crate::account::lake::AccountLake;
use crate::doctor::check::Fault;
use crate::doctor::facts::{Job, Reading};
use crate::doctor::names::Names;

/// Number of jobs to look at.
const LAST_JOBS: usize = 5;

/// Reads the locations of the tables by name.
pub(super) async fn read_tables(aws: &SdkConfig, names: &Names) -> BTreeMap<&'static str, Reading<String>> {
    let client = client(aws);
    let tables = TABLES.iter().map(|table| async {
        let request = json!({ "DatabaseName": names.database.as_str(), "Name": table.name });
        let reply = client.call::<Value>("GetTable", &request).await;
        let reply = found("glue:GetTable", &format!("table {}.{}", names.database, table.name), reply);
        let location = |reply: Value| {
            let location = reply["Table"]["StorageDescriptor"]["Location"].as_str();
            location.unwrap_or_default().to_owned()
        };
        (table.name, reply.map(|reply| reply.map(location)))
    });
    join_all(tables).await.into_iter().collect()
}

/// Reads the jobs that were committed last, newest first.
pub(super) async fn read_last_jobs(lake: &AccountLake) -> Result<Vec<Job>, Fault> {
    let jobs = lake.last_jobs(LAST_JOBS).await.map_err(|error| cannot_read(&error))?;
    try_join_all(jobs.iter().map(|job| read_job(lake, job))).await
}

async fn read_job(lake: &AccountLake, id: &JobId) -> Result<Job, Fault> {
    let report = JobReport::read(lake, id).await.map_err(|error| cannot_read(&error))?;
    let status = match report.row_error() {
        Some(error) => Err(error),
        None => Ok(report.row().map(|row| row.status.clone()).unwrap_or_default()),
    };
    let missing_partitions = report.partitions.iter().flatten().map(|partitions| partitions.missing).sum();
    Ok(Job { id: id.to_string(), status, missing_files: report.missing_files, missing_partitions })
}

fn cannot_read(error: &anyhow::Error) -> Fault {
    let fix = crate::error::hints(error).into_iter().next();
    Fault::new(format!("the jobs cannot be read: {error:#}"), fix.unwrap_or_else(|| "run the command again".to_owned()))
}
