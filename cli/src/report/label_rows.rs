//! Reads the file of a label, one row group after the other, so that memory does not grow with the label.

use std::collections::BTreeSet;

use anyhow::ensure;
use parquet::data_type::{FloatType, Int32Type, Int64Type};
use parquet::file::reader::{ChunkReader, FileReader as _, RowGroupReader, SerializedFileReader};
use serde::Serialize;

use crate::parquet_columns::{distinct_texts, values};
use crate::parquet_decoder::decode;

/// Columns with the left side, the top, the width and the height of a box.
const BOX_COLUMNS: [&str; 4] = ["bbox_left", "bbox_top", "bbox_width", "bbox_height"];

/// A label in one sample of the video.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    pub(super) ms: i64,
    pub(super) confidence: Option<f32>,
    /// Number of instances.
    pub(super) instances: usize,
    /// The instances that have a box.
    pub(super) boxes: &'a [InstanceBox],
}

/// The box of an instance.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InstanceBox {
    pub(super) confidence: Option<f32>,
    /// Left side, top, width and height as ratios of the frame.
    pub(super) sides: [f32; 4],
}

/// A segment of the video in which a label is seen.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) confidence: Option<f32>,
}

/// The names that belong to a label, in all its rows. Rekognition returns them in no particular order.
#[derive(Debug, Default, Serialize)]
pub(super) struct RelatedNames {
    categories: BTreeSet<String>,
    parents: BTreeSet<String>,
    aliases: BTreeSet<String>,
}

impl RelatedNames {
    fn read(&mut self, group: &dyn RowGroupReader) -> anyhow::Result<()> {
        distinct_texts(group, "categories", &mut self.categories)?;
        distinct_texts(group, "parents", &mut self.parents)?;
        distinct_texts(group, "aliases", &mut self.aliases)
    }
}

/// Calls `each` with the samples of a label in the order of their times.
pub(super) fn read_samples<R: ChunkReader + 'static>(
    file: R,
    mut each: impl FnMut(&Sample<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<RelatedNames> {
    decode(|| {
        let reader = SerializedFileReader::new(file)?;
        let (mut names, mut last_ms) = (RelatedNames::default(), i64::MIN);
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            names.read(&*group)?;
            let rows = DetectionColumns::read(&*group)?;
            rows.samples(|sample| {
                ensure!(sample.ms >= last_ms, "its rows are not sorted by time");
                last_ms = sample.ms;
                each(sample)
            })?;
        }
        Ok(names)
    })
}

/// Calls `each` with the segments of a label. A segment without one of its times takes the other, and a segment without
/// both is skipped.
pub(super) fn read_segments<R: ChunkReader + 'static>(
    file: R,
    mut each: impl FnMut(&Segment),
) -> anyhow::Result<RelatedNames> {
    decode(|| {
        let reader = SerializedFileReader::new(file)?;
        let mut names = RelatedNames::default();
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            names.read(&*group)?;
            let starts = values::<Int64Type>(&*group, "start_timestamp_ms")?;
            let ends = values::<Int64Type>(&*group, "end_timestamp_ms")?;
            let confidences = values::<FloatType>(&*group, "confidence")?;
            for ((start, end), confidence) in starts.into_iter().zip(ends).zip(confidences) {
                if let Some((start_ms, end_ms)) = start.or(end).zip(end.or(start)) {
                    each(&Segment { start_ms, end_ms, confidence });
                }
            }
        }
        Ok(names)
    })
}

/// The columns of a row group of `label_detections`. Rows of one detection are never in two row groups.
struct DetectionColumns {
    times: Vec<Option<i64>>,
    confidences: Vec<Option<f32>>,
    instance_indices: Vec<Option<i32>>,
    instance_confidences: Vec<Option<f32>>,
    sides: [Vec<Option<f32>>; 4],
}

impl DetectionColumns {
    fn read(group: &dyn RowGroupReader) -> anyhow::Result<Self> {
        let side = |index: usize| values::<FloatType>(group, BOX_COLUMNS[index]);
        Ok(Self {
            times: values::<Int64Type>(group, "timestamp_ms")?,
            confidences: values::<FloatType>(group, "confidence")?,
            instance_indices: values::<Int32Type>(group, "instance_index")?,
            instance_confidences: values::<FloatType>(group, "instance_confidence")?,
            sides: [side(0)?, side(1)?, side(2)?, side(3)?],
        })
    }

    /// Calls `each` with the samples. A sample starts at a row without an instance, and at the row of its first instance.
    fn samples(&self, mut each: impl FnMut(&Sample<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let (rows, mut boxes) = (self.times.len(), Vec::new());
        let mut first = 0;
        while first < rows {
            let continues = |row: &usize| self.instance_indices[*row].is_some_and(|index| index > 0);
            let end = (first + 1..rows).find(|row| !continues(row)).unwrap_or(rows);
            boxes.clear();
            boxes.extend((first..end).filter_map(|row| self.instance_box(row)));
            if let Some(ms) = self.times[first] {
                let instances = (first..end).filter(|&row| self.instance_indices[row].is_some()).count();
                each(&Sample { ms, confidence: self.confidences[first], instances, boxes: &boxes })?;
            }
            first = end;
        }
        Ok(())
    }

    /// Returns the box in a row, or `None` if the row has no instance or the instance has no box.
    fn instance_box(&self, row: usize) -> Option<InstanceBox> {
        let [left, top, width, height] = self.sides.each_ref().map(|column| column[row]);
        Some(InstanceBox { confidence: self.instance_confidences[row], sides: [left?, top?, width?, height?] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_instances_and_those_with_a_box() {
        let side = || vec![None, Some(0.1), None, Some(0.2), Some(0.3)];
        let columns = DetectionColumns {
            times: [0, 500, 500, 500, 500].map(Some).to_vec(),
            confidences: [90.0, 80.0, 80.0, 80.0, 70.0].map(Some).to_vec(),
            instance_indices: vec![None, Some(0), Some(1), Some(2), Some(0)],
            instance_confidences: vec![None, Some(1.0), Some(2.0), None, Some(4.0)],
            sides: [side(), side(), side(), side()],
        };
        let mut samples = Vec::new();
        let add = |sample: &Sample<'_>| {
            let confidences: Vec<_> = sample.boxes.iter().map(|instance| instance.confidence).collect();
            samples.push((sample.ms, sample.confidence.unwrap(), sample.instances, confidences));
            Ok(())
        };
        columns.samples(add).unwrap();
        let expected = [(0, 90.0, 0, vec![]), (500, 80.0, 3, vec![Some(1.0), None]), (500, 70.0, 1, vec![Some(4.0)])];
        assert_eq!(samples, expected);
    }
}
