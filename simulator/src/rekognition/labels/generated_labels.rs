//! Labels generated from a seed.
//!
//! Nothing is stored per detection. The time and the content of a label's k-th detection are computed from the seed,
//! the label and k, so that a job of millions of detections takes no memory. The timeline of a label is divided into
//! slots of equal width. Each slot has one run of consecutive samples at a random position. A run never reaches the end
//! of its slot, so runs do not touch, and each run is one segment.

use std::sync::{Arc, Mutex, PoisonError};

use crate::rekognition::labels::generated::{Generated, SAMPLE_MS};
use crate::rekognition::labels::names;
use crate::rekognition::labels::planned_label::{Element, PlannedLabel};
use crate::rekognition::labels::random::mix;
use crate::rekognition::labels::selection::{Aggregation, Order, Slice};

/// Approximate number of detections per sample. Real videos have 7 to 26.
const DETECTIONS_PER_SAMPLE: usize = 12;

/// Number of cached orders by confidence, one per label and fetch. Enough for a few concurrent fetches.
const CACHED_ORDERS: usize = 4;

/// The labels of a generated job.
pub(crate) struct GeneratedLabels {
    generated: Generated,
    /// The labels in ascending byte order of their names.
    labels: Vec<PlannedLabel>,
    /// Number of samples in the video.
    samples: u64,
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
        // At least twice the detections of the most frequent label. With fewer samples, a run would not fit into its
        // slot with one sample to spare.
        let samples = (most * 2).max(generated.detections / DETECTIONS_PER_SAMPLE).max(3) as u64;
        let label = |(rank, count)| PlannedLabel::new(names::label(rank), rank, count, samples, &generated, model_2);
        let mut labels: Vec<PlannedLabel> = counts.into_iter().enumerate().map(label).collect();
        labels.sort_by(|a, b| a.name().cmp(b.name()));
        Self { generated, labels, samples, orders: Mutex::default() }
    }

    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        self.labels.iter().map(|label| label.count(aggregation)).sum()
    }

    pub(crate) fn duration_ms(&self) -> u64 {
        self.samples * SAMPLE_MS
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
        let rank = |index| {
            // Positive floats sort like their bits.
            let confidence = planned.confidence(aggregation, index).to_bits();
            (u32::MAX - confidence, mix(&[ties, label.into(), index.into()]) as u32, index)
        };
        let mut ranked: Vec<_> = (0..planned.count(aggregation) as u32).map(rank).collect();
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
        let (first, last) =
            (self.sample_of(slice.aggregation, slice.from), self.sample_of(slice.aggregation, slice.to - 1));
        let mut elements = Vec::new();
        for (label, planned) in (0..).zip(&self.labels) {
            let indices = planned.before(slice.aggregation, first)..planned.before(slice.aggregation, last + 1);
            elements.extend(indices.map(|index| (planned.sample(slice.aggregation, index), Element { label, index })));
        }
        elements.sort_unstable_by_key(|(sample, element)| (*sample, element.label));
        let skipped = slice.from - self.before(slice.aggregation, first);
        elements.into_iter().skip(skipped).take(slice.to - slice.from).map(|(_, element)| element).collect()
    }

    /// Returns the number of elements that start before a sample.
    fn before(&self, aggregation: Aggregation, sample: u64) -> usize {
        self.labels.iter().map(|label| label.before(aggregation, sample) as usize).sum()
    }

    /// Returns the sample at which the element at a position starts, with the elements sorted by time.
    fn sample_of(&self, aggregation: Aggregation, position: usize) -> u64 {
        let (mut at_or_before, mut after) = (0, self.samples);
        while after - at_or_before > 1 {
            let middle = u64::midpoint(at_or_before, after);
            if self.before(aggregation, middle) <= position {
                at_or_before = middle;
            } else {
                after = middle;
            }
        }
        at_or_before
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
