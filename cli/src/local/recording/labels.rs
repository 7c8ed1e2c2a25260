//! The list `Labels` of a reply, kept as compact JSON, because a job may have a million elements.

use label_lake::table::aggregation::Aggregation;
use serde_json::Value;

use super::shape::{LABEL_DETECTION, NotAReply, decode, field};

/// Number of elements in a part, as on a page.
const PART: usize = 1000;

/// Fields that only a segment has.
const SEGMENT_FIELDS: [&str; 3] = ["StartTimestampMillis", "EndTimestampMillis", "DurationMillis"];

/// The elements of `Labels` of one reply.
#[derive(Debug, Default, Hash, PartialEq, Eq)]
pub(super) struct Labels {
    /// JSON of each element.
    elements: Vec<String>,
    /// Index of the first element that can only be a segment.
    first_segment: Option<usize>,
    /// Index of the first element that can only be a detection.
    first_detection: Option<usize>,
    /// True if an element has the fields of both aggregations. Some SDKs print absent numbers as zero.
    has_zeros: bool,
}

impl Labels {
    /// Adds an element.
    pub(super) fn add(&mut self, element: &Value) -> Result<(), NotAReply> {
        let is_of_an_image = |label| field(label, "Name").is_some() && field(label, "Label").is_none();
        if element.as_object().is_some_and(is_of_an_image) {
            return Err(NotAReply::whole(
                "it is a reply of DetectLabels, which analyzes images, not of GetLabelDetection",
            ));
        }
        let element = decode(element, LABEL_DETECTION, &format!("Labels[{}]", self.elements.len()))?;
        let times: Vec<_> = SEGMENT_FIELDS.iter().filter_map(|name| element[name].as_i64()).collect();
        let has_timestamp = element.get("Timestamp").is_some();
        // A segment at the start of the video begins at zero, too, but ends later.
        let is_segment = times.iter().any(|&time| time > 0) || (!times.is_empty() && !has_timestamp);
        if is_segment {
            self.first_segment.get_or_insert(self.elements.len());
        } else if times.is_empty() {
            self.first_detection.get_or_insert(self.elements.len());
        }
        self.has_zeros |= !times.is_empty() && has_timestamp;
        self.elements.push(element.to_string());
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Returns the aggregation that the elements show.
    pub(super) fn aggregation(&self) -> Aggregation {
        if self.first_segment.is_some() { Aggregation::Segments } else { Aggregation::Timestamps }
    }

    /// Checks that every element belongs to the aggregation of the reply, and removes the fields that such elements do not
    /// have.
    pub(super) fn aggregated_by(&mut self, aggregation: Aggregation) -> Result<(), NotAReply> {
        let (other, expected, found) = match aggregation {
            Aggregation::Timestamps => (self.first_segment, "a detection", "a segment"),
            Aggregation::Segments => (self.first_detection, "a segment", "a detection"),
        };
        if let Some(index) = other {
            let reason = format!("expected {expected}, as the reply has {}, found {found}", aggregation.name());
            return Err(NotAReply::at(&format!("Labels[{index}]"), reason));
        }
        if self.has_zeros {
            self.remove_zeros(aggregation);
        }
        Ok(())
    }

    fn remove_zeros(&mut self, aggregation: Aggregation) {
        let absent: &[&str] = match aggregation {
            Aggregation::Timestamps => &SEGMENT_FIELDS,
            Aggregation::Segments => &["Timestamp"],
        };
        for json in &mut self.elements {
            let mut element: Value = serde_json::from_str(json).unwrap_or_default();
            if let Some(fields) = element.as_object_mut() {
                fields.retain(|name, _| !absent.contains(&&**name));
            }
            *json = element.to_string();
        }
        self.has_zeros = false;
    }

    /// Returns the list in parts, each as JSON. A list without elements has one part.
    pub(super) fn parts(&self) -> impl Iterator<Item = String> {
        let empty = self.elements.is_empty().then(|| "[]".to_owned());
        self.elements.chunks(PART).map(|part| format!("[{}]", part.join(","))).chain(empty)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(elements: &[Value]) -> Labels {
        let mut labels = Labels::default();
        for element in elements {
            labels.add(element).unwrap();
        }
        let aggregation = labels.aggregation();
        labels.aggregated_by(aggregation).unwrap();
        labels
    }

    #[test]
    fn zeros_for_absent_fields_are_removed() {
        let times = |at: u64, start: u64, end: u64| {
            let duration = end - start;
            json!({"Timestamp": at, "StartTimestampMillis": start, "EndTimestampMillis": end, "DurationMillis": duration})
        };
        assert_eq!(labels(&[times(500, 0, 0)]).elements, [r#"{"Timestamp":500}"#]);
        let segments = labels(&[times(0, 0, 500)]);
        assert_eq!(segments.aggregation(), Aggregation::Segments);
        let segment: Value = serde_json::from_str(&segments.elements[0]).unwrap();
        assert_eq!(segment, json!({"StartTimestampMillis": 0, "EndTimestampMillis": 500, "DurationMillis": 500}));
    }

    #[test]
    fn an_element_with_a_start_and_without_a_timestamp_is_a_segment() {
        assert_eq!(labels(&[json!({"StartTimestampMillis": 0})]).aggregation(), Aggregation::Segments);
        assert_eq!(labels(&[json!({"Timestamp": 0})]).aggregation(), Aggregation::Timestamps);
        assert_eq!(labels(&[]).aggregation(), Aggregation::Timestamps);
    }

    #[test]
    fn an_element_of_the_other_aggregation_is_an_error() {
        let (detection, segment) = (json!({"Timestamp": 0}), json!({"StartTimestampMillis": 0}));
        for (elements, aggregation, words) in [
            (vec![&detection, &segment], Aggregation::Timestamps, "Labels[1]: expected a detection"),
            (vec![&segment, &detection], Aggregation::Segments, "Labels[1]: expected a segment"),
        ] {
            let mut labels = Labels::default();
            for element in elements {
                labels.add(element).unwrap();
            }
            let error = labels.aggregated_by(aggregation).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
