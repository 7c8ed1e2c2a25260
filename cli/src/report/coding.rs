//! Coding of numbers, bytes and text in a report. The documentation of the parent module describes the whole format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::deflate::compress_to_vec;
use serde::Serialize;

/// Level of the compression: the highest that `zlib` has too.
const LEVEL: u8 = 9;
/// Number of steps of a coordinate per width or height of the frame: a quarter of a pixel of a frame 1,920 pixels wide.
const STEPS: f32 = 8192.0;

/// Returns the code of a confidence in percent: 1 if it is absent, else 2 plus the whole percent below it. A whole number
/// answers exactly whether a confidence is at least a whole percentage. 0 stays free for "not detected".
pub(super) fn confidence_code(confidence: Option<f32>) -> u8 {
    confidence.map_or(1, |percent| 2 + percent.clamp(0.0, 100.0) as u8)
}

/// Returns the code of a coordinate, which is a ratio of the frame. Coordinates far outside the frame are moved to the
/// nearest code, four frames away.
pub(super) fn ratio_code(ratio: f32) -> i16 {
    (ratio * STEPS).round() as i16
}

/// Adds an unsigned number in LEB128, seven bits per byte and the lowest first.
pub(super) fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Compresses bytes, and returns them as text that is safe in every place of a page.
pub(super) fn pack(bytes: &[u8]) -> String {
    STANDARD.encode(compress_to_vec(bytes, LEVEL))
}

/// Returns JSON that can neither end the script element it is in, nor begin a comment there.
pub(super) fn script_json(value: &impl Serialize) -> anyhow::Result<String> {
    let json = serde_json::to_string(value)?;
    // In JSON, these characters occur in strings only.
    Ok(json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

/// Escapes text for HTML, in elements and in quoted attributes.
pub(super) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use miniz_oxide::inflate::decompress_to_vec;

    use super::*;

    #[test]
    fn confidences_keep_their_order_and_their_whole_percent() {
        let given = [None, Some(0.0), Some(49.99), Some(50.0), Some(99.999), Some(100.0), Some(1e9), Some(-1.0)];
        assert_eq!(given.map(confidence_code), [1, 2, 51, 52, 101, 102, 102, 2]);
    }

    #[test]
    fn coordinates_may_be_outside_the_frame() {
        assert_eq!([-0.5, 0.0, 1.0, 1.0078, 9.0, -9.0].map(ratio_code), [-4096, 0, 8192, 8256, i16::MAX, i16::MIN]);
    }

    #[test]
    fn varints_have_seven_bits_per_byte() {
        let mut bytes = Vec::new();
        for value in [0, 127, 128, 300, 1 << 52] {
            push_varint(&mut bytes, value);
        }
        assert_eq!(bytes, [0, 127, 0x80, 1, 0xac, 2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 8]);
    }

    #[test]
    fn packed_bytes_are_raw_deflate() {
        let bytes = b"a label, a label, a label".repeat(9);
        let packed = STANDARD.decode(pack(&bytes)).unwrap();
        assert!(packed.len() < bytes.len() / 2);
        assert_eq!(decompress_to_vec(&packed).unwrap(), bytes);
    }

    #[test]
    fn json_cannot_end_its_element() {
        let json = script_json(&"</script><!-- \u{2028}\u{2029}\"").unwrap();
        assert_eq!(json, r#""\u003c/script>\u003c!-- \u2028\u2029\"""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "</script><!-- \u{2028}\u{2029}\"");
        assert_eq!(escape_html("<a b='&\">"), "&lt;a b=&#39;&amp;&quot;&gt;");
    }
}
