//! Rows of `label_segments`.

use aws_sdk_rekognition::types::LabelDetection;
use serde::{Deserialize, Serialize};

use super::interned::Interned;
use super::{Attributes, LabelSummary};

/// The segments of one label: 32 bytes for each.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct SegmentRows {
    segments: Vec<Segment>,
    kinds: Interned<SegmentKind>,
    summary: LabelSummary,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Segment {
    /// Start, end, duration.
    times_ms: [i64; 3],
    confidence: f32,
    kind: u32,
}

/// What is the same for many segments of a label.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
struct SegmentKind {
    has_time: [bool; 3],
    has_confidence: bool,
    attributes: Attributes,
}

/// One row.
#[derive(Debug)]
pub struct SegmentRow<'a> {
    segment: &'a Segment,
    kind: &'a SegmentKind,
}

impl SegmentRow<'_> {
    /// `start_timestamp_ms`.
    pub fn start_timestamp_ms(&self) -> Option<i64> {
        self.time(0)
    }

    /// `end_timestamp_ms`.
    pub fn end_timestamp_ms(&self) -> Option<i64> {
        self.time(1)
    }

    /// `duration_ms`.
    pub fn duration_ms(&self) -> Option<i64> {
        self.time(2)
    }

    /// `confidence`.
    pub fn confidence(&self) -> Option<f32> {
        self.kind.has_confidence.then_some(self.segment.confidence)
    }

    /// The number of its value among [`SegmentRows::attributes`].
    pub fn attributes(&self) -> u32 {
        self.segment.kind
    }

    fn time(&self, which: usize) -> Option<i64> {
        self.kind.has_time[which].then_some(self.segment.times_ms[which])
    }
}

impl SegmentRows {
    /// Adds one element of `Labels`. Its `Timestamp` is its start once more, and `Instances` are not returned for
    /// segments: both are left out.
    pub fn push(&mut self, segment: LabelDetection) {
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
            kind: self.kinds.number(kind),
        });
        self.summary.count(times[0], times[1].or(times[0]), confidence);
        self.summary.rows += 1;
    }

    /// Sorts the segments by start, nulls first, then by all else that they hold.
    pub fn sort(&mut self) {
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

    /// The rows, cut into groups of `size` rows (the last has what is left).
    pub fn groups(&self, size: usize) -> impl Iterator<Item = impl Iterator<Item = SegmentRow<'_>> + Clone> {
        self.segments
            .chunks(size)
            .map(|group| group.iter().map(|segment| SegmentRow { segment, kind: self.kinds.get(segment.kind) }))
    }

    /// What the segments have in common, by number.
    pub fn attributes(&self) -> impl Iterator<Item = &Attributes> {
        self.kinds.iter().map(|kind| &kind.attributes)
    }

    /// Whether every number points to something, which rows from elsewhere need not.
    pub fn is_sound(&self) -> bool {
        self.segments.iter().all(|segment| (segment.kind as usize) < self.kinds.count())
    }

    /// What the table `jobs` says of the label.
    pub fn summary(&self) -> LabelSummary {
        self.summary
    }

    /// About how many bytes they take.
    pub fn memory(&self) -> usize {
        // A name or two, its parents and its category.
        const KIND: usize = 512;
        size_of::<Segment>() * self.segments.len() + KIND * self.kinds.count()
    }
}
