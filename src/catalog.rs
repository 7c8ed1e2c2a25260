//! Partitions in Glue's Data Catalog, where Athena looks them up.
//!
//! A partition is its values, raw, and its location, escaped. What else Glue keeps of it (columns, formats, serde) is a
//! copy of the table's own storage descriptor: Athena reads a partition by its own columns, not by those of the table.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_sdk_glue::Client;
use aws_sdk_glue::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_glue::types::{
    BatchUpdatePartitionRequestEntry, Column, ErrorDetail, PartitionInput, PartitionValueList, StorageDescriptor,
};
use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::call::{Call, Service};
use crate::config::Lazy;
use crate::error::Error;
use crate::job_id::JobId;
use crate::pacing::persist;
use crate::tables::Table;

/// Glue takes at most this many partitions in one `BatchCreatePartition` or `BatchUpdatePartition`.
pub const MAX_CREATED: usize = 100;
/// Glue takes at most this many partitions in one `BatchDeletePartition`.
const MAX_DELETED: usize = 25;
/// How often partitions may be gone again when they were found to exist. Only an export with Overwrite removes any.
const MAX_CONFLICTS: u32 = 10;

/// How many calls for a job are under way at once: Glue throttles an account, and many jobs may end together.
pub const SIDE_BY_SIDE: usize = 4;
/// The next step, when there is nothing to register partitions in.
const MAKE_IT: &str =
    "make it with the template, or with the statements that `label-lake ddl` prints, and deliver the message again";

const ALREADY_EXISTS: &str = "AlreadyExistsException";
const NOT_FOUND: &str = "EntityNotFoundException";

/// One partition of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The values of `job_id` and `label`: raw.
    pub values: [String; 2],
    /// Where its file is: a URL that ends with `/`, the values in it escaped.
    pub location: String,
}

/// The partitions of a job in one table.
pub type TablePartitions = (&'static Table, Vec<Partition>);

/// A database of the catalog. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    client: Lazy<Client>,
    database: Arc<str>,
}

/// The partitions of one job in a table of the catalog.
#[derive(Debug)]
pub struct CatalogTable<'a> {
    catalog: &'a Catalog,
    job: &'a JobId,
    name: &'static str,
    /// Calls are tried until then.
    until: Instant,
}

impl Catalog {
    /// The database of this name.
    pub fn new(client: Lazy<Client>, database: &str) -> Self {
        Self { client, database: database.into() }
    }

    /// The partitions of a job in a table; calls are tried until `until`.
    pub fn table<'a>(&'a self, job: &'a JobId, table: &'static Table, until: Instant) -> CatalogTable<'a> {
        CatalogTable { catalog: self, job, name: table.name, until }
    }
}

