//! Labels given as JSON by a test or a recording, served unchanged.

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::rekognition::labels::generated::SAMPLE_MS;
use crate::rekognition::labels::random::mix;
use crate::rekognition::labels::selection::{Aggregation, Order, Slice};

/// Number of cached orders. Enough for a few concurrent fetches.
const CACHED_ORDERS: usize = 4;

/// The labels of a job, in both aggregations.
pub(crate) struct ExplicitLabels {
    detections: Arc<[Element]>,
    /// Derived from the detections on first use, unless they are given.
    segments: OnceLock<Vec<Element>>,
    /// Cached orders.
    orders: Mutex<Vec<Sorted>>,
}

/// An aggregation and an order, with the indices of all elements in that order.
type Sorted = ((Aggregation, Order), Arc<[u32]>);

/// An element, with the fields that it is sorted by.
pub(crate) struct Element {
    json: String,
    /// Absent names sort first.
    name: Option<String>,
    /// Confidence; negative if absent, so that it sorts last.
    confidence: f64,
    start_ms: i64,
    end_ms: i64,
}

impl Element {
    pub(crate) fn new(element: &Value) -> Self {
        let label = &element["Label"];
        let number = |value: &Value| value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
        let start_ms =
            number(&element["Timestamp"]).or_else(|| number(&element["StartTimestampMillis"])).unwrap_or_default();
        Self {
            json: element.to_string(),
            name: label["Name"].as_str().map(str::to_owned),
            confidence: label["Confidence"].as_f64().unwrap_or(-1.0),
            start_ms,
            end_ms: number(&element["EndTimestampMillis"]).unwrap_or(start_ms.saturating_add(SAMPLE_MS as i64)),
        }
    }

    /// Returns the field `Label`.
    fn label(&self) -> Value {
        let mut element: Value = serde_json::from_str(&self.json).unwrap_or_default();
        element["Label"].take()
    }
}

impl ExplicitLabels {
    /// Creates labels from detections, from which the segments are derived.
    pub(crate) fn from_detections(detections: Vec<Element>) -> Self {
        Self { detections: detections.into(), segments: OnceLock::new(), orders: Mutex::default() }
    }

    /// Returns the same detections with different segments.
    pub(crate) fn with_segments(&self, segments: Vec<Element>) -> Self {
        Self { detections: Arc::clone(&self.detections), segments: segments.into(), orders: Mutex::default() }
    }

    pub(crate) fn count(&self, aggregation: Aggregation) -> usize {
        self.elements(aggregation).len()
    }

    pub(crate) fn duration_ms(&self) -> u64 {
        let segments = self.segments.get().into_iter().flatten();
        let ends = self.detections.iter().chain(segments).map(|element| element.end_ms);
        ends.max().and_then(|end| u64::try_from(end).ok()).unwrap_or_default()
    }

    pub(crate) fn write(&self, slice: Slice, json: &mut Vec<u8>) {
        let elements = self.elements(slice.aggregation);
        let mut page = self.order(slice.aggregation, slice.order)[slice.from..slice.to].to_vec();
        if slice.order == Order::NameWithinPages {
            page.sort_by(|&a, &b| elements[a as usize].name.cmp(&elements[b as usize].name));
        }
        for (position, &index) in page.iter().enumerate() {
            if position > 0 {
                json.push(b',');
            }
            json.extend_from_slice(elements[index as usize].json.as_bytes());
        }
    }

    fn order(&self, aggregation: Aggregation, order: Order) -> Arc<[u32]> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sorted)) = orders.iter().find(|(cached, _)| *cached == (aggregation, order)) {
            return Arc::clone(sorted);
        }
        let sorted: Arc<[u32]> = sort(self.elements(aggregation), order).into();
        if orders.len() == CACHED_ORDERS {
            orders.remove(0);
        }
        orders.push(((aggregation, order), Arc::clone(&sorted)));
        sorted
    }

    fn elements(&self, aggregation: Aggregation) -> &[Element] {
        match aggregation {
            Aggregation::Timestamps => &self.detections,
            Aggregation::Segments => self.segments.get_or_init(|| segments_of(&self.detections)),
        }
    }
}

