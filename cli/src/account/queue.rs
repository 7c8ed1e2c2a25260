//! An SQS queue.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName, SendMessageBatchRequestEntry};
use futures_util::stream::{self, StreamExt as _};
use label_lake::error::with_sources;

use super::call_error::call_error;
use super::dead_letter::DeadLetter;

/// Visibility timeout: a received message stays hidden from other receivers for this long unless the timeout is extended.
const VISIBILITY_TIMEOUT: Duration = Duration::from_mins(5);
/// Long polling makes SQS query all of its servers. Without it, a reply may be empty although the queue has messages.
const LONG_POLL: Duration = Duration::from_secs(2);
/// Maximum number of messages that SQS returns at once or accepts in a batch.
pub(crate) const MAX_BATCH: usize = 10;
/// Number of concurrent batch requests. A thousand messages then take about 13 times as long as one request.
pub(crate) const MAX_CONCURRENT_BATCHES: usize = 8;

/// A queue in an account. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    client: Client,
    url: String,
    region: String,
}

impl Queue {
    pub(crate) fn new(client: Client, url: &str, region: &str) -> Self {
        Self { client, url: url.to_owned(), region: region.to_owned() }
    }

    /// Returns the approximate number of visible messages.
    pub(crate) async fn approximate_count(&self) -> anyhow::Result<u64> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let reply = request.send().await.map_err(|error| self.error("sqs:GetQueueAttributes", &error))?;
        let number = reply.attributes().and_then(|attributes| attributes.get(&name)?.parse().ok());
        Ok(number.unwrap_or_default())
    }

    /// Sends at most ten messages. Returns the error code of each message that SQS did not take, by its position.
    ///
    /// If the reply is lost, the request is repeated, and the messages may be in the queue twice.
    pub(crate) async fn send(&self, bodies: &[String]) -> anyhow::Result<BTreeMap<usize, String>> {
        let entries = bodies.iter().enumerate().map(|(number, body)| {
            SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body).build()
        });
        let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
        let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let reply = request.send().await.map_err(|error| self.error("sqs:SendMessage", &error))?;
        let failed =
            reply.failed().iter().filter_map(|failed| Some((failed.id().parse().ok()?, failed.code().to_owned())));
        Ok(failed.collect())
    }

    /// Receives at most `max` messages and hides them from other receivers. Returns no messages if none are visible.
    pub(crate) async fn receive(&self, max: usize) -> anyhow::Result<Vec<DeadLetter>> {
        let request = self.client.receive_message().queue_url(&self.url);
        let request = request.max_number_of_messages(max.min(MAX_BATCH) as i32);
        let request = request.visibility_timeout(VISIBILITY_TIMEOUT.as_secs() as i32);
        let request = request.wait_time_seconds(LONG_POLL.as_secs() as i32);
        let reply = request.send().await.map_err(|error| self.error("sqs:ReceiveMessage", &error))?;
        let letters = reply.messages.unwrap_or_default().into_iter().map(|message| DeadLetter {
            id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
        });
        Ok(letters.collect())
    }

    pub(crate) async fn delete(&self, receipt_handle: &str) -> anyhow::Result<()> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt_handle);
        request.send().await.map_err(|error| self.error("sqs:DeleteMessage", &error))?;
        Ok(())
    }

    /// Restarts the visibility timeout of received messages.
    pub(crate) async fn extend_visibility_timeout(&self, receipt_handles: Vec<String>) -> anyhow::Result<()> {
        self.change_visibility(receipt_handles, VISIBILITY_TIMEOUT).await
    }

    /// Makes received messages visible to receivers again.
    pub(crate) async fn make_visible(&self, receipt_handles: Vec<String>) -> anyhow::Result<()> {
        self.change_visibility(receipt_handles, Duration::ZERO).await
    }

    /// Changes the visibility timeout of as many messages as possible, and returns the first error.
    async fn change_visibility(&self, receipt_handles: Vec<String>, timeout: Duration) -> anyhow::Result<()> {
        let batches: Vec<_> = receipt_handles.chunks(MAX_BATCH).map(<[_]>::to_vec).collect();
        let batches = batches.into_iter().map(|batch| self.clone().change_batch(batch, timeout));
        let changed: Vec<_> = stream::iter(batches).buffer_unordered(MAX_CONCURRENT_BATCHES).collect().await;
        changed.into_iter().collect()
    }

    async fn change_batch(self, receipt_handles: Vec<String>, timeout: Duration) -> anyhow::Result<()> {
        const ACTION: &str = "sqs:ChangeMessageVisibility";
        let entries = receipt_handles.into_iter().enumerate().map(|(number, receipt_handle)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(number.to_string());
            entry.receipt_handle(receipt_handle).visibility_timeout(timeout.as_secs() as i32).build()
        });
        let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
        let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        let reply = request.send().await.map_err(|error| self.error(ACTION, &error))?;
        // A message that is not in flight is visible already: its visibility timeout has expired.
        match reply.failed().iter().find(|failed| !failed.code().contains("MessageNotInflight")) {
            None => Ok(()),
            Some(failed) => {
                let (url, code, minutes) = (&self.url, failed.code(), VISIBILITY_TIMEOUT.as_secs() / 60);
                Err(anyhow!("{ACTION} on {url} failed; the messages become visible within {minutes} minutes: {code}"))
            }
        }
    }

    fn error<E>(&self, action: &str, error: &SdkError<E>) -> anyhow::Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let cause = match error.message() {
            Some(message) => format!("{}: {message}", error.code().unwrap_or_default()),
            None => with_sources(error),
        };
        call_error(&format!("{action} on {}", self.url), None, error, &cause, |code| {
            if code.contains("NonExistentQueue") || code.contains("QueueDoesNotExist") {
                Some(format!("queue not found in {}: check the URL and --region", self.region))
            } else if code.contains("AccessDenied") {
                Some(format!("you lack permission {action} on the queue"))
            } else {
                None
            }
        })
    }
}
