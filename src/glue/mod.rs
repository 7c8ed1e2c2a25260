//! Partitions in the AWS Glue Data Catalog, where Athena looks them up.

pub mod catalog;
pub mod client;
pub mod registration;
mod shapes;
