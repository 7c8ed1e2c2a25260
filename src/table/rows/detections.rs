//! Rows of `label_detections`.

use std::cmp::Ordering;
use std::ops::Range;

use aws_sdk_rekognition::types::{DominantColor, Instance as ApiInstance, LabelDetection};
use serde::{Deserialize, Serialize};

use super::interned::Interned;
use super::{Attributes, KIND_BYTES, LabelSummary};

/// The detections of one label. Each takes 24 bytes, and 24 more for each of its instances.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct DetectionRows {
    detections: Vec<Detection>,
    /// The instances of all detections. Those of one detection are together and in order.
    instances: Vec<Instance>,
    kinds: Interned<DetectionKind>,
    instance_kinds: Interned<InstanceKind>,
    summary: LabelSummary,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Detection {
    timestamp_ms: i64,
    confidence: f32,
    /// Number of its [`DetectionKind`].
    kind: u32,
    first_instance: u32,
    instance_count: u32,
}

impl Detection {
    fn instances(&self) -> Range<usize> {
        let first = self.first_instance as usize;
        first..first + self.instance_count as usize
    }

    /// Returns the number of rows. A detection without instances has one row as well.
    fn rows(&self) -> usize {
        self.instance_count.max(1) as usize
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Instance {
    confidence: f32,
    /// Left, top, width and height.
    bounding_box: [f32; 4],
    /// Number of its [`InstanceKind`].
    kind: u32,
}

/// Properties that many detections of a label share.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
struct DetectionKind {
    has_confidence: bool,
    has_instances: bool,
    attributes: Attributes,
}

/// Properties that many instances of a label share.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
struct InstanceKind {
    has_confidence: bool,
    has_side: [bool; 4],
    /// `Instance.DominantColors` as JSON.
    dominant_colors: Option<String>,
}

/// One row.
#[derive(Debug)]
pub(crate) struct DetectionRow<'a> {
    rows: &'a DetectionRows,
    detection: &'a Detection,
    instance: Option<(u32, &'a Instance)>,
}

impl DetectionRow<'_> {
    /// Returns `timestamp_ms`.
    pub(crate) fn timestamp_ms(&self) -> i64 {
        self.detection.timestamp_ms
    }

    /// Returns `confidence`.
    pub(crate) fn confidence(&self) -> Option<f32> {
        self.kind().has_confidence.then_some(self.detection.confidence)
    }

    /// Returns `instance_count`.
    pub(crate) fn instance_count(&self) -> Option<u32> {
        self.kind().has_instances.then_some(self.detection.instance_count)
    }

    /// Returns `instance_index`.
    pub(crate) fn instance_index(&self) -> Option<u32> {
        self.instance.map(|(index, _)| index)
    }

    /// Returns `instance_confidence`.
    pub(crate) fn instance_confidence(&self) -> Option<f32> {
        let (_, instance) = self.instance?;
        self.rows.instance_kinds.get(instance.kind).has_confidence.then_some(instance.confidence)
    }

    /// Returns `bbox_left`, `bbox_top`, `bbox_width` or `bbox_height`, for `side` 0 to 3.
    pub(crate) fn bounding_box(&self, side: usize) -> Option<f32> {
        let (_, instance) = self.instance?;
        self.rows.instance_kinds.get(instance.kind).has_side[side].then_some(instance.bounding_box[side])
    }

    /// Returns the index of the row's value in [`DetectionRows::dominant_colors`], or `None` if the detection has no
    /// instances.
    pub(crate) fn dominant_colors(&self) -> Option<u32> {
        self.instance.map(|(_, instance)| instance.kind)
    }

    /// Returns the index of the row's attributes in [`DetectionRows::attributes`].
    pub(crate) fn attributes(&self) -> u32 {
        self.detection.kind
    }

    fn kind(&self) -> &DetectionKind {
        self.rows.kinds.get(self.detection.kind)
    }
}

impl DetectionRows {
    /// Adds the rows of one element of `Labels`.
    pub(super) fn push(&mut self, detection: LabelDetection) {
        let timestamp_ms = detection.timestamp;
        let mut label = detection.label.unwrap_or_else(|| aws_sdk_rekognition::types::Label::builder().build());
        let (confidence, instances) = (label.confidence, label.instances.take());

        let kind = DetectionKind {
            has_confidence: confidence.is_some(),
            has_instances: instances.is_some(),
            attributes: Attributes::of(label),
        };
        let first_instance = self.instances.len() as u32;
        for instance in instances.into_iter().flatten() {
            let instance = self.instance(instance);
            self.instances.push(instance);
        }
        let detection = Detection {
            timestamp_ms,
            confidence: confidence.unwrap_or_default(),
            kind: self.kinds.intern(kind),
            first_instance,
            instance_count: self.instances.len() as u32 - first_instance,
        };
        self.detections.push(detection);
        self.summary.add(Some(timestamp_ms), Some(timestamp_ms), confidence);
        self.summary.instances += u64::from(detection.instance_count);
        self.summary.rows += detection.rows() as u64;
    }

