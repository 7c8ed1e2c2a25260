//! Partitions in Glue's Data Catalog, where Athena looks them up.
//!
//! A partition is its values, raw, and its location, escaped. What else Glue keeps of it (columns, formats, serde) is a
//! copy of the table's own storage descriptor: Athena reads a partition by its own columns, not by those of the table.

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
use crate::aws::names::DatabaseName;
use crate::aws::retry::retry_until;
use crate::error::Error;
use crate::glue::client::{
    BatchReply, Client, PartitionError, PartitionsReply, ServiceError, StorageDescriptor, TableReply,
};
use crate::job_id::JobId;
use crate::table::schema::Table;

/// Glue takes at most this many partitions in one `BatchCreatePartition` or `BatchUpdatePartition`.
pub const MAX_CREATED: usize = 100;
/// Glue takes at most this many partitions in one `BatchDeletePartition`.
const MAX_DELETED: usize = 25;
/// How often partitions may be gone again when they were found to exist. Only an export with Overwrite removes any.
const MAX_CONFLICTS: u32 = 10;

/// How many calls for a job are under way at once: Glue throttles an account, and many jobs may end together.
pub const SIDE_BY_SIDE: usize = 4;
/// The next step, when there is nothing to register partitions in.
const MAKE_IT: &str = "create it with the template, or with the statements that `label-lake ddl` prints";

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
    client: Client,
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
    pub fn new(client: Client, database: &DatabaseName) -> Self {
        Self { client, database: database.as_str().into() }
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
        let request = json!({ "DatabaseName": *self.catalog.database, "Name": self.name });
        let found = retry_until(self.until, &call, || async {
            self.send::<TableReply>(&call, &request).await.map_err(|error| {
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
        let request = self.request("PartitionInputList", partitions.map(|partition| input(storage, partition)));
        retry_until(self.until, &call, || async {
            let reply = self.send::<BatchReply>(&call, &request).await.map_err(|error| call.error(error))?;
            // The reply is a success even if not one of them was created. Those that were are found to exist at the next
            // attempt.
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

    /// Returns, for each that Glue has, whether it is as it should be.
    async fn check(
        &self,
        storage: &StorageDescriptor,
        partitions: &HashMap<&[String], &Partition>,
    ) -> Result<Vec<(Vec<String>, bool)>, Error> {
        let call = self.call("glue:BatchGetPartition");
        let wanted = partitions.keys().map(|values| json!({ "Values": values }));
        let request = self.request("PartitionsToGet", wanted);
        let found = retry_until(self.until, &call, || async {
            let reply = self.send::<PartitionsReply>(&call, &request).await.map_err(|error| call.error(error))?;
            match reply.unprocessed() {
                0 => Ok(reply.into_partitions()),
                some => Err(call.failed(true, format!("{some} keys are unprocessed").into())),
            }
        });
        let found = found.await?.into_iter().filter_map(|partition| {
            let values = partition.values?;
            let wanted = partitions.get(&values[..])?;
            let is_right =
                partition.storage_descriptor.is_some_and(|found| found.reads_like(&storage.at(&wanted.location)));
            Some((values, is_right))
        });
        Ok(found.collect())
    }

    async fn update(&self, storage: &StorageDescriptor, partitions: &[&Partition]) -> Result<(), Error> {
        if partitions.is_empty() {
            return Ok(());
        }
        let call = self.call("glue:BatchUpdatePartition");
        let entries = partitions.iter().map(
            |partition| json!({ "PartitionValueList": partition.values, "PartitionInput": input(storage, partition) }),
        );
        let request = self.request("Entries", entries);
        tracing::info!(job = %self.job, table = self.name, partitions = partitions.len(), "putting partitions right");
        retry_until(self.until, &call, || self.send_batch(&call, &request, |_| false)).await
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
            let request = json!({
                "DatabaseName": *self.catalog.database,
                "TableName": self.name,
                // A job id needs no escaping.
                "Expression": format!("job_id='{}'", self.job),
                "ExcludeColumnSchema": true,
                "NextToken": token,
            });
            let reply = retry_until(self.until, &call, || async {
                match self.send::<PartitionsReply>(&call, &request).await {
                    Ok(reply) => Ok(Some(reply)),
                    // A table that is not there has no partitions.
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

    async fn delete(&self, labels: &[String]) -> Result<(), Error> {
        let call = self.call("glue:BatchDeletePartition");
        let values = labels.iter().map(|label| json!({ "Values": [self.job.as_str(), label] }));
        let request = self.request("PartitionsToDelete", values);
        retry_until(self.until, &call, || self.send_batch(&call, &request, |error| error.code() == NOT_FOUND)).await
    }

    /// A request for a batch of the table's partitions.
    fn request(&self, list: &str, entries: impl Iterator<Item = Value>) -> Value {
        let entries: Vec<_> = entries.collect();
        json!({ "DatabaseName": *self.catalog.database, "TableName": self.name, list: entries })
    }

    /// Changes a batch of partitions. Their errors are ignored where `is_fine` says so.
    async fn send_batch(
        &self,
        call: &Call<'_>,
        request: &Value,
        is_fine: impl Fn(&PartitionError) -> bool,
    ) -> Result<(), Error> {
        let reply = self.send::<BatchReply>(call, request).await.map_err(|error| call.error(error))?;
        let failed = reply.into_errors().into_iter().find(|error| !is_fine(error));
        failed.map_or(Ok(()), |error| Err(refused(call, &error)))
    }

    /// Sends a request to the operation that `call` names as an IAM action.
    async fn send<R>(&self, call: &Call<'_>, request: &Value) -> Result<R, SdkError<ServiceError, HttpResponse>>
    where
        R: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        self.catalog.client.call(call.action.trim_start_matches("glue:"), request).await
    }

    fn call(&self, action: &'static str) -> Call<'_> {
        let resource = format!("the table {}.{} of Glue's Data Catalog", self.catalog.database, self.name);
        Call { job: self.job, class: ErrorClass::Catalog, action, resource, region: None }
    }
}

/// The partition as Glue takes it.
fn input(storage: &StorageDescriptor, partition: &Partition) -> Value {
    json!({ "Values": partition.values, "StorageDescriptor": storage.at(&partition.location) })
}

/// What the error of one partition, in a reply that is a success, means for the call.
fn refused(call: &Call<'_>, error: &PartitionError) -> Error {
    call.refused(error.code(), format!("{}: {}", error.code(), error.message()).into())
}
