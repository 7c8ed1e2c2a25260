//! The saved queries in `queries/`, and their translation from Athena's dialect to DuckDB's.

use label_lake::table::schema::{JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS, Table};

use super::all_jobs::{ALL_JOBS_TABLES, AllJobsTable};
use super::literal;

/// A file of `queries/`.
#[derive(Debug)]
pub(crate) struct SavedQuery {
    pub(crate) name: &'static str,
    /// Names of the values, one for each `?` in the text, in order.
    pub(crate) values: &'static [&'static str],
    /// Comment lines that explain the query, and one statement without a semicolon.
    text: &'static str,
}

macro_rules! saved_query {
    ($name:literal, $values:expr) => {
        saved_query!("", $name, $values)
    };
    ($folder:literal, $name:literal, $values:expr) => {
        SavedQuery {
            name: $name,
            values: &$values,
            text: include_str!(concat!("../../../queries/", $folder, $name, ".sql")),
        }
    };
}

/// All saved queries, by name.
pub(crate) static SAVED_QUERIES: [SavedQuery; 17] = [
    saved_query!("biggest-labels-of-a-period", ["FROM", "UNTIL"]),
    saved_query!("boxes-in-pixels", ["JOB", "LABEL"]),
    saved_query!("failed-jobs", []),
    saved_query!("all/", "failures-by-reason", []),
    saved_query!("inventory-of-a-job", ["JOB"]),
    saved_query!("jobs-of-a-video", ["BUCKET", "KEY"]),
    saved_query!("all/", "labels-by-month", ["FROM", "UNTIL"]),
    saved_query!("labels-of-a-video", ["JOB"]),
    saved_query!("labels-seen-together", ["JOB"]),
    saved_query!("all/", "labels-that-come-and-go", []),
    saved_query!("long-segments", ["JOB", "SECONDS"]),
    saved_query!("all/", "pairs-of-labels", []),
    saved_query!("screen-time-from-segments", ["JOB"]),
    saved_query!("all/", "screen-time-of-a-label", ["LABEL"]),
    saved_query!("all/", "similar-videos", ["JOB"]),
    saved_query!("videos-with-a-label", ["LABEL"]),
    saved_query!("where-a-label-is-seen", ["JOB", "LABEL"]),
];

/// Replacements of what DuckDB does not have, as pairs of Athena's text and DuckDB's. All other SQL in the queries has the
/// same meaning in both.
const REPLACEMENTS: [(&str, &str); 3] = [
    // Athena makes a column of each field of the structs. DuckDB makes one column of the struct. It gets the name of the
    // table, so that references to its fields stay valid.
    ("UNNEST(j.labels) AS l\n", "UNNEST(j.labels) AS l (l)\n"),
    // DuckDB returns the time in UTC without a time zone.
    ("from_unixtime(j.completed_at_ms / 1e3)", "epoch_ms(j.completed_at_ms)"),
    ("date_format(", "strftime("),
];

impl SavedQuery {
    /// Returns the query with this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        SAVED_QUERIES.iter().find(|query| query.name == name)
    }

    /// Returns the first paragraph of the comment.
    pub(crate) fn description(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("-- "));
        lines.collect::<Vec<_>>().join(" ")
    }

    /// Returns the tables of the lake that the query reads, also by a view of all jobs.
    pub(crate) fn tables(&self) -> Vec<&'static Table> {
        let sources: Vec<_> = self.all_jobs_tables().flat_map(|view| view.sources).map(|table| table.name).collect();
        let is_read = |table: &&Table| self.reads(table.name) || sources.contains(&table.name);
        [&JOBS, &LABEL_DETECTIONS, &LABEL_SEGMENTS].into_iter().filter(is_read).collect()
    }

    /// Returns the tables of all jobs that the query reads.
    pub(crate) fn all_jobs_tables(&self) -> impl Iterator<Item = &'static AllJobsTable> {
        ALL_JOBS_TABLES.iter().filter(|table| self.reads(table.name))
    }

    fn reads(&self, table: &str) -> bool {
        let name = format!(" {table} ");
        self.text.lines().any(|line| !line.starts_with("--") && line.contains(&name))
    }

    /// Returns the comment and the statement in Athena's dialect, with a `?` for each value.
    pub(crate) fn athena(&self) -> &'static str {
        self.text
    }

    /// Returns the comment and the statement in DuckDB's dialect, with `values` as string literals in place of the `?`.
    ///
    /// `values` has as many elements as `self.values`.
    pub(crate) fn duckdb(&self, values: &[String]) -> String {
        let mut text = self.text.to_owned();
        for (athena, duckdb) in REPLACEMENTS {
            text = text.replace(athena, duckdb);
        }
        let mut parts = text.trim_end().split('?');
        let mut sql = parts.next().unwrap_or_default().to_owned();
        for (value, part) in values.iter().zip(parts) {
            sql.push_str(&literal(value));
            sql.push_str(part);
        }
        sql + ";\n"
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn has_every_file_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../queries");
        let entries = |folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries(folder.clone()).chain(entries(folder.join("all")));
        let queries = files.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
        let mut names: Vec<_> = queries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(SAVED_QUERIES.iter().map(|query| query.name).collect::<Vec<_>>(), names);
    }

    #[test]
    fn names_every_value_of_a_query() {
        for query in &SAVED_QUERIES {
            assert_eq!(query.text.matches('?').count(), query.values.len(), "{}", query.name);
        }
    }

    #[test]
    fn replaces_what_duckdb_does_not_have() {
        for (athena, _) in REPLACEMENTS {
            assert!(SAVED_QUERIES.iter().any(|query| query.text.contains(athena)), "{athena}");
        }
        for query in &SAVED_QUERIES {
            let sql = query.duckdb(&vec![String::new(); query.values.len()]);
            assert!(!sql.contains("unixtime"), "{sql}");
            assert_eq!(sql.matches("UNNEST(").count(), sql.matches("AS l (l)\n").count(), "{sql}");
        }
    }

    #[test]
    fn reads_jobs_and_the_table_in_the_from_clause() {
        let tables =
            |name| -> Vec<_> { SavedQuery::named(name).unwrap().tables().iter().map(|table| table.name).collect() };
        assert_eq!(tables("failed-jobs"), ["jobs"]);
        assert_eq!(tables("boxes-in-pixels"), ["jobs", "label_detections"]);
        assert_eq!(tables("long-segments"), ["jobs", "label_segments"]);
        assert_eq!(tables("similar-videos"), ["jobs"]);
        assert_eq!(tables("screen-time-of-a-label"), ["jobs", "label_detections"]);
    }
}
