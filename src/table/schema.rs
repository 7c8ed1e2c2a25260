//! The tables of the lake: every column with its type and meaning, in file order.
//!
//! This is the only source of the schema. The Parquet schema, the DDL and the tables in the catalog are generated from
//! it. Names, types and order are public API: within a `SCHEMA_VERSION`, columns are only added, at the end.

/// Version of layout and columns, written to every file.
pub(crate) const SCHEMA_VERSION: u32 = 2;

/// A table: a folder of Parquet files below the prefix of the lake.
#[derive(Debug)]
pub struct Table {
    /// Name of the table and of its folder.
    pub name: &'static str,
    /// Meaning of one row.
    pub comment: &'static str,
    /// The columns in the files, in order.
    pub columns: &'static [Column],
    /// The columns in the path, as `key=value`, outermost first. All are strings, because Athena prunes partitions of
    /// other types later and more slowly.
    pub partition_keys: &'static [Column],
    /// The column that the rows of a file are sorted by, in ascending order.
    pub(crate) sorted_by: Option<&'static str>,
}

/// A column, or a field of a struct.
#[derive(Debug)]
pub struct Column {
    /// Name in lower case, as Athena requires.
    pub name: &'static str,
    /// Type of the values.
    pub column_type: ColumnType,
    /// True if a value may be null.
    pub(crate) nullable: bool,
    /// Meaning, with the unit and the API field that the value comes from. It contains no quotes and no semicolons: in
    /// SQL it is a string literal, engines escape quotes differently, and some tools split scripts at every semicolon.
    pub comment: &'static str,
}

