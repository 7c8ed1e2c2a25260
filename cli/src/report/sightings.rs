//! The lane of a label and its time on screen, from its samples or segments.
//!
//! The rule is that of the saved query `where-a-label-is-seen`: a sample counts until the next sample with the label, unless
//! that is more than a second later.

use super::cells::Cells;
use super::coding::confidence_code;
use super::lanes::Lane;
use crate::markers::intervals::MAX_GAP_MS;

/// Collects the samples of a label in order, or its segments.
pub(super) struct Sightings {
    lane: Lane,
    /// The last sample. It is not in the lane yet, because the next sample says until when it counts.
    last: Option<Sighting>,
    on_screen_ms: i64,
}

#[derive(Clone, Copy)]
struct Sighting {
    ms: i64,
    confidence: u8,
    instances: u8,
}

impl Sightings {
    pub(super) fn new(cells: Cells) -> Self {
        Self { lane: Lane::new(cells), last: None, on_screen_ms: 0 }
    }

    /// Adds a sample. Samples come in the order of their times.
    pub(super) fn add_sample(&mut self, ms: i64, confidence: Option<f32>, instances: usize) {
        let instances = instances.min(u8::MAX.into()) as u8;
        let sample = Sighting { ms, confidence: confidence_code(confidence), instances };
        if let Some(last) = self.last.replace(sample) {
            let gap = ms.saturating_sub(last.ms);
            let counts = gap <= MAX_GAP_MS;
            self.on_screen_ms += if counts { gap } else { 0 };
            self.cover(last, if counts { ms } else { last.ms });
        }
    }

    /// Adds a segment.
    pub(super) fn add_segment(&mut self, from_ms: i64, to_ms: i64, confidence: Option<f32>) {
        self.on_screen_ms = self.on_screen_ms.saturating_add(to_ms.saturating_sub(from_ms).max(0));
        self.cover(Sighting { ms: from_ms, confidence: confidence_code(confidence), instances: 0 }, to_ms);
    }

    fn cover(&mut self, from: Sighting, end_ms: i64) {
        self.lane.cover(from.ms, end_ms, from.confidence, from.instances);
    }

    /// Returns the lane and the time on screen.
    pub(super) fn finish(mut self) -> (Lane, i64) {
        if let Some(last) = self.last {
            self.cover(last, last.ms);
        }
        (self.lane, self.on_screen_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(add: impl FnOnce(&mut Sightings)) -> (Vec<u8>, Vec<u8>, i64) {
        let mut sightings = Sightings::new(Cells::fine(1000));
        add(&mut sightings);
        let (lane, on_screen_ms) = sightings.finish();
        (lane.confidences, lane.instances, on_screen_ms)
    }

    #[test]
    fn a_sample_counts_until_the_next() {
        let (confidences, instances, on_screen_ms) = lane(|label| {
            label.add_sample(100, Some(90.0), 2);
            label.add_sample(350, Some(80.0), 0);
            label.add_sample(600, None, 1);
        });
        assert_eq!(confidences, [0, 92, 92, 92, 82, 82, 1, 0, 0, 0]);
        assert_eq!(instances, [0, 2, 2, 2, 0, 0, 1, 0, 0, 0]);
        assert_eq!(on_screen_ms, 500);
    }

    #[test]
    fn a_gap_of_more_than_a_second_is_not_on_screen() {
        for (gap, on_screen_ms, covered) in [(1000, 1000, 10), (1001, 0, 2)] {
            let (confidences, _, on_screen) = lane(|label| {
                label.add_sample(0, Some(50.0), 0);
                label.add_sample(gap, Some(50.0), 0);
            });
            let cells = confidences.iter().filter(|&&code| code > 0).count();
            assert_eq!((on_screen, cells), (on_screen_ms, covered), "{gap}");
        }
    }

    #[test]
    fn a_single_sample_is_visible_but_takes_no_time() {
        let (confidences, instances, on_screen_ms) = lane(|label| label.add_sample(950, Some(50.0), 1000));
        assert_eq!((confidences[9], instances[9], on_screen_ms), (52, 255, 0));
    }

    #[test]
    fn a_segment_covers_its_cells() {
        let (confidences, _, on_screen_ms) = lane(|label| {
            label.add_segment(200, 400, Some(60.0));
            label.add_segment(500, 500, Some(70.0));
            label.add_segment(900, 99_999, None);
        });
        assert_eq!(confidences, [0, 0, 62, 62, 0, 72, 0, 0, 0, 1]);
        assert_eq!(on_screen_ms, 200 + 99_099);
    }
}