impl CatalogTable<'_> {
    /// The table's storage descriptor, which every partition gets a copy of.
    ///
    /// # Errors
    /// `Catalog`, for a missing database or table too; `AccessDenied`, `Throttled`.
    pub async fn storage(&self) -> Result<StorageDescriptor, Error> {
        let call = self.call("glue:GetTable");
        let found = persist(self.until, &call, || async {
            let request = self.catalog.client.get_table().database_name(&*self.catalog.database).name(self.name);
            request.send().await.map_err(|error| {
                let reply = error.message().unwrap_or_default();
                match error.code() {
                    Some(NOT_FOUND) => call.failed(false, format!("{reply}: {MAKE_IT}").into()),
                    _ => call.error(error),
                }
            })
        });
        let storage = found.await?.table.and_then(|table| table.storage_descriptor);
        storage.ok_or_else(|| call.failed(false, format!("it holds no files: {MAKE_IT}").into()))
    }

    /// Registers at most [`MAX_CREATED`] partitions. Those that are there already are compared, and put right where they
    /// differ.
    ///
    /// # Errors
    /// `Catalog`, `AccessDenied`, `Throttled`. Some of the partitions may be registered then.
    pub async fn register(&self, storage: &StorageDescriptor, partitions: &[Partition]) -> Result<(), Error> {
        let mut left: HashMap<_, _> = partitions.iter().map(|partition| (&partition.values[..], partition)).collect();
        for _ in 0..MAX_CONFLICTS {
            let existing = self.create(storage, left.values().copied()).await?;
            left.retain(|values, _| existing.contains(*values));
            if left.is_empty() {
                return Ok(());
            }
            // What is right needs no more; what is missing was removed meanwhile.
            let mut stale = Vec::new();
            for (values, is_right) in self.check(storage, &left).await? {
                if let Some(partition) = left.remove(&values[..])
                    && !is_right
                {
                    stale.push(partition);
                }
            }
            self.update(storage, &stale).await?;
            if left.is_empty() {
                return Ok(());
            }
        }
        let reason = format!("another export removed partitions {MAX_CONFLICTS} times");
        Err(self.call("glue:BatchCreatePartition").failed(true, reason.into()))
    }

    /// Removes the partitions of the job whose label is not kept.
    ///
    /// # Errors
    /// `Catalog`, `AccessDenied`, `Throttled`.
    pub async fn remove_others(&self, kept: &HashSet<&str>) -> Result<(), Error> {
        let mut others = self.labels().await?;
        others.retain(|label| !kept.contains(&label[..]));
        for group in others.chunks(MAX_DELETED * SIDE_BY_SIDE) {
            try_join_all(group.chunks(MAX_DELETED).map(|some| self.delete(some))).await?;
        }
        Ok(())
    }

    /// Returns the values of those that exist already.
    async fn create(
        &self,
        storage: &StorageDescriptor,
        partitions: impl Iterator<Item = &Partition>,
    ) -> Result<HashSet<Vec<String>>, Error> {
        let call = self.call("glue:BatchCreatePartition");
        let inputs: Vec<_> = partitions.map(|partition| input(storage, partition)).collect();
        persist(self.until, &call, || async {
            let request = self.catalog.client.batch_create_partition();
            let request = request.database_name(&*self.catalog.database).table_name(self.name);
            let request = request.set_partition_input_list(Some(inputs.clone()));
            let reply = request.send().await.map_err(|error| call.error(error))?;
            // The reply is a success even if not one of them was created. Those that were are found to exist at the next
            // attempt.
            let mut existing = HashSet::new();
            for error in reply.errors.unwrap_or_default() {
                if code(error.error_detail.as_ref()) == ALREADY_EXISTS {
                    existing.extend(error.partition_values);
                } else {
                    return Err(refused(&call, error.error_detail.as_ref()));
                }
            }
            Ok(existing)
        })
        .await
    }

    /// Returns, for each that Glue has, whether it is as it should be.
    async fn check(
        &self,
        storage: &StorageDescriptor,
        partitions: &HashMap<&[String], &Partition>,
    ) -> Result<Vec<(Vec<String>, bool)>, Error> {
        let call = self.call("glue:BatchGetPartition");
        let wanted = partitions.keys().map(|values| value_list(values.to_vec()));
        let wanted = wanted.collect::<Result<Vec<_>, _>>().map_err(|error| call.failed(false, error.into()))?;
        let found = persist(self.until, &call, || async {
            let request = self.catalog.client.batch_get_partition();
            let request = request.database_name(&*self.catalog.database).table_name(self.name);
            let request = request.set_partitions_to_get(Some(wanted.clone()));
            let reply = request.send().await.map_err(|error| call.error(error))?;
            match reply.unprocessed_keys() {
                [] => Ok(reply.partitions.unwrap_or_default()),
                unprocessed => Err(call.failed(true, format!("{} keys are unprocessed", unprocessed.len()).into())),
            }
        });
        let found = found.await?.into_iter().filter_map(|partition| {
            let values = partition.values?;
            let wanted = partitions.get(&values[..])?;
            let is_right = partition.storage_descriptor.is_some_and(|found| is_right(&found, storage, wanted));
            Some((values, is_right))
        });
        Ok(found.collect())
    }

    async fn update(&self, storage: &StorageDescriptor, partitions: &[&Partition]) -> Result<(), Error> {
        if partitions.is_empty() {
            return Ok(());
        }
        let call = self.call("glue:BatchUpdatePartition");
        let entries = partitions.iter().map(|partition| {
            let entry = BatchUpdatePartitionRequestEntry::builder().partition_input(input(storage, partition));
            entry.set_partition_value_list(Some(partition.values.to_vec())).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(|error| call.failed(false, error.into()))?;
        tracing::info!(job = %self.job, table = self.name, partitions = entries.len(), "putting partitions right");
        persist(self.until, &call, || async {
            let request = self.catalog.client.batch_update_partition();
            let request = request.database_name(&*self.catalog.database).table_name(self.name);
            let request = request.set_entries(Some(entries.clone()));
            let reply = request.send().await.map_err(|error| call.error(error))?;
            reply.errors().first().map_or(Ok(()), |error| Err(refused(&call, error.error_detail())))
        })
        .await
    }

    /// The labels of the job's partitions, raw. A table that is not there has none.
    ///
    /// # Errors
    /// `Catalog`, `AccessDenied`, `Throttled`.
    pub async fn labels(&self) -> Result<Vec<String>, Error> {
        let call = self.call("glue:GetPartitions");
        let mut labels = Vec::new();
        let mut token = None;
        loop {
            let reply = persist(self.until, &call, || async {
                let request = self.catalog.client.get_partitions();
                let request = request.database_name(&*self.catalog.database).table_name(self.name);
                // A job id needs no escaping.
                let request = request.expression(format!("job_id='{}'", self.job)).exclude_column_schema(true);
                match request.set_next_token(token.clone()).send().await {
                    Ok(reply) => Ok(Some(reply)),
                    // A table that is not there has no partitions.
                    Err(error) if error.code() == Some(NOT_FOUND) => Ok(None),
                    Err(error) => Err(call.error(error)),
                }
            })
            .await?;
            let Some(reply) = reply else { return Ok(labels) };
            for partition in reply.partitions.unwrap_or_default() {
                if let Some([job, label]) = partition.values.as_deref()
                    && job == self.job.as_str()
                {
                    labels.push(label.clone());
                }
            }
            token = reply.next_token;
            if token.is_none() {
                return Ok(labels);
            }
        }
    }

    async fn delete(&self, labels: &[String]) -> Result<(), Error> {
        let call = self.call("glue:BatchDeletePartition");
        let values = labels.iter().map(|label| value_list(vec![self.job.to_string(), label.clone()]));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| call.failed(false, error.into()))?;
        persist(self.until, &call, || async {
            let request = self.catalog.client.batch_delete_partition();
            let request = request.database_name(&*self.catalog.database).table_name(self.name);
            let request = request.set_partitions_to_delete(Some(values.clone()));
            let reply = request.send().await.map_err(|error| call.error(error))?;
            let failed = reply.errors().iter().find(|error| code(error.error_detail()) != NOT_FOUND);
            failed.map_or(Ok(()), |error| Err(refused(&call, error.error_detail())))
        })
        .await
    }

    fn call(&self, action: &'static str) -> Call<'_> {
        let resource = format!("the table {}.{} of Glue's Data Catalog", self.catalog.database, self.name);
        Call { job: self.job, service: Service::Catalog, action, resource }
    }
}

fn input(storage: &StorageDescriptor, partition: &Partition) -> PartitionInput {
    let mut storage = storage.clone();
    storage.location = Some(partition.location.clone());
    PartitionInput::builder().set_values(Some(partition.values.to_vec())).storage_descriptor(storage).build()
}

/// Whether Athena reads with what was found what it should: the same files by the same columns.
fn is_right(found: &StorageDescriptor, table: &StorageDescriptor, partition: &Partition) -> bool {
    let columns = |storage: &StorageDescriptor| {
        let column = |column: &Column| (column.name.clone(), column.r#type.clone());
        storage.columns().iter().map(column).collect::<Vec<_>>()
    };
    let serde = |storage: &StorageDescriptor| storage.serde_info()?.serialization_library.clone();
    found.location() == Some(&partition.location)
        && columns(found) == columns(table)
        && found.input_format() == table.input_format()
        && serde(found) == serde(table)
}

fn value_list(values: Vec<String>) -> Result<PartitionValueList, BuildError> {
    PartitionValueList::builder().set_values(Some(values)).build()
}

fn code(detail: Option<&ErrorDetail>) -> &str {
    detail.and_then(ErrorDetail::error_code).unwrap_or_default()
}

/// What the error of one partition, in a reply that is a success, means for the call.
fn refused(call: &Call<'_>, detail: Option<&ErrorDetail>) -> Error {
    let message = detail.and_then(ErrorDetail::error_message).unwrap_or_default();
    call.refused(code(detail), format!("{}: {message}", code(detail)).into())
}
