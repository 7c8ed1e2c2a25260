//! The statements that keep the tables of all jobs, as `label-lake ddl --all` prints them.
//!
//! The stack runs the same statements in Athena; their texts are the files of `all-jobs/`. Trino has Athena's dialect but for
//! CREATE TABLE, OPTIMIZE and VACUUM. Spark also has other functions for lists.

use std::fmt::Write as _;

use label_lake::table::schema::{Column, ColumnType, JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS};

/// The engine that runs the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Athena,
    /// Trino, with a catalog `hive` for the tables of the lake and a catalog `iceberg` for the tables of all jobs.
    Trino,
    /// Spark, with a session catalog that has both kinds of tables.
    Spark,
}

/// A file of `all-jobs/`.
struct Statement {
    name: &'static str,
    /// Comment lines, and one statement without a semicolon.
    text: &'static str,
}

macro_rules! statements {
    ($($name:literal),*) => {
        [$(Statement { name: $name, text: include_str!(concat!("../../all-jobs/", $name, ".sql")) }),*]
    };
}

/// All statements, in the order in which they are run.
static STATEMENTS: [Statement; 13] = statements![
    "create-detections",
    "create-segments",
    "create-jobs",
    "pending",
    "merge-detections",
    "merge-segments",
    "merge-jobs",
    "optimize-detections",
    "optimize-segments",
    "optimize-jobs",
    "vacuum-detections",
    "vacuum-segments",
    "vacuum-jobs"
];

/// A table of all jobs.
struct AllJobsTable {
    name: &'static str,
    /// End of the names of its statements.
    suffix: &'static str,
    /// The columns that its table of the lake has.
    columns: &'static [Column],
    /// True if the table has the columns `job_id`, `label` and `completed_at_ms` before the others, and buckets of labels as
    /// partitions.
    has_labels: bool,
}

const ALL_JOBS_TABLES: [AllJobsTable; 3] = [
    AllJobsTable { name: "all_detections", suffix: "detections", columns: LABEL_DETECTIONS.columns, has_labels: true },
    AllJobsTable { name: "all_segments", suffix: "segments", columns: LABEL_SEGMENTS.columns, has_labels: true },
    AllJobsTable { name: "all_jobs", suffix: "jobs", columns: JOBS.columns, has_labels: false },
];

/// Replacements of what Spark does not have, as pairs of Athena's text and Spark's. All other SQL of `pending` and the merges
/// has the same meaning in both.
const SPARK_REPLACEMENTS: [(&str, &str); 13] = [
    ("AS varchar)", "AS string)"),
    ("ARRAY[j.", "array(j."),
    ("_count], '/'", "_count), '/'"),
    ("length(to_utf8(path))", "octet_length(path)"),
    // Spark has no partition projection.
    ("_by_job d\n", " d\n"),
    // Quotes and backslashes are escaped by a backslash. Two quotes in a row are a quote only in Athena, and since Spark 4.
    ("|| replace(", "|| regexp_replace("),
    (", '''', '''''')", ", \"(['\\\\\\\\])\", \"\\\\\\\\$1\")"),
    ("''''", "\"'\""),
    // The array_agg of no rows is an empty array.
    ("(put, '''no job''')", "(nullif(put, ''), \"'no job'\")"),
    ("(paths, '''no job''')", "(nullif(paths, ''), \"'no job'\")"),
    // The order of the jobs in a batch does not matter.
    (" ORDER BY number)", ")"),
    // Spark has no path of a file of a Hive table that it could select files by. All paths are then the same text.
    ("j.\"$path\" AS path", "'' AS path"),
    ("j.\"$path\" IN", "'' IN"),
];

/// Returns comments and the statements. Each statement ends with a `;` at the end of its last line.
///
/// `location` is the URL of the lake, without a slash at the end.
pub(crate) fn statements(engine: Engine, location: &str, database: &str) -> String {
    let (mut sql, location) = (heading(engine, database), engine.escape(location));
    for statement in &STATEMENTS {
        // Writing to a String does not fail.
        let _ = write!(sql, "\n-- {}\n--\n", statement.name);
        for line in statement.text.lines().take_while(|line| line.starts_with("--")) {
            let _ = writeln!(sql, "{line}");
        }
        let _ = writeln!(sql, "{};", statement.in_dialect(engine, &location, database));
    }
    sql
}

