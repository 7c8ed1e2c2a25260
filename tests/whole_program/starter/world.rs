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
use label_lake::starter::policy::{Attempt, Next, Round, WakeUp, hidden_after};
use label_lake::starter::request::token;
use serde_json::json;

use super::account::{Account, Measured};
use super::video_queue::{Received, VideoQueue};

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
    Start(Received),
    Delete(Received, Next),
    PutBack(Received),
}

/// A process of the starter, which remembers its last refusal.
#[derive(Clone, Copy, Default)]
struct Container {
    busy: bool,
    dead: bool,
    refused_at: Option<f64>,
}

/// The state of a simulation.
pub(super) struct World<'a> {
    account: &'a Account,
    settings: JobSettings,
    random: Rng,
    now: f64,
    /// Events by time, in microseconds, and then by number.
    events: BinaryHeap<Reverse<(u64, u64)>>,
    kinds: HashMap<u64, Event>,
    numbered: u64,
    bodies: Vec<String>,
    queue: VideoQueue,
    /// Messages that are not deleted.
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
    pub(super) fn new(account: &'a Account, seed: u64) -> Self {
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
            queue: VideoQueue::default(),
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

    /// Runs until no message and no job is left.
    pub(super) fn run(mut self) -> Measured {
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
            most_receives: f64::from(self.queue.most_receives),
            calls: self.calls,
            took: self.now,
            ..self.measured
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival(video) => self.queue.send(video),
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
                let Some(received) = self.queue.receive(self.now, &mut self.random) else {
                    self.containers[run.container].refused_at = None;
                    return None;
                };
                Some((queue, Phase::Start(received)))
            }
            Phase::Start(received) => {
                let attempt = self.start(received.video);
                let took = self.within(&START);
                let next = run.round.after(attempt);
                if run.round.refused(attempt) {
                    self.containers[run.container].refused_at = Some(self.now + took);
                }
                Some(match next {
                    Next::Retry(pause) => (took + pause.as_secs_f64(), run.phase),
                    Next::PutBack => (took, Phase::PutBack(received)),
                    Next::Receive | Next::Done => (took, Phase::Delete(received, next)),
                })
            }
            Phase::Delete(received, then) => {
                self.left -= usize::from(self.queue.delete(received));
                (then == Next::Receive && self.now - run.begun < INVOCATION).then_some((queue, Phase::Receive))
            }
            Phase::PutBack(received) => {
                self.queue.put_back(received, self.now, hidden_after(received.receives));
                None
            }
        }
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

/// Converts a time to microseconds, by which events are sorted.
pub(super) fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}
