//! Reads the state machine of the tables of all jobs from Step Functions, and its schedules.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use futures_util::future::join_all;
use label_lake::aws::service::Service;
use label_lake::aws::service::json::{JsonClient, JsonService};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{found, schedule};
use crate::doctor::facts::{AllJobs, Execution, Machine, Reading};
use crate::doctor::names::AllJobsNames;

const STEP_FUNCTIONS: JsonService = JsonService {
    service: Service { name: "states", id: "SFN", host: "states", is_global: false },
    target: "AWSStepFunctions",
    content_type: "application/x-amz-json-1.0",
};

/// Times are in seconds since 1970.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeStateMachine {
    creation_date: f64,
}

#[derive(Debug, Deserialize)]
struct ListExecutions {
    executions: Vec<ExecutionItem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionItem {
    execution_arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeExecution {
    status: String,
    start_date: f64,
    /// JSON, of an execution that succeeded.
    #[serde(default)]
    output: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

impl DescribeExecution {
    /// Returns true if the success of the execution does not tell whether jobs can be taken in: it ended at once, because an
    /// older one was running, or it was maintenance.
    fn took_in_nothing(&self) -> bool {
        let output = self.output.as_deref().unwrap_or_default();
        serde_json::from_str::<Value>(output)
            .is_ok_and(|output| output["gaveWay"] == true || output["maintained"] == true)
    }
}

/// Executions that are read to find one that took in jobs. One that runs for its limit of a day lets 24 give way.
const NEWEST: u32 = 50;

/// Reads the state machine if the stack has one.
pub(super) async fn read(aws: &SdkConfig, names: Option<&AllJobsNames>) -> Option<AllJobs> {
    let names = names?;
    let schedules = names.schedules.iter().map(|name| async move {
        let state = |schedule: Value| schedule["State"].as_str().unwrap_or_default().to_owned();
        (name.clone(), schedule::read(aws, name).await.map(|schedule| schedule.map(state)))
    });
    let (machine, schedules) = tokio::join!(read_machine(aws, &names.machine), join_all(schedules));
    Some(AllJobs { machine, schedules })
}

async fn read_machine(aws: &SdkConfig, arn: &str) -> Reading<Machine> {
    let client = JsonClient::new(aws, STEP_FUNCTIONS);
    let resource = format!("state machine {arn}");
    let request = json!({ "stateMachineArn": arn });
    let reply = client.call::<DescribeStateMachine>("DescribeStateMachine", &request).await;
    let Some(described) = found("states:DescribeStateMachine", &resource, reply)? else { return Ok(None) };
    // The newest execution is the first one.
    let request = json!({ "stateMachineArn": arn, "maxResults": NEWEST });
    let reply = client.call::<ListExecutions>("ListExecutions", &request).await;
    let listed = found("states:ListExecutions", &resource, reply)?.map_or_else(Vec::new, |listed| listed.executions);
    let mut last = None;
    for item in listed {
        last = read_execution(&client, &item.execution_arn).await?;
        if last.is_some() {
            break;
        }
    }
    Ok(Some(Machine { age: age(described.creation_date), last }))
}

/// Reads an execution, unless it succeeded without taking in jobs.
async fn read_execution(client: &JsonClient, arn: &str) -> Reading<Execution> {
    let reply = client.call::<DescribeExecution>("DescribeExecution", &json!({ "executionArn": arn })).await;
    let reply = found("states:DescribeExecution", &format!("execution {arn}"), reply)?;
    Ok(reply.filter(|execution| !execution.took_in_nothing()).map(|execution| Execution {
        age: age(execution.start_date),
        status: execution.status,
        error: execution.error.unwrap_or_default(),
        cause: execution.cause.unwrap_or_default(),
    }))
}

/// Returns the time that has passed since then. It is zero if the clock of this machine is slow.
fn age(seconds: f64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_took_in_nothing_if_its_output_tells_so() {
        let took_in_nothing = |output: &str| {
            let reply = json!({ "status": "SUCCEEDED", "startDate": 1.0, "output": output });
            serde_json::from_value::<DescribeExecution>(reply).unwrap().took_in_nothing()
        };
        assert!(took_in_nothing(r#"{"gaveWay":true}"#));
        assert!(took_in_nothing(r#"{"statements":6,"batches":0,"maintained":true}"#));
        assert!(!took_in_nothing(r#"{"statements":1,"batches":0,"maintained":false}"#));
        assert!(!took_in_nothing("not JSON"));
        let running = json!({ "status": "RUNNING", "startDate": 1.0 });
        assert!(!serde_json::from_value::<DescribeExecution>(running).unwrap().took_in_nothing());
    }
}
