//! A page, decoded by the rules that `cli/src/report/mod.rs` documents, without the code that wrote it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::inflate::decompress_to_vec;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A page of a job.
pub(super) struct Page {
    pub(super) text: String,
    /// The JSON of the element `report`.
    pub(super) facts: Value,
    pub(super) labels: Vec<Value>,
    lanes: Vec<u8>,
    pub(super) blocks: Vec<Block>,
    /// Size of the page without its blocks.
    pub(super) bytes_before_blocks: usize,
}

/// A block of samples.
pub(super) struct Block {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) samples: Vec<Sample>,
}

/// A label in one sample of the video.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) label: usize,
    pub(super) ms: u64,
    pub(super) confidence: u8,
    /// Confidence, left side, top, width and height.
    pub(super) boxes: Vec<(u8, [f32; 4])>,
}

impl Page {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let facts = serde_json::from_str(content(&text, r#"<script type="application/json" id="report">"#)).unwrap();
        let packed = |id| unpack(content(&text, &format!(r#"<script type="text/plain" id="{id}">"#)));
        let labels = serde_json::from_slice(&packed("labels")).unwrap();
        let lanes = packed("lanes");
        let opening = r#"<script type="text/plain" data-boxes data-from=""#;
        let (before, blocks) =
            text.split_once(opening).map_or((&*text, ""), |(before, _)| (before, &text[before.len()..]));
        let blocks = blocks.split(opening).skip(1).map(Block::read).collect();
        let bytes_before_blocks = before.len();
        Self { text, facts, labels, lanes, blocks, bytes_before_blocks }
    }

    /// Returns the index of a label.
    pub(super) fn index(&self, name: Option<&str>) -> usize {
        self.labels.iter().position(|label| label["name"].as_str() == name).unwrap()
    }

    /// Returns the confidences and the instances in the lane of a label.
    pub(super) fn lane(&self, name: Option<&str>) -> (&[u8], &[u8]) {
        let timeline_ms = self.facts["timelineMs"].as_u64().unwrap();
        let cells = |label: &Value| label["cellMs"].as_u64().map_or(0, |ms| timeline_ms.div_ceil(ms).max(1)) as usize;
        let index = self.index(name);
        let start: usize = self.labels[..index].iter().map(cells).sum();
        let (confidences, instances) = self.lanes.split_at(self.lanes.len() / 2);
        assert_eq!(confidences.len(), self.labels.iter().map(cells).sum::<usize>());
        let range = start..start + cells(&self.labels[index]);
        (&confidences[range.clone()], &instances[range])
    }

    /// Returns the samples of a label, in order.
    pub(super) fn samples(&self, name: Option<&str>) -> Vec<&Sample> {
        let index = self.index(name);
        self.blocks.iter().flat_map(|block| &block.samples).filter(|sample| sample.label == index).collect()
    }

    /// Checks that the policy allows exactly the style and the script of the page, and that no other element can run.
    pub(super) fn assert_policy(&self) {
        let policy = self.policy();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        for (directive, opening) in [("style-src", "<style>"), ("script-src", "<script>")] {
            let end = opening.replace('<', "</");
            assert_eq!(self.text.matches(opening).count(), 1, "{opening}");
            let (_, rest) = self.text.split_once(opening).unwrap();
            let (text, _) = rest.split_once(&end).unwrap();
            let sources = policy.split("; ").find_map(|part| part.strip_prefix(directive)).unwrap();
            assert_eq!(sources.trim(), hash(text), "{directive}");
        }
        // The script, three elements with data, and the blocks.
        let elements = 1 + 3 + self.blocks.len();
        let lower_case = self.text.to_lowercase();
        assert_eq!(
            (lower_case.matches("<script").count(), lower_case.matches("</script").count()),
            (elements, elements)
        );
    }

    pub(super) fn policy(&self) -> &str {
        let (_, policy) = self.text.split_once("http-equiv=\"Content-Security-Policy\" content=\"").unwrap();
        policy.split_once('"').unwrap().0
    }
}

impl Block {
    /// Reads a block from the text after `data-from="`.
    fn read(text: &str) -> Self {
        let (from, rest) = text.split_once("\" data-to=\"").unwrap();
        let (to, rest) = rest.split_once("\">").unwrap();
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let bytes = unpack(rest.split_once("</script>").unwrap().0);
        let mut bytes = Bytes(&bytes);
        let mut samples = Vec::new();
        while !bytes.0.is_empty() {
            bytes.group(from, &mut samples);
        }
        Self { from, to, samples }
    }
}

/// The bytes that are left of a block.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn group(&mut self, from: u64, samples: &mut Vec<Sample>) {
        let (label, count) = (self.varint() as usize, self.varint());
        let mut ms = from;
        let times: Vec<_> = (0..count)
            .map(|_| {
                ms += self.varint();
                ms
            })
            .collect();
        let confidences = self.take(count as usize).to_vec();
        let counts: Vec<_> = (0..count).map(|_| self.varint() as usize).collect();
        let boxes: usize = counts.iter().sum();
        let box_confidences = self.take(boxes).to_vec();
        let mut side = || -> Vec<f32> {
            let bytes = self.take(2 * boxes).chunks(2);
            bytes.map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 8192.0).collect()
        };
        let sides = [side(), side(), side(), side()];
        let mut all = (0..boxes).map(|index| (box_confidences[index], sides.each_ref().map(|side| side[index])));
        for ((ms, confidence), count) in times.into_iter().zip(confidences).zip(counts) {
            samples.push(Sample { label, ms, confidence, boxes: all.by_ref().take(count).collect() });
        }
    }
}

fn content<'a>(page: &'a str, opening: &str) -> &'a str {
    let (_, rest) = page.split_once(opening).unwrap_or_else(|| panic!("no {opening}"));
    rest.split_once("</script>").unwrap().0
}

fn unpack(text: &str) -> Vec<u8> {
    decompress_to_vec(&STANDARD.decode(text).unwrap()).unwrap()
}

/// Returns the number of samples of each label.
pub(super) fn sample_counts(page: &Page) -> BTreeMap<usize, u64> {
    let mut counts = BTreeMap::new();
    for sample in page.blocks.iter().flat_map(|block| &block.samples) {
        *counts.entry(sample.label).or_default() += 1;
    }
    counts
}
