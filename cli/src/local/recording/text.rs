//! The text of a recorded file, in the encodings in which shells and editors save it.

use anyhow::{anyhow, bail};

use crate::error::with_hint;

const UTF_16_LE_BOM: &[u8] = b"\xFF\xFE";
const UTF_16_BE_BOM: &[u8] = b"\xFE\xFF";
/// First bytes of a gzip file.
const GZIP: &[u8] = b"\x1F\x8B";

/// Returns the text of a file. Windows PowerShell 5.1 writes UTF-16 with `>`, and some editors add a byte order mark.
///
/// # Errors
/// The bytes are compressed, or are not text.
pub(super) fn decode_text(bytes: Vec<u8>) -> anyhow::Result<String> {
    if bytes.starts_with(GZIP) {
        return Err(with_hint(anyhow!("it is compressed with gzip"), "decompress it first"));
    }
    let utf_16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        let text = String::from_utf16(&units.iter().map(|&bytes| unit(bytes)).collect::<Vec<_>>());
        text.ok().filter(|_| rest.is_empty())
    };
    let text = if let Some(bytes) = bytes.strip_prefix(UTF_16_LE_BOM) {
        utf_16(bytes, u16::from_le_bytes)
    } else if let Some(bytes) = bytes.strip_prefix(UTF_16_BE_BOM) {
        utf_16(bytes, u16::from_be_bytes)
    } else {
        String::from_utf8(bytes).ok().map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    };
    match text {
        Some(text) => Ok(text),
        None => bail!("it is neither UTF-8 nor UTF-16 with a byte order mark"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_encoding_of_the_same_text() {
        let text = r#"{"Name": "Caño"}"#;
        let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        for bytes in [
            text.as_bytes().to_vec(),
            format!("\u{feff}{text}").into_bytes(),
            [UTF_16_LE_BOM, &units(u16::to_le_bytes)].concat(),
            [UTF_16_BE_BOM, &units(u16::to_be_bytes)].concat(),
        ] {
            assert_eq!(decode_text(bytes).unwrap(), text);
        }
    }

    #[test]
    fn says_what_other_bytes_are() {
        for (bytes, word) in [(&b"\x1F\x8B\x08"[..], "gzip"), (b"\xFF\xFE\x00", "UTF-16"), (b"\xFF", "UTF-8")] {
            let error = decode_text(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
