//! Runs a statement on Athena.

use std::time::Duration;

use anyhow::{anyhow, bail};
use aws_sdk_s3::config::http::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use label_lake::aws::service::json::{JsonClient, JsonService};
use label_lake::aws::service::{Service, ServiceError};
use label_lake::error::with_sources;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Account;
use super::call_error::call_error;
use crate::error::with_hint;

const ATHENA: JsonService = JsonService {
    service: Service { name: "athena", id: "Athena", host: "athena", is_global: false },
    target: "AmazonAthena",
    content_type: "application/x-amz-json-1.1",
};

/// Interval at which the state of a statement is read.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Time after which a statement is given up. Athena starts a statement within seconds, unless its queue is long.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A workgroup, and the database that its statements read.
pub(crate) struct Athena {
    client: JsonClient,
    work_group: String,
    database: String,
}

/// The first rows of a result. An absent value is `None`.
#[derive(Debug)]
pub(crate) struct ResultRows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Started {
    query_execution_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    query_execution: Status,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    status: State,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    state: String,
    state_change_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Results {
    result_set: ResultSet,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultSet {
    /// The first row has the names of the columns.
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    data: Vec<Datum>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Datum {
    var_char_value: Option<String>,
}

impl Athena {
    pub(crate) fn new(account: &Account, work_group: &str, database: &str) -> Self {
        let client = JsonClient::new(&account.retrying_config(), ATHENA);
        Self { client, work_group: work_group.to_owned(), database: database.to_owned() }
    }

    /// Runs a statement with `parameters` in place of its `?`, each an SQL literal. Returns up to `limit` rows.
    ///
    /// # Errors
    /// A call failed, or the statement failed or took longer than two minutes. The error of a statement has the reason that
    /// Athena gives.
    pub(crate) async fn run(&self, sql: &str, parameters: &[String], limit: usize) -> anyhow::Result<ResultRows> {
        let started: Started = self
            .call(
                "StartQueryExecution",
                json!({
                    "QueryString": sql,
                    "ExecutionParameters": parameters,
                    "WorkGroup": self.work_group,
                    "QueryExecutionContext": { "Database": self.database },
                }),
            )
            .await?;
        let id = started.query_execution_id;
        self.wait(&id).await?;
        // One row more, for the names of the columns.
        let request = json!({ "QueryExecutionId": id, "MaxResults": limit + 1 });
        let results: Results = self.call("GetQueryResults", request).await?;
        let mut rows = results.result_set.rows.into_iter().map(values);
        let columns = rows.next().unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect();
        Ok(ResultRows { columns, rows: rows.take(limit).collect() })
    }

    /// Waits until a statement has succeeded.
    async fn wait(&self, id: &str) -> anyhow::Result<()> {
        let until = Instant::now() + TIMEOUT;
        loop {
            let execution: Execution = self.call("GetQueryExecution", json!({ "QueryExecutionId": id })).await?;
            let State { state, state_change_reason } = execution.query_execution.status;
            match &*state {
                "SUCCEEDED" => return Ok(()),
                "FAILED" | "CANCELLED" => {
                    let reason = state_change_reason.unwrap_or_else(|| "Athena gives no reason".to_owned());
                    bail!("the query {id} has the state {state}: {reason}");
                }
                _ if Instant::now() > until => {
                    let error = anyhow!("the query {id} has not ended after {} s", TIMEOUT.as_secs());
                    return Err(with_hint(error, "see the history of the workgroup in the Athena console"));
                }
                _ => sleep(POLL_INTERVAL).await,
            }
        }
    }

    async fn call<R>(&self, operation: &'static str, request: Value) -> anyhow::Result<R>
    where
        R: for<'de> Deserialize<'de> + std::fmt::Debug + Send + Sync + 'static,
    {
        self.client.call(operation, &request).await.map_err(|error| self.error(operation, &error))
    }

    fn error(&self, operation: &str, error: &SdkError<ServiceError, HttpResponse>) -> anyhow::Error {
        let call = format!("athena:{operation} in workgroup {}", self.work_group);
        call_error(&call, None, error, &with_sources(error), |code| {
            code.contains("AccessDenied").then(|| format!("you lack permission athena:{operation} on the workgroup"))
        })
    }
}

fn values(row: Row) -> Vec<Option<String>> {
    row.data.into_iter().map(|datum| datum.var_char_value).collect()
}
