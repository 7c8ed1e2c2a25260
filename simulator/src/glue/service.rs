//! The Glue endpoint: the Data Catalog over JSON 1.1, with the limits of the API.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use crate::faults::action::OnlyFirst;
use crate::glue::catalog::Catalog;
use crate::glue::error::GlueError;
use crate::glue::partitions::{self, Values};
use crate::request_log::Call;
use crate::server::connection::Connection;
use crate::server::reply::{Reply, reply};
use crate::server::service::Service;

const JSON: &str = "application/x-amz-json-1.1";

const OPERATIONS: [&str; 10] = [
    "CreateDatabase",
    "GetDatabase",
    "CreateTable",
    "GetTable",
    "DeleteTable",
    "BatchCreatePartition",
    "BatchGetPartition",
    "BatchUpdatePartition",
    "BatchDeletePartition",
    "GetPartitions",
];

/// The service.
#[derive(Default)]
pub(crate) struct Glue {
    catalog: Mutex<Catalog>,
}

impl Glue {
    /// Creates a database if it does not exist.
    pub(crate) fn add_database(&self, name: &str) {
        // The only other error is a name that Glue would reject as well.
        let _ = self.lock().create_database(&json!({ "DatabaseInput": { "Name": name } }));
    }

    pub(crate) fn add_table(&self, database: &str, table: &str, mut input: Value) -> Result<(), GlueError> {
        input["Name"] = table.into();
        self.lock().create_table(&json!({ "DatabaseName": database, "TableInput": input })).map(drop)
    }

    pub(crate) fn put_partition(&self, database: &str, table: &str, input: Value) -> Result<(), GlueError> {
        self.lock().partitions(&json!({ "DatabaseName": database, "TableName": table }))?.put(input)
    }

    pub(crate) fn partitions(&self, database: &str, table: &str) -> Result<BTreeMap<Values, Value>, GlueError> {
        let request = json!({ "DatabaseName": database, "TableName": table });
        Ok(self.lock().partitions(&request)?.inputs().clone())
    }

    /// Performs an operation. In a batch, only the first `limit` entries can succeed.
    fn call(&self, operation: Option<&str>, request: &Value, limit: usize) -> Result<Value, GlueError> {
        let mut catalog = self.lock();
        match operation {
            Some("CreateDatabase") => catalog.create_database(request),
            Some("GetDatabase") => catalog.get_database(request),
            Some("CreateTable") => catalog.create_table(request),
            Some("GetTable") => catalog.get_table(request),
            Some("DeleteTable") => catalog.delete_table(request),
            Some("BatchCreatePartition") => catalog.partitions(request)?.create(request, limit),
            Some("BatchGetPartition") => catalog.partitions(request)?.get(request, limit),
            Some("BatchUpdatePartition") => catalog.partitions(request)?.update(request, limit),
            Some("BatchDeletePartition") => catalog.partitions(request)?.delete(request, limit),
            Some("GetPartitions") => catalog.partitions(request)?.page(request),
            _ => Err(GlueError::new("UnknownOperationException", "")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Glue {
    fn describe(&self, request: &Request<Bytes>) -> Option<Call> {
        let Some(operation) = operation(request) else {
            return Some(Call::unknown(request));
        };
        // An invalid request is logged with the fields that can be read.
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let names = [
            &body["DatabaseName"],
            &body["DatabaseInput"]["Name"],
            &body["TableName"],
            &body["TableInput"]["Name"],
            &body["Name"],
        ];
        let target = names.into_iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".");
        let detail = partitions::describe(operation, &body)
            .unwrap_or_else(|| body["Expression"].as_str().unwrap_or_default().to_owned());
        Some(Call { operation, target, detail })
    }

    fn error_reply(&self, status: StatusCode, code: &str) -> Reply {
        error_reply(status, code, "simulated")
    }

    async fn handle(&self, request: Request<Bytes>, _: &Connection) -> Reply {
        let limit = request.extensions().get().map_or(usize::MAX, |OnlyFirst(entries)| *entries);
        let body: Result<Value, _> = serde_json::from_slice(request.body());
        let answer = body
            .map_err(|_| GlueError::new("SerializationException", "The request is not JSON."))
            .and_then(|body| self.call(operation(&request), &body, limit));
        match answer {
            Ok(answer) => reply(StatusCode::OK, JSON, answer.to_string()),
            Err(GlueError { code, message }) => error_reply(StatusCode::BAD_REQUEST, code, &message),
        }
    }
}

fn error_reply(status: StatusCode, code: &str, message: &str) -> Reply {
    reply(status, JSON, json!({ "__type": code, "Message": message }).to_string())
}

fn target(request: &Request<Bytes>) -> &str {
    request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default()
}

fn operation(request: &Request<Bytes>) -> Option<&'static str> {
    let requested = target(request).strip_prefix("AWSGlue.")?;
    OPERATIONS.into_iter().find(|operation| *operation == requested)
}
