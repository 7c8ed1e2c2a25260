//! Reads alarms from CloudWatch.

use aws_config::SdkConfig;
use label_lake::aws::service::Service;
use label_lake::aws::service::json::{JsonClient, JsonService};
use serde::Deserialize;
use serde_json::json;

use super::unreadable;
use crate::account::stack::Resources;
use crate::doctor::check::Fault;
use crate::doctor::checks::alarms::names;
use crate::doctor::facts::Alarm;

pub(super) const CLOUDWATCH: JsonService = JsonService {
    service: Service { name: "monitoring", id: "CloudWatch", host: "monitoring", is_global: false },
    target: "GraniteServiceVersion20100801",
    content_type: "application/x-amz-json-1.0",
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAlarms {
    #[serde(default)]
    metric_alarms: Vec<AlarmReply>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AlarmReply {
    alarm_name: String,
    state_value: String,
    #[serde(default)]
    state_reason: String,
    actions_enabled: bool,
    #[serde(default)]
    alarm_actions: Vec<String>,
}

/// Reads the alarms of the stack that exist. CloudWatch returns up to 100 at once, and a stack has some ten.
pub(super) async fn read(aws: &SdkConfig, resources: &Resources) -> Result<Vec<Alarm>, Fault> {
    let names = names(resources.values());
    // Without names, CloudWatch would return all alarms of the account.
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let request = json!({ "AlarmNames": names, "MaxRecords": 100 });
    let reply = JsonClient::new(aws, CLOUDWATCH).call::<DescribeAlarms>("DescribeAlarms", &request).await;
    let reply = reply.map_err(|error| unreadable("cloudwatch:DescribeAlarms", "the alarms of the stack", &error))?;
    Ok(reply.metric_alarms.into_iter().map(alarm).collect())
}

fn alarm(reply: AlarmReply) -> Alarm {
    Alarm {
        name: reply.alarm_name,
        state: reply.state_value,
        reason: reply.state_reason,
        actions_enabled: reply.actions_enabled,
        actions: reply.alarm_actions,
    }
}
