//! Errors with a hint: a line with the fact, and a line with the next step.

use std::error::Error as StdError;
use std::fmt;

/// An error with the next step for the person who ran the command.
#[derive(Debug)]
struct WithHint {
    error: anyhow::Error,
    hint: String,
}

impl fmt::Display for WithHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl StdError for WithHint {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

/// Adds the next step to an error. It is printed on a line of its own.
pub(crate) fn with_hint(error: anyhow::Error, hint: impl Into<String>) -> anyhow::Error {
    WithHint { error, hint: hint.into() }.into()
}

/// Returns the hints of an error and its sources.
pub(crate) fn hints(error: &anyhow::Error) -> Vec<String> {
    error.chain().filter_map(|cause| cause.downcast_ref::<WithHint>()).map(|error| error.hint.clone()).collect()
}

/// Adds the next step to an error, if there is one.
pub(crate) fn with_hint_if_any(error: anyhow::Error, hint: Option<String>) -> anyhow::Error {
    match hint {
        Some(hint) => with_hint(error, hint),
        None => error,
    }
}

/// Returns the lines to print: the error with its sources, and the hints of all of them.
pub(crate) fn error_lines(error: &anyhow::Error) -> Vec<String> {
    let hints = hints(error).into_iter().map(|hint| format!("hint: {hint}"));
    std::iter::once(format!("error: {error:#}")).chain(hints).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_hint_has_a_line_of_its_own_wherever_it_is_in_the_chain() {
        let denied = || anyhow!("permission denied").context("cannot create directory lake");
        let error = "error: cannot create directory lake: permission denied";
        let hint = "hint: choose another with --out";
        let outer = with_hint(denied(), "choose another with --out");
        assert_eq!(error_lines(&outer), [error, hint]);
        let inner = with_hint(denied(), "choose another with --out").context("job-1");
        assert_eq!(error_lines(&inner), ["error: job-1: cannot create directory lake: permission denied", hint]);
        assert_eq!(error_lines(&denied()), [error]);
    }
}
