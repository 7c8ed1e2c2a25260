//! A queue of SQS, read by hand.

use std::time::Duration;

use anyhow::anyhow;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName};
use futures_util::stream::{self, StreamExt as _};
use label_lake::error::with_sources;

/// How long a message is hidden from other receivers, unless that is renewed.
const VISIBILITY: Duration = Duration::from_mins(5);
/// How often it is renewed.
pub(crate) const RENEWAL: Duration = Duration::from_mins(1);
/// With a wait SQS asks all of its servers; without it an answer may be empty though there are messages.
const WAIT: Duration = Duration::from_secs(2);
/// SQS gives at most this many messages at once, and takes at most as many in a batch.
const MOST: usize = 10;
/// How many batches are under way at once. A thousand messages then take some 13 times as long as one call.
pub(crate) const SIDE_BY_SIDE: usize = 8;

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

    /// Hides messages for longer.
    pub(crate) async fn hide(&self, receipts: Vec<String>) -> anyhow::Result<()> {
        self.change_visibility(receipts, VISIBILITY).await
    }

    /// Lets messages be received again at once.
    pub(crate) async fn release(&self, receipts: Vec<String>) -> anyhow::Result<()> {
        self.change_visibility(receipts, Duration::ZERO).await
    }

    /// Changes all that can be changed, and returns the first error.
    async fn change_visibility(&self, receipts: Vec<String>, visibility: Duration) -> anyhow::Result<()> {
        let batches: Vec<_> = receipts.chunks(MOST).map(<[_]>::to_vec).collect();
        let batches = batches.into_iter().map(|batch| self.clone().change_batch(batch, visibility));
        let changed: Vec<_> = stream::iter(batches).buffer_unordered(SIDE_BY_SIDE).collect().await;
        changed.into_iter().collect()
    }

    async fn change_batch(self, receipts: Vec<String>, visibility: Duration) -> anyhow::Result<()> {
        const ACTION: &str = "sqs:ChangeMessageVisibility";
        let entries = receipts.into_iter().enumerate().map(|(number, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(number.to_string());
            entry.receipt_handle(receipt).visibility_timeout(visibility.as_secs() as i32).build()
        });
        let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
        let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        let reply = request.send().await.map_err(|error| self.failed(ACTION, &error))?;
        // A message that is not in flight is not hidden: its time was over.
        match reply.failed().iter().find(|failed| !failed.code().contains("MessageNotInflight")) {
            None => Ok(()),
            Some(failed) => {
                let (url, code, minutes) = (&self.url, failed.code(), VISIBILITY.as_secs() / 60);
                Err(anyhow!("{ACTION} on {url} failed; messages stay hidden for {minutes} minutes at most: {code}"))
            }
        }
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
