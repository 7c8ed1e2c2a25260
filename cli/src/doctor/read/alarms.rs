//! Reads alarms from CloudWatch.

use aws_config::SdkConfig;

use super::unreadable;
use crate::account::stack::Resources;
use crate::account::stack::query_protocol::{CLOUDWATCH, Field, QueryClient, list_fields};
use crate::account::stack::replies::{AlarmReply, DescribeAlarms};
use crate::doctor::check::Fault;
use crate::doctor::checks::alarms::names;
use crate::doctor::facts::Alarm;

/// Reads the alarms of the stack that exist. CloudWatch returns up to 100 at once, and a stack has some ten.
pub(super) async fn read(aws: &SdkConfig, resources: &Resources) -> Result<Vec<Alarm>, Fault> {
    let names = names(resources.values());
    // Without names, CloudWatch would return all alarms of the account.
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let fields = list_fields("AlarmNames", names.len());
    let mut fields: Vec<Field<'_>> = fields.iter().map(String::as_str).zip(names.iter().map(String::as_str)).collect();
    fields.push(("MaxRecords", "100"));
    let reply = QueryClient::new(aws, CLOUDWATCH).call::<DescribeAlarms>("DescribeAlarms", &fields).await;
    let reply = reply.map_err(|error| unreadable("cloudwatch:DescribeAlarms", "the alarms of the stack", &error))?;
    Ok(reply.metric_alarms.member.into_iter().map(alarm).collect())
}

fn alarm(reply: AlarmReply) -> Alarm {
    Alarm {
        name: reply.alarm_name,
        state: reply.state_value,
        reason: reply.state_reason,
        actions_enabled: reply.actions_enabled,
        actions: reply.alarm_actions.member,
    }
}
