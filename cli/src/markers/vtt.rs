//! WebVTT: a track of cues that browsers and players show with the video.

use std::fmt::Write as _;

use super::Markers;

/// Returns a cue for each marker, in the order of their start. Its times are the first milliseconds at which a player shows
/// the first frame, and the frame after the last: a player that seeks to the start of a cue shows its first frame.
pub(super) fn format(markers: &Markers) -> String {
    let rate = markers.counting.rate();
    let mut text = format!("WEBVTT\n\nNOTE Labels of job {}, at {rate} frames a second\n", markers.job);
    for marker in &markers.list {
        let [start, end] = [marker.frames.start, marker.frames.end].map(|frame| timestamp(rate.ms_at(frame)));
        // Writing to a String does not fail.
        let _ = write!(text, "\n{start} --> {end}\n{}\n", escaped(&marker.name));
    }
    text
}

/// Returns a time as `hh:mm:ss.ttt`.
fn timestamp(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, ms % 1000)
}

/// Escapes the text of a cue. A name has no line feeds. Without `>`, it has no `-->`, which would begin another cue.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::samples::markers;
    use super::*;

    #[test]
    fn writes_cues_with_escaped_names() {
        expect![[r"
            WEBVTT

            NOTE Labels of job job-1, at 29.97 frames a second

            00:00:00.000 --> 00:00:02.036
            Dog

            00:00:00.000 --> 00:00:00.034
            a --&gt; &lt;b&gt; &amp; | c

            00:59:59.964 --> 01:00:00.998
            \n=1+1
        "]]
        .assert_eq(&format(&markers("29.97", "00:00:00;00")));
    }

    #[test]
    fn times_have_as_many_hours_as_they_need() {
        assert_eq!(timestamp(359_999_999), "99:59:59.999");
        assert_eq!(timestamp(360_000_000), "100:00:00.000");
    }
}
