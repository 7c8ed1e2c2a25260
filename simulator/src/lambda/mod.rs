//! AWS Lambda: the function, Invoke and the Runtime API.

pub(crate) mod function;
pub(crate) mod invocations;
pub(crate) mod service;
