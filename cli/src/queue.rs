//! A queue of SQS, read by hand.

use std::time::Duration;

use anyhow::anyhow;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName;
use label_lake::error::with_sources;

/// How long a message is hidden from other receivers, unless that is renewed.
const VISIBILITY: Duration = Duration::from_mins(5);
/// How often it is renewed.
pub(crate) const RENEWAL: Duration = Duration::from_mins(1);
/// With a wait SQS asks all of its servers; without it an answer may be empty though there are messages.
const WAIT: Duration = Duration::from_secs(2);
/// SQS gives at most this many messages at once.
const MOST: usize = 10;

/// A queue of an account. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    client: Client,
    url: String,
    region: String,
}

/// A message that was received.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) id: String,
    /// Of this receive: what deletes the message, and hides it longer.
    pub(crate) receipt: String,
    pub(crate) body: String,
}

impl Queue {
    pub(crate) fn new(client: Client, url: &str, region: &str) -> Self {
        Self { client, url: url.to_owned(), region: region.to_owned() }
    }

    /// How many messages can be received, more or less.
    pub(crate) async fn waiting(&self) -> anyhow::Result<u64> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let reply = request.send().await.map_err(|error| self.failed("sqs:GetQueueAttributes", &error))?;
        let number = reply.attributes().and_then(|attributes| attributes.get(&name)?.parse().ok());
        Ok(number.unwrap_or_default())
    }

    /// Receives at most so many messages, and hides them from others. None: the queue has no other.
    pub(crate) async fn receive(&self, most: usize) -> anyhow::Result<Vec<Letter>> {
        let request = self.client.receive_message().queue_url(&self.url);
        let request = request.max_number_of_messages(most.min(MOST) as i32);
        let request = request.visibility_timeout(VISIBILITY.as_secs() as i32).wait_time_seconds(WAIT.as_secs() as i32);
        let reply = request.send().await.map_err(|error| self.failed("sqs:ReceiveMessage", &error))?;
        let letters = reply.messages.unwrap_or_default().into_iter().map(|message| Letter {
            id: message.message_id.unwrap_or_default(),
            receipt: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
        });
        Ok(letters.collect())
    }

    pub(crate) async fn delete(&self, receipt: &str) -> anyhow::Result<()> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt);
        request.send().await.map_err(|error| self.failed("sqs:DeleteMessage", &error))?;
        Ok(())
    }

    /// Hides a message for longer.
    pub(crate) async fn hide(&self, receipt: &str) -> anyhow::Result<()> {
        self.change_visibility(receipt, VISIBILITY).await
    }

    /// Lets a message be received again at once.
    pub(crate) async fn release(&self, receipt: &str) -> anyhow::Result<()> {
        self.change_visibility(receipt, Duration::ZERO).await
    }

    async fn change_visibility(&self, receipt: &str, visibility: Duration) -> anyhow::Result<()> {
        let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        let request = request.visibility_timeout(visibility.as_secs() as i32);
        request.send().await.map_err(|error| self.failed("sqs:ChangeMessageVisibility", &error))?;
        Ok(())
    }

    fn failed<E>(&self, action: &str, error: &SdkError<E>) -> anyhow::Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default();
        let hint = if code.contains("NonExistentQueue") || code.contains("QueueDoesNotExist") {
            format!("there is no such queue in {}; is the URL right, and AWS_REGION?", self.region)
        } else if code.contains("AccessDenied") {
            format!("allow {action} on the queue to whoever runs this command")
        } else {
            "run the command again".to_owned()
        };
        let cause = match error.message() {
            Some(message) => format!("{code}: {message}"),
            None => with_sources(error),
        };
        anyhow!("{action} on {} failed; {hint}: {cause}", self.url)
    }
}