/// Returns the indices of the elements in an order.
fn sort(elements: &[Element], order: Order) -> Vec<u32> {
    let mut indices: Vec<u32> = (0..elements.len() as u32).collect();
    let compare = |a: &Element, b: &Element| match order {
        Order::Time | Order::NameWithinPages => a.start_ms.cmp(&b.start_ms),
        Order::Name { .. } => a.name.cmp(&b.name).then(b.confidence.total_cmp(&a.confidence)),
    };
    let tie = |a: u32, b: u32| match order {
        Order::Time | Order::NameWithinPages => Ordering::Equal,
        Order::Name { ties } => mix(&[ties, a.into()]).cmp(&mix(&[ties, b.into()])),
    };
    indices.sort_by(|&a, &b| compare(&elements[a as usize], &elements[b as usize]).then_with(|| tie(a, b)));
    indices
}

/// Merges detections with the same name that are at most one sample apart into segments, sorted by name and time. As in
/// the service, a segment has the greatest confidence of its detections, no instances and no `Timestamp`. Its other
/// lists are those of its first detection.
fn segments_of(detections: &[Element]) -> Vec<Element> {
    let mut sorted: Vec<&Element> = detections.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name).then(a.start_ms.cmp(&b.start_ms)));
    let contiguous = |a: &&Element, b: &&Element| a.name == b.name && b.start_ms <= a.end_ms;
    sorted.chunk_by(contiguous).map(|run| Element::new(&segment(run))).collect()
}

fn segment(run: &[&Element]) -> Value {
    let [first, ..] = run else { return Value::Null };
    let (start, end) = (first.start_ms, run.iter().map(|element| element.end_ms).max().unwrap_or(first.end_ms));
    let mut label = first.label();
    if let Some(label) = label.as_object_mut() {
        label.insert("Instances".to_owned(), json!([]));
        let max = run.iter().max_by(|a, b| a.confidence.total_cmp(&b.confidence));
        if let Some(confidence) = max.and_then(|detection| detection.label().get("Confidence").cloned()) {
            label.insert("Confidence".to_owned(), confidence);
        }
    }
    json!({ "StartTimestampMillis": start, "EndTimestampMillis": end, "DurationMillis": end - start, "Label": label })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Element, segments_of};

    #[test]
    fn merges_contiguous_samples_into_one_segment_with_the_greatest_confidence() {
        let label = |name: &str, confidence: f64| json!({ "Name": name, "Confidence": confidence, "Instances": [] });
        let detection = |time: u64, name: &str, confidence: f64| {
            let mut label = label(name, confidence);
            label["Instances"] = json!([{ "Confidence": 50.0 }]);
            json!({ "Timestamp": time, "Label": label })
        };
        let segment = |start: u64, end: u64, name: &str, confidence: f64| {
            let times = [("StartTimestampMillis", start), ("EndTimestampMillis", end), ("DurationMillis", end - start)];
            let mut segment = json!({ "Label": label(name, confidence) });
            for (field, value) in times {
                segment[field] = json!(value);
            }
            segment
        };
        let detections = [
            detection(500, "Dog", 90.5),
            detection(0, "Dog", 80.0),
            detection(0, "Cat", 60.0),
            detection(2_000, "Dog", 70.0),
        ];
        let expected =
            [segment(0, 500, "Cat", 60.0), segment(0, 1_000, "Dog", 90.5), segment(2_000, 2_500, "Dog", 70.0)];
        let segments = segments_of(&detections.iter().map(Element::new).collect::<Vec<_>>());
        let segments: Vec<Value> =
            segments.iter().map(|segment| serde_json::from_str(&segment.json).unwrap()).collect();
        assert_eq!(segments, expected);
    }
}
