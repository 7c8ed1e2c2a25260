//! Faults: the requests they apply to, and what they do.

pub(crate) mod action;
pub(crate) mod fault;
pub(crate) mod gate;
pub(crate) mod injector;
pub(crate) mod random;
