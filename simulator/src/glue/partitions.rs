//! The partitions of a table in the Data Catalog, and their batch operations.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Value, json};

use crate::account::ACCOUNT;
use crate::glue::error::GlueError;
use crate::glue::expression;

/// Creation time of all databases, tables and partitions, in Unix seconds. Nothing depends on it. A constant makes
/// replies reproducible.
pub(crate) const CREATED: u64 = 1_790_000_000;

/// The values of a partition, one for each of the table's keys.
pub(crate) type Values = Vec<String>;

/// Maximum length of a value, in characters.
const MAX_VALUE: usize = 1024;

/// Maximum and default number of partitions per page.
const MAX_RESULTS: u64 = 1000;

/// The partitions of a table. Each is stored as its `PartitionInput`.
pub(crate) struct Partitions {
    keys: Vec<String>,
    inputs: BTreeMap<Values, Value>,
}

/// Fields and limits of a batch operation.
struct Batch {
    /// Field of the request that lists the entries.
    list: &'static str,
    /// Minimum number of entries.
    min: usize,
    /// Maximum number of entries.
    max: usize,
    /// Field of an entry in the request that has the partition's values.
    values: &'static str,
    /// Field of a failed entry in the reply that has the partition's values.
    failed: &'static str,
}

const CREATE: Batch =
    Batch { list: "PartitionInputList", min: 0, max: 100, values: "Values", failed: "PartitionValues" };
const UPDATE: Batch =
    Batch { list: "Entries", min: 1, max: 100, values: "PartitionValueList", failed: "PartitionValueList" };
const DELETE: Batch =
    Batch { list: "PartitionsToDelete", min: 0, max: 25, values: "Values", failed: "PartitionValues" };
const GET: Batch = Batch { list: "PartitionsToGet", min: 0, max: 1000, values: "Values", failed: "" };

impl Batch {
    /// Returns the batch operation with this name; `None` if it is not a batch operation.
    fn of(operation: &str) -> Option<&'static Self> {
        Some(match operation {
            "BatchCreatePartition" => &CREATE,
            "BatchUpdatePartition" => &UPDATE,
            "BatchDeletePartition" => &DELETE,
            "BatchGetPartition" => &GET,
            _ => return None,
        })
    }
}

/// Describes a batch for the log: the number of its entries and their values.
pub(crate) fn describe(operation: &str, request: &Value) -> Option<String> {
    let batch = Batch::of(operation)?;
    let values: Vec<&Value> =
        request[batch.list].as_array().into_iter().flatten().map(|entry| &entry[batch.values]).collect();
    Some(format!("{} entries {}", values.len(), json!(values)))
}

impl Partitions {
    pub(crate) fn new(keys: Vec<String>) -> Self {
        Self { keys, inputs: BTreeMap::new() }
    }

    pub(crate) fn inputs(&self) -> &BTreeMap<Values, Value> {
        &self.inputs
    }

    /// Adds a partition, replacing an existing one.
    pub(crate) fn put(&mut self, input: Value) -> Result<(), GlueError> {
        let values = self.values(&input["Values"])?;
        self.inputs.insert(values, input);
        Ok(())
    }

    /// Creates partitions. Here and in the other batch operations, only the first `limit` entries can succeed.
    pub(crate) fn create(&mut self, request: &Value, limit: usize) -> Result<Value, GlueError> {
        self.change(&CREATE, request, limit, |inputs, values, entry| {
            if inputs.contains_key(values) {
                return Err(GlueError::exists("Partition already exists."));
            }
            inputs.insert(values.clone(), entry.clone());
            Ok(())
        })
    }

    pub(crate) fn update(&mut self, request: &Value, limit: usize) -> Result<Value, GlueError> {
        for entry in entries(&UPDATE, request)? {
            if entry["PartitionInput"]["Values"] != entry["PartitionValueList"] {
                return Err(GlueError::invalid("The values of a partition cannot be changed."));
            }
        }
        self.change(&UPDATE, request, limit, |inputs, values, entry| {
            *inputs.get_mut(values).ok_or_else(no_partition)? = entry["PartitionInput"].clone();
            Ok(())
        })
    }

    pub(crate) fn delete(&mut self, request: &Value, limit: usize) -> Result<Value, GlueError> {
        self.change(&DELETE, request, limit, |inputs, values, _| {
            inputs.remove(values).map(drop).ok_or_else(no_partition)
        })
    }

