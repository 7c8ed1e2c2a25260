//! The samples of a job with their boxes, in blocks of time that a page decodes when it needs them.
//!
//! Labels are read one after the other, but a block has the samples of all labels. So the parts of the blocks are kept in a
//! temporary file until all labels are read.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::cells::Cells;
use super::coding::{confidence_code, pack, push_varint, ratio_code};
use super::label_rows::{InstanceBox, Sample};

/// Approximate number of rows in a block: a page decodes one in a few milliseconds.
const ROWS_PER_BLOCK: u64 = 2000;
/// Maximum number of blocks, each of which is an element of the page.
const MAX_BLOCKS: u64 = 1000;

/// The blocks of a job.
pub(super) struct Blocks {
    cells: Cells,
    parts: Parts,
    /// The samples of one label in one block that have not been written yet.
    group: Group,
}

impl Blocks {
    /// Divides a job with this many rows into blocks. The temporary file is created in `directory`, and has no name.
    pub(super) fn new(duration_ms: i64, rows: u64, directory: &Path) -> io::Result<Self> {
        let count = rows.div_ceil(ROWS_PER_BLOCK).clamp(1, MAX_BLOCKS);
        let file = BufWriter::new(tempfile::tempfile_in(directory)?);
        let parts = Parts { file, index: Vec::new(), length: 0 };
        Ok(Self { cells: Cells::at_most(duration_ms, count as i64), parts, group: Group::default() })
    }

    /// Adds a sample of a label. The samples of a label come one after the other, in the order of their times.
    pub(super) fn add(&mut self, label: usize, sample: &Sample<'_>) -> io::Result<()> {
        let block = self.cells.index(sample.ms);
        if (label, block) != (self.group.label, self.group.block) {
            self.end_group()?;
            (self.group.label, self.group.block) = (label, block);
            self.group.last_ms = self.cells.start_ms(block);
        }
        self.group.push(sample);
        Ok(())
    }

    /// Returns the number of blocks.
    pub(super) fn count(&self) -> usize {
        self.cells.count
    }

    /// Returns the blocks as elements of a page.
    pub(super) fn into_elements(mut self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
        self.end_group()?;
        let Self { cells, parts, .. } = self;
        let mut parts = parts.in_order_of_blocks()?;
        Ok((0..cells.count).map(move |block| {
            let (from, to) = (cells.start_ms(block), cells.start_ms(block + 1));
            let data = pack(&parts.next(block as u32)?);
            let element = format!(
                "<script type=\"text/plain\" data-boxes data-from=\"{from}\" data-to=\"{to}\">{data}</script>\n"
            );
            Ok(element)
        }))
    }

    fn end_group(&mut self) -> io::Result<()> {
        if self.group.samples == 0 {
            return Ok(());
        }
        self.parts.add(self.group.block as u32, &self.group.encode())?;
        self.group.clear();
        Ok(())
    }
}

/// The samples of one label in one block, each property in a list of its own.
#[derive(Default)]
struct Group {
    label: usize,
    block: usize,
    samples: u64,
    last_ms: i64,
    times: Vec<u8>,
    confidences: Vec<u8>,
    box_counts: Vec<u8>,
    box_confidences: Vec<u8>,
    sides: [Vec<u8>; 4],
}