impl Statement {
    /// Returns the statement without its comment.
    fn in_dialect(&self, engine: Engine, location: &str, database: &str) -> String {
        let (action, suffix) = self.name.split_once('-').unwrap_or((self.name, ""));
        let table = ALL_JOBS_TABLES.iter().find(|table| table.suffix == suffix);
        match (engine, action, table) {
            (Engine::Athena, ..) | (_, "pending" | "merge", _) | (.., None) => {
                let text = self.text.lines().skip_while(|line| line.starts_with("--"));
                engine.translate(&text.collect::<Vec<_>>().join("\n"), location, database)
            }
            (Engine::Trino, "create", Some(table)) => table.create_in_trino(location, database),
            (Engine::Spark, "create", Some(table)) => table.create_in_spark(location, database),
            (Engine::Trino, "optimize", Some(table)) => {
                format!("ALTER TABLE {} EXECUTE optimize", in_iceberg(database, table.name))
            }
            // Trino refuses to expire snapshots of the last 7 days, unless its configuration allows it.
            (Engine::Trino, _, Some(table)) => {
                let table = in_iceberg(database, table.name);
                format!("ALTER TABLE {table} EXECUTE expire_snapshots(retention_threshold => '7d')")
            }
            (Engine::Spark, "optimize", Some(table)) => format!(
                "CALL system.rewrite_data_files(\n    table => '`{database}`.{}', options => map('delete-file-threshold', '1')\n)",
                table.name
            ),
            (Engine::Spark, _, Some(table)) => {
                format!("CALL system.expire_snapshots(table => '`{database}`.{}')", table.name)
            }
        }
    }
}

impl Engine {
    /// Escapes a text for a string literal.
    fn escape(self, text: &str) -> String {
        match self {
            Self::Trino => text.replace('\'', "''"),
            Self::Athena | Self::Spark => text.replace('\\', "\\\\").replace('\'', "\\'"),
        }
    }

    /// Returns Athena's text in the dialect of the engine, with the names of its tables.
    fn translate(self, athena: &str, location: &str, database: &str) -> String {
        match self {
            Self::Athena => athena.replace("${Location}", location).replace("{run}", RUN),
            Self::Trino => {
                let (hive, iceberg) = (in_hive(database, ""), in_iceberg(database, ""));
                let mut text = athena.to_owned();
                for table in ["jobs ", "label_detections_by_job ", "label_segments_by_job "] {
                    text = text.replace(&format!("FROM {table}"), &format!("FROM {hive}{table}"));
                }
                text.replace("FROM all_", &format!("FROM {iceberg}all_"))
                    .replace("INTO all_", &format!("INTO {iceberg}all_"))
            }
            Self::Spark => SPARK_REPLACEMENTS
                .into_iter()
                .fold(athena.to_owned(), |text, (athena, spark)| text.replace(athena, spark)),
        }
    }
}

/// Last folder of the location of a table. It differs each time that the table is created.
const RUN: &str = "1";

impl AllJobsTable {
    fn create_in_trino(&self, location: &str, database: &str) -> String {
        let partitioning = if self.has_labels { "partitioning = ARRAY['bucket(label, 32)'], " } else { "" };
        format!(
            "CREATE TABLE IF NOT EXISTS {} (\n{}\n)\nWITH (format = 'PARQUET', {partitioning}location = '{}')",
            in_iceberg(database, self.name),
            self.definitions(trino_type),
            self.location(location),
        )
    }

    fn create_in_spark(&self, location: &str, database: &str) -> String {
        let partitioned = if self.has_labels { "PARTITIONED BY (bucket(32, label))\n" } else { "" };
        format!(
            "CREATE TABLE IF NOT EXISTS `{database}`.{} (\n{}\n)\nUSING iceberg\n{partitioned}LOCATION '{}'\n\
             TBLPROPERTIES ('format-version' = '2', 'write.merge.mode' = 'merge-on-read')",
            self.name,
            self.definitions(ColumnType::hive),
            self.location(location),
        )
    }

    fn location(&self, lake: &str) -> String {
        format!("{lake}/all/{}/{RUN}", self.name)
    }

    fn definitions(&self, type_of: fn(&ColumnType) -> String) -> String {
        let keys = [("job_id", ColumnType::Text), ("label", ColumnType::Text), ("completed_at_ms", ColumnType::Bigint)];
        let keys = keys.iter().filter(|_| self.has_labels).map(|(name, column_type)| (*name, column_type));
        let columns = keys.chain(self.columns.iter().map(|column| (column.name, &column.column_type)));
        let lines: Vec<_> = columns.map(|(name, column_type)| format!("    {name} {}", type_of(column_type))).collect();
        lines.join(",\n")
    }
}

/// Returns the name of a table of the lake in Trino, or the part before a name.
fn in_hive(database: &str, table: &str) -> String {
    format!("hive.\"{database}\".{table}")
}

/// Returns the name of a table of all jobs in Trino, or the part before a name.
fn in_iceberg(database: &str, table: &str) -> String {
    format!("iceberg.\"{database}\".{table}")
}

fn trino_type(column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::Bigint => "bigint".to_owned(),
        ColumnType::Int => "integer".to_owned(),
        ColumnType::Float => "real".to_owned(),
        ColumnType::Text => "varchar".to_owned(),
        ColumnType::TextArray => "array(varchar)".to_owned(),
        ColumnType::StructArray(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.name, trino_type(&field.column_type))).collect();
            format!("array(row({}))", fields.join(", "))
        }
    }
}