    fn instance(&mut self, instance: ApiInstance) -> Instance {
        let sides = instance.bounding_box.map_or([None; 4], |area| [area.left, area.top, area.width, area.height]);
        let kind = InstanceKind {
            has_confidence: instance.confidence.is_some(),
            has_side: sides.map(|side| side.is_some()),
            dominant_colors: instance.dominant_colors.as_deref().map(dominant_colors),
        };
        Instance {
            confidence: instance.confidence.unwrap_or_default(),
            bounding_box: sides.map(Option::unwrap_or_default),
            kind: self.instance_kinds.intern(kind),
        }
    }

    /// Sorts the detections by timestamp, then by all their other values. The order of the pages therefore does not
    /// show in the file.
    pub(crate) fn sort(&mut self) {
        let Self { detections, instances, kinds, instance_kinds, .. } = self;
        let instance_order = |a: &Instance, b: &Instance| {
            let sides = a.bounding_box.iter().zip(&b.bounding_box).map(|(a, b)| a.total_cmp(b));
            a.confidence
                .total_cmp(&b.confidence)
                .then_with(|| sides.fold(Ordering::Equal, Ordering::then))
                .then_with(|| instance_kinds.get(a.kind).cmp(instance_kinds.get(b.kind)))
        };
        detections.sort_unstable_by(|a, b| {
            a.timestamp_ms
                .cmp(&b.timestamp_ms)
                .then_with(|| a.confidence.total_cmp(&b.confidence))
                .then_with(|| kinds.get(a.kind).cmp(kinds.get(b.kind)))
                .then_with(|| a.instance_count.cmp(&b.instance_count))
                .then_with(|| {
                    let pairs = instances[a.instances()].iter().zip(&instances[b.instances()]);
                    pairs.map(|(a, b)| instance_order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
                })
        });
    }

    /// Returns the rows in groups of at least `min_rows` rows. The last group may be smaller. The rows of one detection
    /// are together, in the order of its instances.
    pub(crate) fn groups(
        &self,
        min_rows: usize,
    ) -> impl Iterator<Item = impl Iterator<Item = DetectionRow<'_>> + Clone> {
        let mut rest = self.detections.as_slice();
        std::iter::from_fn(move || {
            let mut rows = 0;
            let end = rest.iter().position(|detection| {
                rows += detection.rows();
                rows >= min_rows
            });
            let (group, left) = rest.split_at(end.map_or(rest.len(), |last| last + 1));
            rest = left;
            (!group.is_empty()).then(|| group.iter().flat_map(|detection| self.rows_of(detection)))
        })
    }

    fn rows_of<'a>(&'a self, detection: &'a Detection) -> impl Iterator<Item = DetectionRow<'a>> + Clone {
        let instances = &self.instances[detection.instances()];
        (0..detection.rows()).map(move |index| DetectionRow {
            rows: self,
            detection,
            instance: instances.get(index).map(|instance| (index as u32, instance)),
        })
    }

    /// Returns the distinct attributes of the detections.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &Attributes> {
        self.kinds.iter().map(|kind| &kind.attributes)
    }

    /// Returns the distinct values of `dominant_colors`.
    pub(crate) fn dominant_colors(&self) -> impl Iterator<Item = Option<&str>> {
        self.instance_kinds.iter().map(|kind| kind.dominant_colors.as_deref())
    }

    /// Returns true if every internal reference in deserialized rows is valid.
    pub(super) fn is_consistent(&self) -> bool {
        let has_kind = |detection: &Detection| (detection.kind as usize) < self.kinds.count();
        let has_instances = |detection: &Detection| detection.instances().end <= self.instances.len();
        let instance_has_kind = |instance: &Instance| (instance.kind as usize) < self.instance_kinds.count();
        self.detections.iter().all(|detection| has_kind(detection) && has_instances(detection))
            && self.instances.iter().all(instance_has_kind)
    }

    /// Returns the summary of the label.
    pub(crate) fn summary(&self) -> LabelSummary {
        self.summary
    }

    /// Returns the approximate memory of the rows, in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Detection>() * self.detections.len()
            + size_of::<Instance>() * self.instances.len()
            + KIND_BYTES * (self.kinds.count() + self.instance_kinds.count())
    }
}

/// Returns `Instance.DominantColors` as JSON, with the API's field names in the order of the API reference.
#[expect(clippy::expect_used, reason = "says why it does not happen")]
fn dominant_colors(colors: &[DominantColor]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    #[expect(clippy::struct_field_names, reason = "names of the API")]
    struct Color<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        red: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        blue: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        green: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        hex_code: Option<&'a str>,
        #[serde(rename = "CSSColor", skip_serializing_if = "Option::is_none")]
        css_color: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        simplified_color: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pixel_percent: Option<f32>,
    }
    let colors: Vec<_> = colors
        .iter()
        .map(|color| Color {
            red: color.red(),
            blue: color.blue(),
            green: color.green(),
            hex_code: color.hex_code(),
            css_color: color.css_color(),
            simplified_color: color.simplified_color(),
            pixel_percent: color.pixel_percent(),
        })
        .collect();
    serde_json::to_string(&colors).expect("numbers and strings are JSON")
}
