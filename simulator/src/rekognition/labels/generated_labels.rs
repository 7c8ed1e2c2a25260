//! A job made from a seed.
//!
//! Nothing is stored per detection: where the k-th detection of a label is, and what it looks like, is computed from
//! the seed, the label and k, so that a job of millions of detections takes no memory. The time line of a label is
//! divided into slots of equal width, each with one run of successive samples at a place made by chance; a run never
//! reaches the end of its slot, so runs do not touch, and each run is one segment.

use std::sync::{Arc, Mutex, PoisonError};

use crate::element::{Element, PlannedLabel};
use crate::job::{Aggregation, Order, Slice};
use crate::names;

/// Detections at one sample, about: real videos have 7 to 26.
const DETECTIONS_A_SAMPLE: usize = 12;

/// Labels whose order by confidence is kept: enough for a few fetches at a time.
const KEPT_ORDERS: usize = 4;

/// The plan of a generated job.
pub(crate) struct GeneratedLabels {
    generated: Generated,
    /// By name, ascending by bytes.
    labels: Vec<PlannedLabel>,
    /// Samples in the video.
    samples: u64,
    orders: Mutex<Vec<(OrderOf, Arc<[u32]>)>>,
}

/// An order by confidence: of which aggregation and label, with which ties.
type OrderOf = (Aggregation, u32, u64);

impl GeneratedLabels {
    pub(crate) fn new(generated: Generated) -> Self {
        Self::plan(generated, false)
    }

    /// The same without what only version 3 of the model has.
    pub(crate) fn model_2(&self) -> Self {
        Self::plan(self.generated.clone(), true)
    }

    fn plan(generated: Generated, model_2: bool) -> Self {
        let counts = zipf(generated.labels, generated.names);
        let most = counts.first().copied().unwrap_or_default();
        // Twice the most frequent label, or runs would not fit into their slots with a sample to spare.
        let samples = (most * 2).max(generated.labels / DETECTIONS_A_SAMPLE).max(3) as u64;
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

    /// Gives the elements of a label by descending confidence, with ties by chance.
    fn by_confidence(&self, of: OrderOf) -> Arc<[u32]> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, order)) = orders.iter().find(|(kept, _)| *kept == of) {
            return Arc::clone(order);
        }
        let (aggregation, label, ties) = of;
        let planned = &self.labels[label as usize];
        let rank = |index| {
            // The bits of positive floats are in the order of the floats.
            let confidence = planned.confidence(aggregation, index).to_bits();
            (u32::MAX - confidence, mix(&[ties, label.into(), index.into()]) as u32, index)
        };
        let mut ranked: Vec<_> = (0..planned.count(aggregation) as u32).map(rank).collect();
        ranked.sort_unstable();
        let order: Arc<[u32]> = ranked.into_iter().map(|(_, _, index)| index).collect();
        if orders.len() == KEPT_ORDERS {
            orders.remove(0);
        }
        orders.push((of, Arc::clone(&order)));
        order
    }

    /// Gives a stretch of the elements by time, then by name.
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

    /// Gives the number of elements that begin before a sample.
    fn before(&self, aggregation: Aggregation, sample: u64) -> usize {
        self.labels.iter().map(|label| label.before(aggregation, sample) as usize).sum()
    }

    /// Gives the sample at which the element at a position, by time, begins.
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

/// Divides detections among names by Zipf's law, in descending order, each name getting at least one.
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

