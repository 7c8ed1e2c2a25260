//! Parquet files: schema, encodings, metadata and size.

use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::expect_file;
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::{Type, TypePtr};
use rekognition_simulator::{Job, Simulator};
use serde_json::{Value, json};

use crate::support::{BOTH_TABLES, Function, account, generated};

/// Formats a file's footer without offsets and sizes.
fn footer(file: &Bytes) -> String {
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let metadata: &ParquetMetaData = reader.metadata();
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, metadata.file_metadata().schema());
    let mut text = String::from_utf8(text).unwrap();
    let file = metadata.file_metadata();
    writeln!(text, "\nversion {}, created by {:?}, {} rows", file.version(), file.created_by(), file.num_rows())
        .unwrap();
    for entry in file.key_value_metadata().unwrap() {
        writeln!(text, "{} = {:?}", entry.key, entry.value).unwrap();
    }
    for group in metadata.row_groups() {
        writeln!(text, "\nrow group: {} rows, sorted by {:?}", group.num_rows(), group.sorting_columns()).unwrap();
        for column in group.columns() {
            let mut encodings: Vec<_> = column.encodings().map(|encoding| encoding.to_string()).collect();
            encodings.sort_unstable();
            let (path, compression) = (column.column_path().string(), column.compression());
            let statistics = if column.statistics().is_some() { ", statistics" } else { "" };
            let index = if column.offset_index_offset().is_some() { ", page index" } else { "" };
            writeln!(text, "  {path}: {compression} {}{statistics}{index}", encodings.join("+")).unwrap();
        }
    }
    text
}

/// Returns the Hive type of a column. Athena accepts no other Parquet type for it.
fn hive(column: &Type) -> String {
    if column.is_primitive() {
        return match (column.get_physical_type(), column.get_basic_info().logical_type_ref()) {
            (PhysicalType::INT64, None) => "bigint",
            (PhysicalType::INT32, None) => "int",
            (PhysicalType::FLOAT, None) => "float",
            (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)) => "string",
            other => panic!("no column has the type {other:?}"),
        }
        .to_owned();
    }
    if column.get_basic_info().logical_type_ref() == Some(&LogicalType::List) {
        let [list] = column.get_fields() else { panic!("{} is not a list", column.name()) };
        return format!("array<{}>", hive(&list.get_fields()[0]));
    }
    let field = |field: &TypePtr| format!("{}:{}", field.name(), hive(field));
    let fields: Vec<_> = column.get_fields().iter().map(field).collect();
    format!("struct<{}>", fields.join(","))
}

/// Asserts that a file has the columns of `tests/golden/tables.json`. Tables in a catalog are checked against it too.
fn assert_columns(file: &Bytes, table: &str) {
    let golden: Value = serde_json::from_str(include_str!("../golden/tables.json")).unwrap();
    let golden: Vec<[String; 3]> = serde_json::from_value(golden[table]["columns"].clone()).unwrap();
    let golden: Vec<_> = golden.into_iter().map(|[name, column_type, _]| (name, column_type)).collect();
    let reader = SerializedFileReader::new(file.clone()).unwrap();
    let schema = reader.metadata().file_metadata().schema();
    let found: Vec<_> = schema.get_fields().iter().map(|column| (column.name().to_owned(), hive(column))).collect();
    assert_eq!(found, golden, "{table}");
}

#[tokio::test]
async fn footer_of_each_table_matches_the_golden_file() {
    let instance = json!({"Confidence": 99.5, "BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}});
    let labels = |name: &str, count: usize| {
        let label = json!({
            "Name": name, "Confidence": 98.5, "Instances": [instance], "Parents": [{"Name": "Animal"}],
            "Aliases": [], "Categories": [{"Name": "Animals and Pets"}],
        });
        (0..count).map(move |n| json!({"Timestamp": n * 500, "Label": label})).collect::<Vec<_>>()
    };
    let job = Job::from_labels([labels("Dog", 10), labels("Cat", 300)].concat());
    let function = Function::start(account(job), BOTH_TABLES).await;
    function.export("job").await;
    let objects = function.simulator.objects();
    for (key, golden) in [
        ("label_detections/job_id=job/label=Dog/part-00000.parquet", expect_file!["golden/label_detections.txt"]),
        ("label_detections/job_id=job/label=Cat/part-00000.parquet", expect_file!["golden/label_detections_large.txt"]),
        ("label_segments/job_id=job/label=Dog/part-00000.parquet", expect_file!["golden/label_segments.txt"]),
        ("jobs/job-job.parquet", expect_file!["golden/jobs.txt"]),
    ] {
        golden.assert_eq(&footer(&objects[key]));
        let (table, _) = key.split_once('/').unwrap();
        assert_columns(&objects[key], table);
    }
}

#[tokio::test]
async fn ten_row_file_is_under_2_kb() {
    let job = "97".repeat(32);
    let account = Simulator::builder().job(&job, generated(10_000, 1_000));
    let function = Function::start(account, &[]).await;
    function.export(&job).await;
    let objects = function.simulator.objects();
    let small = objects.values().filter_map(|file| {
        let reader = SerializedFileReader::new(file.clone()).unwrap();
        (reader.metadata().file_metadata().num_rows() == 10).then_some(file.len())
    });
    let sizes: Vec<_> = small.collect();
    assert!(sizes.len() > 10, "the job has labels with ten rows");
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    println!("file of 10 rows: {mean} bytes on average, {:?} to {:?}", sizes.iter().min(), sizes.iter().max());
    assert!(mean <= 2_048, "{sizes:?}");
}
