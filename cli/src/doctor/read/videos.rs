//! Reads the part of a stack that starts jobs for new videos: from S3, EventBridge, SQS, Lambda, and CloudWatch.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_sdk_s3::Client as S3;
use label_lake::aws::service::Service;
use label_lake::aws::service::json::{JsonClient, JsonService};
use serde::Deserialize;
use serde_json::{Value, json};

use super::alarms::CLOUDWATCH;
use super::{found, function, queues, roles, schedule, unreadable};
use crate::doctor::check::Fault;
use crate::doctor::facts::{Reading, Rule, Videos};
use crate::doctor::names::Names;

const EVENTBRIDGE: JsonService = JsonService {
    service: Service { name: "events", id: "EventBridge", host: "events", is_global: false },
    target: "AWSEvents",
    content_type: "application/x-amz-json-1.1",
};
/// Time to look back for the age of the oldest message, in seconds. SQS publishes it once a minute, some minutes late.
const LOOKED_BACK: u64 = 10 * 60;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeRule {
    #[serde(default)]
    state: String,
    #[serde(default)]
    event_pattern: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTargetsByRule {
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricStatistics {
    #[serde(default)]
    datapoints: Vec<Datapoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Datapoint {
    maximum: f64,
}

/// Reads the part of the stack that starts jobs, if the stack has it.
pub(super) async fn read(aws: &SdkConfig, names: &Names) -> Option<Videos> {
    let videos = names.videos.as_ref()?;
    let (bucket_sends_events, rule, queue, oldest, starter, starter_role, schedule, schedule_role) = tokio::join!(
        read_notifications(aws, &videos.bucket),
        read_rule(aws, &videos.rule),
        queues::read(aws, &videos.queue_url),
        read_oldest(aws, &videos.queue_url),
        function::read(aws, &videos.starter),
        roles::read(aws, &videos.starter_role, videos.starter_permissions(names)),
        schedule::read(aws, &videos.schedule),
        roles::read(aws, &videos.schedule_role, videos.schedule_permissions(names)),
    );
    Some(Videos { bucket_sends_events, rule, queue, oldest, starter, starter_role, schedule, schedule_role })
}

/// Returns true if the bucket sends events to EventBridge.
async fn read_notifications(aws: &SdkConfig, bucket: &str) -> Reading<bool> {
    let reply = S3::new(aws).get_bucket_notification_configuration().bucket(bucket).send().await;
    let reply = found("s3:GetBucketNotification", &format!("bucket {bucket}"), reply)?;
    Ok(reply.map(|reply| reply.event_bridge_configuration.is_some()))
}

async fn read_rule(aws: &SdkConfig, name: &str) -> Reading<Rule> {
    let (client, resource) = (JsonClient::new(aws, EVENTBRIDGE), format!("rule {name}"));
    let reply = client.call::<DescribeRule>("DescribeRule", &json!({ "Name": name })).await;
    let Some(rule) = found("events:DescribeRule", &resource, reply)? else { return Ok(None) };
    let reply = client.call::<ListTargetsByRule>("ListTargetsByRule", &json!({ "Rule": name })).await;
    let Some(targets) = found("events:ListTargetsByRule", &resource, reply)? else { return Ok(None) };
    Ok(Some(Rule {
        state: rule.state,
        pattern: serde_json::from_str(&rule.event_pattern).unwrap_or(Value::Null),
        targets: targets.targets.into_iter().map(|target| target.arn).collect(),
    }))
}

/// Reads for how many seconds the oldest message of a queue has waited, at most, in the last minutes.
async fn read_oldest(aws: &SdkConfig, queue_url: &str) -> Result<Option<Duration>, Fault> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let name = queue_url.rsplit('/').next().unwrap_or_default();
    let request = json!({
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{ "Name": "QueueName", "Value": name }],
        "StartTime": now - LOOKED_BACK,
        // The current second too.
        "EndTime": now + 1,
        "Period": LOOKED_BACK,
        "Statistics": ["Maximum"],
    });
    let reply = JsonClient::new(aws, CLOUDWATCH).call::<GetMetricStatistics>("GetMetricStatistics", &request).await;
    let reply =
        reply.map_err(|error| unreadable("cloudwatch:GetMetricStatistics", &format!("queue {name}"), &error))?;
    let oldest = reply.datapoints.into_iter().map(|datapoint| datapoint.maximum).max_by(f64::total_cmp);
    Ok(oldest.map(Duration::from_secs_f64))
}
