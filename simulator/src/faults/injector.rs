//! All faults.

/// All faults of a simulator.
#[derive(Default)]
pub(crate) struct Faults {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    scripted: Vec<Scripted>,
    random: Option<RandomFaults>,
    requests: u64,
    in_a_row: HashMap<(&'static str, String), u32>,
    random_fired: usize,
}

struct Scripted {
    fault: Fault,
    matched: usize,
    fired: usize,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.lock().scripted.push(Scripted { fault, matched: 0, fired: 0 });
    }

    pub(crate) fn set_random(&self, random: RandomFaults) {
        self.lock().random = Some(random);
    }

    /// Counts a request, and gives what meets it, with a description.
    pub(crate) fn meet(&self, call: &Call) -> Option<(Action, String)> {
        self.lock().meet(call)
    }

    /// Describes the scripted faults that have not fired as often as asked.
    pub(crate) fn not_fired(&self) -> Vec<String> {
        let inner = self.lock();
        let missing = |scripted: &&Scripted| scripted.fired < scripted.fault.requests.times.unwrap_or(1);
        inner.scripted.iter().filter(missing).map(|scripted| scripted.fault.to_string()).collect()
    }

    pub(crate) fn random_fired(&self) -> usize {
        self.lock().random_fired
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn meet(&mut self, call: &Call) -> Option<(Action, String)> {
        let mut met = None;
        for scripted in self.scripted.iter_mut().filter(|scripted| scripted.fault.requests.matches(call)) {
            scripted.matched += 1;
            if met.is_none() && scripted.fault.requests.due().contains(&scripted.matched) {
                scripted.fired += 1;
                met = Some((scripted.fault.action.clone(), scripted.fault.to_string()));
            }
        }
        self.requests += 1;
        met.or_else(|| self.meet_by_chance(call))
    }

    fn meet_by_chance(&mut self, call: &Call) -> Option<(Action, String)> {
        let random = self.random.as_ref()?;
        let row = self.in_a_row.entry((call.operation, format!("{} {}", call.target, call.detail))).or_default();
        let mut chance = fastrand::Rng::with_seed(random.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.requests);
        let due = chance.f64() < random.rate && *row < random.in_a_row;
        let action = chance.choice(&random.kinds).filter(|_| due);
        let Some(action) = action else {
            *row = 0;
            return None;
        };
        *row += 1;
        self.random_fired += 1;
        Some((action.clone(), format!("by chance: {action}")))
    }
}
