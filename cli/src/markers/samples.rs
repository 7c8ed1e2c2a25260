//! Markers for the tests of the formats.

use label_lake::table::aggregation::Aggregation;

use super::Markers;
use super::intervals::Interval;
use super::timecode::{Counting, Timecode};

/// Returns markers on the same frame, a label with all special characters, and one that begins just before an hour.
pub(super) fn markers(rate: &str, start: &str) -> Markers {
    let start: Timecode = start.parse().unwrap();
    let counting = Counting::of(start, rate.parse().unwrap()).unwrap();
    let mut markers = Markers {
        job: "job-1".to_owned(),
        video: Some("beach <day>.mp4".to_owned()),
        size: Some((1920, 1080)),
        counting,
        start,
        frames: counting.rate().frame_at(3_601_000),
        list: Vec::new(),
    };
    let interval = |start_ms, end_ms, confidence| vec![Interval { start_ms, end_ms, confidence }];
    markers.add(Some("a --> <b> & | c"), interval(0, 0, None), Aggregation::Timestamps);
    markers.add(Some("Dog"), interval(0, 2000, Some(98.5)), Aggregation::Timestamps);
    markers.add(Some("\n=1+1"), interval(3_599_963, 3_601_000, Some(50.0)), Aggregation::Segments);
    markers.sort();
    markers
}
