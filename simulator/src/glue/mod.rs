//! AWS Glue: the Data Catalog.

pub(crate) mod error;
pub(crate) mod service;

mod catalog;
mod expression;
mod partitions;
