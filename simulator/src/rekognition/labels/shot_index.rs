//! Number of elements that start before each shot, to find the elements at a position in the order by time.

use std::ops::Range;

use crate::rekognition::labels::schedule::{Appearance, segment_starts};
use crate::rekognition::labels::selection::Aggregation;
use crate::rekognition::labels::shots::Shot;

/// The starts of all shots by time, and the end of the video.
pub(crate) struct ShotIndex(Vec<ShotStart>);

struct ShotStart {
    sample: u32,
    /// Number of elements that start before the shot. While labels are added, number of those that start in it.
    detections: usize,
    segments: usize,
}

impl ShotIndex {
    /// Creates an index from the appearances of each label, sorted by time.
    pub(crate) fn new<'a>(shots: &[Shot], labels: impl Iterator<Item = &'a [Appearance]>) -> Self {
        let start = |sample| ShotStart { sample, detections: 0, segments: 0 };
        let end = shots.last().map_or(0, |shot| shot.end);
        let mut starts: Vec<_> = shots.iter().map(|shot| shot.start).chain([end]).map(start).collect();
        for appearances in labels {
            for appearance in appearances {
                starts[appearance.shot as usize].detections += appearance.length() as usize;
            }
            for first in segment_starts(appearances) {
                starts[appearances[first].shot as usize].segments += 1;
            }
        }
        let (mut detections, mut segments) = (0, 0);
        for start in &mut starts {
            (start.detections, detections) = (detections, detections + start.detections);
            (start.segments, segments) = (segments, segments + start.segments);
        }
        Self(starts)
    }

    /// Returns the samples of the shots in which a range of the elements starts, and the number of elements before them.
    /// The range is not empty.
    pub(crate) fn shots_of(&self, aggregation: Aggregation, elements: Range<usize>) -> (Range<u32>, usize) {
        let Self(starts) = self;
        let first = starts.partition_point(|start| start.before(aggregation) <= elements.start) - 1;
        let after = starts.partition_point(|start| start.before(aggregation) < elements.end);
        (starts[first].sample..starts[after].sample, starts[first].before(aggregation))
    }

    /// Returns the number of samples of the video.
    pub(crate) fn samples(&self) -> u32 {
        self.0.last().map_or(0, |end| end.sample)
    }
}

impl ShotStart {
    fn before(&self, aggregation: Aggregation) -> usize {
        match aggregation {
            Aggregation::Timestamps => self.detections,
            Aggregation::Segments => self.segments,
        }
    }
}
