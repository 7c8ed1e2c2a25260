//! The result pages of a job: calls to `GetLabelDetection`, deferred parsing, and rate limiting.

pub mod pace;
pub(crate) mod page;
pub(crate) mod pages;
pub(crate) mod reply;
