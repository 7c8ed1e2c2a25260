//! A gate that requests wait at, for tests that act at an exact point.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// A gate: requests that come to it wait until it is released; afterwards it stays open.
///
/// Clones are the same gate. With it a test kills a process while a reply is outstanding, or makes several
/// processes meet.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    arrived: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// Makes a closed gate.
    #[allow(clippy::new_without_default)] // Two gates are never equal: nothing about it is a default.
    pub fn new() -> Self {
        Self { inner: Arc::new(Inner { arrived: watch::Sender::new(0), open: watch::Sender::new(false) }) }
    }

    /// Waits until a request has come to the gate.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until this many requests have come to the gate. Those whose client went away count, too.
    pub async fn reached_by(&self, requests: usize) {
        wait(&self.inner.arrived, |arrived| *arrived >= requests).await;
    }

    /// Opens the gate, for good.
    pub fn release(&self) {
        self.inner.open.send_replace(true);
    }

    /// Comes to the gate, and waits for its release.
    pub(crate) async fn pass(&self) {
        self.inner.arrived.send_modify(|arrived| *arrived += 1);
        wait(&self.inner.open, |open| *open).await;
    }
}

async fn wait<T>(sender: &watch::Sender<T>, condition: impl FnMut(&T) -> bool) {
    // An error would mean that the sender is gone; it is borrowed here.
    let _ = sender.subscribe().wait_for(condition).await;
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arrived, open) = (*self.inner.arrived.borrow(), *self.inner.open.borrow());
        formatter.debug_struct("Gate").field("arrived", &arrived).field("open", &open).finish()
    }
}
