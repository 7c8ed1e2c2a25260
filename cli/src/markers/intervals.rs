//! The time ranges of a video in which a label is seen.

use std::ops::Range;

use label_lake::table::aggregation::Aggregation;
use parquet::data_type::{FloatType, Int64Type};
use parquet::file::reader::{ChunkReader, FileReader as _, SerializedFileReader};

use super::frame_rate::FrameRate;
use crate::job_row::LabelRow;
use crate::parquet_columns::values;
use crate::parquet_decoder::decode;

/// Longest time between two samples of a label for which the label counts as seen, as in the saved query
/// `where-a-label-is-seen`. Rekognition analyzes a sample about every 500 ms, and may miss the label in one of them.
pub(crate) const MAX_GAP_MS: i64 = 1000;

/// The samples and segments that count, and the gaps between them that do not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rule {
    /// Lowest confidence. A sample without confidence counts only if there is no lowest confidence.
    pub(crate) min_confidence: Option<f32>,
    /// Longest gap in milliseconds that does not end an interval. Without it, a second between samples, and no gap between
    /// segments.
    pub(crate) gap_ms: Option<i64>,
}

/// A time range in which a label is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) start_ms: i64,
    /// Time of the last sample, or end of the last segment.
    pub(crate) end_ms: i64,
    /// Highest confidence.
    pub(crate) confidence: Option<f32>,
}

impl Interval {
    /// Returns the frames of an interval. Their end is exclusive. The last sample is seen in its frame, and a segment ends
    /// before its end. An interval has one frame at least.
    pub(crate) fn frames(self, rate: FrameRate, source: Aggregation) -> Range<u64> {
        let (start, end) = (rate.frame_at(self.start_ms), rate.frame_at(self.end_ms));
        let end = match source {
            Aggregation::Timestamps => end + 1,
            Aggregation::Segments => end,
        };
        start..end.max(start + 1)
    }
}

/// Returns the table that says when a label is seen: Rekognition's segments if the label has some. `None` if the label has
/// no rows.
pub(crate) fn source(label: &LabelRow) -> Option<Aggregation> {
    [Aggregation::Segments, Aggregation::Timestamps].into_iter().find(|&table| label.is_in(table))
}

/// Reads the intervals from the file of a label.
pub(crate) fn read<R: ChunkReader + 'static>(
    file: R,
    source: Aggregation,
    rule: Rule,
) -> anyhow::Result<Vec<Interval>> {
    let mut seen = decode(|| samples_or_segments(file, source))?;
    if let Some(lowest) = rule.min_confidence {
        seen.retain(|seen| seen.confidence.is_some_and(|confidence| confidence >= lowest));
    }
    seen.sort_by_key(|seen| (seen.start_ms, seen.end_ms));
    let default_gap_ms = match source {
        Aggregation::Timestamps => Some(MAX_GAP_MS),
        Aggregation::Segments => None,
    };
    Ok(match rule.gap_ms.or(default_gap_ms) {
        Some(gap_ms) => joined(&seen, gap_ms),
        None => seen,
    })
}

/// Reads each row as an interval. A sample has no duration, and has a row for each instance.
fn samples_or_segments<R: ChunkReader + 'static>(file: R, source: Aggregation) -> anyhow::Result<Vec<Interval>> {
    let reader = SerializedFileReader::new(file)?;
    let [start, end] = match source {
        Aggregation::Timestamps => ["timestamp_ms"; 2],
        Aggregation::Segments => ["start_timestamp_ms", "end_timestamp_ms"],
    };
    let mut seen = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let (starts, ends) = (values::<Int64Type>(&*group, start)?, values::<Int64Type>(&*group, end)?);
        let confidences = values::<FloatType>(&*group, "confidence")?;
        for ((start, end), confidence) in starts.into_iter().zip(ends).zip(confidences) {
            // A segment without one of its times takes the other.
            if let Some((start_ms, end_ms)) = start.or(end).zip(end.or(start)) {
                seen.push(Interval { start_ms, end_ms: end_ms.max(start_ms), confidence });
            }
        }
    }
    Ok(seen)
}

/// Joins sorted intervals that are at most `gap_ms` apart.
fn joined(sorted: &[Interval], gap_ms: i64) -> Vec<Interval> {
    let mut joined: Vec<Interval> = Vec::new();
    for &next in sorted {
        match joined.last_mut() {
            Some(last) if next.start_ms.saturating_sub(last.end_ms) <= gap_ms => {
                last.end_ms = last.end_ms.max(next.end_ms);
                let confidences = [last.confidence, next.confidence].into_iter().flatten();
                last.confidence = confidences.reduce(f32::max);
            }
            _ => joined.push(next),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(start_ms: i64, end_ms: i64, confidence: Option<f32>) -> Interval {
        Interval { start_ms, end_ms, confidence }
    }

    #[test]
    fn a_gap_ends_an_interval() {
        let samples = [(0, Some(80.0)), (0, None), (1000, Some(90.0)), (2001, None), (9000, Some(1.0))];
        let samples = samples.map(|(ms, confidence)| interval(ms, ms, confidence));
        let expected = [interval(0, 1000, Some(90.0)), interval(2001, 2001, None), interval(9000, 9000, Some(1.0))];
        assert_eq!(joined(&samples, 1000), expected);
        assert_eq!(joined(&samples, 0).len(), 4);
        assert_eq!(joined(&samples, i64::MAX), [interval(0, 9000, Some(90.0))]);
        let nested = [interval(0, 5000, None), interval(1000, 2000, None), interval(5000, 6000, None)];
        assert_eq!(joined(&nested, 0), [interval(0, 6000, None)]);
    }

    #[test]
    fn the_frame_of_the_last_sample_belongs_to_it_and_that_of_the_end_of_a_segment_does_not() {
        let rate = "25".parse().unwrap();
        let frames = |end_ms, source| interval(1000, end_ms, None).frames(rate, source);
        assert_eq!(frames(2000, Aggregation::Timestamps), 25..51);
        assert_eq!(frames(2000, Aggregation::Segments), 25..50);
        assert_eq!(frames(1000, Aggregation::Timestamps), 25..26);
        assert_eq!(frames(1000, Aggregation::Segments), 25..26);
    }
}
