//! Messages in flight: received from a queue, but neither deleted nor made visible again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at};

use super::dead_letter::DeadLetter;
use super::queue::Queue;

/// Time between two extensions of the visibility timeout.
pub(crate) const EXTENSION_PERIOD: Duration = Duration::from_mins(1);

/// Receipt handles by message ID.
type ReceiptHandles = Arc<Mutex<HashMap<String, String>>>;

/// Messages that stay hidden from other receivers until they are deleted or made visible.
///
/// A background task extends their visibility timeout, so that they stay hidden while the command waits for something
/// else.
#[derive(Debug)]
pub(crate) struct InFlightMessages {
    queue: Queue,
    receipt_handles: ReceiptHandles,
    extension_task: JoinHandle<()>,
}

impl InFlightMessages {
    /// Creates an empty set, and starts the task that extends the visibility timeouts once per `period`.
    pub(crate) fn new(queue: Queue, period: Duration) -> Self {
        let receipt_handles = ReceiptHandles::default();
        let extension_task = tokio::spawn(extend(queue.clone(), Arc::clone(&receipt_handles), period));
        Self { queue, receipt_handles, extension_task }
    }

    /// Adds a message, or replaces the receipt handle of a message that was received again.
    pub(crate) fn insert(&self, message: &DeadLetter) {
        lock(&self.receipt_handles).insert(message.id.clone(), message.receipt_handle.clone());
    }

    /// Returns true if the message is in flight.
    pub(crate) fn contains(&self, id: &str) -> bool {
        lock(&self.receipt_handles).contains_key(id)
    }

    /// Deletes a message from the queue, with its latest receipt handle.
    pub(crate) async fn delete(&self, message: &DeadLetter) -> anyhow::Result<()> {
        let receipt_handle = lock(&self.receipt_handles).get(&message.id).unwrap_or(&message.receipt_handle).clone();
        self.queue.delete(&receipt_handle).await?;
        lock(&self.receipt_handles).remove(&message.id);
        Ok(())
    }

    /// Makes all messages in flight visible again at once. Otherwise, they become visible when their visibility timeout
    /// expires.
    pub(crate) async fn make_visible(mut self) -> anyhow::Result<()> {
        // An extension in progress would hide the messages again.
        self.extension_task.abort();
        let _ = (&mut self.extension_task).await;
        let receipt_handles = lock(&self.receipt_handles).drain().map(|(_, handle)| handle).collect();
        self.queue.make_visible(receipt_handles).await
    }
}

impl Drop for InFlightMessages {
    fn drop(&mut self) {
        self.extension_task.abort();
    }
}

async fn extend(queue: Queue, receipt_handles: ReceiptHandles, period: Duration) {
    let mut tick = interval_at(Instant::now() + period, period);
    loop {
        tick.tick().await;
        let receipt_handles = lock(&receipt_handles).values().cloned().collect();
        // Errors are ignored: at worst, a message is received again, and the caller recognizes it by its ID.
        let _ = queue.extend_visibility_timeout(receipt_handles).await;
    }
}

fn lock(receipt_handles: &ReceiptHandles) -> MutexGuard<'_, HashMap<String, String>> {
    receipt_handles.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::Credentials;
    use rekognition_simulator::{ACCESS_KEY_ID, Fault, Gate, REGION, SECRET_ACCESS_KEY, Simulator};

    use super::*;
    use crate::account::queue::MAX_CONCURRENT_BATCHES;

    const OPERATION: &str = "ChangeMessageVisibilityBatch";

    async fn queue(simulator: &Simulator) -> Queue {
        let aws = label_lake::aws::clients::sdk_config(None)
            .unwrap()
            .region(aws_config::Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, ""))
            .endpoint_url(simulator.sqs_url());
        let client = aws_sdk_sqs::Client::new(&aws.load().await);
        Queue::new(client, &simulator.queue_url("dead"), REGION)
    }

    #[tokio::test]
    async fn changes_visibility_in_concurrent_batches_of_ten() {
        let gate = Gate::new();
        let blocked = Fault::on(OPERATION).times(MAX_CONCURRENT_BATCHES).hold(gate.clone());
        let simulator = Simulator::builder().queue("dead").fault(blocked).start().await.unwrap();
        let queue = queue(&simulator).await;
        let mut received = Vec::new();
        for _ in 0..MAX_CONCURRENT_BATCHES {
            (0..10).for_each(|_| drop(simulator.send_message("dead", "{}")));
            received.extend(queue.receive(10).await.unwrap());
        }
        let in_flight = InFlightMessages::new(queue, Duration::from_millis(1));
        for message in &received {
            in_flight.insert(message);
        }
        // Only the background task makes these requests. The gate holds all answers until it is released.
        gate.reached_by(MAX_CONCURRENT_BATCHES).await;
        let requests = simulator.requests().into_iter().filter(|request| request.operation == OPERATION);
        assert_eq!(requests.count(), MAX_CONCURRENT_BATCHES, "ten messages per request");

        let (first, others) = received.split_first().unwrap();
        in_flight.delete(first).await.unwrap();
        gate.release();
        in_flight.make_visible().await.unwrap();
        let messages = simulator.messages("dead");
        assert_eq!(messages.len(), others.len());
        assert!(messages.iter().all(|message| !message.in_flight), "{messages:?}");
    }
}
