//! The tables of the lake: columns, object keys, and the conversion of labels to rows and Parquet files.
//!
//! Everything here is a plain function over values, without clients and without async.

pub mod aggregation;
pub(crate) mod content;
pub(crate) mod grouping;
pub mod layout;
pub mod parquet;
pub mod rows;
pub mod schema;
