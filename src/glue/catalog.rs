//! The partitions of a job in the Glue Data Catalog.
//!
//! A partition has unescaped values and an escaped location. Everything else that Glue stores for it (columns, formats,
//! serde) is a copy of the table's storage descriptor, because Athena reads a partition with the partition's own
//! columns instead of the table's.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::call::{Call, ErrorClass};
use crate::aws::caller::Caller;
use crate::aws::names::DatabaseName;
use crate::aws::retry::retry_until;
use crate::aws::service::ServiceError;
use crate::aws::service::json::JsonClient;
use crate::error::Error;
use crate::glue::shapes::{BatchReply, PartitionError, PartitionsReply, StorageDescriptor, TableReply};
use crate::job_id::JobId;
use crate::table::schema::Table;

/// Maximum number of partitions that Glue accepts in one `BatchCreatePartition` or `BatchUpdatePartition`.
pub(crate) const MAX_CREATE_BATCH: usize = 100;
/// Maximum number of partitions that Glue accepts in one `BatchDeletePartition`.
const MAX_DELETE_BATCH: usize = 25;
/// Number of times that partitions may be deleted after they were found to exist. Only an Overwrite deletes partitions.
const MAX_CONFLICTS: u32 = 10;
/// Maximum number of concurrent calls for a job. Glue throttles per account, and many jobs may end together.
pub(crate) const MAX_CONCURRENT_CALLS: usize = 4;
/// The next step if the table does not exist or cannot have partitions.
const CREATE_TABLE_HINT: &str = "create it with the template or with the statements from `label-lake ddl`";

const ALREADY_EXISTS: &str = "AlreadyExistsException";
const NOT_FOUND: &str = "EntityNotFoundException";

/// A partition of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Partition {
    /// Values of `job_id` and `label`, unescaped.
    pub(crate) values: [String; 2],
    /// URL of the folder with the partition's file. It ends with `/`, and the values in it are escaped.
    pub(crate) location: String,
}

/// The partitions of a job in one table, as the catalog should have them.
#[derive(Clone, Debug)]
pub struct TablePartitions {
    pub(crate) table: &'static Table,
    pub(crate) partitions: Vec<Partition>,
}

/// A database of the Data Catalog. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    client: JsonClient,
    database: Arc<str>,
    caller: Caller,
}

/// The partitions of one job in a table of the catalog, with the deadline for calls to them.
///
/// Failed calls are retried until the deadline if a retry can succeed.
#[derive(Debug)]
pub struct CatalogTable<'a> {
    catalog: &'a Catalog,
    job: &'a JobId,
    name: &'static str,
    until: Instant,
}

impl Catalog {
    /// Returns the database with this name.
    pub fn new(client: JsonClient, database: &DatabaseName) -> Self {
        Self { client, database: database.as_str().into(), caller: Caller::Function }
    }

    /// Returns the database for calls of this program.
    #[must_use]
    pub fn with_caller(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    /// Returns the name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Returns the partitions of a job in a table. Calls to them are retried until `until`.
    pub fn table<'a>(&'a self, job: &'a JobId, table: &'static Table, until: Instant) -> CatalogTable<'a> {
        CatalogTable { catalog: self, job, name: table.name, until }
    }
}

