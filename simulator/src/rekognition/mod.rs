//! Amazon Rekognition: label detection jobs and the pages of their results.

pub(crate) mod job;
pub(crate) mod labels;
pub(crate) mod quota;
pub(crate) mod recorded;
pub(crate) mod service;

mod page;
mod request;
mod token;
