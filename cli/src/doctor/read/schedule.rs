//! Reads schedules from EventBridge Scheduler.

use aws_config::SdkConfig;
use label_lake::aws::service::json::get;
use label_lake::aws::service::{Service, ServiceClient};
use serde_json::Value;

use super::found;
use crate::doctor::facts::Reading;

const SCHEDULER: Service = Service { name: "scheduler", id: "Scheduler", host: "scheduler", is_global: false };

/// Reads a schedule, as EventBridge Scheduler describes it.
pub(super) async fn read(aws: &SdkConfig, name: &str) -> Reading<Value> {
    let client = ServiceClient::new(aws, SCHEDULER);
    let reply = get::<Value>(&client, "GetSchedule", format!("/schedules/{name}")).await;
    found("scheduler:GetSchedule", &format!("schedule {name}"), reply)
}
