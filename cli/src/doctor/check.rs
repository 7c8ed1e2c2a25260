//! The result of a check.

/// A check of a stack, with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// Name of the check.
    pub(crate) name: String,
    /// Fact that was found.
    pub(crate) text: String,
    /// Command that fixes the fault, or the next step if there is no command. `None` if there is no fault.
    pub(crate) fix: Option<String>,
}

/// A fault of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) text: String,
    /// Command that fixes the fault, or the next step if there is no command.
    pub(crate) fix: String,
}

impl Fault {
    pub(crate) fn new(text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { text: text.into(), fix: fix.into() }
    }
}

impl Check {
    /// Returns the result of the check with this name. The text without a fault is `Ok`.
    pub(crate) fn new(name: impl Into<String>, result: Result<String, Fault>) -> Self {
        let name = name.into();
        match result {
            Ok(text) => Self { name, text, fix: None },
            Err(Fault { text, fix }) => Self { name, text, fix: Some(fix) },
        }
    }

    pub(crate) fn is_fault(&self) -> bool {
        self.fix.is_some()
    }
}