/// The types that the tables use, each with one type in Athena and one in Parquet.
#[derive(Debug)]
pub enum ColumnType {
    /// Athena `bigint`, Parquet INT64.
    Bigint,
    /// Athena `int`, Parquet INT32.
    Int,
    /// Athena `float`, Parquet FLOAT. Rekognition's numbers are 32-bit and are stored unchanged.
    Float,
    /// Athena `string`, Parquet `BYTE_ARRAY` (`STRING`).
    Text,
    /// Athena `array<string>`, Parquet LIST of optional strings.
    TextArray,
    /// Athena `array<struct<…>>`, Parquet LIST of groups with these fields.
    StructArray(&'static [Column]),
}

const fn required(name: &'static str, column_type: ColumnType, comment: &'static str) -> Column {
    Column { name, column_type, nullable: false, comment }
}

const fn nullable(name: &'static str, column_type: ColumnType, comment: &'static str) -> Column {
    Column { name, column_type, nullable: true, comment }
}

use ColumnType::{Bigint, Float, Int, StructArray, Text, TextArray};

const PARTITION_KEYS: &[Column] = &[
    required("job_id", Text, "JobId that Rekognition gave"),
    required("label", Text, "name of the label, __HIVE_DEFAULT_PARTITION__ if it has none"),
];

const PARENTS: Column = nullable("parents", TextArray, "names of Label.Parents, in the order returned, null if absent");
const ALIASES: Column = nullable("aliases", TextArray, "names of Label.Aliases, in the order returned, null if absent");
const CATEGORIES: Column =
    nullable("categories", TextArray, "names of Label.Categories, in the order returned, null if absent");
const LABEL_NAME: Column = nullable("label_name", Text, "exact Label.Name, null if absent");

/// `label_detections`: what `AggregateBy=TIMESTAMPS` returns.
pub const LABEL_DETECTIONS: Table = Table {
    name: "label_detections",
    comment: "one row for each instance of a detected label, and one for each detection without instances",
    columns: &[
        required("timestamp_ms", Bigint, "Timestamp: milliseconds from the start of the video"),
        nullable("confidence", Float, "Label.Confidence, 0 to 100"),
        nullable("instance_count", Int, "number of Label.Instances, null if absent"),
        nullable("instance_index", Int, "position in Label.Instances from 0, null without instances"),
        nullable("instance_confidence", Float, "Instance.Confidence, 0 to 100"),
        nullable("bbox_left", Float, "Instance.BoundingBox.Left, ratio of the frame width (may be outside 0 to 1)"),
        nullable("bbox_top", Float, "Instance.BoundingBox.Top, ratio of the frame height (may be outside 0 to 1)"),
        nullable("bbox_width", Float, "Instance.BoundingBox.Width, ratio of the frame width (may be outside 0 to 1)"),
        nullable(
            "bbox_height",
            Float,
            "Instance.BoundingBox.Height, ratio of the frame height (may be outside 0 to 1)",
        ),
        PARENTS,
        ALIASES,
        CATEGORIES,
        nullable("dominant_colors", Text, "Instance.DominantColors as JSON, not returned for video today"),
        LABEL_NAME,
    ],
    partition_keys: PARTITION_KEYS,
    sorted_by: Some("timestamp_ms"),
};

/// `label_segments`: what `AggregateBy=SEGMENTS` returns.
pub const LABEL_SEGMENTS: Table = Table {
    name: "label_segments",
    comment: "one row for each segment of the video in which a label is detected",
    columns: &[
        nullable("start_timestamp_ms", Bigint, "StartTimestampMillis: milliseconds from the start of the video"),
        nullable("end_timestamp_ms", Bigint, "EndTimestampMillis: milliseconds from the start of the video"),
        nullable("duration_ms", Bigint, "DurationMillis: milliseconds"),
        nullable("confidence", Float, "Label.Confidence, 0 to 100: the highest in the segment"),
        PARENTS,
        ALIASES,
        CATEGORIES,
        LABEL_NAME,
    ],
    partition_keys: PARTITION_KEYS,
    sorted_by: Some("start_timestamp_ms"),
};

/// `jobs`: one file with one row per job. The row is written last and commits the job.
pub const JOBS: Table = Table {
    name: "jobs",
    comment: "one row for each job that is complete in the lake, or that failed",
    columns: &[
        required("job_id", Text, "JobId that Rekognition gave"),
        required("status", Text, "SUCCEEDED or FAILED"),
        nullable("status_message", Text, "StatusMessage: why the job failed"),
        nullable("job_tag", Text, "JobTag given to StartLabelDetection"),
        nullable("video_bucket", Text, "bucket of the video"),
        nullable("video_key", Text, "key of the video"),
        nullable("video_version", Text, "version of the video as an S3 object"),
        nullable("completed_at_ms", Bigint, "Timestamp of the completion message: Unix milliseconds"),
        nullable("label_model_version", Text, "LabelModelVersion"),
        nullable("codec", Text, "VideoMetadata.Codec"),
        nullable("format", Text, "VideoMetadata.Format"),
        nullable("color_range", Text, "VideoMetadata.ColorRange: FULL or LIMITED"),
        nullable("video_duration_ms", Bigint, "VideoMetadata.DurationMillis"),
        nullable("frame_rate", Float, "VideoMetadata.FrameRate, frames a second"),
        nullable("frame_width", Bigint, "VideoMetadata.FrameWidth, pixels"),
        nullable("frame_height", Bigint, "VideoMetadata.FrameHeight, pixels"),
        required("aggregate_by", TextArray, "what was exported: TIMESTAMPS, SEGMENTS or both, in this order"),
        nullable("label_count", Int, "number of labels, and so of partitions, null if the job failed"),
        nullable("detection_count", Bigint, "number of detections, null without TIMESTAMPS"),
        nullable("row_count", Bigint, "number of rows in label_detections, null without TIMESTAMPS"),
        nullable("segment_count", Bigint, "number of rows in label_segments, null without SEGMENTS"),
        nullable("labels", StructArray(JOB_LABELS), "what is in the job by label, null if the job failed"),
        nullable(
            "content",
            Text,
            "digest of the row and the files, different exactly if the job changed, null in files of schema version 1",
        ),
    ],
    partition_keys: &[],
    sorted_by: None,
};

/// All tables.
pub const TABLES: [&Table; 3] = [&LABEL_DETECTIONS, &LABEL_SEGMENTS, &JOBS];

const JOB_LABELS: &[Column] = &[
    nullable("label", Text, "name of the label, null if it has none"),
    nullable("detections", Bigint, "number of detections, null without TIMESTAMPS"),
    nullable("instances", Bigint, "number of instances, null without TIMESTAMPS"),
    nullable("segments", Bigint, "number of segments, null without SEGMENTS"),
    nullable("first_timestamp_ms", Bigint, "first time the label is seen, milliseconds from the start of the video"),
    nullable("last_timestamp_ms", Bigint, "last time the label is seen (for segments the latest end)"),
    nullable("max_confidence", Float, "highest confidence, 0 to 100"),
];

impl ColumnType {
    /// Returns the type in Hive's notation, which both Athena's DDL and the Glue catalog use.
    ///
    /// ```
    /// use label_lake::table::schema::LABEL_DETECTIONS;
    /// let parents = LABEL_DETECTIONS.columns.iter().find(|column| column.name == "parents").unwrap();
    /// assert_eq!(parents.column_type.hive(), "array<string>");
    /// ```
    pub fn hive(&self) -> String {
        match self {
            Bigint => "bigint".to_owned(),
            Int => "int".to_owned(),
            Float => "float".to_owned(),
            Text => "string".to_owned(),
            TextArray => "array<string>".to_owned(),
            StructArray(fields) => {
                let fields: Vec<_> =
                    fields.iter().map(|field| format!("{}:{}", field.name, field.column_type.hive())).collect();
                format!("array<struct<{}>>", fields.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use serde_json::{Value, json};

    use super::*;

    /// Returns the columns in the form of `tests/golden/tables.json`: one per line, as name, type and comment.
    fn lines(columns: &[Column]) -> String {
        let line = |column: &Column| {
            let cells: Value = [column.name, &column.column_type.hive(), column.comment].into_iter().collect();
            format!("      {cells}")
        };
        let lines: Vec<_> = columns.iter().map(line).collect();
        if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n    ]", lines.join(",\n")) }
    }

    #[test]
    fn tables_match_the_golden_file() {
        let table = |table: &&Table| {
            let (name, comment) = (json!(table.name), json!(table.comment));
            let (columns, partition_keys) = (lines(table.columns), lines(table.partition_keys));
            format!(
                "  {name}: {{\n    \"comment\": {comment},\n    \"columns\": {columns},\n    \
                 \"partition_keys\": {partition_keys}\n  }}"
            )
        };
        let tables: Vec<_> = TABLES.iter().map(table).collect();
        expect_file!["../../tests/golden/tables.json"].assert_eq(&format!("{{\n{}\n}}\n", tables.join(",\n")));
    }

    #[test]
    fn comments_are_valid_in_glue_and_in_sql_literals() {
        for table in TABLES {
            let columns = table.columns.iter().chain(table.partition_keys).chain(JOB_LABELS);
            for comment in columns.map(|column| column.comment).chain([table.comment]) {
                assert!(comment.is_ascii() && !comment.contains(['\'', '"', '\\', ';']), "{comment}");
                assert!((1..=255).contains(&comment.len()), "Glue accepts at most 255 bytes: {comment}");
            }
        }
    }

    #[test]
    fn the_labels_struct_of_jobs_has_the_documented_type() {
        let labels = JOBS.columns.iter().find(|column| column.name == "labels").unwrap();
        assert_eq!(
            labels.column_type.hive(),
            "array<struct<label:string,detections:bigint,instances:bigint,segments:bigint,\
             first_timestamp_ms:bigint,last_timestamp_ms:bigint,max_confidence:float>>"
        );
    }
}
