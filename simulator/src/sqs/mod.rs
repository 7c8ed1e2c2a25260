//! Amazon SQS: queues and their messages.

pub(crate) mod queue;
pub(crate) mod service;
