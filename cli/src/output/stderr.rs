//! Standard error.

use super::text::printable;
use crate::error::error_lines;

/// Prints an error with its sources, and its hints on lines of their own.
pub(crate) fn print_error(error: &anyhow::Error) {
    for line in error_lines(error) {
        eprintln!("{}", printable(&line));
    }
}
