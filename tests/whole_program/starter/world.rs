//! Discrete-event simulation of a queue of videos, starters, and an account of Rekognition.
//!
//! It has its own clock, so it never waits, and a seed always gives the same result. The starters make the decisions of the
//! real starter: `starter::policy`, `starter::message` and `starter::request`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use label_lake::config::JobSettings;
use label_lake::starter::message::{self, Content};
use label_lake::starter::policy::{Attempt, HIDDEN, Next, Round, WakeUp, hidden_after};
use label_lake::starter::request::token;
use serde_json::json;

/// Receives after which the queue moves a message to the failures.
const MAX_RECEIVES: u32 = 1000;
/// Time after which the queue drops a message.
const RETENTION: f64 = 14.0 * 24.0 * 3600.0;
/// Time from a job's end to the wake-up by its completion message, in seconds.
const COMPLETION: Range<f64> = 0.3..2.0;
/// Time of a call of StartLabelDetection, in seconds.
const START: Range<f64> = 0.15..0.5;
/// Time of a call to the queue, in seconds.
const QUEUE: Range<f64> = 0.01..0.04;
/// Time by which a wake-up by the clock is late, in seconds.
const LATE: Range<f64> = 0.0..3.0;
/// Duration of an invocation after which it receives no further message, in seconds.
const INVOCATION: f64 = 40.0;

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

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrival(usize),
    Tick,
    WakeUp(WakeUp),
    /// A job ends.
    End,
    /// The slot of a job that has ended is free.
    SlotFree,
    /// The next call of an invocation.
    Call(usize),
}

struct Message {
    video: usize,
    receives: u32,
    /// Number of the receive that may delete the message. 0 after its deletion.
    receipt: u32,
}

/// One invocation of the starter.
struct Run {
    round: Round,
    begun: f64,
    container: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Receive,
    Start { message: usize, receipt: u32 },
    Delete { message: usize, receipt: u32, then: Next },
    PutBack { message: usize, receipt: u32 },
}

/// A process of the starter, which remembers its last refusal.
#[derive(Clone, Copy, Default)]
struct Container {
    busy: bool,
    dead: bool,
    refused_at: Option<f64>,
}

struct World<'a> {
    account: &'a Account,
    settings: JobSettings,
    random: Rng,
    now: f64,
    /// Events by time, in microseconds, and then by number.
    events: BinaryHeap<Reverse<(u64, u64)>>,
    kinds: HashMap<u64, Event>,
    numbered: u64,
    bodies: Vec<String>,
    messages: Vec<Message>,
    visible: Vec<usize>,
    /// Hidden messages: time at which they become visible, in microseconds, with their receipt.
    hidden: BinaryHeap<Reverse<(u64, usize, u32)>>,
    left: usize,
    runs: Vec<Option<Run>>,
    containers: Vec<Container>,
    /// Available calls of the quota, and the time at which they were computed.
    bucket: (f64, f64),
    tokens: HashSet<String>,
    in_use: usize,
    running: usize,
    busy_time: f64,
    last_start: f64,
    busy_until_last_start: f64,
    starts: usize,
    calls: usize,
    measured: Measured,
}

impl<'a> World<'a> {
    fn new(account: &'a Account, seed: u64) -> Self {
        let settings = JobSettings {
            topic_arn: "topic".to_owned(),
            role_arn: "role".to_owned(),
            min_confidence: None,
            include_labels: Vec::new(),
            exclude_labels: Vec::new(),
            tag: None,
        };
        let body = |video: usize| {
            let object = json!({ "key": format!("{video}.mp4"), "etag": "e", "size": 1 });
            let detail = json!({ "bucket": { "name": "videos" }, "object": object });
            json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": detail }).to_string()
        };
        let mut world = Self {
            account,
            settings,
            random: Rng::with_seed(seed),
            now: 0.0,
            events: BinaryHeap::new(),
            kinds: HashMap::new(),
            numbered: 0,
            bodies: (0..account.videos).map(body).collect(),
            messages: Vec::new(),
            visible: Vec::new(),
            hidden: BinaryHeap::new(),
            left: account.videos * account.copies,
            runs: Vec::new(),
            containers: Vec::new(),
            bucket: (account.quota, 0.0),
            tokens: HashSet::new(),
            in_use: account.held,
            running: 0,
            busy_time: 0.0,
            last_start: 0.0,
            busy_until_last_start: 0.0,
            starts: 0,
            calls: 0,
            measured: Measured::default(),
        };
        for _ in 0..account.copies {
            for video in 0..account.videos {
                let at = world.random.f64() * account.arrive_within;
                world.at(at, Event::Arrival(video));
            }
        }
        let first = world.random.f64() * 60.0;
        world.at(first, Event::Tick);
        world
    }

