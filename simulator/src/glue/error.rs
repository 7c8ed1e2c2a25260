//! Glue's errors.

/// An error for a request or for one entry of a batch.
#[derive(Debug)]
pub(crate) struct GlueError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl GlueError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A field that violates a constraint of the API's model.
    pub(crate) fn validation(field: &str, constraint: &str) -> Self {
        let message =
            format!("1 validation error detected: Value at '{field}' failed to satisfy constraint: {constraint}");
        Self::new("ValidationException", message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidInputException", message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new("EntityNotFoundException", message)
    }

    pub(crate) fn exists(message: impl Into<String>) -> Self {
        Self::new("AlreadyExistsException", message)
    }
}
