//! Discrete-event simulation of jobs that share a quota.
//!
//! It has its own clock, so it never waits, and a seed always gives the same result.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::pacing_rules::Rule;

/// Time until the reply to a refused call, in seconds.
const REFUSAL: Range<f64> = 0.01..0.03;
/// Time from the end of one job to the start of the next behind the queue, in seconds.
const NEXT_JOB: Range<f64> = 0.02..0.1;

/// An account and its jobs. Times are in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    /// Number of jobs.
    pub(crate) jobs: usize,
    /// Range of the random number of pages of each job.
    pub(crate) pages: RangeInclusive<usize>,
    /// Calls a second. The token bucket holds one second's calls and starts full.
    pub(crate) quota: f64,
    /// Range of the random time until a page arrives.
    pub(crate) page: Range<f64>,
    /// The jobs start at random times within this time.
    pub(crate) start_within: f64,
    /// Maximum number of jobs that run at once, as with `UseQueue`.
    pub(crate) concurrency: usize,
    /// Share of the calls that are refused whatever the jobs do, as by other traffic in the account.
    pub(crate) background_refusals: f64,
    /// Time at which the simulation stops, even if jobs are not complete.
    pub(crate) stop_after: f64,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            jobs: 1,
            pages: 10..=60,
            quota: 5.0,
            page: 0.1..0.5,
            start_within: 0.05,
            concurrency: usize::MAX,
            background_refusals: 0.0,
            stop_after: f64::INFINITY,
        }
    }
}

/// Measurements of a crowd. Fractional figures are means over the runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Time of the best possible schedule divided by the time that the crowd took.
    pub(crate) used: f64,
    /// Calls sent for each page served.
    pub(crate) calls_per_page: f64,
    /// Calls sent.
    pub(crate) sent: f64,
    /// Longest time that a job waited for one page in any run, in seconds.
    pub(crate) longest_wait: f64,
    /// Number of runs in which a job did not complete.
    pub(crate) incomplete: usize,
}

struct Job<R> {
    rule: R,
    pages_left: usize,
    sent: f64,
    last_page: f64,
}

/// Next event of a job.
#[derive(Clone, Copy)]
enum Event {
    Call,
    Page,
    Refusal,
}

/// Pending events, ordered by time in microseconds.
#[derive(Default)]
struct Events {
    heap: BinaryHeap<Reverse<(u64, usize, u8)>>,
}

impl Events {
    fn add(&mut self, at: f64, job: usize, event: Event) {
        self.heap.push(Reverse(((at * 1e6) as u64, job, event as u8)));
    }

    fn next(&mut self) -> Option<(f64, usize, Event)> {
        let Reverse((at, job, event)) = self.heap.pop()?;
        let event = [Event::Call, Event::Page, Event::Refusal][usize::from(event)];
        Some((at as f64 / 1e6, job, event))
    }
}

/// Token bucket of the quota.
struct Bucket {
    /// Calls a second, and capacity.
    quota: f64,
    /// Calls that are left.
    calls: f64,
    /// Time of the last refill.
    filled: f64,
}

impl Bucket {
    /// Takes one call. Returns false if none is left.
    fn take(&mut self, now: f64) -> bool {
        self.calls = (self.calls + (now - self.filled) * self.quota).min(self.quota);
        self.filled = now;
        let is_free = self.calls >= 1.0;
        self.calls -= f64::from(u8::from(is_free));
        is_free
    }
}

/// Returns a random value from the range.
fn random(rng: &mut Rng, range: &Range<f64>) -> f64 {
    range.start + (range.end - range.start) * rng.f64()
}

impl Crowd {
    /// Runs the crowd once for each of this many seeds.
    pub(crate) fn measure<R: Rule>(&self, seeds: u64) -> Measured {
        let mut total = Measured::default();
        for seed in 0..seeds {
            let run = self.run::<R>(seed);
            total.used += run.used / seeds as f64;
            total.calls_per_page += run.calls_per_page / seeds as f64;
            total.sent += run.sent / seeds as f64;
            total.incomplete += run.incomplete;
            total.longest_wait = total.longest_wait.max(run.longest_wait);
        }
        total
    }

