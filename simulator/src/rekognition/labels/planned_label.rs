//! One label of a generated job: where its elements are in time, and how they read as JSON.

use std::io::Write;

use fastrand::Rng;
use serde_json::json;

use crate::generated::{Generated, SAMPLE_MS, mix};
use crate::job::Aggregation;
use crate::names::Label;

/// An element of a generated job: the label's index, and the detection's or segment's among those of the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) label: u32,
    pub(crate) index: u32,
}

/// A label, and the runs of samples at which it is seen.
pub(crate) struct PlannedLabel {
    name: String,
    name_json: String,
    /// `{"Name":"…"}`, each.
    parents: Vec<String>,
    /// `,"Aliases":[…],"Categories":[…]`; empty for a model of version 2.
    rest: String,
    /// Percent of its detections that have instances.
    instances_percent: u8,
    seed: u64,
    samples: u64,
    detections: u64,
    runs: u64,
}

impl PlannedLabel {
    pub(crate) fn new(
        label: Label,
        rank: usize,
        detections: usize,
        samples: u64,
        generated: &Generated,
        model_2: bool,
    ) -> Self {
        let seed = mix(&[generated.seed, rank as u64]);
        let run_length = Rng::with_seed(seed).u64(2..=8);
        let named = |names: &[&str]| names.iter().map(|name| json!({ "Name": name }).to_string()).collect::<Vec<_>>();
        let (aliases, categories) = (named(label.aliases).join(","), named(&[label.category]).join(","));
        Self {
            name_json: json!(label.name).to_string(),
            name: label.name,
            parents: named(&label.parents),
            rest: if model_2 {
                String::new()
            } else {
                format!(r#","Aliases":[{aliases}],"Categories":[{categories}]"#)
            },
            instances_percent: if label.boxes { generated.instances_percent } else { 0 },
            seed,
            samples,
            detections: detections as u64,
            runs: (detections as u64 / run_length).max(1),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        match aggregation {
            Aggregation::Timestamps => self.detections as usize,
            Aggregation::Segments => self.runs as usize,
        }
    }

    /// The number of elements that begin before a sample.
    pub(crate) fn before(&self, aggregation: Aggregation, sample: u64) -> u32 {
        let run = share_of(sample.min(self.samples - 1), self.runs, self.samples);
        let passed = sample.saturating_sub(self.start(run));
        let before = match aggregation {
            Aggregation::Timestamps => self.first_of(run) + passed.min(self.length(run)),
            Aggregation::Segments => run + u64::from(passed > 0),
        };
        before as u32
    }

    /// The sample at which an element begins.
    pub(crate) fn sample(&self, aggregation: Aggregation, index: u32) -> u64 {
        match aggregation {
            Aggregation::Timestamps => {
                let run = share_of(index.into(), self.runs, self.detections);
                self.start(run) + u64::from(index) - self.first_of(run)
            }
            Aggregation::Segments => self.start(index.into()),
        }
    }

    /// The confidence of an element; it has nothing to do with its place in time.
    pub(crate) fn confidence(&self, aggregation: Aggregation, index: u32) -> f32 {
        match aggregation {
            Aggregation::Timestamps => confidence(&mut self.chance(index.into())),
            Aggregation::Segments => {
                let first = self.first_of(index.into());
                let all =
                    (first..first + self.length(index.into())).map(|detection| confidence(&mut self.chance(detection)));
                all.fold(0.0, f32::max)
            }
        }
    }

    /// Writes an element as the service does.
    pub(crate) fn write(&self, aggregation: Aggregation, index: u32, json: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = match aggregation {
            Aggregation::Timestamps => self.write_detection(index, json),
            Aggregation::Segments => self.write_segment(index, json),
        };
    }

    fn write_detection(&self, index: u32, json: &mut Vec<u8>) -> std::io::Result<()> {
        let mut chance = self.chance(index.into());
        let confidence = f64::from(confidence(&mut chance));
        let timestamp = self.sample(Aggregation::Timestamps, index) * SAMPLE_MS;
        write!(
            json,
            r#"{{"Timestamp":{timestamp},"Label":{{"Name":{},"Confidence":{confidence},"Instances":["#,
            self.name_json
        )?;
        if chance.u8(0..100) < self.instances_percent {
            for instance in 0..chance.u8(1..=5) {
                if instance > 0 {
                    json.push(b',');
                }
                write_instance(&mut chance, json)?;
            }
        }
        json.extend_from_slice(br#"],"Parents":["#);
        self.write_parents(index.into(), json);
        write!(json, "]{}}}}}", self.rest)
    }

    fn write_segment(&self, index: u32, json: &mut Vec<u8>) -> std::io::Result<()> {
        let run = index.into();
        let (start, duration) = (self.start(run) * SAMPLE_MS, self.length(run) * SAMPLE_MS);
        let (end, confidence) = (start + duration, f64::from(self.confidence(Aggregation::Segments, index)));
        write!(
            json,
            r#"{{"StartTimestampMillis":{start},"EndTimestampMillis":{end},"DurationMillis":{duration},"Label":{{"#
        )?;
        write!(json, r#""Name":{},"Confidence":{confidence},"Instances":[],"Parents":["#, self.name_json)?;
        self.write_parents(self.first_of(run), json);
        write!(json, "]{}}}}}", self.rest)
    }

    /// Parents come in another order from one detection of a label to the other, as in real replies. A segment has
    /// that of its first detection.
    fn write_parents(&self, detection: u64, json: &mut Vec<u8>) {
        let turn = mix(&[self.seed, detection, 2]) as usize % self.parents.len();
        for (index, parent) in self.parents.iter().cycle().skip(turn).take(self.parents.len()).enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(parent.as_bytes());
        }
    }

    fn chance(&self, detection: u64) -> Rng {
        Rng::with_seed(mix(&[self.seed, detection]))
    }

    /// The first detection of a run; of the run after the last, their number.
    fn first_of(&self, run: u64) -> u64 {
        run * self.detections / self.runs
    }

    /// The detections, and samples, of a run.
    fn length(&self, run: u64) -> u64 {
        self.first_of(run + 1) - self.first_of(run)
    }

    /// The first sample of a run: anywhere in its slot that leaves the slot's last sample free.
    fn start(&self, run: u64) -> u64 {
        let (slot, next) = (run * self.samples / self.runs, (run + 1) * self.samples / self.runs);
        slot + mix(&[self.seed, run, 1]) % (next - slot - self.length(run))
    }
}

/// Of `all` things divided among `shares` like [`PlannedLabel::first_of`] does, the share that has the n-th.
fn share_of(n: u64, shares: u64, all: u64) -> u64 {
    ((n + 1) * shares - 1) / all
}

/// Between 50 and 100 percent, exactly an f32; one in three from a few values, so that ties are common.
fn confidence(chance: &mut Rng) -> f32 {
    let fraction = if chance.u8(0..3) == 0 { f32::from(chance.u8(0..64)) / 64.0 } else { chance.f32() };
    50.0 + 50.0 * fraction
}

/// A box is somewhere in the frame, now and then over its edge.
fn write_instance(chance: &mut Rng, json: &mut Vec<u8>) -> std::io::Result<()> {
    let (left, top) = (chance.f32() * 0.9 - 0.02, chance.f32() * 0.9 - 0.02);
    let (width, height) = (chance.f32() * (1.05 - left), chance.f32() * (1.05 - top));
    let confidence = confidence(chance);
    let [left, top, width, height, confidence] = [left, top, width, height, confidence].map(f64::from);
    write!(
        json,
        r#"{{"BoundingBox":{{"Width":{width},"Height":{height},"Left":{left},"Top":{top}}},"Confidence":{confidence}}}"#
    )
}
