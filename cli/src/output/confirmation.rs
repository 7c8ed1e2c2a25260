//! Confirmation by the person who runs a command.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::anyhow;

use crate::error::with_hint;

/// Checks that a person can be asked. `action` completes "pass --yes to ".
pub(crate) fn require_terminal(action: &str) -> anyhow::Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    let error = anyhow!("cannot ask for confirmation, because standard input is not a terminal");
    Err(with_hint(error, format!("pass --yes to {action} without confirmation")))
}

/// Asks a question. Returns true if the answer is yes.
pub(crate) fn confirm(question: &str) -> anyhow::Result<bool> {
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(&*answer.trim().to_ascii_lowercase(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn only_yes_in_any_case_confirms() {
        for answer in ["y\n", "Y\n", "yes\n", "YES\r\n", " Yes \n"] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "n\n", "no\n", "yes please\n", "ye\n"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }
}
