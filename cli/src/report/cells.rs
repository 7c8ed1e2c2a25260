//! Division of a video into cells of equal duration.

/// Maximum number of cells of a lane: what the pixels of a wide screen can show.
const MAX_CELLS: i64 = 1000;
/// Minimum duration of a cell. Rekognition analyzes a sample about every 500 ms.
const MIN_CELL_MS: i64 = 100;

/// A video from its start, divided into cells of equal duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cells {
    pub(super) cell_ms: i64,
    pub(super) count: usize,
}

impl Cells {
    /// Returns the cells of a lane at the resolution of a screen.
    pub(super) fn fine(duration_ms: i64) -> Self {
        Self::of(duration_ms, div_ceil(duration_ms, MAX_CELLS).max(MIN_CELL_MS))
    }

    /// Divides a video into at most `count` cells. The last cell includes the end of the video.
    pub(super) fn at_most(duration_ms: i64, count: i64) -> Self {
        let duration_ms = duration_ms.saturating_add(1);
        Self::of(duration_ms, div_ceil(duration_ms, count))
    }

    fn of(duration_ms: i64, cell_ms: i64) -> Self {
        Self { cell_ms, count: div_ceil(duration_ms, cell_ms).max(1) as usize }
    }

    /// Returns the index of the cell that a time belongs to. A time after the end belongs to the last cell.
    pub(super) fn index(self, ms: i64) -> usize {
        ((ms.max(0) / self.cell_ms) as usize).min(self.count - 1)
    }

    /// Returns the time at which a cell starts.
    pub(super) fn start_ms(self, index: usize) -> i64 {
        (index as i64).saturating_mul(self.cell_ms)
    }
}

fn div_ceil(a: i64, b: i64) -> i64 {
    a / b + i64::from(a % b > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_have_at_most_a_thousand_cells_of_at_least_100_ms() {
        let cells = |cell_ms, count| Cells { cell_ms, count };
        for (duration_ms, fine) in [
            (0, cells(100, 1)),
            (4000, cells(100, 40)),
            (100_000, cells(100, 1000)),
            (100_001, cells(101, 991)),
            (36_000_000, cells(36_000, 1000)),
        ] {
            assert_eq!(Cells::fine(duration_ms), fine, "{duration_ms}");
        }
        assert!(Cells::fine(i64::MAX).count <= 1000);
    }

    #[test]
    fn every_time_belongs_to_a_cell() {
        let cells = Cells::fine(4000);
        assert_eq!([-5, 0, 99, 100, 3999, 4000, i64::MAX].map(|ms| cells.index(ms)), [0, 0, 0, 1, 39, 39, 39]);
        let blocks = Cells::at_most(4000, 4);
        assert_eq!((blocks.cell_ms, blocks.count, blocks.start_ms(3)), (1001, 4, 3003));
        assert!(blocks.start_ms(blocks.count) > 4000);
    }
}
