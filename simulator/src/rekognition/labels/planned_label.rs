//! One label of a generated job: the times of its elements, and their JSON.

use std::io::Write;
use std::ops::Range;

use fastrand::Rng;
use serde_json::json;

use crate::rekognition::labels::drift::{Confidence, write_instances};
use crate::rekognition::labels::generated::SAMPLE_MS;
use crate::rekognition::labels::names::Label;
use crate::rekognition::labels::random::mix;
use crate::rekognition::labels::schedule::{Appearance, segment_starts};
use crate::rekognition::labels::selection::Aggregation;

/// An element of a generated job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Index of the label.
    pub(crate) label: u32,
    /// Index of the detection or segment among those of the label.
    pub(crate) index: u32,
}

/// A label, and the plan of the samples in which it is detected.
pub(crate) struct PlannedLabel {
    name: String,
    name_json: String,
    /// The parents, each as `{"Name":"…"}`.
    parents: Vec<String>,
    /// `,"Aliases":[…],"Categories":[…]`; empty for a model of version 2.
    rest: String,
    /// Percentage of the appearances that have instances.
    instances_percent: u8,
    seed: u64,
    /// The appearances by time, and one after the end, whose first detection is the number of detections.
    appearances: Vec<Planned>,
    /// Index of the first appearance of each segment, and of the appearance after the end.
    segments: Vec<u32>,
}

/// An appearance. Its last detection is the one before the first of the next appearance.
struct Planned {
    /// First sample.
    start: u32,
    /// Index of its first detection.
    first: u32,
}

impl PlannedLabel {
    pub(crate) fn new(
        label: Label,
        appearances: &[Appearance],
        seed: u64,
        instances_percent: u8,
        model_2: bool,
    ) -> Self {
        let mut detections = 0;
        let mut planned: Vec<_> = appearances
            .iter()
            .map(|appearance| {
                let first = detections;
                detections += appearance.length();
                Planned { start: appearance.start, first }
            })
            .collect();
        planned.push(Planned { start: u32::MAX, first: detections });
        let segments = segment_starts(appearances).chain([appearances.len()]).map(|first| first as u32).collect();
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
            instances_percent: if label.boxes { instances_percent } else { 0 },
            seed,
            appearances: planned,
            segments,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        match aggregation {
            Aggregation::Timestamps => self.first_of(self.appearances.len() - 1) as usize,
            Aggregation::Segments => self.segments.len() - 1,
        }
    }

    /// Returns the number of elements that start before a sample, which is the first of a shot.
    pub(crate) fn before(&self, aggregation: Aggregation, sample: u32) -> u32 {
        let appearances = self.appearances.partition_point(|appearance| appearance.start < sample);
        match aggregation {
            Aggregation::Timestamps => self.first_of(appearances),
            Aggregation::Segments => self.segments.partition_point(|&first| (first as usize) < appearances) as u32,
        }
    }

    /// Returns the sample at which an element starts.
    pub(crate) fn sample(&self, aggregation: Aggregation, index: u32) -> u32 {
        match aggregation {
            Aggregation::Timestamps => {
                let appearance = self.appearance_of(index);
                self.appearances[appearance].start + index - self.first_of(appearance)
            }
            Aggregation::Segments => self.appearances[self.segments[index as usize] as usize].start,
        }
    }

    /// Returns the confidence of each element.
    pub(crate) fn confidences(&self, aggregation: Aggregation) -> Vec<f32> {
        let segments = 0..self.segments.len() - 1;
        match aggregation {
            Aggregation::Timestamps => segments.flat_map(|segment| self.confidences_in(segment)).collect(),
            Aggregation::Segments => segments.map(|segment| self.greatest_confidence(segment)).collect(),
        }
    }

    /// Writes an element as JSON, in the form of the service.
    pub(crate) fn write(&self, aggregation: Aggregation, index: u32, json: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = match aggregation {
            Aggregation::Timestamps => self.write_detection(index, json),
            Aggregation::Segments => self.write_segment(index as usize, json),
        };
    }

    fn write_detection(&self, index: u32, json: &mut Vec<u8>) -> std::io::Result<()> {
        let appearance = self.appearance_of(index);
        let sample = index - self.first_of(appearance);
        let timestamp = u64::from(self.appearances[appearance].start + sample) * SAMPLE_MS;
        let mut random = self.random(appearance);
        let confidence = f64::from(Confidence::new(&mut random).at(sample));
        write!(
            json,
            r#"{{"Timestamp":{timestamp},"Label":{{"Name":{},"Confidence":{confidence},"Instances":["#,
            self.name_json
        )?;
        if random.u8(0..100) < self.instances_percent {
            write_instances(&mut random, sample, json)?;
        }
        json.extend_from_slice(br#"],"Parents":["#);
        self.write_parents(index, json);
        write!(json, "]{}}}}}", self.rest)
    }

    fn write_segment(&self, segment: usize, json: &mut Vec<u8>) -> std::io::Result<()> {
        let appearances = self.appearances_of(segment);
        let (first, after) = (self.first_of(appearances.start), self.first_of(appearances.end));
        let start = u64::from(self.appearances[appearances.start].start) * SAMPLE_MS;
        let duration = u64::from(after - first) * SAMPLE_MS;
        let (end, confidence) = (start + duration, f64::from(self.greatest_confidence(segment)));
        write!(
            json,
            r#"{{"StartTimestampMillis":{start},"EndTimestampMillis":{end},"DurationMillis":{duration},"Label":{{"#
        )?;
        write!(json, r#""Name":{},"Confidence":{confidence},"Instances":[],"Parents":["#, self.name_json)?;
        self.write_parents(first, json);
        write!(json, "]{}}}}}", self.rest)
    }

    /// Writes the parents. As in real replies, their order differs between the detections of a label. A segment has the
    /// order of its first detection.
    fn write_parents(&self, detection: u32, json: &mut Vec<u8>) {
        let rotation = mix(&[self.seed, detection.into(), 2]) as usize % self.parents.len().max(1);
        for (index, parent) in self.parents.iter().cycle().skip(rotation).take(self.parents.len()).enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(parent.as_bytes());
        }
    }

    fn greatest_confidence(&self, segment: usize) -> f32 {
        self.confidences_in(segment).fold(0.0, f32::max)
    }

    /// Returns the confidences of the detections of a segment.
    fn confidences_in(&self, segment: usize) -> impl Iterator<Item = f32> {
        self.appearances_of(segment).flat_map(|appearance| {
            let confidence = Confidence::new(&mut self.random(appearance));
            (0..self.first_of(appearance + 1) - self.first_of(appearance)).map(move |sample| confidence.at(sample))
        })
    }

    /// Returns the source of all that is random in an appearance.
    fn random(&self, appearance: usize) -> Rng {
        Rng::with_seed(mix(&[self.seed, appearance as u64]))
    }

    /// Returns the index of the appearance of a detection.
    fn appearance_of(&self, detection: u32) -> usize {
        self.appearances.partition_point(|appearance| appearance.first <= detection) - 1
    }

    /// Returns the indices of the appearances of a segment.
    fn appearances_of(&self, segment: usize) -> Range<usize> {
        self.segments[segment] as usize..self.segments[segment + 1] as usize
    }

    /// Returns the index of the first detection of an appearance. For the one after the end, this is the number of
    /// detections.
    fn first_of(&self, appearance: usize) -> u32 {
        self.appearances[appearance].first
    }
}
