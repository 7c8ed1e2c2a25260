//! The tables of the lake: columns, keys, and the way from labels to rows and Parquet files.
//!
//! Everything here is a plain function over values: no client, no async.

pub mod aggregation;
pub mod grouping;
pub mod layout;
pub mod parquet;
pub mod rows;
pub mod schema;
