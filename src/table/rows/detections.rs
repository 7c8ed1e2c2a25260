//! Rows of `label_detections`.

use std::cmp::Ordering;
use std::ops::Range;

use aws_sdk_rekognition::types::{DominantColor, Instance as ApiInstance, LabelDetection};
use serde::{Deserialize, Serialize};

use super::interned::Interned;
use super::{Attributes, LabelSummary};

/// The detections of one label: 24 bytes for each, and 24 for each instance.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct DetectionRows {
    detections: Vec<Detection>,
    /// The instances of all detections; those of one are together and in order.
    instances: Vec<Instance>,
    kinds: Interned<DetectionKind>,
    instance_kinds: Interned<InstanceKind>,
    summary: LabelSummary,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Detection {
    timestamp_ms: i64,
    confidence: f32,
    kind: u32,
    first_instance: u32,
    instance_count: u32,
}

impl Detection {
    fn instances(&self) -> Range<usize> {
        let first = self.first_instance as usize;
        first..first + self.instance_count as usize
    }

    /// A detection without instances has a row too.
    fn rows(&self) -> usize {
        self.instance_count.max(1) as usize
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Instance {
    confidence: f32,
    /// Left, top, width, height.
    bounding_box: [f32; 4],
    kind: u32,
}

/// What is the same for many detections of a label.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
struct DetectionKind {
    has_confidence: bool,
    has_instances: bool,
    attributes: Attributes,
}

/// What is the same for many instances of a label.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
struct InstanceKind {
    has_confidence: bool,
    has_side: [bool; 4],
    /// As JSON.
    dominant_colors: Option<String>,
}

/// One row.
#[derive(Debug)]
pub struct DetectionRow<'a> {
    rows: &'a DetectionRows,
    detection: &'a Detection,
    instance: Option<(u32, &'a Instance)>,
}

impl DetectionRow<'_> {
    /// `timestamp_ms`.
    pub fn timestamp_ms(&self) -> i64 {
        self.detection.timestamp_ms
    }

    /// `confidence`.
    pub fn confidence(&self) -> Option<f32> {
        self.kind().has_confidence.then_some(self.detection.confidence)
    }

    /// `instance_count`.
    pub fn instance_count(&self) -> Option<u32> {
        self.kind().has_instances.then_some(self.detection.instance_count)
    }

    /// `instance_index`.
    pub fn instance_index(&self) -> Option<u32> {
        self.instance.map(|(index, _)| index)
    }

    /// `instance_confidence`.
    pub fn instance_confidence(&self) -> Option<f32> {
        let (_, instance) = self.instance?;
        self.rows.instance_kinds.get(instance.kind).has_confidence.then_some(instance.confidence)
    }

    /// `bbox_left`, `bbox_top`, `bbox_width`, `bbox_height`, by number.
    pub fn bounding_box(&self, side: usize) -> Option<f32> {
        let (_, instance) = self.instance?;
        self.rows.instance_kinds.get(instance.kind).has_side[side].then_some(instance.bounding_box[side])
    }

    /// The number of its value among [`DetectionRows::dominant_colors`]; null without instances.
    pub fn dominant_colors(&self) -> Option<u32> {
        self.instance.map(|(_, instance)| instance.kind)
    }

    /// The number of its value among [`DetectionRows::attributes`].
    pub fn attributes(&self) -> u32 {
        self.detection.kind
    }

    fn kind(&self) -> &DetectionKind {
        self.rows.kinds.get(self.detection.kind)
    }
}

impl DetectionRows {
    /// Adds one element of `Labels`.
    pub fn push(&mut self, detection: LabelDetection) {
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
            kind: self.kinds.number(kind),
            first_instance,
            instance_count: self.instances.len() as u32 - first_instance,
        };
        self.detections.push(detection);
        self.summary.count(Some(timestamp_ms), Some(timestamp_ms), confidence);
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
            kind: self.instance_kinds.number(kind),
        }
    }

    /// Sorts the detections by timestamp, then by all else that they hold: the pages may come with ties in any
    /// order, the file is the same.
    pub fn sort(&mut self) {
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

    /// The rows, cut into groups of at least `least` rows (the last has what is left). Those of one detection are
    /// together, and in the order of its instances.
    pub fn groups(&self, least: usize) -> impl Iterator<Item = impl Iterator<Item = DetectionRow<'_>> + Clone> {
        let mut rest = self.detections.as_slice();
        std::iter::from_fn(move || {
            let mut rows = 0;
            let end = rest.iter().position(|detection| {
                rows += detection.rows();
                rows >= least
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

    /// What the detections have in common, by number.
    pub fn attributes(&self) -> impl Iterator<Item = &Attributes> {
        self.kinds.iter().map(|kind| &kind.attributes)
    }

    /// The values of `dominant_colors`, by number.
    pub fn dominant_colors(&self) -> impl Iterator<Item = Option<&str>> {
        self.instance_kinds.iter().map(|kind| kind.dominant_colors.as_deref())
    }

    /// Whether every number points to something, which rows from elsewhere need not.
    pub fn is_sound(&self) -> bool {
        let kind_is_there = |detection: &Detection| (detection.kind as usize) < self.kinds.count();
        let instances_are_there = |detection: &Detection| detection.instances().end <= self.instances.len();
        let is_sound = |instance: &Instance| (instance.kind as usize) < self.instance_kinds.count();
        self.detections.iter().all(|detection| kind_is_there(detection) && instances_are_there(detection))
            && self.instances.iter().all(is_sound)
    }

    /// What the table `jobs` says of the label.
    pub fn summary(&self) -> LabelSummary {
        self.summary
    }

    /// About how many bytes they take.
    pub fn memory(&self) -> usize {
        // A name or two, its parents and its category.
        const KIND: usize = 512;
        size_of::<Detection>() * self.detections.len()
            + size_of::<Instance>() * self.instances.len()
            + KIND * (self.kinds.count() + self.instance_kinds.count())
    }
}

/// `Instance.DominantColors` as JSON, in the API's spelling and the order of its reference.
#[expect(clippy::expect_used, reason = "says why it does not happen")]
fn dominant_colors(colors: &[DominantColor]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    #[expect(clippy::struct_field_names, reason = "the API's names")]
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
