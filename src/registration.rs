//! The partitions of a job, all of them: registered before the commit, as far as the time allows.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::catalog::{Catalog, MAX_CREATED, SIDE_BY_SIDE, TablePartitions};
use crate::error::Error;
use crate::job_id::JobId;
use crate::pacing::Deadline;

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
    let mut registered = Registered { partitions: from, done: from >= all, held_up: None };
    if registered.done {
        return Ok(registered);
    }
    let tables: Vec<_> = tables.iter().map(|(table, all)| (catalog.table(job, table, deadline.leave()), all)).collect();
    let storage = match try_join_all(tables.iter().map(|(table, _)| table.storage())).await {
        Ok(storage) => storage,
        Err(error) if error.is_retryable() => return Ok(Registered { held_up: Some(error), ..registered }),
        Err(error) => return Err(error),
    };
    let mut calls = Vec::new();
    let mut skip = from;
    for ((table, partitions), storage) in tables.iter().zip(&storage) {
        let left = partitions.get(skip..).unwrap_or_default();
        skip = skip.saturating_sub(partitions.len());
        calls.extend(left.chunks(MAX_CREATED).map(|some| (table, storage, some)));
    }

    let mut slowest = Duration::ZERO;
    for group in calls.chunks(SIDE_BY_SIDE) {
        if !deadline.allows(slowest) {
            return Ok(registered);
        }
        let begun = Instant::now();
        match try_join_all(group.iter().map(|(table, storage, some)| table.register(storage, some))).await {
            Ok(_) => registered.partitions += group.iter().map(|(_, _, some)| some.len()).sum::<usize>(),
            Err(error) if error.is_retryable() => return Ok(Registered { held_up: Some(error), ..registered }),
            Err(error) => return Err(error),
        }
        slowest = slowest.max(begun.elapsed());
        tracing::debug!(%job, partitions = registered.partitions, of = all, "registered");
    }
    registered.done = true;
    Ok(registered)
}
