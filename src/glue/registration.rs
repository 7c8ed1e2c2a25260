//! The partitions of a job, all of them: registered before the commit, as far as the time allows.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::aws::deadline::Deadline;
use crate::error::Error;
use crate::glue::catalog::{Catalog, MAX_CREATED, SIDE_BY_SIDE, TablePartitions};
use crate::job_id::JobId;

/// How far a registration came.
#[derive(Debug)]
pub struct Registered {
    /// How many partitions of the job are registered by now, in their order.
    pub partitions: usize,
    /// Whether these are all.
    pub done: bool,
    /// The error that held it up until the time was over.
    pub held_up: Option<Error>,
}

/// Registers the partitions of a job, but for the first `from`, which are registered already.
///
/// Ends before it is done when it is time to leave.
///
/// # Errors
/// `Catalog`, `AccessDenied`: nothing that another invocation could go on after.
pub async fn register(
    catalog: &Catalog,
    job: &JobId,
    tables: &[TablePartitions],
    from: usize,
    deadline: Deadline,
) -> Result<Registered, Error> {
    let all = tables.iter().map(|(_, partitions)| partitions.len()).sum();
    let (mut partitions, mut held_up) = (from, None);
    if from < all {
        match go_on(catalog, job, tables, &mut partitions, deadline).await {
            Err(error) if error.is_retryable() => held_up = Some(error),
            ended => ended?,
        }
    }
    Ok(Registered { partitions, done: partitions >= all, held_up })
}

/// Registers those after the first `registered`, and counts them there, until it is time to leave.
async fn go_on(
    catalog: &Catalog,
    job: &JobId,
    tables: &[TablePartitions],
    registered: &mut usize,
    deadline: Deadline,
) -> Result<(), Error> {
    let tables: Vec<_> = tables.iter().map(|(table, all)| (catalog.table(job, table, deadline.leave()), all)).collect();
    let storage = try_join_all(tables.iter().map(|(table, _)| table.storage())).await?;
    let mut calls = Vec::new();
    let mut skip = *registered;
    for ((table, partitions), storage) in tables.iter().zip(&storage) {
        let left = partitions.get(skip..).unwrap_or_default();
        skip = skip.saturating_sub(partitions.len());
        calls.extend(left.chunks(MAX_CREATED).map(|some| (table, storage, some)));
    }

    let mut slowest = Duration::ZERO;
    for group in calls.chunks(SIDE_BY_SIDE) {
        if !deadline.allows(slowest) {
            return Ok(());
        }
        let begun = Instant::now();
        try_join_all(group.iter().map(|(table, storage, some)| table.register(storage, some))).await?;
        *registered += group.iter().map(|(_, _, some)| some.len()).sum::<usize>();
        slowest = slowest.max(begun.elapsed());
        tracing::debug!(%job, partitions = *registered, "registered");
    }
    Ok(())
}