    /// Runs the crowd with this seed.
    fn run<R: Rule>(&self, seed: u64) -> Measured {
        fastrand::seed(seed);
        let mut rng = Rng::with_seed(seed);
        let pages: Vec<_> = (0..self.jobs).map(|_| rng.usize(self.pages.clone())).collect();
        let starts: Vec<_> = (0..self.jobs).map(|_| random(&mut rng, &(0.0..self.start_within))).collect();
        let ideal = self.ideal_time(&pages, &starts, rng.fork());

        let epoch = Instant::now();
        let clock = |seconds: f64| epoch + Duration::from_secs_f64(seconds);
        let mut events = Events::default();
        let mut jobs = Vec::new();
        let start = |at: f64, jobs: &mut Vec<Job<R>>, events: &mut Events| {
            events.add(at, jobs.len(), Event::Call);
            jobs.push(Job { rule: R::new(clock(at)), pages_left: pages[jobs.len()], sent: at, last_page: at });
        };
        for &at in starts.iter().take(self.concurrency) {
            start(at, &mut jobs, &mut events);
        }
        let mut bucket = Bucket { quota: self.quota, calls: self.quota, filled: 0.0 };
        let (mut sent, mut served, mut end) = (0_u32, 0_u32, 0.0);
        let mut longest_wait = 0.0_f64;
        while let Some((now, index, event)) = events.next().filter(|(now, ..)| *now <= self.stop_after) {
            let job = &mut jobs[index];
            match event {
                Event::Call => {
                    sent += 1;
                    job.sent = now;
                    if rng.f64() >= self.background_refusals && bucket.take(now) {
                        events.add(now + random(&mut rng, &self.page), index, Event::Page);
                    } else {
                        events.add(now + random(&mut rng, &REFUSAL), index, Event::Refusal);
                    }
                }
                Event::Refusal => {
                    job.rule.refused(clock(now));
                    events.add(now.max((job.rule.next_call() - epoch).as_secs_f64()), index, Event::Call);
                }
                Event::Page => {
                    served += 1;
                    end = now;
                    longest_wait = longest_wait.max(now - job.last_page);
                    job.last_page = now;
                    job.rule.served(clock(job.sent), clock(now));
                    job.pages_left -= 1;
                    if job.pages_left > 0 {
                        events.add(now.max((job.rule.next_call() - epoch).as_secs_f64()), index, Event::Call);
                    } else if jobs.len() < self.jobs {
                        start(now + random(&mut rng, &NEXT_JOB), &mut jobs, &mut events);
                    }
                }
            }
        }
        Measured {
            used: ideal / end,
            calls_per_page: f64::from(sent) / f64::from(served),
            sent: f64::from(sent),
            longest_wait,
            incomplete: usize::from((served as usize) < pages.iter().sum()),
        }
    }

    /// Returns the time that the crowd would take with perfect knowledge: each free call goes to the waiting job with
    /// the most pages left.
    fn ideal_time(&self, pages: &[usize], starts: &[f64], mut rng: Rng) -> f64 {
        let mut bucket = Bucket { quota: self.quota, calls: self.quota, filled: 0.0 };
        // Jobs behind the queue count as present from the start, in the best order.
        let mut jobs: Vec<_> = pages.iter().copied().zip(starts.iter().copied()).collect();
        let (mut now, mut end) = (0.0_f64, 0.0_f64);
        while !jobs.is_empty() {
            let ready = jobs.iter().enumerate().filter(|(_, job)| job.1 <= now).max_by_key(|(_, job)| job.0);
            let Some((index, _)) = ready else {
                now = jobs.iter().map(|job| job.1).fold(f64::INFINITY, f64::min);
                continue;
            };
            while !bucket.take(now) {
                now += (1.0 - bucket.calls) / self.quota + 1e-9;
            }
            let (pages_left, free_at) = &mut jobs[index];
            *pages_left -= 1;
            *free_at = now + random(&mut rng, &self.page);
            end = end.max(*free_at);
            if *pages_left == 0 {
                jobs.swap_remove(index);
            }
        }
        end
    }
}