    fn at(&mut self, time: f64, event: Event) {
        self.numbered += 1;
        self.kinds.insert(self.numbered, event);
        self.events.push(Reverse((micros(time), self.numbered)));
    }

    fn after(&mut self, delay: f64, event: Event) {
        self.at(self.now + delay, event);
    }

    fn within(&mut self, range: &Range<f64>) -> f64 {
        range.start + self.random.f64() * (range.end - range.start)
    }

    fn run(mut self) -> Measured {
        while self.left + self.running > 0 {
            let Some(Reverse((time, number))) = self.events.pop() else { break };
            let time = time as f64 / 1e6;
            self.busy_time += (time - self.now) * self.running as f64;
            self.now = time;
            assert!(self.now < RETENTION, "messages have expired: {} of {}", self.left, self.account.videos);
            let event = self.kinds.remove(&number).unwrap();
            self.handle(event);
        }
        let free = (self.account.slots - self.account.held) as f64;
        Measured {
            used: self.busy_time / (free * self.now),
            used_while_waiting: self.busy_until_last_start / (free * self.last_start),
            calls_per_start: self.starts as f64 / self.tokens.len() as f64,
            jobs: self.tokens.len(),
            lost: self.account.videos - self.tokens.len(),
            calls: self.calls,
            took: self.now,
            ..self.measured
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival(video) => {
                self.messages.push(Message { video, receives: 0, receipt: 0 });
                self.visible.push(self.messages.len() - 1);
            }
            Event::Tick => {
                let late = self.within(&LATE);
                self.after(late, Event::WakeUp(WakeUp::Minute));
                self.after(60.0, Event::Tick);
            }
            Event::WakeUp(wake_up) => self.wake_up(wake_up),
            Event::End => {
                self.running -= 1;
                self.after(self.account.slot_delay, Event::SlotFree);
                if self.random.f64() < self.account.lost_completions {
                    self.measured.lost_messages += 1;
                } else {
                    let delay = self.within(&COMPLETION);
                    self.after(delay, Event::WakeUp(WakeUp::JobEnded));
                }
            }
            Event::SlotFree => self.in_use -= 1,
            Event::Call(run) => self.call(run),
        }
    }

    /// Begins an invocation, in the container that was used last or in a new one.
    fn wake_up(&mut self, wake_up: WakeUp) {
        let idle = |container: &Container| !container.busy && !container.dead;
        let container = self.containers.iter().rposition(idle).filter(|_| !self.account.cold);
        let container = container.unwrap_or_else(|| {
            self.containers.push(Container::default());
            self.containers.len() - 1
        });
        let since = self.containers[container].refused_at.map(|at| Duration::from_secs_f64(self.now - at));
        let Some(round) = Round::begin(wake_up, since) else { return };
        self.containers[container].busy = true;
        self.runs.push(Some(Run { round, begun: self.now, container, phase: Phase::Receive }));
        self.after(0.0, Event::Call(self.runs.len() - 1));
    }

    /// Makes the next call of an invocation, unless the starter dies.
    fn call(&mut self, index: usize) {
        let Some(mut run) = self.runs[index].take() else { return };
        self.calls += 1;
        let by_number = self.account.crash_at.filter(|(number, _)| *number == self.calls).map(|(_, after)| after);
        let by_chance = (self.random.f64() < self.account.crashes).then(|| self.random.bool());
        let crash = by_number.or(by_chance);
        let next = if crash == Some(false) { None } else { self.perform(&mut run) };
        if crash.is_some() {
            self.measured.crashes += 1;
            self.containers[run.container].dead = true;
            return;
        }
        match next {
            Some((delay, phase)) => {
                run.phase = phase;
                self.runs[index] = Some(run);
                self.after(delay, Event::Call(index));
            }
            None => self.containers[run.container].busy = false,
        }
    }