impl CatalogTable<'_> {
    /// Returns the location of the table, or `None` if the table does not exist or has no location.
    ///
    /// # Errors
    /// `Catalog`, `AccessDenied`, `Throttled`.
    pub async fn location(&self) -> Result<Option<String>, Error> {
        let call = self.call("glue:GetTable");
        let request = self.table_request();
        let table = retry_until(self.until, &call, || async {
            match self.send::<TableReply>(&call, &request).await {
                Ok(reply) => Ok(reply.table),
                Err(error) if error.code() == Some(NOT_FOUND) => Ok(None),
                Err(error) => Err(call.error(error)),
            }
        });
        let storage = table.await?.and_then(|table| table.storage_descriptor);
        Ok(storage.and_then(|storage| storage.location().map(str::to_owned)))
    }

    /// Returns the table's storage descriptor, which every partition gets a copy of.
    ///
    /// # Errors
    /// `Catalog` (also for a missing database or table), `AccessDenied`, `Throttled`.
    pub(crate) async fn storage_descriptor(&self) -> Result<StorageDescriptor, Error> {
        let call = self.call("glue:GetTable");
        let request = self.table_request();
        let found = retry_until(self.until, &call, || async {
            self.send::<TableReply>(&call, &request).await.map_err(|error| {
                let reply = error.message().unwrap_or_default();
                match error.code() {
                    Some(NOT_FOUND) => call.failed(false, format!("{reply}: {CREATE_TABLE_HINT}").into()),
                    _ => call.error(error),
                }
            })
        });
        let storage = found.await?.table.and_then(|table| table.storage_descriptor);
        storage.ok_or_else(|| {
            call.failed(false, format!("the table has no storage descriptor: {CREATE_TABLE_HINT}").into())
        })
    }

    /// Registers at most [`MAX_CREATE_BATCH`] partitions. Partitions that exist already are compared, and updated if
    /// they differ.
    ///
    /// # Errors
    /// `Catalog`, `AccessDenied`, `Throttled`. Some of the partitions may have been registered.
    pub(crate) async fn register(&self, storage: &StorageDescriptor, partitions: &[Partition]) -> Result<(), Error> {
        let mut remaining: HashMap<_, _> =
            partitions.iter().map(|partition| (&partition.values[..], partition)).collect();
        for _ in 0..MAX_CONFLICTS {
            let existing = self.create(storage, remaining.values().copied()).await?;
            remaining.retain(|values, _| existing.contains(*values));
            if remaining.is_empty() {
                return Ok(());
            }
            // Partitions that Glue no longer has were deleted between the two calls. They remain, and are created
            // again.
            let mut stale = Vec::new();
            for (values, is_up_to_date) in self.compare(storage, &remaining).await? {
                if let Some(partition) = remaining.remove(&values[..])
                    && !is_up_to_date
                {
                    stale.push(partition);
                }
            }
            self.update(storage, &stale).await?;
            if remaining.is_empty() {
                return Ok(());
            }
        }
        let reason = format!("another export deleted partitions {MAX_CONFLICTS} times");
        Err(self.call("glue:BatchCreatePartition").failed(true, reason.into()))
    }

    /// Deletes the partitions of the job, except those with a label in `kept`.
    ///
    /// # Errors
    /// `Catalog`, `AccessDenied`, `Throttled`.
    pub async fn delete_except(&self, kept: &HashSet<&str>) -> Result<(), Error> {
        let mut others = self.labels().await?;
        others.retain(|label| !kept.contains(&label[..]));
        for group in others.chunks(MAX_DELETE_BATCH * MAX_CONCURRENT_CALLS) {
            try_join_all(group.chunks(MAX_DELETE_BATCH).map(|batch| self.delete(batch))).await?;
        }
        Ok(())
    }

    /// Creates partitions. Returns the values of those that existed already.
    async fn create(
        &self,
        storage: &StorageDescriptor,
        partitions: impl Iterator<Item = &Partition>,
    ) -> Result<HashSet<Vec<String>>, Error> {
        let call = self.call("glue:BatchCreatePartition");
        let request = self.request("PartitionInputList", partitions.map(|partition| input(storage, partition)));
        retry_until(self.until, &call, || async {
            let reply = self.send::<BatchReply>(&call, &request).await.map_err(|error| call.error(error))?;
            // The status is 200 even if no partition was created. If the call is retried, the partitions that this
            // attempt created count as existing.
            let mut existing = HashSet::new();
            for error in reply.into_errors() {
                if error.code() == ALREADY_EXISTS {
                    existing.extend(error.partition_values);
                } else {
                    return Err(refused(&call, &error));
                }
            }
            Ok(existing)
        })
        .await
    }

    /// Returns the values of the partitions that Glue has, each with true if the partition is as it should be.
    async fn compare(
        &self,
        storage: &StorageDescriptor,
        partitions: &HashMap<&[String], &Partition>,
    ) -> Result<Vec<(Vec<String>, bool)>, Error> {
        let call = self.call("glue:BatchGetPartition");
        let keys = partitions.keys().map(|values| json!({ "Values": values }));
        let request = self.request("PartitionsToGet", keys);
        let found = retry_until(self.until, &call, || async {
            let reply = self.send::<PartitionsReply>(&call, &request).await.map_err(|error| call.error(error))?;
            match reply.unprocessed() {
                0 => Ok(reply.into_partitions()),
                count => Err(call.failed(true, format!("Glue left {count} keys unprocessed").into())),
            }
        });
        let found = found.await?.into_iter().filter_map(|partition| {
            let values = partition.values?;
            let expected = storage.at(&partitions.get(&values[..])?.location);
            let is_up_to_date = partition.storage_descriptor.is_some_and(|found| found.reads_like(&expected));
            Some((values, is_up_to_date))
        });
        Ok(found.collect())
    }

    /// Replaces the storage descriptors of partitions.
    async fn update(&self, storage: &StorageDescriptor, partitions: &[&Partition]) -> Result<(), Error> {
        if partitions.is_empty() {
            return Ok(());
        }
        let call = self.call("glue:BatchUpdatePartition");
        let entries = partitions.iter().map(
            |partition| json!({ "PartitionValueList": partition.values, "PartitionInput": input(storage, partition) }),
        );
        let request = self.request("Entries", entries);
        tracing::info!(job = %self.job, table = self.name, partitions = partitions.len(), "updating stale partitions");
        retry_until(self.until, &call, || self.send_batch(&call, &request, |_| false)).await
    }

    /// Returns the labels of the job's partitions, unescaped. Returns no labels if the table does not exist.
    ///
    /// # Errors
    /// `Catalog`, `AccessDenied`, `Throttled`.
    pub async fn labels(&self) -> Result<Vec<String>, Error> {
        let call = self.call("glue:GetPartitions");
        let mut labels = Vec::new();
        let mut token = None;
        loop {
            let request = json!({
                "DatabaseName": *self.catalog.database,
                "TableName": self.name,
                // A job ID needs no escaping.
                "Expression": format!("job_id='{}'", self.job),
                "ExcludeColumnSchema": true,
                "NextToken": token,
            });
            let reply = retry_until(self.until, &call, || async {
                match self.send::<PartitionsReply>(&call, &request).await {
                    Ok(reply) => Ok(Some(reply)),
                    // The table does not exist.
                    Err(error) if error.code() == Some(NOT_FOUND) => Ok(None),
                    Err(error) => Err(call.error(error)),
                }
            })
            .await?;
            let Some(mut reply) = reply else { return Ok(labels) };
            token = reply.next_token.take();
            for partition in reply.into_partitions() {
                if let Some([job, label]) = partition.values.as_deref()
                    && job == self.job.as_str()
                {
                    labels.push(label.clone());
                }
            }
            if token.is_none() {
                return Ok(labels);
            }
        }
    }

    /// Deletes at most [`MAX_DELETE_BATCH`] partitions. Partitions that do not exist are ignored.
    async fn delete(&self, labels: &[String]) -> Result<(), Error> {
        let call = self.call("glue:BatchDeletePartition");
        let values = labels.iter().map(|label| json!({ "Values": [self.job.as_str(), label] }));
        let request = self.request("PartitionsToDelete", values);
        retry_until(self.until, &call, || self.send_batch(&call, &request, |error| error.code() == NOT_FOUND)).await
    }

    fn table_request(&self) -> Value {
        json!({ "DatabaseName": *self.catalog.database, "Name": self.name })
    }

    /// Returns a request for a batch of the table's partitions.
    fn request(&self, list: &str, entries: impl Iterator<Item = Value>) -> Value {
        let entries: Vec<_> = entries.collect();
        json!({ "DatabaseName": *self.catalog.database, "TableName": self.name, list: entries })
    }

    /// Sends a request that changes a batch of partitions. Ignores errors of partitions for which `is_ignored` is true.
    async fn send_batch(
        &self,
        call: &Call<'_>,
        request: &Value,
        is_ignored: impl Fn(&PartitionError) -> bool,
    ) -> Result<(), Error> {
        let reply = self.send::<BatchReply>(call, request).await.map_err(|error| call.error(error))?;
        let failed = reply.into_errors().into_iter().find(|error| !is_ignored(error));
        failed.map_or(Ok(()), |error| Err(refused(call, &error)))
    }

    /// Sends a request to the operation that the IAM action of `call` names.
    async fn send<R>(&self, call: &Call<'_>, request: &Value) -> Result<R, SdkError<ServiceError, HttpResponse>>
    where
        R: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        self.catalog.client.call(call.action.trim_start_matches("glue:"), request).await
    }

    fn call(&self, action: &'static str) -> Call<'_> {
        let resource = format!("table {}.{} of the Glue Data Catalog", self.catalog.database, self.name);
        let caller = self.catalog.caller;
        Call { job: self.job, class: ErrorClass::Catalog, action, resource, region: None, caller }
    }
}

/// Returns the `PartitionInput` of a partition.
fn input(storage: &StorageDescriptor, partition: &Partition) -> Value {
    json!({ "Values": partition.values, "StorageDescriptor": storage.at(&partition.location) })
}

/// Returns the error of the call for the error of one partition in a reply with status 200.
fn refused(call: &Call<'_>, error: &PartitionError) -> Error {
    call.refused(error.code(), format!("{}: {}", error.code(), error.message()).into())
}