    /// Applies a change to each entry. One invalid entry fails the whole batch; all other errors are reported per
    /// entry.
    fn change(
        &mut self,
        batch: &Batch,
        request: &Value,
        limit: usize,
        mut apply: impl FnMut(&mut BTreeMap<Values, Value>, &Values, &Value) -> Result<(), GlueError>,
    ) -> Result<Value, GlueError> {
        let entries = entries(batch, request)?;
        let all = entries.iter().map(|entry| self.values(&entry[batch.values])).collect::<Result<Vec<_>, _>>()?;
        let mut errors = Vec::new();
        for (number, (values, entry)) in all.iter().zip(entries).enumerate() {
            let result = if number < limit {
                apply(&mut self.inputs, values, entry)
            } else {
                Err(GlueError::new("InternalServiceException", "An internal service error occurred."))
            };
            if let Err(GlueError { code, message }) = result {
                let detail = json!({ "ErrorCode": code, "ErrorMessage": message });
                errors.push(json!({ batch.failed: values, "ErrorDetail": detail }));
            }
        }
        Ok(json!({ "Errors": errors }))
    }

    /// Returns the partitions that exist. Entries after the first `limit` are returned as unprocessed.
    pub(crate) fn get(&self, request: &Value, limit: usize) -> Result<Value, GlueError> {
        let entries = entries(&GET, request)?;
        let all = entries.iter().map(|entry| self.values(&entry[GET.values])).collect::<Result<Vec<_>, _>>()?;
        let (processed, unprocessed) = all.split_at(limit.min(all.len()));
        let found: Vec<Value> = processed
            .iter()
            .filter_map(|values| self.inputs.get(values))
            .map(|input| partition(request, input))
            .collect();
        let unprocessed: Vec<Value> = unprocessed.iter().map(|values| json!({ "Values": values })).collect();
        Ok(json!({ "Partitions": found, "UnprocessedKeys": unprocessed }))
    }

    /// Returns a page of the partitions, ordered by their values.
    pub(crate) fn page(&self, request: &Value) -> Result<Value, GlueError> {
        let wanted = expression::parse(request["Expression"].as_str().unwrap_or_default(), &self.keys)?;
        let max = match &request["MaxResults"] {
            Value::Null => MAX_RESULTS,
            given => given
                .as_u64()
                .filter(|given| (1..=MAX_RESULTS).contains(given))
                .ok_or_else(|| GlueError::validation("maxResults", "Member must have value between 1 and 1000"))?,
        };
        if !request["Segment"].is_null() {
            return Err(GlueError::invalid("The simulator does not support Segment."));
        }
        let begin = match request["NextToken"].as_str() {
            None | Some("") => Bound::Unbounded,
            Some(token) => Bound::Excluded(read_token(token)?),
        };
        let mut found = self
            .inputs
            .range((begin, Bound::Unbounded))
            .filter(|(values, _)| wanted.iter().all(|(key, value)| values[*key] == *value));
        let page: Vec<_> = found.by_ref().take(max as usize).collect();
        let partitions: Vec<Value> = page.iter().map(|(_, input)| partition(request, input)).collect();
        let mut answer = json!({ "Partitions": partitions });
        if let (Some((last, _)), Some(_)) = (page.last(), found.next()) {
            answer["NextToken"] = token(last).into();
        }
        Ok(answer)
    }

    fn values(&self, given: &Value) -> Result<Values, GlueError> {
        let values: Option<Values> =
            given.as_array().into_iter().flatten().map(|value| value.as_str().map(str::to_owned)).collect();
        let values = values.ok_or_else(|| GlueError::new("SerializationException", "A value is not a string."))?;
        if values.len() != self.keys.len() {
            return Err(GlueError::invalid("The number of partition keys do not match the number of partition values"));
        }
        if values.iter().any(|value| value.is_empty() || value.chars().count() > MAX_VALUE) {
            return Err(GlueError::invalid("A partition value must have length between 1 and 1024"));
        }
        Ok(values)
    }
}

fn no_partition() -> GlueError {
    GlueError::missing("Partition not found.")
}

fn entries<'a>(batch: &Batch, request: &'a Value) -> Result<&'a Vec<Value>, GlueError> {
    let entries = request[batch.list].as_array();
    let entries = entries.ok_or_else(|| GlueError::validation(batch.list, "Member must not be null"))?;
    if entries.len() < batch.min {
        return Err(GlueError::validation(batch.list, "Member must have length greater than or equal to 1"));
    }
    if entries.len() > batch.max {
        let constraint = format!("Member must have length less than or equal to {}", batch.max);
        return Err(GlueError::validation(batch.list, &constraint));
    }
    Ok(entries)
}

/// Returns a partition in the form of Glue's replies.
fn partition(request: &Value, input: &Value) -> Value {
    let mut partition = input.clone();
    for field in ["DatabaseName", "TableName"] {
        partition[field] = request[field].as_str().unwrap_or_default().to_lowercase().into();
    }
    partition["CatalogId"] = ACCOUNT.into();
    partition["CreationTime"] = CREATED.into();
    partition
}

/// Returns the token of the next page, which encodes the last values of this page.
fn token(values: &Values) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(json!(values).to_string())
}

fn read_token(token: &str) -> Result<Values, GlueError> {
    let json = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token).ok();
    json.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| GlueError::invalid("Invalid NextToken"))
}
