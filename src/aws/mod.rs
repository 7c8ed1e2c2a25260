//! The parts that all AWS calls share: clients, TLS roots, error classes, retries and the deadline.

pub(crate) mod call;
pub mod caller;
pub mod clients;
pub mod deadline;
pub mod diagnose;
pub mod names;
pub(crate) mod retry;
pub mod service;
mod tls_roots;
