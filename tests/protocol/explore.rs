//! Breadth-first search through all reachable states, and random schedules.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash as _, Hasher};

use crate::rules::Rules;
use crate::world::{Step, World};

/// A broken promise, and the shortest sequence of steps that breaks it.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) promise: &'static str,
    pub(crate) steps: Vec<Step>,
    pub(crate) world: World,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.promise)?;
        for step in &self.steps {
            writeln!(f, "    {step:?}")?;
        }
        write!(f, "    {:?}", self.world.lake)
    }
}

/// Result of an exploration.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    /// States in which nothing is left to do.
    pub(crate) final_states: usize,
    pub(crate) violation: Option<Violation>,
}

/// Visits every reachable state until one breaks a promise.
///
/// Visited states are kept as 64-bit hashes. The probability of a collision among ten million states is 1 in 300,000.
pub(crate) fn explore(start: World, rules: &Rules) -> Explored {
    let mut seen = HashSet::<u64, BuildHasherDefault<IdentityHasher>>::default();
    let mut parents: Vec<(u32, Option<Step>)> = vec![(0, None)];
    let mut level = vec![(start, 0_u32)];
    let mut explored = Explored::default();
    seen.insert(hash(&start));
    while !level.is_empty() {
        let mut next_level = Vec::new();
        for (world, parent) in level {
            explored.states += 1;
            explored.final_states += usize::from(world.is_quiet());
            if let Some(promise) = world.broken_promise(rules) {
                explored.violation = Some(Violation { promise, steps: steps_to(parent, &parents), world });
                return explored;
            }
            world.steps(rules, &mut |step, next| {
                if seen.insert(hash(&next)) {
                    next_level.push((next, parents.len() as u32));
                    parents.push((parent, Some(step)));
                }
            });
        }
        level = next_level;
    }
    explored
}

/// Runs one random schedule.
pub(crate) fn run_random_schedule(start: World, rules: &Rules, random: &mut fastrand::Rng) -> Option<Violation> {
    let (mut world, mut steps) = (start, Vec::new());
    loop {
        if let Some(promise) = world.broken_promise(rules) {
            return Some(Violation { promise, steps, world });
        }
        let (mut count, mut chosen) = (0, None);
        world.steps(rules, &mut |step, next| {
            count += 1;
            if random.u32(..count) == 0 {
                chosen = Some((step, next));
            }
        });
        let (step, next) = chosen?;
        steps.push(step);
        world = next;
    }
}

/// Returns the steps from the start to a state, given the index of its last step.
fn steps_to(mut parent: u32, parents: &[(u32, Option<Step>)]) -> Vec<Step> {
    let mut steps = Vec::new();
    while let (before, Some(step)) = parents[parent as usize] {
        steps.push(step);
        parent = before;
    }
    steps.reverse();
    steps
}

fn hash(world: &World) -> u64 {
    let mut hasher = FastHasher::default();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Hasher that is fast in a debug build, where the standard library's hasher would take most of the time of a search.
#[derive(Default)]
struct FastHasher(u64);

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        (self.0 ^ (self.0 >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }
}

/// Hasher for values that are hashes already.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
