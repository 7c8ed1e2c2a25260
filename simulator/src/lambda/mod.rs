//! AWS Lambda: Invoke and the Runtime API.

pub(crate) mod invocations;
pub(crate) mod service;