    /// Performs a call. Returns the delay until the next call, and that call; `None` if the invocation ends.
    fn perform(&mut self, run: &mut Run) -> Option<(f64, Phase)> {
        let queue = self.within(&QUEUE);
        match run.phase {
            Phase::Receive => {
                let Some((message, receipt)) = self.receive() else {
                    self.containers[run.container].refused_at = None;
                    return None;
                };
                Some((queue, Phase::Start { message, receipt }))
            }
            Phase::Start { message, receipt } => {
                let attempt = self.start(self.messages[message].video);
                let took = self.within(&START);
                let next = run.round.after(attempt);
                if run.round.refused(attempt) {
                    self.containers[run.container].refused_at = Some(self.now + took);
                }
                match next {
                    Next::Retry(pause) => Some((took + pause.as_secs_f64(), run.phase)),
                    Next::PutBack => Some((took, Phase::PutBack { message, receipt })),
                    then => Some((took, Phase::Delete { message, receipt, then })),
                }
            }
            Phase::Delete { message, receipt, then } => {
                if self.messages[message].receipt == receipt {
                    self.messages[message].receipt = 0;
                    self.left -= 1;
                }
                (then == Next::Receive && self.now - run.begun < INVOCATION).then_some((queue, Phase::Receive))
            }
            Phase::PutBack { message, receipt } => {
                if self.messages[message].receipt == receipt {
                    let hidden = hidden_after(self.messages[message].receives);
                    self.messages[message].receipt += MAX_RECEIVES;
                    let receipt = self.messages[message].receipt;
                    self.hide(message, receipt, hidden);
                }
                None
            }
        }
    }

    /// Receives a random visible message.
    fn receive(&mut self) -> Option<(usize, u32)> {
        while let Some(&Reverse((at, message, receipt))) = self.hidden.peek()
            && at <= micros(self.now)
        {
            self.hidden.pop();
            if self.messages[message].receipt == receipt {
                self.visible.push(message);
            }
        }
        if self.visible.is_empty() {
            return None;
        }
        let message = self.visible.swap_remove(self.random.usize(..self.visible.len()));
        let Message { receives, receipt, .. } = &mut self.messages[message];
        *receives += 1;
        *receipt = *receives;
        let (receives, receipt) = (*receives, *receipt);
        assert!(receives <= MAX_RECEIVES, "a message moved to the failures by waiting alone");
        self.measured.most_receives = self.measured.most_receives.max(f64::from(receives));
        self.hide(message, receipt, HIDDEN);
        Some((message, receipt))
    }

    fn hide(&mut self, message: usize, receipt: u32, time: Duration) {
        self.hidden.push(Reverse((micros(self.now + time.as_secs_f64()), message, receipt)));
    }

    /// Calls StartLabelDetection for a video.
    fn start(&mut self, video: usize) -> Attempt {
        self.starts += 1;
        let Content::Video(video) = message::read(&self.bodies[video]) else { panic!("not a video") };
        let (calls, filled) = self.bucket;
        let quota = self.account.quota;
        let calls = (calls + (self.now - filled) * quota).min(quota);
        self.bucket = (calls, self.now);
        if calls < 1.0 {
            return Attempt::Unavailable;
        }
        self.bucket.0 -= 1.0;
        let token = token(&video, &self.settings);
        if !self.tokens.contains(&token) {
            if self.in_use >= self.account.slots {
                return Attempt::NoSlot;
            }
            self.tokens.insert(token);
            self.in_use += 1;
            self.running += 1;
            self.last_start = self.now;
            self.busy_until_last_start = self.busy_time;
            let duration = self.within(&self.account.job.clone());
            self.after(duration, Event::End);
        }
        if self.random.f64() < self.account.lost_replies {
            self.measured.lost_messages += 1;
            return Attempt::Unavailable;
        }
        Attempt::Started
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}
