//! A simulated queue that delivers its messages in random order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use fastrand::Rng;
use label_lake::starter::policy::HIDDEN;

use super::world::micros;

/// Receives after which the queue moves a message to the failures.
const MAX_RECEIVES: u32 = 1000;

/// The queue. Messages are named by their index.
#[derive(Default)]
pub(super) struct VideoQueue {
    messages: Vec<Message>,
    visible: Vec<usize>,
    /// Time at which each hidden message becomes visible, in microseconds, with the handle that hid the message.
    hidden: BinaryHeap<Reverse<(u64, usize, u32)>>,
    /// Highest number of receives of one message.
    pub(super) most_receives: u32,
}

struct Message {
    video: usize,
    receives: u32,
    /// Handle of the last receive or put back. `None` after the deletion.
    handle: Option<u32>,
}

/// A received message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) message: usize,
    pub(super) video: usize,
    pub(super) receives: u32,
    handle: u32,
}

impl VideoQueue {
    pub(super) fn send(&mut self, video: usize) {
        self.messages.push(Message { video, receives: 0, handle: Some(0) });
        self.visible.push(self.messages.len() - 1);
    }

    /// Receives a random visible message, and hides it.
    pub(super) fn receive(&mut self, now: f64, random: &mut Rng) -> Option<Received> {
        while let Some(&Reverse((at, message, handle))) = self.hidden.peek()
            && at <= micros(now)
        {
            self.hidden.pop();
            if self.messages[message].handle == Some(handle) {
                self.visible.push(message);
            }
        }
        if self.visible.is_empty() {
            return None;
        }
        let message = self.visible.swap_remove(random.usize(..self.visible.len()));
        let handle = self.hide(message, now, HIDDEN);
        let Message { video, receives, .. } = &mut self.messages[message];
        *receives += 1;
        assert!(*receives <= MAX_RECEIVES, "a message moved to the failures by waiting alone");
        self.most_receives = self.most_receives.max(*receives);
        Some(Received { message, video: *video, receives: *receives, handle })
    }

    /// Deletes a message. Returns true unless another receiver has deleted or received it.
    pub(super) fn delete(&mut self, received: Received) -> bool {
        let is_held = self.messages[received.message].handle == Some(received.handle);
        if is_held {
            self.messages[received.message].handle = None;
        }
        is_held
    }

    /// Hides a message for this long from now on, unless another receiver has deleted or received it.
    pub(super) fn put_back(&mut self, received: Received, now: f64, time: Duration) {
        if self.messages[received.message].handle == Some(received.handle) {
            self.hide(received.message, now, time);
        }
    }

    fn hide(&mut self, message: usize, now: f64, time: Duration) -> u32 {
        let handle = self.messages[message].handle.map_or(0, |handle| handle + 1);
        self.messages[message].handle = Some(handle);
        self.hidden.push(Reverse((micros(now + time.as_secs_f64()), message, handle)));
        handle
    }
}
