//! Rows of `label_segments`.

use aws_sdk_rekognition::types::LabelDetection;
use serde::{Deserialize, Serialize};

use super::interned::Interned;
use super::{Attributes, KIND_BYTES, LabelSummary};

/// The segments of one label. Each takes 32 bytes.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct SegmentRows {
    segments: Vec<Segment>,
    kinds: Interned<SegmentKind>,
    summary: LabelSummary,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Segment {
    /// Start, end and duration.
    times_ms: [i64; 3],
    confidence: f32,
    /// Number of its [`SegmentKind`].
    kind: u32,
}

/// Properties that many segments of a label share.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
struct SegmentKind {
    has_time: [bool; 3],
    has_confidence: bool,
    attributes: Attributes,
}

/// One row.
#[derive(Debug)]
pub(crate) struct SegmentRow<'a> {
    segment: &'a Segment,
    kind: &'a SegmentKind,
}

impl SegmentRow<'_> {
    /// Returns `start_timestamp_ms`.
    pub(crate) fn start_timestamp_ms(&self) -> Option<i64> {
        self.time(0)
    }

    /// Returns `end_timestamp_ms`.
    pub(crate) fn end_timestamp_ms(&self) -> Option<i64> {
        self.time(1)
    }

    /// Returns `duration_ms`.
    pub(crate) fn duration_ms(&self) -> Option<i64> {
        self.time(2)
    }

    /// Returns `confidence`.
    pub(crate) fn confidence(&self) -> Option<f32> {
        self.kind.has_confidence.then_some(self.segment.confidence)
    }

    /// Returns the index of the row's attributes in [`SegmentRows::attributes`].
    pub(crate) fn attributes(&self) -> u32 {
        self.segment.kind
    }

    fn time(&self, index: usize) -> Option<i64> {
        self.kind.has_time[index].then_some(self.segment.times_ms[index])
    }
}

impl SegmentRows {
    /// Adds one element of `Labels`. Two fields are omitted: `Timestamp` repeats the start, and `Instances` are not
    /// returned for segments.
    pub(super) fn push(&mut self, segment: LabelDetection) {
        let times = [segment.start_timestamp_millis, segment.end_timestamp_millis, segment.duration_millis];
        let label = segment.label.unwrap_or_else(|| aws_sdk_rekognition::types::Label::builder().build());
        let confidence = label.confidence;
        let kind = SegmentKind {
            has_time: times.map(|time| time.is_some()),
            has_confidence: confidence.is_some(),
            attributes: Attributes::of(label),
        };
        self.segments.push(Segment {
            times_ms: times.map(Option::unwrap_or_default),
            confidence: confidence.unwrap_or_default(),
            kind: self.kinds.intern(kind),
        });
        self.summary.add(times[0], times[1].or(times[0]), confidence);
        self.summary.rows += 1;
    }

    /// Sorts the segments by start, nulls first, then by all their other values. The order of the pages therefore does
    /// not show in the file.
    pub(crate) fn sort(&mut self) {
        let Self { segments, kinds, .. } = self;
        segments.sort_unstable_by(|a, b| {
            let (a_kind, b_kind) = (kinds.get(a.kind), kinds.get(b.kind));
            a_kind.has_time[0]
                .cmp(&b_kind.has_time[0])
                .then_with(|| a.times_ms.cmp(&b.times_ms))
                .then_with(|| a.confidence.total_cmp(&b.confidence))
                .then_with(|| a_kind.cmp(b_kind))
        });
    }

    /// Returns the rows in groups of `size` rows. The last group may be smaller.
    pub(crate) fn groups(&self, size: usize) -> impl Iterator<Item = impl Iterator<Item = SegmentRow<'_>> + Clone> {
        self.segments
            .chunks(size)
            .map(|group| group.iter().map(|segment| SegmentRow { segment, kind: self.kinds.get(segment.kind) }))
    }

    /// Returns the distinct attributes of the segments.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &Attributes> {
        self.kinds.iter().map(|kind| &kind.attributes)
    }

    /// Returns true if every internal reference in deserialized rows is valid.
    pub(super) fn is_consistent(&self) -> bool {
        self.segments.iter().all(|segment| (segment.kind as usize) < self.kinds.count())
    }

    /// Returns the summary of the label.
    pub(crate) fn summary(&self) -> LabelSummary {
        self.summary
    }

    /// Returns the approximate memory of the rows, in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Segment>() * self.segments.len() + KIND_BYTES * self.kinds.count()
    }
}
