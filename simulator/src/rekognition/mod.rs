//! Amazon Rekognition: label detection jobs, their start, and the pages of their results.

pub(crate) mod job;
pub(crate) mod labels;
pub(crate) mod quota;
pub(crate) mod recorded;
pub(crate) mod service;
pub(crate) mod start_request;
pub(crate) mod starts;

mod page;
mod request;
mod token;
