//! Amazon S3: buckets and their objects.

pub(crate) mod buckets;
pub(crate) mod service;
pub(crate) mod store;

mod checksums;
mod directory;
mod errors;
mod listing;
pub(crate) mod object;
