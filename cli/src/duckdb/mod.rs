//! A lake in DuckDB: views of its tables, the saved queries in DuckDB's dialect, and the program that runs them.

pub(crate) mod all_jobs;
pub(crate) mod program;
pub(crate) mod saved_queries;
pub(crate) mod views;

/// Returns a string literal. DuckDB escapes only the quote.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
