//! The lanes of the labels: what a page shows of each label over the time of the video.

use super::cells::Cells;
use super::coding::pack;

/// Number of labels whose lanes are kept. The page lists the other labels without lanes.
pub(super) const MAX_LANES: usize = 1000;
/// Numbers of labels whose lanes have the resolution of a screen, and of labels that have a lane at all. The first pair that
/// does not exceed [`MAX_BYTES`] is used.
const RESOLUTIONS: [(usize, usize); 5] = [(200, MAX_LANES), (100, 500), (50, 250), (25, 125), (10, 50)];
/// Size of the packed lanes at which a page is still small. In a job of a million rows, no two lanes are alike, and they are
/// the largest part of the page.
const MAX_BYTES: usize = 140_000;
/// Number of cells of a fine lane that are one cell of a coarse lane.
const COARSENESS: usize = 5;

/// The lane of a label: one code of the confidence and one of the instances in each cell.
#[derive(Debug, PartialEq)]
pub(super) struct Lane {
    cells: Cells,
    pub(super) confidences: Vec<u8>,
    pub(super) instances: Vec<u8>,
}

impl Lane {
    pub(super) fn new(cells: Cells) -> Self {
        Self { cells, confidences: vec![0; cells.count], instances: vec![0; cells.count] }
    }

    /// Covers the cells from a time to another, and at least one cell. The highest codes of a cell remain.
    pub(super) fn cover(&mut self, from_ms: i64, to_ms: i64, confidence: u8, instances: u8) {
        let first = self.cells.index(from_ms);
        let last = self.cells.index(to_ms.saturating_sub(1)).max(first);
        for code in &mut self.confidences[first..=last] {
            *code = confidence.max(*code);
        }
        for code in &mut self.instances[first..=last] {
            *code = instances.max(*code);
        }
    }

    /// Returns the number of original cells in one cell of the lane.
    fn cells_in_one(is_fine: bool) -> usize {
        if is_fine { 1 } else { COARSENESS }
    }
}

/// The lanes of a page.
pub(super) struct PackedLanes {
    /// The confidences of all lanes, and then the instances of all lanes.
    pub(super) packed: String,
    /// Number of labels with fine lanes, and number of labels with lanes.
    resolution: (usize, usize),
    cell_ms: i64,
}

impl PackedLanes {
    /// Packs the lanes of the labels, biggest label first, with the highest resolution that keeps the page small. All lanes
    /// have the same cells.
    pub(super) fn new(lanes: &[Lane]) -> Self {
        let cell_ms = lanes.first().map_or(1, |lane| lane.cells.cell_ms);
        let [first, others @ ..] = RESOLUTIONS;
        let (mut resolution, mut packed) = (first, pack_with(lanes, first));
        for lower in others {
            if packed.len() <= MAX_BYTES {
                break;
            }
            (resolution, packed) = (lower, pack_with(lanes, lower));
        }
        Self { packed, resolution, cell_ms }
    }

    /// Returns the duration of a cell in the lane of a label, or `None` if the label has no lane.
    pub(super) fn cell_ms(&self, label: usize) -> Option<i64> {
        let (fine, all) = self.resolution;
        (label < all).then(|| self.cell_ms.saturating_mul(Lane::cells_in_one(label < fine) as i64))
    }
}

fn pack_with(lanes: &[Lane], (fine, all): (usize, usize)) -> String {
    let mut bytes = Vec::new();
    let codes: [fn(&Lane) -> &[u8]; 2] = [|lane| &lane.confidences, |lane| &lane.instances];
    for codes in codes {
        for (label, lane) in lanes.iter().enumerate().take(all) {
            let cells = codes(lane).chunks(Lane::cells_in_one(label < fine));
            bytes.extend(cells.map(|cells| cells.iter().copied().max().unwrap_or_default()));
        }
    }
    pack(&bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use fastrand::Rng;
    use miniz_oxide::inflate::decompress_to_vec;

    use super::*;

    fn unpacked(lanes: &PackedLanes) -> Vec<u8> {
        decompress_to_vec(&STANDARD.decode(&lanes.packed).unwrap()).unwrap()
    }

    /// Returns lanes of noise, which cannot be compressed.
    fn noise(count: usize) -> Vec<Lane> {
        let mut random = Rng::with_seed(1);
        let mut codes = || (0..1000).map(|_| random.u8(..)).collect::<Vec<_>>();
        let mut lane = || Lane { cells: Cells::fine(100_000), confidences: codes(), instances: codes() };
        (0..count).map(|_| lane()).collect()
    }

    #[test]
    fn a_few_lanes_are_fine() {
        let mut lane = Lane::new(Cells::fine(700));
        lane.cover(150, 350, 90, 2);
        lane.cover(300, 300, 80, 3);
        assert_eq!((&*lane.confidences, &*lane.instances), (&[0, 90, 90, 90, 0, 0, 0][..], &[0, 2, 2, 3, 0, 0, 0][..]));
        let lanes = PackedLanes::new(&[lane, Lane::new(Cells::fine(700))]);
        assert_eq!(
            (lanes.cell_ms(0), lanes.cell_ms(199), lanes.cell_ms(200), lanes.cell_ms(1000)),
            (Some(100), Some(100), Some(500), None)
        );
        let expected = [[0, 90, 90, 90, 0, 0, 0], [0; 7], [0, 2, 2, 3, 0, 0, 0], [0; 7]].concat();
        assert_eq!(unpacked(&lanes), expected);
    }

    #[test]
    fn many_lanes_are_coarse_until_they_are_small() {
        let noise = noise(300);
        let lanes = PackedLanes::new(&noise);
        assert!(lanes.packed.len() <= MAX_BYTES, "{}", lanes.packed.len());
        let cells: Vec<_> = [0, 24, 25, 124, 125].map(|label| lanes.cell_ms(label)).to_vec();
        assert_eq!(cells, [Some(100), Some(100), Some(500), Some(500), None]);
        let bytes = unpacked(&lanes);
        let planes = 25 * 1000 + 100 * 200;
        assert_eq!(bytes.len(), 2 * planes);
        assert_eq!(bytes[24_999], noise[24].confidences[999]);
        assert_eq!(Some(&bytes[25_000]), noise[25].confidences[..5].iter().max());
        assert_eq!(Some(&bytes[2 * planes - 1]), noise[124].instances[995..].iter().max());
    }

    #[test]
    fn a_page_without_labels_has_no_lanes() {
        assert!(unpacked(&PackedLanes::new(&[])).is_empty());
    }
}
