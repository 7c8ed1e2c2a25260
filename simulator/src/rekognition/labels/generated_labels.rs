//! Labels generated from a seed.
//!
//! Nothing is stored per detection. The plan of a job has the shots of the video and, for each label, the appearances:
//! the samples of a shot in which the label is detected. The content of a label's k-th detection is computed from the
//! seed, the label, and the appearance, so that a job of millions of detections takes a few bytes per detection.
//! Contiguous appearances are one segment.

use std::sync::{Arc, Mutex, PoisonError};

use crate::rekognition::labels::generated::{Generated, SAMPLE_MS};
use crate::rekognition::labels::names;
use crate::rekognition::labels::planned_label::{Element, PlannedLabel};
use crate::rekognition::labels::random::mix;
use crate::rekognition::labels::schedule::Schedule;
use crate::rekognition::labels::selection::{Aggregation, Order, Slice};
use crate::rekognition::labels::shot_index::ShotIndex;

/// Greatest number of detections per sample, on average. Real videos have 7 to 26.
const DETECTIONS_PER_SAMPLE: usize = 12;

/// Share of the samples in which the most frequent label is detected, in percent. Black screens are not counted.
const MOST_FREQUENT_PERCENT: usize = 85;

/// Number of cached orders by confidence, one per label and fetch. Enough for a few concurrent fetches.
const CACHED_ORDERS: usize = 4;

/// The labels of a generated job.
pub(crate) struct GeneratedLabels {
    generated: Generated,
    /// The labels in ascending byte order of their names.
    labels: Vec<PlannedLabel>,
    shots: ShotIndex,
    /// Cached orders by confidence.
    orders: Mutex<Vec<(OrderKey, Arc<[u32]>)>>,
}

/// Key of an order by confidence: the aggregation, the index of the label, and the seed of the ties.
type OrderKey = (Aggregation, u32, u64);

impl GeneratedLabels {
    pub(crate) fn new(generated: Generated) -> Self {
        Self::plan(generated, false)
    }

    /// Returns the same labels without the fields that only version 3 of the model has.
    pub(crate) fn model_2(&self) -> Self {
        Self::plan(self.generated.clone(), true)
    }

    fn plan(generated: Generated, model_2: bool) -> Self {
        let counts = zipf(generated.detections, generated.label_names);
        let most = counts.first().copied().unwrap_or_default();
        let samples = (most * 100 / MOST_FREQUENT_PERCENT).max(generated.detections / DETECTIONS_PER_SAMPLE).max(3);
        let seed_of = |rank| mix(&[generated.seed, rank as u64]);
        let mut schedule = Schedule::new(seed_of(counts.len()), samples as u32);
        let plan = |(rank, count): (usize, usize)| {
            let label = names::label(rank);
            let appearances = schedule.add(&label, count as u32, seed_of(rank));
            (label, appearances, seed_of(rank))
        };
        let planned: Vec<_> = counts.into_iter().enumerate().map(plan).collect();
        let shots = ShotIndex::new(schedule.shots(), planned.iter().map(|(_, appearances, _)| &**appearances));
        let mut labels: Vec<_> = planned
            .into_iter()
            .map(|(label, appearances, seed)| {
                PlannedLabel::new(label, &appearances, seed, generated.instances_percent, model_2)
            })
            .collect();
        labels.sort_by(|a, b| a.name().cmp(b.name()));
        Self { generated, labels, shots, orders: Mutex::default() }
    }

    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        self.labels.iter().map(|label| label.count(aggregation)).sum()
    }

    pub(crate) fn duration_ms(&self) -> u64 {
        u64::from(self.shots.samples()) * SAMPLE_MS
    }

    pub(crate) fn write(&self, slice: Slice, json: &mut Vec<u8>) {
        for (index, element) in self.elements(slice).into_iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            self.labels[element.label as usize].write(slice.aggregation, element.index, json);
        }
    }

    fn elements(&self, slice: Slice) -> Vec<Element> {
        match slice.order {
            Order::Time => self.by_time(slice),
            Order::NameWithinPages => {
                let mut elements = self.by_time(slice);
                elements.sort_by_key(|element| element.label);
                elements
            }
            Order::Name { ties } => self.by_name(slice, ties),
        }
    }

    fn by_name(&self, slice: Slice, ties: u64) -> Vec<Element> {
        let mut elements = Vec::with_capacity(slice.to - slice.from);
        let mut before = 0;
        for (label, planned) in (0..).zip(&self.labels) {
            let count = planned.count(slice.aggregation);
            let (from, to) = (slice.from.max(before), slice.to.min(before + count));
            if from < to {
                let order = self.by_confidence((slice.aggregation, label, ties));
                elements.extend(order[from - before..to - before].iter().map(|&index| Element { label, index }));
            }
            before += count;
        }
        elements
    }

    /// Returns the elements of a label by descending confidence, with ties in random order.
    fn by_confidence(&self, key: OrderKey) -> Arc<[u32]> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, order)) = orders.iter().find(|(cached, _)| *cached == key) {
            return Arc::clone(order);
        }
        let (aggregation, label, ties) = key;
        let planned = &self.labels[label as usize];
        let rank = |(index, confidence): (u32, f32)| {
            // Positive floats sort like their bits.
            (u32::MAX - confidence.to_bits(), mix(&[ties, label.into(), index.into()]) as u32, index)
        };
        let mut ranked: Vec<_> = (0..).zip(planned.confidences(aggregation)).map(rank).collect();
        ranked.sort_unstable();
        let order: Arc<[u32]> = ranked.into_iter().map(|(_, _, index)| index).collect();
        if orders.len() == CACHED_ORDERS {
            orders.remove(0);
        }
        orders.push((key, Arc::clone(&order)));
        order
    }

    /// Returns a range of the elements, sorted by time and then by name.
    fn by_time(&self, slice: Slice) -> Vec<Element> {
        if slice.from == slice.to {
            return Vec::new();
        }
        let (samples, before) = self.shots.shots_of(slice.aggregation, slice.from..slice.to);
        let mut elements = Vec::new();
        for (label, planned) in (0..).zip(&self.labels) {
            let before = |sample| planned.before(slice.aggregation, sample);
            let indices = before(samples.start)..before(samples.end);
            elements.extend(indices.map(|index| (planned.sample(slice.aggregation, index), Element { label, index })));
        }
        elements.sort_unstable_by_key(|(sample, element)| (*sample, element.label));
        elements.into_iter().skip(slice.from - before).take(slice.to - slice.from).map(|(_, element)| element).collect()
    }
}