impl Group {
    fn push(&mut self, sample: &Sample<'_>) {
        // No video has negative times.
        let ms = sample.ms.max(0);
        push_varint(&mut self.times, ms.abs_diff(self.last_ms));
        self.last_ms = ms;
        self.samples += 1;
        self.confidences.push(confidence_code(sample.confidence));
        push_varint(&mut self.box_counts, sample.boxes.len() as u64);
        for InstanceBox { confidence, sides } in sample.boxes {
            self.box_confidences.push(confidence_code(*confidence));
            for (list, side) in self.sides.iter_mut().zip(sides) {
                list.extend(ratio_code(*side).to_le_bytes());
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, self.label as u64);
        push_varint(&mut bytes, self.samples);
        for list in
            [&self.times, &self.confidences, &self.box_counts, &self.box_confidences].into_iter().chain(&self.sides)
        {
            bytes.extend(list);
        }
        bytes
    }

    fn clear(&mut self) {
        self.samples = 0;
        let Self { times, confidences, box_counts, box_confidences, sides, .. } = self;
        for list in [times, confidences, box_counts, box_confidences].into_iter().chain(sides) {
            list.clear();
        }
    }
}

/// Parts of blocks in a temporary file, in the order in which they were added.
struct Parts {
    file: BufWriter<File>,
    index: Vec<Part>,
    length: u64,
}

struct Part {
    block: u32,
    length: u32,
    offset: u64,
}

impl Parts {
    fn add(&mut self, block: u32, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.index.push(Part { block, length: bytes.len() as u32, offset: self.length });
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn in_order_of_blocks(self) -> io::Result<OrderedParts> {
        let file = BufReader::new(self.file.into_inner()?);
        let mut index = self.index;
        // Stable, so that the labels of a block keep their order.
        index.sort_by_key(|part| part.block);
        Ok(OrderedParts { file, index: index.into_iter().peekable() })
    }
}

/// Reads the blocks one after the other.
struct OrderedParts {
    file: BufReader<File>,
    index: std::iter::Peekable<std::vec::IntoIter<Part>>,
}

impl OrderedParts {
    /// Returns the bytes of a block.
    fn next(&mut self, block: u32) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(part) = self.index.next_if(|part| part.block == block) {
            self.file.seek(SeekFrom::Start(part.offset))?;
            let start = bytes.len();
            bytes.resize(start + part.length as usize, 0);
            self.file.read_exact(&mut bytes[start..])?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use miniz_oxide::inflate::decompress_to_vec;

    use super::*;

    /// Returns the blocks as their times and bytes.
    fn written(blocks: Blocks) -> Vec<(String, Vec<u8>)> {
        let elements = blocks.into_elements().unwrap().map(Result::unwrap);
        let block = |element: String| {
            let (opening, data) = element.strip_suffix("</script>\n").unwrap().split_once('>').unwrap();
            let times = opening.split_once(" data-boxes ").unwrap().1.to_owned();
            (times, decompress_to_vec(&STANDARD.decode(data).unwrap()).unwrap())
        };
        elements.map(block).collect()
    }

    #[test]
    fn a_block_has_the_samples_of_all_labels() {
        let mut blocks = Blocks::new(1999, 4000, &std::env::temp_dir()).unwrap();
        let boxes = [InstanceBox { confidence: Some(99.5), sides: [0.5, -0.25, 1.0, 0.0] }];
        let sample = |ms, boxes| Sample { ms, confidence: Some(90.0), instances: 0, boxes };
        for (label, ms, boxes) in [(0, 500, &boxes[..]), (0, 900, &[]), (0, 1000, &[]), (7, 2_000_000, &[])] {
            blocks.add(label, &sample(ms, boxes)).unwrap();
        }
        let sides = [0, 16, 0, 0xf8, 0, 32, 0, 0];
        let first = [&[0, 2, 0xf4, 3, 0x90, 3, 92, 92, 1, 0, 101], &sides[..]].concat();
        let mut second = vec![0, 1, 0, 92, 0, 7, 1];
        push_varint(&mut second, 1_999_000);
        second.extend([92, 0]);
        let times = |from, to| format!("data-from=\"{from}\" data-to=\"{to}\"");
        assert_eq!(written(blocks), [(times(0, 1000), first), (times(1000, 2000), second)]);
    }

    #[test]
    fn a_block_without_samples_is_empty() {
        let mut blocks = Blocks::new(2999, 6000, &std::env::temp_dir()).unwrap();
        blocks.add(3, &Sample { ms: 2500, confidence: None, instances: 0, boxes: &[] }).unwrap();
        let bytes: Vec<_> = written(blocks).into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(bytes, [vec![], vec![], vec![3, 1, 0xf4, 3, 1, 0]]);
    }
}
