//! The terminal that standard output is shown on.

use std::env;

use console::Term;

/// Returns the number of columns, or `None` if standard output is not a terminal.
pub(crate) fn width() -> Option<usize> {
    Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}

/// Returns true if the locale uses UTF-8, by the first of the POSIX variables that is set. Windows has no such variables,
/// and its terminals show UTF-8.
#[expect(clippy::disallowed_methods, reason = "these variables describe the terminal; they are not settings")]
pub(crate) fn is_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
    cfg!(windows) || locale.is_some_and(|locale| is_utf8_locale(&locale.to_string_lossy()))
}

fn is_utf8_locale(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_utf8_locales() {
        for (locale, is_utf8) in [
            ("en_US.UTF-8", true),
            ("C.utf8", true),
            ("de_DE.UTF-8@euro", true),
            ("C", false),
            ("POSIX", false),
            ("en_US.ISO-8859-1", false),
        ] {
            assert_eq!(is_utf8_locale(locale), is_utf8, "{locale}");
        }
    }
}
