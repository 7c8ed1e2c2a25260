//! Reads queues from SQS.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use super::found;
use crate::doctor::facts::{Queue, Reading};

pub(super) async fn read(aws: &SdkConfig, url: &str) -> Reading<Queue> {
    let request = Client::new(aws).get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let reply = found("sqs:GetQueueAttributes", &format!("queue {url}"), request.send().await)?;
    Ok(reply.map(|reply| {
        let attributes = reply.attributes.unwrap_or_default().into_iter();
        Queue { attributes: attributes.map(|(name, value)| (name.as_str().to_owned(), value)).collect() }
    }))
}

/// Reads a queue if the stack has one.
pub(super) async fn read_optional(aws: &SdkConfig, url: Option<&str>) -> Option<Reading<Queue>> {
    Some(read(aws, url?).await)
}