/// Distributes detections over names by Zipf's law, in descending order. Each name gets at least one detection.
fn zipf(detections: usize, names: usize) -> Vec<usize> {
    let names = names.min(detections);
    let weight = |rank: usize| 1.0 / (rank + 1) as f64;
    let all: f64 = (0..names).map(weight).sum();
    let spare = (detections - names) as f64;
    let mut counts: Vec<usize> = (0..names).map(|rank| 1 + (spare * weight(rank) / all) as usize).collect();
    let left = detections - counts.iter().sum::<usize>();
    counts.iter_mut().take(left).for_each(|count| *count += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::{GeneratedLabels, zipf};
    use crate::rekognition::labels::generated::Generated;
    use crate::rekognition::labels::selection::{Aggregation, Order, Slice};

    fn labels(detections: usize, label_names: usize) -> GeneratedLabels {
        GeneratedLabels::new(Generated { detections, label_names, ..Generated::default() })
    }

    fn page(labels: &GeneratedLabels, aggregation: Aggregation, order: Order, from: usize, to: usize) -> Vec<u8> {
        let mut json = Vec::new();
        labels.write(Slice { aggregation, order, from, to }, &mut json);
        json
    }

    #[test]
    fn pages_of_any_size_in_any_sequence_are_the_same_elements() {
        for (detections, names) in [(1, 1), (7, 220), (2_000, 3), (3_000, 220), (1_500, 700)] {
            let whole = labels(detections, names);
            for aggregation in [Aggregation::Timestamps, Aggregation::Segments] {
                let count = whole.count(aggregation);
                for order in [Order::Time, Order::Name { ties: 5 }] {
                    let expected = page(&whole, aggregation, order, 0, count);
                    for size in [1, 7, 333, 1_000] {
                        // Another plan, whose pages are written from the last to the first.
                        let again = labels(detections, names);
                        let starts = (0..count).step_by(size).rev();
                        let pages = starts.map(|from| page(&again, aggregation, order, from, count.min(from + size)));
                        let mut pages: Vec<_> = pages.collect();
                        pages.reverse();
                        assert!(pages.join(&b',') == expected, "{detections} {names} {aggregation:?} {order:?} {size}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_label_has_exactly_its_detections() {
        for detections in [0, 1, 2, 13, 14, 15, 100, 700, 5_000] {
            for names in [1, 3, 220, 3_082] {
                let labels = labels(detections, names);
                assert_eq!(labels.count(Aggregation::Timestamps), detections);
                let mut counts: Vec<_> = labels.labels.iter().map(|one| one.count(Aggregation::Timestamps)).collect();
                counts.sort_by(|a, b| b.cmp(a));
                assert_eq!(counts, zipf(detections, names));
            }
        }
    }
}
