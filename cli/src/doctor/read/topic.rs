//! Reads topics and their subscriptions from SNS.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use futures_util::future::try_join_all;
use serde_json::Value;

use super::found;
use crate::account::stack::query_protocol::{Field, QueryClient, SNS};
use crate::account::stack::replies::{Attributes, ListSubscriptionsByTopic, SubscriptionReply};
use crate::doctor::check::Fault;
use crate::doctor::facts::{Reading, Subscription, Topic};
use crate::doctor::names::Names;

/// Reads the topic to which jobs publish, and the subscriptions of the stack's functions and the queue of jobs.
pub(super) async fn read(aws: &SdkConfig, names: &Names) -> Reading<Topic> {
    let client = QueryClient::new(aws, SNS);
    let reply = client.call::<Attributes>("GetTopicAttributes", &[("TopicArn", &names.topic)]).await;
    let Some(attributes) = found("sns:GetTopicAttributes", &format!("topic {}", names.topic), reply)? else {
        return Ok(None);
    };
    let Some(all) = list(&client, &names.topic).await? else { return Ok(None) };
    let subscriptions = read_subscriptions(&client, &all, &names.subscriber_arn()).await?;
    let starter = names.videos.as_ref().map(|videos| videos.starter_arn(names)).unwrap_or_default();
    let starter_subscriptions = read_subscriptions(&client, &all, &starter).await?;
    let mut attributes = by_name(attributes);
    let policy = attributes.remove("Policy").and_then(|policy| serde_json::from_str(&policy).ok());
    Ok(Some(Topic { policy: policy.unwrap_or(Value::Null), subscriptions, starter_subscriptions }))
}

/// Reads those of the subscriptions that deliver to the endpoint.
async fn read_subscriptions(
    client: &QueryClient,
    all: &[SubscriptionReply],
    endpoint: &str,
) -> Result<Vec<Subscription>, Fault> {
    let own = all.iter().filter(|subscription| subscription.endpoint == endpoint);
    let own = own.map(|subscription| read_subscription(client, subscription.subscription_arn.clone()));
    Ok(try_join_all(own).await?.into_iter().flatten().collect())
}

async fn read_subscription(client: &QueryClient, arn: String) -> Reading<Subscription> {
    let reply = client.call::<Attributes>("GetSubscriptionAttributes", &[("SubscriptionArn", &arn)]).await;
    let attributes = found("sns:GetSubscriptionAttributes", &format!("subscription {arn}"), reply)?;
    Ok(attributes.map(|attributes| Subscription { arn, attributes: by_name(attributes) }))
}

/// Reads the ARNs of the subscriptions of the topic that the alarms notify.
pub(super) async fn read_alarm_subscriptions(aws: &SdkConfig, names: &Names) -> Reading<Vec<String>> {
    let Some(topic) = &names.alarm_topic else { return Ok(Some(Vec::new())) };
    let subscriptions = list(&QueryClient::new(aws, SNS), topic).await?;
    Ok(subscriptions.map(|all| all.into_iter().map(|subscription| subscription.subscription_arn).collect()))
}

async fn list(client: &QueryClient, topic: &str) -> Reading<Vec<SubscriptionReply>> {
    let (mut subscriptions, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut fields: Vec<Field<'_>> = vec![("TopicArn", topic)];
        fields.extend(token.as_deref().map(|token| ("NextToken", token)));
        let page = client.call::<ListSubscriptionsByTopic>("ListSubscriptionsByTopic", &fields).await;
        let page = found("sns:ListSubscriptionsByTopic", &format!("topic {topic}"), page)?;
        let Some(page) = page else { return Ok(None) };
        subscriptions.extend(page.subscriptions.member);
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(Some(subscriptions));
        }
    }
}

fn by_name(attributes: Attributes) -> BTreeMap<String, String> {
    attributes.attributes.entry.into_iter().map(|entry| (entry.key, entry.value)).collect()
}
