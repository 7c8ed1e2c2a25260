//! Registers all partitions of a job before the commit, as far as the time allows.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::aws::deadline::Deadline;
use crate::error::Error;
use crate::glue::catalog::{Catalog, MAX_CONCURRENT_CALLS, MAX_CREATE_BATCH, TablePartitions};
use crate::job_id::JobId;

/// The progress of registering the partitions of a job.
#[derive(Debug)]
pub struct Registration {
    /// Number of registered partitions, in the order of the tables and their partitions.
    pub registered: usize,
    /// True if all partitions are registered.
    pub done: bool,
    /// The error that was retried until the time was over.
    pub last_retryable_error: Option<Error>,
}

/// Registers the partitions of a job. Skips the first `from` partitions, which are registered already.
///
/// Stops early when the deadline says that it is time to leave.
///
/// # Errors
/// Errors that are not retryable: `Catalog`, `AccessDenied`.
pub async fn register_partitions(
    catalog: &Catalog,
    job: &JobId,
    tables: &[TablePartitions],
    from: usize,
    deadline: Deadline,
) -> Result<Registration, Error> {
    let all = tables.iter().map(|table| table.partitions.len()).sum();
    let (mut registered, mut last_retryable_error) = (from, None);
    if from < all {
        match register_remaining(catalog, job, tables, &mut registered, deadline).await {
            Err(error) if error.is_retryable() => last_retryable_error = Some(error),
            ended => ended?,
        }
    }
    Ok(Registration { registered, done: registered >= all, last_retryable_error })
}

/// Registers the partitions after the first `registered`, and increases that count, until it is time to leave.
async fn register_remaining(
    catalog: &Catalog,
    job: &JobId,
    tables: &[TablePartitions],
    registered: &mut usize,
    deadline: Deadline,
) -> Result<(), Error> {
    let tables: Vec<_> = tables
        .iter()
        .map(|TablePartitions { table, partitions }| (catalog.table(job, table, deadline.leave()), partitions))
        .collect();
    let storage = try_join_all(tables.iter().map(|(table, _)| table.storage_descriptor())).await?;
    let mut calls = Vec::new();
    let mut skip = *registered;
    for ((table, partitions), storage) in tables.iter().zip(&storage) {
        let remaining = partitions.get(skip..).unwrap_or_default();
        skip = skip.saturating_sub(partitions.len());
        calls.extend(remaining.chunks(MAX_CREATE_BATCH).map(|batch| (table, storage, batch)));
    }

    let mut slowest = Duration::ZERO;
    for group in calls.chunks(MAX_CONCURRENT_CALLS) {
        if !deadline.allows(slowest) {
            return Ok(());
        }
        let started = Instant::now();
        try_join_all(group.iter().map(|(table, storage, batch)| table.register(storage, batch))).await?;
        *registered += group.iter().map(|(_, _, batch)| batch.len()).sum::<usize>();
        slowest = slowest.max(started.elapsed());
        tracing::debug!(%job, partitions = *registered, "registered partitions");
    }
    Ok(())
}
