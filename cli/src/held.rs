//! The messages that a command has received and neither deleted nor given back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at};

use crate::queue::{Letter, Queue};

/// Receipts by the ids of their messages.
type Receipts = Arc<Mutex<HashMap<String, String>>>;

/// Messages that stay hidden from other receivers until they are deleted or given back.
///
/// A task of its own renews that, whatever the command waits for.
#[derive(Debug)]
pub(crate) struct Held {
    queue: Queue,
    receipts: Receipts,
    renewal: JoinHandle<()>,
}

impl Held {
    /// Holds nothing yet; renews what it holds once a period.
    pub(crate) fn new(queue: Queue, period: Duration) -> Self {
        let receipts = Receipts::default();
        let renewal = tokio::spawn(renew(queue.clone(), Arc::clone(&receipts), period));
        Self { queue, receipts, renewal }
    }

    /// Holds a message, or renews the receipt of one that was received again.
    pub(crate) fn insert(&self, letter: &Letter) {
        lock(&self.receipts).insert(letter.id.clone(), letter.receipt.clone());
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        lock(&self.receipts).contains_key(id)
    }

    /// Deletes a message from the queue.
    pub(crate) async fn delete(&self, letter: &Letter) -> anyhow::Result<()> {
        let receipt = lock(&self.receipts).get(&letter.id).unwrap_or(&letter.receipt).clone();
        self.queue.delete(&receipt).await?;
        lock(&self.receipts).remove(&letter.id);
        Ok(())
    }

    /// Lets all of them be received again. They would be anyway, a little later.
    pub(crate) async fn release(mut self) -> anyhow::Result<()> {
        // A renewal that is under way would hide them again.
        self.renewal.abort();
        let _ = (&mut self.renewal).await;
        let receipts = lock(&self.receipts).drain().map(|(_, receipt)| receipt).collect();
        self.queue.release(receipts).await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(queue: Queue, receipts: Receipts, period: Duration) {
    let mut tick = interval_at(Instant::now() + period, period);
    loop {
        tick.tick().await;
        let receipts = lock(&receipts).values().cloned().collect();
        // A message that cannot be renewed is received again at worst, and known.
        let _ = queue.hide(receipts).await;
    }
}

fn lock(receipts: &Receipts) -> MutexGuard<'_, HashMap<String, String>> {
    receipts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::Credentials;
    use simulator::{ACCESS_KEY_ID, Fault, Gate, REGION, SECRET_ACCESS_KEY, Simulator};

    use super::*;
    use crate::queue::SIDE_BY_SIDE;

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
    async fn messages_are_renewed_and_released_ten_a_call_and_several_calls_at_once() {
        let gate = Gate::new();
        let blocked = Fault::on(OPERATION).times(SIDE_BY_SIDE).hold(gate.clone());
        let simulator = Simulator::builder().queue("dead").fault(blocked).start().await.unwrap();
        let queue = queue(&simulator).await;
        let mut letters = Vec::new();
        for _ in 0..SIDE_BY_SIDE {
            (0..10).for_each(|_| drop(simulator.send_message("dead", "{}")));
            letters.extend(queue.receive(10).await.unwrap());
        }
        let held = Held::new(queue, Duration::from_millis(1));
        for letter in &letters {
            held.insert(letter);
        }
        // Nothing polls what is held here. None of the calls is answered before all of them have come.
        gate.reached_by(SIDE_BY_SIDE).await;
        let requests = simulator.requests().into_iter().filter(|request| request.operation == OPERATION);
        assert_eq!(requests.count(), SIDE_BY_SIDE, "ten messages a call");

        let (first, others) = letters.split_first().unwrap();
        held.delete(first).await.unwrap();
        gate.release();
        held.release().await.unwrap();
        let messages = simulator.messages("dead");
        assert_eq!(messages.len(), others.len());
        assert!(messages.iter().all(|message| !message.in_flight), "{messages:?}");
    }
}
