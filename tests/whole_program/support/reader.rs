//! Rebuilds the labels of Rekognition's replies from the lake's files. Shares no code with the function.

use std::collections::BTreeMap;

use bytes::Bytes;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use rekognition_simulator::{Aggregation, Simulator};
use serde_json::{Map, Value, json};

use super::content::assert_content;

/// A table row as JSON. Floats are the bits of their 32-bit value, so that they compare exactly.
type JsonRow = Map<String, Value>;

/// Returns the rows of a Parquet file.
fn rows(file: &Bytes) -> Vec<JsonRow> {
    let reader = SerializedFileReader::new(file.clone()).expect("a Parquet file");
    reader.get_row_iter(None).unwrap().map(|row| to_json(&row.unwrap())).collect()
}

/// Returns the job's only row in `jobs`.
pub(crate) fn job_row(objects: &BTreeMap<String, Bytes>, job: &str) -> JsonRow {
    let mut rows = rows(&objects[&format!("jobs/job-{job}.parquet")]);
    assert_eq!(rows.len(), 1, "a job has one row");
    rows.remove(0)
}

/// Returns a job's files in a table, each with the label decoded from its path.
pub(crate) fn label_files<'a>(
    objects: &'a BTreeMap<String, Bytes>,
    table: &str,
    job: &str,
) -> impl Iterator<Item = (String, &'a Bytes)> {
    let root = format!("{table}/job_id={job}/label=");
    objects.iter().filter_map(move |(key, file)| {
        let label = key.strip_prefix(&root)?.strip_suffix("/part-00000.parquet").expect("one file a label");
        Some((unescape(label), file))
    })
}

/// Decodes a partition value as Hive does: `%XX` is one character.
fn unescape(path: &str) -> String {
    let mut parts = path.split('%');
    let mut value = parts.next().unwrap().to_owned();
    for part in parts {
        value.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        value.push_str(&part[2..]);
    }
    value
}

/// Rebuilds the labels of a reply with `AggregateBy=TIMESTAMPS` from the table alone.
fn detections(objects: &BTreeMap<String, Bytes>, job: &str) -> Vec<Value> {
    let mut labels: Vec<Value> = Vec::new();
    for (partition, file) in label_files(objects, "label_detections", job) {
        let mut last_timestamp = i64::MIN;
        for row in rows(file) {
            check_partition(&partition, &row);
            let timestamp = row["timestamp_ms"].as_i64().unwrap();
            assert!(last_timestamp <= timestamp, "rows are sorted by time");
            last_timestamp = timestamp;
            let index = row["instance_index"].as_u64();
            if index.unwrap_or(0) == 0 {
                let mut label = attributes(&row);
                set(&mut label, "Confidence", &row["confidence"]);
                if !row["instance_count"].is_null() {
                    label.insert("Instances".into(), json!([]));
                }
                labels.push(json!({"Timestamp": timestamp, "Label": label}));
            }
            if let Some(index) = index {
                let instances = labels.last_mut().unwrap()["Label"]["Instances"].as_array_mut().unwrap();
                assert_eq!(instances.len() as u64, index, "instances are together and in order");
                instances.push(instance(&row));
            }
        }
    }
    labels
}

fn instance(row: &JsonRow) -> Value {
    let mut bounding_box = Map::new();
    for (field, column) in
        [("Left", "bbox_left"), ("Top", "bbox_top"), ("Width", "bbox_width"), ("Height", "bbox_height")]
    {
        set(&mut bounding_box, field, &row[column]);
    }
    let mut instance = Map::new();
    if !bounding_box.is_empty() {
        instance.insert("BoundingBox".into(), bounding_box.into());
    }
    set(&mut instance, "Confidence", &row["instance_confidence"]);
    if let Some(colors) = row["dominant_colors"].as_str() {
        instance.insert("DominantColors".into(), stored(&serde_json::from_str(colors).unwrap()));
    }
    instance.into()
}

/// Rebuilds the labels of a reply with `AggregateBy=SEGMENTS` from the table alone.
fn segments(objects: &BTreeMap<String, Bytes>, job: &str) -> Vec<Value> {
    let mut labels = Vec::new();
    for (partition, file) in label_files(objects, "label_segments", job) {
        for row in rows(file) {
            check_partition(&partition, &row);
            let mut label = attributes(&row);
            set(&mut label, "Confidence", &row["confidence"]);
            let mut segment = Map::new();
            set(&mut segment, "StartTimestampMillis", &row["start_timestamp_ms"]);
            set(&mut segment, "EndTimestampMillis", &row["end_timestamp_ms"]);
            set(&mut segment, "DurationMillis", &row["duration_ms"]);
            segment.insert("Label".into(), label.into());
            labels.push(segment.into());
        }
    }
    labels
}

fn check_partition(partition: &str, row: &JsonRow) {
    let name = row["label_name"].as_str().filter(|name| !name.is_empty());
    assert_eq!(name.unwrap_or("__HIVE_DEFAULT_PARTITION__"), partition);
}

