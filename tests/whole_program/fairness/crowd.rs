//! Discrete-event simulation of jobs that share a quota. It waits for nothing and gives the same result every time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::rules::Rule;

/// How long a refusal takes, in seconds.
const REFUSAL: Range<f64> = 0.01..0.03;
/// How long one invocation follows another, in seconds, where jobs wait for their turn.
const NEXT_JOB: Range<f64> = 0.02..0.1;

/// What an account and its jobs are like. Times are in seconds.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    pub(super) jobs: usize,
    /// Pages of each job, at random.
    pub(super) pages: RangeInclusive<usize>,
    /// Calls a second; the bucket holds those of one second and is full at the start.
    pub(super) quota: f64,
    /// How long a page takes, at random.
    pub(super) page: Range<f64>,
    /// The jobs start within this time, at random.
    pub(super) start_within: f64,
    /// At most this many jobs run at once, as behind the queue.
    pub(super) at_once: usize,
    /// The share of the calls that are refused whatever the jobs do.
    pub(super) refused_anyway: f64,
    /// When to stop, if the jobs are not done by then.
    pub(super) stop_after: f64,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            jobs: 1,
            pages: 10..=60,
            quota: 5.0,
            page: 0.1..0.5,
            start_within: 0.05,
            at_once: usize::MAX,
            refused_anyway: 0.0,
            stop_after: f64::INFINITY,
        }
    }
}

/// What a crowd made of its quota. Fractional figures are means over the runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// The time of the best schedule over the time that the crowd took.
    pub(super) used: f64,
    /// Calls sent for one that was served.
    pub(super) sent_a_served: f64,
    /// Calls sent.
    pub(super) sent: f64,
    /// The longest time that a job waited for one page in any run, in seconds.
    pub(super) longest_wait: f64,
    /// The number of runs in which not all jobs completed.
    pub(super) incomplete: usize,
}

struct Job<R> {
    rule: R,
    pages_left: usize,
    sent: f64,
    last_page: f64,
}

/// What happens to a job.
#[derive(Clone, Copy)]
enum Event {
    Call,
    Page,
    Refusal,
}

/// Events in the order of their times, in microseconds.
#[derive(Default)]
struct Agenda {
    events: BinaryHeap<Reverse<(u64, usize, u8)>>,
}

impl Agenda {
    fn add(&mut self, at: f64, job: usize, event: Event) {
        self.events.push(Reverse(((at * 1e6) as u64, job, event as u8)));
    }

    fn next(&mut self) -> Option<(f64, usize, Event)> {
        let Reverse((at, job, event)) = self.events.pop()?;
        let event = [Event::Call, Event::Page, Event::Refusal][usize::from(event)];
        Some((at as f64 / 1e6, job, event))
    }
}

struct Bucket {
    quota: f64,
    calls: f64,
    filled: f64,
}

impl Bucket {
    fn take(&mut self, now: f64) -> bool {
        self.calls = (self.calls + (now - self.filled) * self.quota).min(self.quota);
        self.filled = now;
        let is_free = self.calls >= 1.0;
        self.calls -= f64::from(u8::from(is_free));
        is_free
    }
}

fn within(rng: &mut Rng, range: &Range<f64>) -> f64 {
    range.start + (range.end - range.start) * rng.f64()
}

impl Crowd {
    /// Runs the crowd with this many seeds.
    pub(super) fn measure<R: Rule>(&self, seeds: u64) -> Measured {
        let mut total = Measured::default();
        for seed in 0..seeds {
            let run = self.run::<R>(seed);
            total.used += run.used / seeds as f64;
            total.sent_a_served += run.sent_a_served / seeds as f64;
            total.sent += run.sent / seeds as f64;
            total.incomplete += run.incomplete;
            total.longest_wait = total.longest_wait.max(run.longest_wait);
        }
        total
    }

    /// Runs the crowd once.
    fn run<R: Rule>(&self, seed: u64) -> Measured {
        fastrand::seed(seed);
        let mut rng = Rng::with_seed(seed);
        let pages: Vec<_> = (0..self.jobs).map(|_| rng.usize(self.pages.clone())).collect();
        let starts: Vec<_> = (0..self.jobs).map(|_| within(&mut rng, &(0.0..self.start_within))).collect();
        let ideal = self.ideal_time(&pages, &starts, rng.fork());

        let epoch = Instant::now();
        let clock = |seconds: f64| epoch + Duration::from_secs_f64(seconds);
        let mut agenda = Agenda::default();
        let mut jobs = Vec::new();
        let start = |at: f64, jobs: &mut Vec<Job<R>>, agenda: &mut Agenda| {
            agenda.add(at, jobs.len(), Event::Call);
            jobs.push(Job { rule: R::new(clock(at)), pages_left: pages[jobs.len()], sent: at, last_page: at });
        };
        for &at in starts.iter().take(self.at_once) {
            start(at, &mut jobs, &mut agenda);
        }
        let mut bucket = Bucket { quota: self.quota, calls: self.quota, filled: 0.0 };
        let (mut sent, mut served, mut end) = (0_u32, 0_u32, 0.0);
        let mut longest_wait = 0.0_f64;
        while let Some((now, index, event)) = agenda.next().filter(|(now, ..)| *now <= self.stop_after) {
            let job = &mut jobs[index];
            match event {
                Event::Call => {
                    sent += 1;
                    job.sent = now;
                    if rng.f64() >= self.refused_anyway && bucket.take(now) {
                        agenda.add(now + within(&mut rng, &self.page), index, Event::Page);
                    } else {
                        agenda.add(now + within(&mut rng, &REFUSAL), index, Event::Refusal);
                    }
                }
                Event::Refusal => {
                    job.rule.refused(clock(now));
                    agenda.add(now.max((job.rule.next_call() - epoch).as_secs_f64()), index, Event::Call);
                }
                Event::Page => {
                    served += 1;
                    end = now;
                    longest_wait = longest_wait.max(now - job.last_page);
                    job.last_page = now;
                    job.rule.served(clock(job.sent), clock(now));
                    job.pages_left -= 1;
                    if job.pages_left > 0 {
                        agenda.add(now.max((job.rule.next_call() - epoch).as_secs_f64()), index, Event::Call);
                    } else if jobs.len() < self.jobs {
                        start(now + within(&mut rng, &NEXT_JOB), &mut jobs, &mut agenda);
                    }
                }
            }
        }
        Measured {
            used: ideal / end,
            sent_a_served: f64::from(sent) / f64::from(served),
            sent: f64::from(sent),
            longest_wait,
            incomplete: usize::from((served as usize) < pages.iter().sum()),
        }
    }

    /// The time that the crowd would take if somebody knew all of it: each free call goes to the job that has most pages
    /// left, of those that wait for one.
    fn ideal_time(&self, pages: &[usize], starts: &[f64], mut rng: Rng) -> f64 {
        let mut bucket = Bucket { quota: self.quota, calls: self.quota, filled: 0.0 };
        // Behind the queue all jobs are there from the start, in whatever order is best.
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
            *free_at = now + within(&mut rng, &self.page);
            end = end.max(*free_at);
            if *pages_left == 0 {
                jobs.swap_remove(index);
            }
        }
        end
    }
}