/// Returns the comments before the statements. They have no quotes and no semicolons, which a program that splits the text
/// would take for SQL.
fn heading(engine: Engine, database: &str) -> String {
    let (name, place) = match engine {
        Engine::Athena => (
            "Athena",
            format!(
                "-- Run the statements in the database {database}. It also needs the tables that label-lake ddl --by-job prints. A\n\
                 -- stack with the parameter AllJobs does all of this itself.\n"
            ),
        ),
        Engine::Trino => (
            "Trino",
            "-- The tables of the lake are in the catalog hive, and those of all jobs in the catalog iceberg. Replace these\n\
             -- names if yours differ. The catalog hive also needs the tables that label-lake ddl --by-job prints, and the\n\
             -- properties hive.partition-projection-enabled=true and hive.recursive-directories=true.\n"
                .to_owned(),
        ),
        Engine::Spark => (
            "Spark",
            format!(
                "-- Run the statements in the database {database} of a catalog that has both Hive and Iceberg tables, such as\n\
                 -- org.apache.iceberg.spark.SparkSessionCatalog, with the SQL extensions of Iceberg. They read the partitioned\n\
                 -- tables, so the partitions of the jobs have to be registered. Spark keeps lists of files: run REFRESH TABLE\n\
                 -- for jobs, label_detections, and label_segments before each pending.\n"
            ),
        ),
    };
    format!(
        "-- The tables of all jobs of Label Lake, and the statements that keep them, for {name}\n\
         -- Each statement ends with a semicolon, and has its name in the comment before it.\n\
         {place}\
         --\n\
         -- Once, run the statements create. If you create a table again, change the last folder of its location, because it\n\
         -- must be empty.\n\
         --\n\
         -- As often as you like, run pending. If its column pending is 0, all jobs are in the tables. Otherwise, each of its\n\
         -- rows is a batch of jobs: for one row after the other, put its columns jobs, put, and paths in place of {{jobs}}, {{put}},\n\
         -- and {{paths}} in the statements merge, and run these in their order. Then begin again. A statement may be repeated,\n\
         -- and runs may overlap. If a merge fails with a conflict, begin again with pending. If pending returns the same rows\n\
         -- again, stop: the files of these jobs do not have as many rows as jobs says.\n\
         --\n\
         -- Once a week, run the statements optimize and vacuum.\n"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    const LOCATION: &str = "s3://my-lake/video";
    const ENGINES: [Engine; 3] = [Engine::Athena, Engine::Trino, Engine::Spark];

    fn text(name: &str, engine: Engine) -> String {
        let statement = STATEMENTS.iter().find(|statement| statement.name == name).unwrap();
        statement.in_dialect(engine, LOCATION, "label_lake")
    }

    #[test]
    fn has_every_file_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../all-jobs");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let statements = files.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
        let files: BTreeSet<_> =
            statements.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(STATEMENTS.iter().map(|statement| statement.name.to_owned()).collect::<BTreeSet<_>>(), files);
    }

    /// Returns the names of the columns of a CREATE TABLE.
    fn columns(create: &str) -> Vec<&str> {
        let columns = create.lines().take_while(|line| !line.starts_with(')'));
        columns.filter_map(|line| line.strip_prefix("    ")?.split(' ').next()).collect()
    }

    #[test]
    fn the_tables_have_the_same_columns_in_every_engine() {
        for table in ["detections", "segments", "jobs"] {
            let name = format!("create-{table}");
            let [athena, trino, spark] = ENGINES.map(|engine| text(&name, engine));
            assert!(columns(&athena).len() > 10, "{athena}");
            assert_eq!(columns(&athena), columns(&trino));
            assert_eq!(columns(&athena), columns(&spark));
            for create in [athena, trino, spark] {
                let location = format!("'{LOCATION}/all/all_{table}/1'");
                assert!(create.contains(&location), "{create}");
                assert_eq!(create.contains("bucket("), table != "jobs", "{create}");
            }
        }
    }

    #[test]
    fn replaces_what_spark_does_not_have() {
        for (athena, _) in SPARK_REPLACEMENTS {
            assert!(STATEMENTS.iter().any(|statement| statement.text.contains(athena)), "{athena}");
        }
    }

    #[test]
    fn names_every_table_in_trino() {
        for name in ["pending", "merge-detections", "merge-segments", "merge-jobs"] {
            let sql = text(name, Engine::Trino);
            for word in ["FROM ", "JOIN ", "INTO "] {
                for table in sql.replace("DISTINCT FROM", "").split(word).skip(1) {
                    let table = table.split_whitespace().next().unwrap();
                    let is_own =
                        ["versions", "known", "detections", "segments", "compared", "written", "numbered", "batches"]
                            .contains(&table);
                    let is_named = table.starts_with("hive.") || table.starts_with("iceberg.");
                    assert!(is_own || is_named || table.starts_with('('), "{word}{table}");
                }
            }
        }
    }
}
