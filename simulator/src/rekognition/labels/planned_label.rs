//! One label of a generated job: the times of its elements, and their JSON.

use std::io::Write;

use fastrand::Rng;
use serde_json::json;

use crate::rekognition::labels::generated::{Generated, SAMPLE_MS};
use crate::rekognition::labels::names::Label;
use crate::rekognition::labels::random::mix;
use crate::rekognition::labels::selection::Aggregation;

/// An element of a generated job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Index of the label.
    pub(crate) label: u32,
    /// Index of the detection or segment among those of the label.
    pub(crate) index: u32,
}

/// A label, and the plan of the runs of samples in which it is detected.
pub(crate) struct PlannedLabel {
    name: String,
    name_json: String,
    /// The parents, each as `{"Name":"…"}`.
    parents: Vec<String>,
    /// `,"Aliases":[…],"Categories":[…]`; empty for a model of version 2.
    rest: String,
    /// Percentage of the detections that have instances.
    instances_percent: u8,
    seed: u64,
    /// Number of samples in the video.
    samples: u64,
    /// Number of detections of this label.
    detections: u64,
    /// Number of runs, and so of segments.
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

    /// Returns the number of elements that start before a sample.
    pub(crate) fn before(&self, aggregation: Aggregation, sample: u64) -> u32 {
        let run = share_of(sample.min(self.samples - 1), self.runs, self.samples);
        let passed = sample.saturating_sub(self.start(run));
        let before = match aggregation {
            Aggregation::Timestamps => self.first_of(run) + passed.min(self.length(run)),
            Aggregation::Segments => run + u64::from(passed > 0),
        };
        before as u32
    }

    /// Returns the sample at which an element starts.
    pub(crate) fn sample(&self, aggregation: Aggregation, index: u32) -> u64 {
        match aggregation {
            Aggregation::Timestamps => {
                let run = share_of(index.into(), self.runs, self.detections);
                self.start(run) + u64::from(index) - self.first_of(run)
            }
            Aggregation::Segments => self.start(index.into()),
        }
    }

    /// Returns the confidence of an element, which is independent of its time.
    pub(crate) fn confidence(&self, aggregation: Aggregation, index: u32) -> f32 {
        match aggregation {
            Aggregation::Timestamps => confidence(&mut self.random(index.into())),
            Aggregation::Segments => {
                let first = self.first_of(index.into());
                let all =
                    (first..first + self.length(index.into())).map(|detection| confidence(&mut self.random(detection)));
                all.fold(0.0, f32::max)
            }
        }
    }

    /// Writes an element as JSON, in the form of the service.
    pub(crate) fn write(&self, aggregation: Aggregation, index: u32, json: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match aggregation {
            Aggregation::Timestamps => self.write_detection(index, json),
            Aggregation::Segments => self.write_segment(index, json),
        };
    }

    fn write_detection(&self, index: u32, json: &mut Vec<u8>) -> std::io::Result<()> {
        let mut random = self.random(index.into());
        let confidence = f64::from(confidence(&mut random));
        let timestamp = self.sample(Aggregation::Timestamps, index) * SAMPLE_MS;
        write!(
            json,
            r#"{{"Timestamp":{timestamp},"Label":{{"Name":{},"Confidence":{confidence},"Instances":["#,
            self.name_json
        )?;
        if random.u8(0..100) < self.instances_percent {
            for instance in 0..random.u8(1..=5) {
                if instance > 0 {
                    json.push(b',');
                }
                write_instance(&mut random, json)?;
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

    /// Writes the parents. As in real replies, their order differs between the detections of a label. A segment has the
    /// order of its first detection.
    fn write_parents(&self, detection: u64, json: &mut Vec<u8>) {
        let rotation = mix(&[self.seed, detection, 2]) as usize % self.parents.len();
        for (index, parent) in self.parents.iter().cycle().skip(rotation).take(self.parents.len()).enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(parent.as_bytes());
        }
    }

    fn random(&self, detection: u64) -> Rng {
        Rng::with_seed(mix(&[self.seed, detection]))
    }

    /// Returns the index of the first detection of a run. For the run after the last, this is the number of detections.
    fn first_of(&self, run: u64) -> u64 {
        run * self.detections / self.runs
    }

    /// Returns the number of detections of a run, which is also its number of samples.
    fn length(&self, run: u64) -> u64 {
        self.first_of(run + 1) - self.first_of(run)
    }

    /// Returns the first sample of a run. Its position in the slot is random but leaves the slot's last sample free.
    fn start(&self, run: u64) -> u64 {
        let (slot, next) = (run * self.samples / self.runs, (run + 1) * self.samples / self.runs);
        slot + mix(&[self.seed, run, 1]) % (next - slot - self.length(run))
    }
}

/// Returns the index of the share that contains the n-th of `all` items, if they are divided into `shares` as
/// [`PlannedLabel::first_of`] divides detections into runs.
fn share_of(n: u64, shares: u64, all: u64) -> u64 {
    ((n + 1) * shares - 1) / all
}

/// Returns a confidence between 50 and 100 percent that is exactly an f32. One in three is from a small set of values,
/// so that ties are common.
fn confidence(random: &mut Rng) -> f32 {
    let fraction = if random.u8(0..3) == 0 { f32::from(random.u8(0..64)) / 64.0 } else { random.f32() };
    50.0 + 50.0 * fraction
}

/// Writes an instance. Its box is at a random position in the frame and sometimes extends over the edge.
fn write_instance(random: &mut Rng, json: &mut Vec<u8>) -> std::io::Result<()> {
    let (left, top) = (random.f32() * 0.9 - 0.02, random.f32() * 0.9 - 0.02);
    let (width, height) = (random.f32() * (1.05 - left), random.f32() * (1.05 - top));
    let confidence = confidence(random);
    let [left, top, width, height, confidence] = [left, top, width, height, confidence].map(f64::from);
    write!(
        json,
        r#"{{"BoundingBox":{{"Width":{width},"Height":{height},"Left":{left},"Top":{top}}},"Confidence":{confidence}}}"#
    )
}
