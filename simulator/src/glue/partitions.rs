//! The partitions of a table of the Data Catalog, and the batches that change them.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Value, json};

use crate::ACCOUNT;
use crate::expression;
use crate::glue::catalog::{CREATED, Refusal};

/// The values of a partition, one for each of the table's keys.
pub(crate) type Values = Vec<String>;

/// The longest value, in characters.
const MAX_VALUE: usize = 1024;

/// The largest page, and the default.
const MAX_RESULTS: u64 = 1000;

/// The partitions, each as it was put in: a `PartitionInput`.
pub(crate) struct Partitions {
    keys: Vec<String>,
    inputs: BTreeMap<Values, Value>,
}

/// Where a batch has what.
struct Batch {
    list: &'static str,
    least: usize,
    most: usize,
    /// The values of an entry in the request, and those of a failed one in the reply.
    values: &'static str,
    failed: &'static str,
}

const CREATE: Batch =
    Batch { list: "PartitionInputList", least: 0, most: 100, values: "Values", failed: "PartitionValues" };
const UPDATE: Batch =
    Batch { list: "Entries", least: 1, most: 100, values: "PartitionValueList", failed: "PartitionValueList" };
const DELETE: Batch =
    Batch { list: "PartitionsToDelete", least: 0, most: 25, values: "Values", failed: "PartitionValues" };
const GET: Batch = Batch { list: "PartitionsToGet", least: 0, most: 1000, values: "Values", failed: "" };

impl Batch {
    /// Gives the entries of a batch operation's request, as the API's name of it has them.
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

/// Says what a batch is about, for the log: the number of its entries, and their values.
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

    /// Puts a partition in, over one that is there.
    pub(crate) fn put(&mut self, input: Value) -> Result<(), Refusal> {
        let values = self.values(&input["Values"])?;
        self.inputs.insert(values, input);
        Ok(())
    }

    /// Creates partitions; entries from the `done`-th on fail, here and below.
    pub(crate) fn create(&mut self, request: &Value, done: usize) -> Result<Value, Refusal> {
        self.change(&CREATE, request, done, |inputs, values, entry| {
            if inputs.contains_key(values) {
                return Err(Refusal::exists("Partition already exists."));
            }
            inputs.insert(values.clone(), entry.clone());
            Ok(())
        })
    }

    pub(crate) fn update(&mut self, request: &Value, done: usize) -> Result<Value, Refusal> {
        for entry in entries(&UPDATE, request)? {
            if entry["PartitionInput"]["Values"] != entry["PartitionValueList"] {
                return Err(Refusal::invalid("The values of a partition cannot be changed."));
            }
        }
        self.change(&UPDATE, request, done, |inputs, values, entry| {
            *inputs.get_mut(values).ok_or_else(no_partition)? = entry["PartitionInput"].clone();
            Ok(())
        })
    }

    pub(crate) fn delete(&mut self, request: &Value, done: usize) -> Result<Value, Refusal> {
        self.change(&DELETE, request, done, |inputs, values, _| {
            inputs.remove(values).map(drop).ok_or_else(no_partition)
        })
    }

    /// Refuses the whole batch for what is invalid in one entry, and tells all else entry by entry.
    fn change(
        &mut self,
        batch: &Batch,
        request: &Value,
        done: usize,
        mut act: impl FnMut(&mut BTreeMap<Values, Value>, &Values, &Value) -> Result<(), Refusal>,
    ) -> Result<Value, Refusal> {
        let entries = entries(batch, request)?;
        let all = entries.iter().map(|entry| self.values(&entry[batch.values])).collect::<Result<Vec<_>, _>>()?;
        let mut errors = Vec::new();
        for (number, (values, entry)) in all.iter().zip(entries).enumerate() {
            let acted = if number < done {
                act(&mut self.inputs, values, entry)
            } else {
                Err(Refusal::new("InternalServiceException", "An internal service error occurred."))
            };
            if let Err(Refusal { code, message }) = acted {
                let detail = json!({ "ErrorCode": code, "ErrorMessage": message });
                errors.push(json!({ batch.failed: values, "ErrorDetail": detail }));
            }
        }
        Ok(json!({ "Errors": errors }))
    }

