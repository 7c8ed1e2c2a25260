//! The digest of a job, computed from the objects of the lake as docs/QUERYING.md documents it. Shares no code with the
//! function.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::reader::{job_row, label_files};

/// Returns the value that the column `content` of a job must have.
fn expected(objects: &BTreeMap<String, Bytes>, job: &str) -> String {
    let row = job_row(objects, job);
    let golden: Value = serde_json::from_str(include_str!("../../golden/tables.json")).unwrap();
    let columns = golden["jobs"]["columns"].as_array().unwrap().iter().map(|column| column[0].as_str().unwrap());
    let facts: Vec<_> =
        columns.take_while(|column| *column != "label_count").map(|column| number(&row[column])).collect();
    let mut lines = vec![json!(facts)];
    for aggregation in row["aggregate_by"].as_array().unwrap() {
        let table = if aggregation == "TIMESTAMPS" { "label_detections" } else { "label_segments" };
        let files = label_files(objects, table, job);
        let mut files: Vec<_> =
            files.map(|(label, file)| (Some(label).filter(|label| label != NO_NAME), file)).collect();
        files.sort();
        lines.extend(files.iter().map(|(label, file)| json!([table, label, file.len(), crc32fast::hash(file)])));
    }
    let text = lines.iter().fold(String::new(), |text, line| format!("{text}{line}\n"));
    Sha256::digest(text).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Partition of labels without a name.
const NO_NAME: &str = "__HIVE_DEFAULT_PARTITION__";

/// Returns a float, which the reader gives as `f32 BITS TEXT`, as a number. Returns any other value unchanged.
fn number(value: &Value) -> Value {
    let bits = value.as_str().and_then(|text| text.strip_prefix("f32 "));
    bits.map_or_else(|| value.clone(), |bits| json!(f32::from_bits(u32::from_str_radix(&bits[..8], 16).unwrap())))
}

/// Asserts that the row of a job has the digest of the row and the files that are in the lake.
pub(crate) fn assert_content(objects: &BTreeMap<String, Bytes>, job: &str) {
    assert_eq!(job_row(objects, job)["content"], expected(objects, job), "content of {job}");
}
