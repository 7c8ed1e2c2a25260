//! Random faults.

/// Faults that come by chance, the same ones for the same seed and the same sequence of requests.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    /// What the choice is made from, with the number of the request.
    pub seed: u64,
    /// The share of requests that are met, 0 to 1.
    pub rate: f64,
    /// What may happen, each as likely as the other.
    pub kinds: Vec<Action>,
    /// How many requests of one operation and target may be met one after the other, so that a client with bounded
    /// retries can finish.
    pub in_a_row: u32,
}

impl Default for RandomFaults {
    /// One request in five, at most two in a row, is refused, done but refused, done but unanswered, or reset.
    fn default() -> Self {
        let refused = |http, code: &str| Action::Status { http, code: code.to_owned() };
        let failed = Action::StatusAfter { http: 500, code: "InternalError".to_owned() };
        let kinds =
            vec![refused(503, "SlowDown"), refused(500, "InternalError"), failed, Action::LoseReply, Action::Reset];
        Self { seed: 1, rate: 0.2, kinds, in_a_row: 2 }
    }
}