fn attributes(row: &JsonRow) -> Map<String, Value> {
    let mut label = Map::new();
    set(&mut label, "Name", &row["label_name"]);
    for (field, column) in [("Parents", "parents"), ("Aliases", "aliases"), ("Categories", "categories")] {
        if let Some(names) = row[column].as_array() {
            let element = |name: &Value| if name.is_null() { json!({}) } else { json!({ "Name": name }) };
            label.insert(field.into(), names.iter().map(element).collect());
        }
    }
    label
}

fn set(object: &mut Map<String, Value>, field: &str, value: &Value) {
    if !value.is_null() {
        object.insert(field.into(), value.clone());
    }
}

fn to_json(row: &Row) -> JsonRow {
    row.get_column_iter().map(|(name, field)| (name.clone(), field_to_json(field))).collect()
}

fn field_to_json(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Int(value) => json!(value),
        Field::Long(value) => json!(value),
        Field::Float(value) => bits(*value),
        Field::Str(value) => json!(value),
        Field::ListInternal(list) => list.elements().iter().map(field_to_json).collect(),
        Field::Group(group) => to_json(group).into(),
        other => panic!("no column has this type: {other:?}"),
    }
}

fn bits(value: f32) -> Value {
    json!(format!("f32 {:08x} {value}", value.to_bits()))
}

/// Returns a served label as the tables store it: known fields only, floats as bits, no nulls.
fn stored(label: &Value) -> Value {
    match label {
        Value::Object(fields) => {
            let known = fields.iter().filter(|(name, value)| FIELDS.contains(&name.as_str()) && !value.is_null());
            let mut stored: Map<_, _> = known
                .map(|(name, value)| {
                    (name.clone(), if FLOATS.contains(&name.as_str()) { float(value) } else { stored(value) })
                })
                .collect();
            // An exception that docs/SEMANTICS.md lists: an empty box reads as an absent one.
            if stored.get("BoundingBox").is_some_and(|area| area.as_object().is_some_and(Map::is_empty)) {
                stored.remove("BoundingBox");
            }
            stored.into()
        }
        Value::Array(elements) => elements.iter().map(stored).collect(),
        other => other.clone(),
    }
}

fn float(value: &Value) -> Value {
    bits(value.as_f64().expect("a number") as f32)
}

const FLOATS: [&str; 6] = ["Confidence", "Left", "Top", "Width", "Height", "PixelPercent"];
const FIELDS: [&str; 24] = [
    "Timestamp",
    "Label",
    "StartTimestampMillis",
    "EndTimestampMillis",
    "DurationMillis",
    "Name",
    "Confidence",
    "Instances",
    "Parents",
    "Aliases",
    "Categories",
    "BoundingBox",
    "Left",
    "Top",
    "Width",
    "Height",
    "DominantColors",
    "Red",
    "Blue",
    "Green",
    "HexCode",
    "CSSColor",
    "SimplifiedColor",
    "PixelPercent",
];

/// Asserts that two lists hold the same labels, in any order.
fn assert_same_labels(served: &[Value], rebuilt: &[Value]) {
    let sorted = |labels: &[Value]| {
        let mut lines: Vec<_> = labels.iter().map(line).collect();
        lines.sort_unstable();
        lines
    };
    let (served, rebuilt) = (sorted(&served.iter().map(stored).collect::<Vec<_>>()), sorted(rebuilt));
    if let Some((served, rebuilt)) = served.iter().zip(&rebuilt).find(|(served, rebuilt)| served != rebuilt) {
        panic!("first difference\n served: {served}\nrebuilt: {rebuilt}");
    }
    assert_eq!(served.len(), rebuilt.len());
}

/// Formats a value with the fields of its objects sorted by name.
fn line(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {}", line(value))).collect();
            fields.sort_unstable();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(elements) => format!("[{}]", elements.iter().map(line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Asserts that these tables hold exactly the labels that the simulator served for a job, and that the job's row has the
/// digest of its files.
pub(crate) fn assert_lossless(simulator: &Simulator, job: &str, aggregations: &[Aggregation]) {
    let objects = simulator.objects();
    assert_content(&objects, job);
    for &aggregation in aggregations {
        let mut served = simulator.served(job, aggregation);
        let rebuilt = match aggregation {
            Aggregation::Timestamps => detections(&objects, job),
            Aggregation::Segments => {
                for segment in &mut served {
                    let segment = segment.as_object_mut().unwrap();
                    // Exceptions that docs/SEMANTICS.md lists: `Timestamp` repeats the start, and SEGMENTS returns no
                    // instances.
                    segment.remove("Timestamp");
                    if let Some(Value::Object(label)) = segment.get_mut("Label") {
                        label.remove("Instances");
                    }
                }
                segments(&objects, job)
            }
        };
        assert_same_labels(&served, &rebuilt);
    }
}
