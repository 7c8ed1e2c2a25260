//! CSV: a table for spreadsheets and scripts, as RFC 4180 defines it.

use csv::{Terminator, WriterBuilder};

use super::Markers;

const COLUMNS: [&str; 8] =
    ["label", "start_timecode", "end_timecode", "start_frame", "end_frame", "start_ms", "end_ms", "confidence"];

/// Returns a row for each marker. The timecode and the frame of the end are exclusive.
pub(super) fn format(markers: &Markers) -> anyhow::Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for marker in &markers.markers {
        let (frames, interval) = (&marker.frames, marker.interval);
        writer.write_record([
            without_formula(&marker.name),
            markers.timecode(frames.start)?.to_string(),
            markers.timecode(frames.end)?.to_string(),
            frames.start.to_string(),
            frames.end.to_string(),
            interval.start_ms.to_string(),
            interval.end_ms.to_string(),
            interval.confidence.map(|confidence| confidence.to_string()).unwrap_or_default(),
        ])?;
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

/// Puts an apostrophe before a name that a spreadsheet would execute as a formula. A name that begins with an apostrophe gets
/// one more, so that a script finds every name by removing one.
fn without_formula(name: &str) -> String {
    let is_special = name.starts_with(['=', '+', '-', '@', '\'', '＝', '＋', '－', '＠']);
    if is_special { format!("'{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::samples::markers;
    use super::*;

    #[test]
    fn writes_rows_with_quotes_where_needed() {
        let text = String::from_utf8(format(&markers("25", "00:00:00:00")).unwrap()).unwrap();
        assert!(text.ends_with("\r\n"));
        expect![[r#"
            label,start_timecode,end_timecode,start_frame,end_frame,start_ms,end_ms,confidence
            Dog,00:00:00:00,00:00:02:01,0,51,0,2000,98.5
            "#]]
        .assert_eq(&text.replace("\r\n", "\n"));
    }

    #[test]
    fn no_name_is_a_formula() {
        for (name, field) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("'=1", "''=1"),
            ("＝1", "'＝1"),
            ("1=1", "1=1"),
        ] {
            assert_eq!(without_formula(name), field);
        }
    }
}
