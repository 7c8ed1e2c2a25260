//! Settings and measurements of a simulated account.

use std::ops::Range;

use super::world::World;

/// An account with videos that wait. Times are in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) videos: usize,
    /// Slots of the account.
    pub(crate) slots: usize,
    /// Slots that another program holds all the time.
    pub(crate) held: usize,
    /// Calls of StartLabelDetection a second. The token bucket holds one second's calls.
    pub(crate) quota: f64,
    /// Range of the random duration of a job.
    pub(crate) job: Range<f64>,
    /// Time from the end of a job until its slot is free.
    pub(crate) slot_delay: f64,
    /// Times that each event is delivered.
    pub(crate) copies: usize,
    /// The events arrive at random times within this time.
    pub(crate) arrive_within: f64,
    /// Share of the completion messages that are lost.
    pub(crate) lost_completions: f64,
    /// Share of the calls of any kind during which the starter dies: half of them before the call, half after.
    pub(crate) crashes: f64,
    /// Number of the one call during which the starter dies, from 1, and true if it dies after the call.
    pub(crate) crash_at: Option<(usize, bool)>,
    /// Share of the replies of StartLabelDetection that are lost.
    pub(crate) lost_replies: f64,
    /// True if each invocation has a process of its own, which remembers no refusal.
    pub(crate) cold: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            videos: 1,
            slots: 20,
            held: 0,
            quota: 5.0,
            job: 120.0..840.0,
            slot_delay: 0.0,
            copies: 1,
            arrive_within: 0.0,
            lost_completions: 0.0,
            crashes: 0.0,
            crash_at: None,
            lost_replies: 0.0,
            cold: false,
        }
    }
}

/// Measurements of a run. Fractional figures are means over the runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Share of the free slots in use, from the first message to the end of the last job.
    pub(crate) used: f64,
    /// Share of the free slots in use, from the first message to the start of the last job.
    pub(crate) used_while_waiting: f64,
    /// Calls of StartLabelDetection for each job.
    pub(crate) calls_per_start: f64,
    /// Highest number of receives of one message.
    pub(crate) most_receives: f64,
    /// Jobs that were started, over all runs.
    pub(crate) jobs: usize,
    /// Videos without a job, over all runs.
    pub(crate) lost: usize,
    /// Calls of all kinds.
    pub(crate) calls: usize,
    /// Starters that died, over all runs.
    pub(crate) crashes: usize,
    /// Completion messages and replies that were lost, over all runs.
    pub(crate) lost_messages: usize,
    /// Time from the first message to the end of the last job.
    pub(crate) took: f64,
}

impl Account {
    /// Runs the account with each seed from 0, and returns the means.
    pub(crate) fn measure(&self, seeds: u64) -> Measured {
        let mut sum = Measured::default();
        for seed in 0..seeds {
            let one = self.run(seed);
            sum.used += one.used / seeds as f64;
            sum.used_while_waiting += one.used_while_waiting / seeds as f64;
            sum.calls_per_start += one.calls_per_start / seeds as f64;
            sum.most_receives += one.most_receives / seeds as f64;
            sum.jobs += one.jobs;
            sum.lost += one.lost;
            sum.calls += one.calls;
            sum.crashes += one.crashes;
            sum.lost_messages += one.lost_messages;
            sum.took += one.took / seeds as f64;
        }
        sum
    }

    /// Runs the account until no message and no job is left.
    pub(crate) fn run(&self, seed: u64) -> Measured {
        // The policy draws its pauses from the generator of the thread.
        fastrand::seed(seed);
        World::new(self, seed).run()
    }
}
