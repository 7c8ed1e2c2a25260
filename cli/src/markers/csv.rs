//! CSV: a table for spreadsheets and scripts, as RFC 4180 defines it.

use std::fmt::Write as _;

use super::Markers;

/// End of a row.
const END: &str = "\r\n";

/// Returns a row for each marker. The timecode and the frame of the end are exclusive.
pub(super) fn format(markers: &Markers) -> anyhow::Result<String> {
    let mut rows = format!("label,start_timecode,end_timecode,start_frame,end_frame,start_ms,end_ms,confidence{END}");
    for marker in &markers.list {
        let (label, frames, interval) = (quoted(&without_formula(&marker.name)), &marker.frames, marker.interval);
        let (start, end) = (markers.timecode(frames.start)?, markers.timecode(frames.end)?);
        let confidence = interval.confidence.map(|confidence| confidence.to_string()).unwrap_or_default();
        // Writing to a String does not fail.
        let _ = write!(
            rows,
            "{label},{start},{end},{},{},{},{},{confidence}{END}",
            frames.start, frames.end, interval.start_ms, interval.end_ms
        );
    }
    Ok(rows)
}

/// Quotes a field that has a separator or a quote. A name has no line feeds.
fn quoted(field: &str) -> String {
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
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
        let text = format(&markers("25", "00:00:00:00")).unwrap();
        assert!(text.ends_with("\r\n"));
        expect![[r"
            label,start_timecode,end_timecode,start_frame,end_frame,start_ms,end_ms,confidence
            Dog,00:00:00:00,00:00:02:01,0,51,0,2000,98.5
            a --> <b> & | c,00:00:00:00,00:00:00:01,0,1,0,0,
            \n=1+1,00:59:59:24,01:00:01:00,89999,90025,3599963,3601000,50
        "]]
        .assert_eq(&text.replace("\r\n", "\n"));
    }

    #[test]
    fn quotes_separators_and_quotes() {
        assert_eq!([r#"a "b""#, "a,b", "a b"].map(quoted), [r#""a ""b""""#, r#""a,b""#, "a b"]);
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
