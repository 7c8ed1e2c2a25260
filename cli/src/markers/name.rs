//! Names of labels as markers show them. They come from outside.

use std::fmt::Write as _;

use crate::output::text::{NO_NAME, printable};

/// Returns the name of a label on one line, with nothing that a program would execute or that a file could not hold.
///
/// Characters that control a terminal or the direction of the text, that end a line, or that XML does not allow are
/// escaped as in Rust: a line feed becomes `\n`.
pub(super) fn marker_name(label: Option<&str>) -> String {
    let Some(name) = label.filter(|name| !name.is_empty()) else { return NO_NAME.to_owned() };
    if name.trim().is_empty() {
        return name.escape_unicode().to_string();
    }
    let mut text = String::new();
    for character in printable(name).chars() {
        if matches!(character, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}') {
            // Writing to a String does not fail.
            let _ = write!(text, "{}", character.escape_unicode());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_printable_characters() {
        for (name, expected) in [
            ("Farmer's Market", "Farmer's Market"),
            ("حصان 🐎", "حصان 🐎"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("a\u{2028}b\u{ffff}", "a\\u{2028}b\\u{ffff}"),
            (" ", "\\u{20}"),
            ("", "(no name)"),
        ] {
            assert_eq!(marker_name(Some(name)), expected);
        }
        assert_eq!(marker_name(None), "(no name)");
    }
}
