//! A gate that requests wait at, for tests that act at an exact moment.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// A gate that requests wait at until it is released. A released gate stays open.
///
/// Clones share one gate. With a gate, a test can kill a process while a reply is outstanding, or let several
/// processes reach the same point.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    arrived: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// Creates a closed gate.
    #[allow(clippy::new_without_default)] // Every gate is distinct, so no gate is a default value.
    pub fn new() -> Self {
        Self { inner: Arc::new(Inner { arrived: watch::Sender::new(0), open: watch::Sender::new(false) }) }
    }

    /// Waits until a request has reached the gate.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until this many requests have reached the gate. Requests whose client has disconnected count too.
    pub async fn reached_by(&self, requests: usize) {
        wait(&self.inner.arrived, |arrived| *arrived >= requests).await;
    }

    /// Opens the gate permanently.
    pub fn release(&self) {
        self.inner.open.send_replace(true);
    }

    /// Arrives at the gate and waits for its release.
    pub(crate) async fn pass(&self) {
        self.inner.arrived.send_modify(|arrived| *arrived += 1);
        wait(&self.inner.open, |open| *open).await;
    }
}

async fn wait<T>(sender: &watch::Sender<T>, condition: impl FnMut(&T) -> bool) {
    // An error would mean that the sender was dropped, but it is borrowed here.
    let _ = sender.subscribe().wait_for(condition).await;
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arrived, open) = (*self.inner.arrived.borrow(), *self.inner.open.borrow());
        formatter.debug_struct("Gate").field("arrived", &arrived).field("open", &open).finish()
    }
}
