//! The timeline of a label: when it is seen, in cells of equal duration.

use label_lake::table::aggregation::Aggregation;
use parquet::data_type::Int64Type;
use parquet::file::reader::{ChunkReader, FileReader as _, SerializedFileReader};

use crate::parquet_columns::values;
use crate::parquet_decoder::decode;

/// Division of a video into cells of equal duration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    duration_ms: i64,
    cells: usize,
}

impl Scale {
    /// Divides a video into cells. A time after the end of the video belongs to the last cell.
    pub(crate) fn new(duration_ms: i64, cells: usize) -> Self {
        Self { duration_ms: duration_ms.max(1), cells: cells.max(1) }
    }

    pub(crate) fn duration_ms(self) -> i64 {
        self.duration_ms
    }

    pub(crate) fn cells(self) -> usize {
        self.cells
    }

    /// Returns the index of the cell that a time belongs to.
    fn cell(self, time_ms: i64) -> usize {
        let time_ms = time_ms.clamp(0, self.duration_ms - 1) as u128;
        (time_ms * self.cells as u128 / self.duration_ms as u128) as usize
    }

    /// Returns the start of a cell, rounded up to a millisecond.
    fn start_ms(self, cell: usize) -> i64 {
        (cell as u128 * self.duration_ms as u128).div_ceil(self.cells as u128) as i64
    }
}

/// Reads the file of a label, and returns the number of detections in each cell, or the milliseconds that segments cover.
pub(crate) fn read<R: ChunkReader + 'static>(
    file: R,
    aggregation: Aggregation,
    scale: Scale,
) -> anyhow::Result<Vec<u64>> {
    decode(|| {
        let reader = SerializedFileReader::new(file)?;
        match aggregation {
            Aggregation::Timestamps => Ok(detections(&times(&reader, "timestamp_ms")?, scale)),
            Aggregation::Segments => {
                let (starts, ends) = (times(&reader, "start_timestamp_ms")?, times(&reader, "end_timestamp_ms")?);
                Ok(segments(starts.into_iter().zip(ends), scale))
            }
        }
    })
}

/// Counts the detections in each cell. A detection has one row for each instance, and the rows are sorted by time, so equal
/// times in a row are one detection.
fn detections(times: &[Option<i64>], scale: Scale) -> Vec<u64> {
    let mut cells = vec![0; scale.cells];
    for detection in times.chunk_by(|a, b| a == b) {
        if let Some(time) = detection.first().copied().flatten() {
            cells[scale.cell(time)] += 1;
        }
    }
    cells
}

/// Adds up the milliseconds that segments cover in each cell. A segment without an end, or without a duration, counts as a
/// millisecond.
fn segments(segments: impl Iterator<Item = (Option<i64>, Option<i64>)>, scale: Scale) -> Vec<u64> {
    let mut cells = vec![0; scale.cells];
    for (start, end) in segments {
        let Some(start) = start.or(end) else { continue };
        let end = end.unwrap_or(start).clamp(0, scale.duration_ms);
        let start = start.clamp(0, scale.duration_ms - 1);
        let end = end.max(start + 1);
        let (first, last) = (scale.cell(start), scale.cell(end - 1));
        for (cell, covered) in cells.iter_mut().enumerate().take(last + 1).skip(first) {
            *covered += (end.min(scale.start_ms(cell + 1)) - start.max(scale.start_ms(cell))) as u64;
        }
    }
    cells
}

/// Reads a column of times, without the other columns. Nulls stay in place.
fn times<R: ChunkReader + 'static>(reader: &SerializedFileReader<R>, name: &str) -> anyhow::Result<Vec<Option<i64>>> {
    let mut times = Vec::new();
    for group in 0..reader.num_row_groups() {
        times.extend(values::<Int64Type>(&*reader.get_row_group(group)?, name)?);
    }
    Ok(times)
}

/// Characters that draw a timeline: an empty cell, then cells from the least to the most covered.
const BLOCKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same for a terminal without UTF-8.
const ASCII: [char; 2] = ['.', '#'];

/// Draws a timeline. The height of a cell is relative to the highest cell of the label.
pub(crate) fn draw(cells: &[u64], is_utf8: bool) -> String {
    let characters = if is_utf8 { &BLOCKS[..] } else { &ASCII[..] };
    let (highest, levels) = (u128::from(cells.iter().copied().max().unwrap_or_default()), characters.len() as u128 - 1);
    let level = |cell: u64| (u128::from(cell) * levels).div_ceil(highest.max(1)) as usize;
    cells.iter().map(|&cell| characters[level(cell)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_detections_once_and_clamps_their_times() {
        let times = [-5, 0, 0, 0, 249, 250, 999, 1000, i64::MAX].map(Some);
        assert_eq!(detections(&times, Scale::new(1000, 4)), [3, 1, 0, 3]);
        assert_eq!(detections(&[Some(0), None], Scale::new(0, 4)), [1, 0, 0, 0]);
        assert_eq!(detections(&[Some(i64::MAX)], Scale::new(i64::MAX, 40))[39], 1);
    }

    #[test]
    fn adds_up_the_time_that_segments_cover() {
        let cells = |segment: (Option<i64>, Option<i64>)| segments([segment].into_iter(), Scale::new(1000, 4));
        assert_eq!(cells((Some(0), Some(1000))), [250, 250, 250, 250]);
        assert_eq!(cells((Some(200), Some(500))), [50, 250, 0, 0]);
        assert_eq!(cells((Some(500), Some(500))), [0, 0, 1, 0]);
        assert_eq!(cells((Some(900), Some(9000))), [0, 0, 0, 100]);
        assert_eq!(cells((Some(9000), None)), [0, 0, 0, 1]);
        assert_eq!(cells((None, Some(100))), [1, 0, 0, 0]);
        assert_eq!(cells((None, None)), [0, 0, 0, 0]);
        assert_eq!(cells((Some(i64::MIN), Some(i64::MAX))), [250, 250, 250, 250]);
        // The cells of a video that is shorter than its timeline start at the same millisecond.
        let cells = segments([(Some(0), Some(3))].into_iter(), Scale::new(3, 7));
        assert_eq!(cells.iter().sum::<u64>(), 3);
    }

    #[test]
    fn draws_cells_relative_to_the_highest() {
        assert_eq!(draw(&[0, 1, 4, 8], true), "·▁▄█");
        assert_eq!(draw(&[0, 1, 1000, 0], true), "·▁█·");
        assert_eq!(draw(&[0, 1, 1000, 0], false), ".##.");
        assert_eq!(draw(&[0, 0], true), "··");
        assert_eq!(draw(&[u64::MAX], true), "█");
    }
}
