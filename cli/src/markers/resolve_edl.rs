//! The EDL in which DaVinci Resolve exports and imports the markers of a timeline: CMX 3600, with a line of Resolve's own below
//! each event.

use std::fmt::Write as _;

use super::{Marker, Markers, confidence_text};
use crate::output::text::count;

/// Returns an event of one frame for each marker, as Resolve writes them. The duration is in Resolve's line, so the events do
/// not overlap.
///
/// Resolve has one marker on a frame at most, and drops others without a word. Labels that are first seen on the same frame
/// therefore share a marker: its name has all of their names, it is as long as the longest, and its notes have the confidence
/// and the frames of each label.
pub(super) fn format(markers: &Markers) -> anyhow::Result<String> {
    let mode = if markers.counting.is_drop_frame() { "DROP FRAME" } else { "NON-DROP FRAME" };
    let mut text = format!("TITLE: {}\nFCM: {mode}\n", markers.title());
    let on_one_frame = markers.list.chunk_by(|a, b| a.frames.start == b.frames.start);
    for (number, shared) in (1..).zip(on_one_frame) {
        let Some(first) = shared.first() else { continue };
        let start = markers.timecode(first.frames.start)?;
        let end = markers.timecode(first.frames.start + 1)?;
        let names: Vec<_> = shared.iter().map(|marker| without_bar(&marker.name)).collect();
        let notes: Vec<_> = shared.iter().map(note).collect();
        let duration = shared.iter().map(Marker::duration).max().unwrap_or(1);
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n{number:03}  001      V     C        {start} {end} {start} {end}  \n\
             Seen: {} |C:ResolveColorBlue |M:{} |D:{duration}\n",
            notes.join("; "),
            names.join(", ")
        );
    }
    Ok(text)
}

/// Returns the label, its confidence, and its number of frames.
///
/// The notes begin with `Seen:`, because Resolve takes a line that begins with a digit for an event. They have no timecode
/// for the same reason.
fn note(marker: &Marker) -> String {
    let confidence = marker.interval.confidence.map(confidence_text);
    let frames = count(marker.duration() as usize, "frame");
    let facts: Vec<_> = confidence.into_iter().chain([frames]).collect();
    format!("{} ({})", without_bar(&marker.name), facts.join(", "))
}

/// Replaces the character that begins a field in Resolve's line.
fn without_bar(name: &str) -> String {
    name.replace('|', "¦")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::samples::markers;
    use super::*;

    #[test]
    fn merges_markers_that_begin_on_one_frame() {
        let text = format(&markers("29.97", "01:00:00;00")).unwrap();
        expect![[r"
            TITLE: beach <day>.mp4
            FCM: DROP FRAME

            001  001      V     C        01:00:00;00 01:00:00;01 01:00:00;00 01:00:00;01  
            Seen: Dog (98.5 %, 61 frames); a --> <b> & ¦ c (1 frame) |C:ResolveColorBlue |M:Dog, a --> <b> & ¦ c |D:61

            002  001      V     C        01:59:59;29 02:00:00;00 01:59:59;29 02:00:00;00  
            Seen: \n=1+1 (50.0 %, 31 frames) |C:ResolveColorBlue |M:\n=1+1 |D:31
        "]]
        .assert_eq(&text);
    }

    #[test]
    fn counts_all_numbers_if_the_start_does() {
        let text = format(&markers("29.97", "01:00:00:00")).unwrap();
        assert!(text.contains("\nFCM: NON-DROP FRAME\n"), "{text}");
        assert!(text.contains(" 01:59:56:11 01:59:56:12 01:59:56:11 01:59:56:12  \n"), "{text}");
    }
}
