//! The parts of Glue's replies that this project uses: <https://docs.aws.amazon.com/glue/latest/webapi/>.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A reply of `GetTable`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableReply {
    pub(crate) table: Option<FoundTable>,
}

/// A table of the catalog.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FoundTable {
    pub(crate) storage_descriptor: Option<StorageDescriptor>,
}

/// A reply of the operations that change partitions. Its status is 200 even if all changes failed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchReply {
    errors: Option<Vec<PartitionError>>,
}

impl BatchReply {
    pub(crate) fn into_errors(self) -> Vec<PartitionError> {
        self.errors.unwrap_or_default()
    }
}

/// The error of one partition in a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartitionError {
    /// Values of the partition. `BatchUpdatePartition` returns them under another name, `PartitionValueList`, which is
    /// not needed here.
    #[serde(default)]
    pub(crate) partition_values: Option<Vec<String>>,
    error_detail: Option<ErrorDetail>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorDetail {
    error_code: Option<String>,
    error_message: Option<String>,
}

impl PartitionError {
    /// Returns the error code, or an empty string if there is none.
    pub(crate) fn code(&self) -> &str {
        self.error_detail.as_ref().and_then(|detail| detail.error_code.as_deref()).unwrap_or_default()
    }

    /// Returns the error message, or an empty string if there is none.
    pub(crate) fn message(&self) -> &str {
        self.error_detail.as_ref().and_then(|detail| detail.error_message.as_deref()).unwrap_or_default()
    }
}

/// A reply of `GetPartitions` or `BatchGetPartition`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartitionsReply {
    partitions: Option<Vec<FoundPartition>>,
    /// Pagination token, only in replies of `GetPartitions`.
    pub(crate) next_token: Option<String>,
    /// Keys that were not looked up, only in replies of `BatchGetPartition`.
    unprocessed_keys: Option<Vec<Value>>,
}

impl PartitionsReply {
    pub(crate) fn unprocessed(&self) -> usize {
        self.unprocessed_keys.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn into_partitions(self) -> Vec<FoundPartition> {
        self.partitions.unwrap_or_default()
    }
}

/// A partition of the catalog.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FoundPartition {
    pub(crate) values: Option<Vec<String>>,
    pub(crate) storage_descriptor: Option<StorageDescriptor>,
}

/// A storage descriptor: location, columns, formats and serde. It keeps all fields, including ones that only Glue
/// knows.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct StorageDescriptor(Map<String, Value>);

impl StorageDescriptor {
    /// Returns a copy of the descriptor with another location.
    pub(crate) fn at(&self, location: &str) -> Self {
        let mut fields = self.0.clone();
        fields.insert("Location".to_owned(), location.into());
        Self(fields)
    }

    /// Returns the location, if there is one.
    pub(crate) fn location(&self) -> Option<&str> {
        self.0.get("Location")?.as_str()
    }

    /// Returns true if Athena reads the same files with the same columns by either descriptor.
    pub(crate) fn reads_like(&self, other: &Self) -> bool {
        ["Location", "InputFormat"].into_iter().all(|field| self.0.get(field) == other.0.get(field))
            && self.columns() == other.columns()
            && self.serde_library() == other.serde_library()
    }

    /// Returns the name and type of each column.
    fn columns(&self) -> Vec<(&Value, &Value)> {
        let columns = self.0.get("Columns").and_then(Value::as_array);
        columns.into_iter().flatten().map(|column| (&column["Name"], &column["Type"])).collect()
    }

    fn serde_library(&self) -> Option<&Value> {
        self.0.get("SerdeInfo")?.get("SerializationLibrary")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn descriptor() -> StorageDescriptor {
        serde_json::from_value(json!({
            "Columns": [{ "Name": "confidence", "Type": "float", "Comment": "0 to 100" }],
            "Location": "s3://lake/table/",
            "InputFormat": "parquet",
            "SerdeInfo": { "SerializationLibrary": "hive", "Parameters": { "serialization.format": "1" } },
            "NewerThanThisBuild": true,
        }))
        .unwrap()
    }

    #[test]
    fn a_copy_differs_only_in_its_location() {
        let mut expected = serde_json::to_value(descriptor()).unwrap();
        expected["Location"] = json!("s3://lake/table/job_id=a/");
        assert_eq!(serde_json::to_value(descriptor().at("s3://lake/table/job_id=a/")).unwrap(), expected);
    }

    #[test]
    fn compares_only_the_fields_that_athena_uses() {
        let changed = |field: &str, value: Value| {
            let mut changed = serde_json::to_value(descriptor()).unwrap();
            changed[field] = value;
            serde_json::from_value::<StorageDescriptor>(changed).unwrap()
        };
        for (field, value) in [
            ("Location", json!("s3://lake/other/")),
            ("InputFormat", Value::Null),
            ("Columns", json!([{ "Name": "confidence", "Type": "double" }])),
            ("SerdeInfo", json!({ "SerializationLibrary": "other" })),
        ] {
            assert!(!descriptor().reads_like(&changed(field, value)), "{field}");
        }
        for (field, value) in [
            ("Columns", json!([{ "Name": "confidence", "Type": "float" }])),
            ("NewerThanThisBuild", json!(false)),
            ("NumberOfBuckets", json!(-1)),
        ] {
            assert!(descriptor().reads_like(&changed(field, value)), "{field}");
        }
    }
}
