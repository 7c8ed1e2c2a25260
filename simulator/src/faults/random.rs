//! Random faults: the settings, and the choice for each request.

use std::collections::HashMap;

use crate::faults::action::Action;
use crate::request_log::Call;

/// Faults at random requests. The same seed and the same sequence of requests give the same faults.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    /// Random seed.
    pub seed: u64,
    /// Fraction of requests that fail, 0 to 1.
    pub rate: f64,
    /// Actions to choose from, each with the same probability.
    pub actions: Vec<Action>,
    /// Maximum number of consecutive faults for requests with the same operation, target and detail. A limit lets a
    /// client with bounded retries finish.
    pub max_consecutive: u32,
}

impl Default for RandomFaults {
    /// One request in five fails, at most two in a row. It is refused, performed but answered with an error, performed
    /// but not answered, or reset.
    fn default() -> Self {
        let refused = |http, code: &str| Action::Status { http, code: code.to_owned() };
        let failed = Action::StatusAfter { http: 500, code: "InternalError".to_owned() };
        let actions =
            vec![refused(503, "SlowDown"), refused(500, "InternalError"), failed, Action::LoseReply, Action::Reset];
        Self { seed: 1, rate: 0.2, actions, max_consecutive: 2 }
    }
}

/// Random faults in use, with the state that their choice depends on.
pub(crate) struct RandomInjector {
    faults: RandomFaults,
    /// Consecutive faults so far, by operation and by target and detail.
    consecutive: HashMap<(&'static str, String), u32>,
    fired: usize,
}

impl RandomInjector {
    pub(crate) fn new(faults: RandomFaults) -> Self {
        Self { faults, consecutive: HashMap::new(), fired: 0 }
    }

    /// Number of faults so far.
    pub(crate) fn fired(&self) -> usize {
        self.fired
    }

    /// Chooses whether a request fails. Returns the action with its description. `number` counts all requests.
    pub(crate) fn next_action(&mut self, call: &Call, number: u64) -> Option<(Action, String)> {
        let key = (call.operation, format!("{} {}", call.target, call.detail));
        let consecutive = self.consecutive.entry(key).or_default();
        let mut random = fastrand::Rng::with_seed(self.faults.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        let due = random.f64() < self.faults.rate && *consecutive < self.faults.max_consecutive;
        let action = random.choice(&self.faults.actions).filter(|_| due);
        let Some(action) = action else {
            *consecutive = 0;
            return None;
        };
        *consecutive += 1;
        self.fired += 1;
        Some((action.clone(), format!("random: {action}")))
    }
}