    /// Gives partitions, without those that are missing; entries from the `done`-th on are left unprocessed.
    pub(crate) fn get(&self, request: &Value, done: usize) -> Result<Value, Refusal> {
        let entries = entries(&GET, request)?;
        let all = entries.iter().map(|entry| self.values(&entry[GET.values])).collect::<Result<Vec<_>, _>>()?;
        let (now, later) = all.split_at(done.min(all.len()));
        let found: Vec<Value> =
            now.iter().filter_map(|values| self.inputs.get(values)).map(|input| partition(request, input)).collect();
        let later: Vec<Value> = later.iter().map(|values| json!({ "Values": values })).collect();
        Ok(json!({ "Partitions": found, "UnprocessedKeys": later }))
    }

    /// Gives a page of the partitions, by their values.
    pub(crate) fn page(&self, request: &Value) -> Result<Value, Refusal> {
        let wanted = expression::parse(request["Expression"].as_str().unwrap_or_default(), &self.keys)?;
        let most = match &request["MaxResults"] {
            Value::Null => MAX_RESULTS,
            given => given
                .as_u64()
                .filter(|given| (1..=MAX_RESULTS).contains(given))
                .ok_or_else(|| Refusal::validation("maxResults", "Member must have value between 1 and 1000"))?,
        };
        if !request["Segment"].is_null() {
            return Err(Refusal::invalid("The simulator knows no segments."));
        }
        let begin = match request["NextToken"].as_str() {
            None | Some("") => Bound::Unbounded,
            Some(token) => Bound::Excluded(read_token(token)?),
        };
        let mut found = self
            .inputs
            .range((begin, Bound::Unbounded))
            .filter(|(values, _)| wanted.iter().all(|(key, value)| values[*key] == *value));
        let page: Vec<_> = found.by_ref().take(most as usize).collect();
        let partitions: Vec<Value> = page.iter().map(|(_, input)| partition(request, input)).collect();
        let mut answer = json!({ "Partitions": partitions });
        if let (Some((last, _)), Some(_)) = (page.last(), found.next()) {
            answer["NextToken"] = token(last).into();
        }
        Ok(answer)
    }

    fn values(&self, given: &Value) -> Result<Values, Refusal> {
        let values: Option<Values> =
            given.as_array().into_iter().flatten().map(|value| value.as_str().map(str::to_owned)).collect();
        let values = values.ok_or_else(|| Refusal::new("SerializationException", "A value is not a string."))?;
        if values.len() != self.keys.len() {
            return Err(Refusal::invalid("The number of partition keys do not match the number of partition values"));
        }
        if values.iter().any(|value| value.is_empty() || value.chars().count() > MAX_VALUE) {
            return Err(Refusal::invalid("A partition value must have length between 1 and 1024"));
        }
        Ok(values)
    }
}

fn no_partition() -> Refusal {
    Refusal::missing("Partition not found.")
}

fn entries<'a>(batch: &Batch, request: &'a Value) -> Result<&'a Vec<Value>, Refusal> {
    let entries = request[batch.list].as_array();
    let entries = entries.ok_or_else(|| Refusal::validation(batch.list, "Member must not be null"))?;
    if entries.len() < batch.least {
        return Err(Refusal::validation(batch.list, "Member must have length greater than or equal to 1"));
    }
    if entries.len() > batch.most {
        let constraint = format!("Member must have length less than or equal to {}", batch.most);
        return Err(Refusal::validation(batch.list, &constraint));
    }
    Ok(entries)
}

/// A partition as Glue gives it back.
fn partition(request: &Value, input: &Value) -> Value {
    let mut partition = input.clone();
    for field in ["DatabaseName", "TableName"] {
        partition[field] = request[field].as_str().unwrap_or_default().to_lowercase().into();
    }
    partition["CatalogId"] = ACCOUNT.into();
    partition["CreationTime"] = CREATED.into();
    partition
}

/// A token is the last values of the page before.
fn token(values: &Values) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(json!(values).to_string())
}

fn read_token(token: &str) -> Result<Values, Refusal> {
    let json = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token).ok();
    json.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| Refusal::invalid("Invalid NextToken"))
}
