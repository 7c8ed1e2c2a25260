//! The choice of the fault for each request, and the count of the faults that have fired.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::faults::action::Action;
use crate::faults::fault::Fault;
use crate::faults::random::{RandomFaults, RandomInjector};
use crate::request_log::Call;

/// All faults of a simulator.
#[derive(Default)]
pub(crate) struct FaultInjector {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    scripted: Vec<Scripted>,
    random: Option<RandomInjector>,
    /// Number of requests so far.
    requests: u64,
}

/// A scripted fault with its counts.
struct Scripted {
    fault: Fault,
    matched: usize,
    fired: usize,
}

impl FaultInjector {
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().scripted.push(Scripted { fault, matched: 0, fired: 0 });
    }

    pub(crate) fn set_random(&self, faults: RandomFaults) {
        self.lock().random = Some(RandomInjector::new(faults));
    }

    /// Counts a request. Returns the action of the fault to apply to it, with a description. A scripted fault takes
    /// precedence over a random one.
    pub(crate) fn next_action(&self, call: &Call) -> Option<(Action, String)> {
        self.lock().next_action(call)
    }

    /// Describes the scripted faults that have not fired as often as requested.
    pub(crate) fn not_fired(&self) -> Vec<String> {
        let inner = self.lock();
        let missing = |scripted: &&Scripted| scripted.fired < scripted.fault.requests.expected();
        inner.scripted.iter().filter(missing).map(|scripted| scripted.fault.to_string()).collect()
    }

    /// Number of random faults so far.
    pub(crate) fn random_fired(&self) -> usize {
        self.lock().random.as_ref().map_or(0, RandomInjector::fired)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next_action(&mut self, call: &Call) -> Option<(Action, String)> {
        let mut next = None;
        for scripted in self.scripted.iter_mut().filter(|scripted| scripted.fault.requests.matches(call)) {
            scripted.matched += 1;
            if next.is_none() && scripted.fault.requests.due().contains(&scripted.matched) {
                scripted.fired += 1;
                next = Some((scripted.fault.action.clone(), scripted.fault.to_string()));
            }
        }
        self.requests += 1;
        next.or_else(|| self.random.as_mut()?.next_action(call, self.requests))
    }
}
