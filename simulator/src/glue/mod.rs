//! AWS Glue: the Data Catalog.

pub(crate) mod service;

mod catalog;
mod error;
mod expression;
mod partitions;
