//! The queues of the starter, over SQS's JSON protocol.

use std::fmt::Debug;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::aws::call::{Kind, kind};
use crate::aws::retry::retry;
use crate::aws::service::json::{JsonClient, JsonService};
use crate::aws::service::{Service, ServiceError};
use crate::error::{Blockage, Error};
use crate::starter::policy::HIDDEN;

const SQS: JsonService = JsonService {
    service: Service { name: "sqs", id: "SQS", host: "sqs", is_global: false },
    target: "AmazonSQS",
    content_type: "application/x-amz-json-1.0",
};

/// Long polling makes SQS query all of its servers. Without it, a reply may be empty although the queue has messages.
const LONG_POLL: Duration = Duration::from_secs(1);
/// Time after which no further attempt at a call starts.
const RETRIES: Duration = Duration::from_secs(10);

/// A queue. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    client: JsonClient,
    url: String,
}

/// A received message.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message {
    #[serde(rename = "MessageId")]
    pub(crate) id: String,
    receipt_handle: String,
    pub(crate) body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    approximate_receive_count: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received {
    messages: Option<Vec<Message>>,
}

impl Message {
    /// Returns the number of times that the message was received, at least 1.
    pub(crate) fn receives(&self) -> u32 {
        let count = self.attributes.approximate_receive_count.as_deref();
        count.and_then(|count| count.parse().ok()).unwrap_or(1)
    }
}

impl Queue {
    /// Returns the queues with these URLs, which share a client.
    pub(crate) fn with_urls<const N: usize>(aws: &SdkConfig, urls: [&str; N]) -> [Self; N] {
        let client = JsonClient::new(aws, SQS);
        urls.map(|url| Self { client: client.clone(), url: url.to_owned() })
    }

    /// Receives a message and hides it from other receivers for [`HIDDEN`]. `None` if no message is visible.
    pub(crate) async fn receive(&self, until: Instant) -> Result<Option<Message>, Error> {
        let request = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": 1,
            "WaitTimeSeconds": LONG_POLL.as_secs(),
            "VisibilityTimeout": HIDDEN.as_secs(),
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        });
        let call = || self.client.call::<Received>("ReceiveMessage", &request);
        let received = self.retry("sqs:ReceiveMessage", until, call).await?;
        Ok(received.messages.and_then(|messages| messages.into_iter().next()))
    }

    /// Deletes a received message.
    pub(crate) async fn delete(&self, message: &Message, until: Instant) -> Result<(), Error> {
        let request = json!({ "QueueUrl": self.url, "ReceiptHandle": message.receipt_handle });
        let call = || self.client.call_without_reply("DeleteMessage", &request);
        self.retry("sqs:DeleteMessage", until, call).await
    }

    /// Hides a received message for this long from now on.
    pub(crate) async fn hide(&self, message: &Message, time: Duration, until: Instant) -> Result<(), Error> {
        let request = json!({
            "QueueUrl": self.url,
            "ReceiptHandle": message.receipt_handle,
            "VisibilityTimeout": time.as_secs(),
        });
        let call = || self.client.call_without_reply("ChangeMessageVisibility", &request);
        self.retry("sqs:ChangeMessageVisibility", until, call).await
    }

    /// Sends a message.
    pub(crate) async fn send(&self, body: &str, until: Instant) -> Result<(), Error> {
        let request = json!({ "QueueUrl": self.url, "MessageBody": body });
        let call = || self.client.call_without_reply("SendMessage", &request);
        self.retry("sqs:SendMessage", until, call).await
    }

    async fn retry<T, F>(&self, action: &'static str, until: Instant, call: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, SdkError<ServiceError, HttpResponse>>>,
    {
        let last_start = until.min(Instant::now() + RETRIES);
        let failed = |kind, source| Error::StartsBlocked { action, resource: self.url.clone(), kind, source };
        let attempt = || {
            let called = call();
            async { called.await.map_err(|error| failed(blockage(kind(&error)), error.into())) }
        };
        let done = retry(until, last_start, |_| (), attempt).await;
        done.unwrap_or_else(|| Err(failed(Blockage::Transient, "no reply before the invocation timed out".into())))
    }
}

/// Returns the kind of an error that blocks the starter.
pub(crate) fn blockage(kind: Kind) -> Blockage {
    match kind {
        Kind::Denied => Blockage::Denied,
        Kind::Throttled | Kind::Transient => Blockage::Transient,
        Kind::Permanent => Blockage::Permanent,
    }
}
