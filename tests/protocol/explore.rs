//! Breadth-first search through all that can happen, and runs by chance.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash as _, Hasher};

use crate::rules::Rules;
use crate::world::{Step, World};

/// A broken promise, and the shortest way to it.
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

/// What an exploration found.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) ends: usize,
    pub(crate) violation: Option<Violation>,
}

/// Visits every state that can be reached, until one breaks a promise.
///
/// States are remembered by 64 bits of hash: that two of ten million have the same is a chance of one in 300,000.
pub(crate) fn explore(start: World, rules: &Rules) -> Explored {
    let mut seen = HashSet::<u64, BuildHasherDefault<Identity>>::default();
    let mut ways: Vec<(u32, Option<Step>)> = vec![(0, None)];
    let mut level = vec![(start, 0_u32)];
    let mut explored = Explored::default();
    seen.insert(hash(&start));
    while !level.is_empty() {
        let mut next_level = Vec::new();
        for (world, way) in level {
            explored.states += 1;
            explored.ends += usize::from(world.is_quiet());
            if let Some(promise) = world.broken(rules) {
                explored.violation = Some(Violation { promise, steps: steps_to(way, &ways), world });
                return explored;
            }
            world.steps(rules, &mut |step, next| {
                if seen.insert(hash(&next)) {
                    next_level.push((next, ways.len() as u32));
                    ways.push((way, Some(step)));
                }
            });
        }
        level = next_level;
    }
    explored
}

/// Runs one schedule, each step by chance.
pub(crate) fn run(start: World, rules: &Rules, chance: &mut fastrand::Rng) -> Option<Violation> {
    let (mut world, mut steps) = (start, Vec::new());
    loop {
        if let Some(promise) = world.broken(rules) {
            return Some(Violation { promise, steps, world });
        }
        let (mut count, mut chosen) = (0, None);
        world.steps(rules, &mut |step, next| {
            count += 1;
            if chance.u32(..count) == 0 {
                chosen = Some((step, next));
            }
        });
        let (step, next) = chosen?;
        steps.push(step);
        world = next;
    }
}

fn steps_to(mut way: u32, ways: &[(u32, Option<Step>)]) -> Vec<Step> {
    let mut steps = Vec::new();
    while let (before, Some(step)) = ways[way as usize] {
        steps.push(step);
        way = before;
    }
    steps.reverse();
    steps
}

fn hash(world: &World) -> u64 {
    let mut hasher = Mixing::default();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Fast where nothing is optimized: the standard library's hasher takes most of the time of a search there.
#[derive(Default)]
struct Mixing(u64);

impl Hasher for Mixing {
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

/// For what is a hash already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
