//! Glue's Data Catalog over JSON 1.1: databases, tables, partitions, and the limits of the API.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use rekognition_simulator::{Fault, Simulator};
use serde_json::{Value, json};

const KEYS: [&str; 2] = ["job_id", "label"];

/// Starts a simulator with a table that is partitioned by job and label.
async fn start() -> Simulator {
    let keys = KEYS.map(|key| json!({ "Name": key, "Type": "string" }));
    let table = json!({ "PartitionKeys": keys, "StorageDescriptor": { "Location": "s3://lake/labels" } });
    Simulator::builder().glue_table("lake", "labels", table).start().await.unwrap()
}

/// Calls an operation. Returns the reply or the error's code.
async fn call(simulator: &Simulator, operation: &str, request: &Value) -> Result<Value, String> {
    let head =
        format!("POST / HTTP/1.1\r\nX-Amz-Target: AWSGlue.{operation}\r\nContent-Type: application/x-amz-json-1.1");
    let reply = client::exchange(&simulator.glue_url(), &head, request.to_string().as_bytes()).await;
    match reply.bytes.is_empty() {
        true => Err("no reply".to_owned()),
        false if reply.status() == 200 => Ok(reply.json()),
        false => Err(reply.json()["__type"].as_str().unwrap().to_owned()),
    }
}

/// Calls an operation on the table `labels` with an additional field in the request.
async fn on_table(simulator: &Simulator, operation: &str, field: &str, value: Value) -> Result<Value, String> {
    call(simulator, operation, &json!({ "DatabaseName": "lake", "TableName": "labels", field: value })).await
}

fn input(values: &[&str], location: &str) -> Value {
    json!({ "Values": values, "StorageDescriptor": { "Location": location } })
}

/// Returns the labels of this many partitions.
fn numbered(partitions: usize) -> Vec<String> {
    (0..partitions).map(|number| format!("label {number:04}")).collect()
}

async fn create(simulator: &Simulator, inputs: Vec<Value>) -> Result<Vec<Value>, String> {
    let reply = on_table(simulator, "BatchCreatePartition", "PartitionInputList", inputs.into()).await?;
    Ok(errors(&reply))
}

fn errors(reply: &Value) -> Vec<Value> {
    reply["Errors"].as_array().cloned().unwrap_or_default()
}

/// Returns the values and the error codes of the failed entries.
fn failed(errors: &[Value]) -> Vec<(Value, &str)> {
    errors.iter().map(|error| (error["PartitionValues"].clone(), code(error))).collect()
}

fn code(error: &Value) -> &str {
    error["ErrorDetail"]["ErrorCode"].as_str().unwrap()
}

fn locations(simulator: &Simulator) -> Vec<(Vec<String>, Value)> {
    let partitions = simulator.partitions("lake", "labels").into_iter();
    partitions.map(|(values, input)| (values, input["StorageDescriptor"]["Location"].clone())).collect()
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn rejected<T>(code: &str) -> Result<T, String> {
    Err(code.to_owned())
}

#[tokio::test]
async fn databases_and_tables_are_created_and_deleted() {
    let simulator = Simulator::builder().glue_database("Other").start().await.unwrap();
    let get = call(&simulator, "GetDatabase", &json!({ "Name": "other" })).await.unwrap();
    assert_eq!(get["Database"]["Name"], "other");
    assert_eq!(call(&simulator, "GetDatabase", &json!({ "Name": "lake" })).await, rejected("EntityNotFoundException"));
    let make = json!({ "DatabaseInput": { "Name": "lake" } });
    call(&simulator, "CreateDatabase", &make).await.unwrap();
    assert_eq!(call(&simulator, "CreateDatabase", &make).await, rejected("AlreadyExistsException"));

    let table = json!({ "DatabaseName": "lake", "Name": "labels" });
    assert_eq!(call(&simulator, "GetTable", &table).await, rejected("EntityNotFoundException"));
    let input = json!({ "Name": "labels", "PartitionKeys": [{ "Name": "label", "Type": "string" }] });
    let make = |database| json!({ "DatabaseName": database, "TableInput": input });
    call(&simulator, "CreateTable", &make("lake")).await.unwrap();
    assert_eq!(call(&simulator, "CreateTable", &make("lake")).await, rejected("AlreadyExistsException"));
    assert_eq!(call(&simulator, "CreateTable", &make("missing")).await, rejected("EntityNotFoundException"));
    let found = call(&simulator, "GetTable", &table).await.unwrap();
    let found = &found["Table"];
    assert_eq!((&found["Name"], &found["PartitionKeys"][0]["Name"]), (&json!("labels"), &json!("label")));
    assert_eq!(found["DatabaseName"], "lake");

    simulator.put_partition("lake", "labels", json!({ "Values": ["Dog"] }));
    call(&simulator, "DeleteTable", &table).await.unwrap();
    assert_eq!(call(&simulator, "DeleteTable", &table).await, rejected("EntityNotFoundException"));
    call(&simulator, "CreateTable", &make("lake")).await.unwrap();
    assert!(simulator.partitions("lake", "labels").is_empty());
}

#[tokio::test]
async fn partitions_are_created_read_updated_and_deleted() {
    let simulator = start().await;
    let (cat, dog, missing) = (["a", "Cat"], ["a", "Dog"], ["a", "Cow"]);
    assert_eq!(create(&simulator, vec![input(&cat, "s3://lake/cat")]).await, Ok(vec![]));
    let entry_errors =
        create(&simulator, vec![input(&dog, "s3://lake/dog"), input(&cat, "s3://lake/else")]).await.unwrap();
    assert_eq!(failed(&entry_errors), [(json!(cat), "AlreadyExistsException")]);
    let both = [(strings(&cat), json!("s3://lake/cat")), (strings(&dog), json!("s3://lake/dog"))];
    assert_eq!(locations(&simulator), both);

    let wanted = json!([{ "Values": dog }, { "Values": missing }]);
    let reply = on_table(&simulator, "BatchGetPartition", "PartitionsToGet", wanted).await.unwrap();
    assert_eq!(reply["Partitions"].as_array().unwrap().len(), 1);
    let found = &reply["Partitions"][0];
    assert_eq!((&found["Values"], &found["TableName"]), (&json!(dog), &json!("labels")));
    assert_eq!(found["StorageDescriptor"]["Location"], "s3://lake/dog");
    assert!(reply["UnprocessedKeys"].as_array().is_none_or(Vec::is_empty));

    let entry = |values: &[&str], to: &[&str]| json!({ "PartitionValueList": values, "PartitionInput": input(to, "s3://lake/new") });
    let entries = json!([entry(&cat, &cat), entry(&missing, &missing)]);
    let reply = on_table(&simulator, "BatchUpdatePartition", "Entries", entries).await.unwrap();
    let [error] = &errors(&reply)[..] else { panic!("expected one error: {reply}") };
    assert_eq!((&error["PartitionValueList"], code(error)), (&json!(missing), "EntityNotFoundException"));
    assert_eq!(locations(&simulator)[0].1, "s3://lake/new");
    let renamed = on_table(&simulator, "BatchUpdatePartition", "Entries", json!([entry(&cat, &missing)])).await;
    assert_eq!(renamed, rejected("InvalidInputException"));

    let values = json!([{ "Values": cat }, { "Values": missing }]);
    let reply = on_table(&simulator, "BatchDeletePartition", "PartitionsToDelete", values).await.unwrap();
    assert_eq!(failed(&errors(&reply)), [(json!(missing), "EntityNotFoundException")]);
    assert_eq!(locations(&simulator), both[1..]);
}

#[tokio::test]
async fn batch_sizes_are_limited() {
    let simulator = start().await;
    let too_many = "ValidationException";
    let inputs = |many| numbered(many).iter().map(|label| input(&["job", label], "s3://lake/a")).collect::<Vec<_>>();
    assert_eq!(create(&simulator, inputs(101)).await, rejected(too_many));
    assert!(simulator.partitions("lake", "labels").is_empty());
    assert_eq!(create(&simulator, inputs(100)).await, Ok(vec![]));

    let update = async |many| {
        let entry = |input: Value| json!({ "PartitionValueList": input["Values"], "PartitionInput": input });
        let entries = inputs(many).into_iter().map(entry).collect();
        on_table(&simulator, "BatchUpdatePartition", "Entries", entries).await
    };
    assert_eq!(update(101).await, rejected(too_many));
    assert_eq!(update(0).await, rejected(too_many));
    assert!(errors(&update(100).await.unwrap()).is_empty());

    let keys = |many| numbered(many).iter().map(|label| json!({ "Values": ["job", label] })).collect::<Value>();
    let get = async |many| on_table(&simulator, "BatchGetPartition", "PartitionsToGet", keys(many)).await;
    assert_eq!(get(1001).await, rejected(too_many));
    assert_eq!(get(1000).await.unwrap()["Partitions"].as_array().unwrap().len(), 100);

    let delete = async |many| on_table(&simulator, "BatchDeletePartition", "PartitionsToDelete", keys(many)).await;
    assert_eq!(delete(26).await, rejected(too_many));
    assert!(errors(&delete(25).await.unwrap()).is_empty());
    assert_eq!(simulator.partitions("lake", "labels").len(), 75);
}

#[tokio::test]
async fn one_invalid_entry_fails_the_whole_batch() {
    let simulator = start().await;
    let (longest, too_long) = ("ß".repeat(1024), "ß".repeat(1025));
    for bad in [&["job", ""][..], &["job", &too_long], &["job"], &["job", "Dog", "more"], &[]] {
        let inputs = vec![input(&["job", "Cat"], "s3://lake/cat"), input(bad, "s3://lake/bad")];
        assert_eq!(create(&simulator, inputs).await, rejected("InvalidInputException"), "{bad:?}");
        assert!(simulator.partitions("lake", "labels").is_empty());
    }
    assert_eq!(create(&simulator, vec![input(&["job", &longest], "s3://lake/long")]).await, Ok(vec![]));

    let one_value = json!([{ "Values": ["job"] }]);
    let get = on_table(&simulator, "BatchGetPartition", "PartitionsToGet", one_value).await;
    assert_eq!(get, rejected("InvalidInputException"));
    let an_empty_one = json!([{ "Values": ["job", ""] }]);
    let delete = on_table(&simulator, "BatchDeletePartition", "PartitionsToDelete", an_empty_one).await;
    assert_eq!(delete, rejected("InvalidInputException"));
}

#[tokio::test]
async fn missing_table_or_database_is_an_error() {
    let simulator = start().await;
    for (database, table) in [("lake", "missing"), ("missing", "labels")] {
        let inputs = [input(&["job", "Dog"], "s3://lake/dog")];
        let create = json!({ "DatabaseName": database, "TableName": table, "PartitionInputList": inputs });
        assert_eq!(call(&simulator, "BatchCreatePartition", &create).await, rejected("EntityNotFoundException"));
        let list = json!({ "DatabaseName": database, "TableName": table });
        assert_eq!(call(&simulator, "GetPartitions", &list).await, rejected("EntityNotFoundException"));
    }
}

#[tokio::test]
async fn partitions_are_listed_in_pages_and_filtered_by_expression() {
    let simulator = start().await;
    for label in numbered(1001) {
        simulator.put_partition("lake", "labels", json!({ "Values": ["job", label] }));
    }
    simulator.put_partition("lake", "labels", json!({ "Values": ["other", "Farmer's Market"] }));
    let list = async |field: &str, value: Value| on_table(&simulator, "GetPartitions", field, value).await;
    let length = |reply: &Value| reply["Partitions"].as_array().unwrap().len();
    let first = list("ExcludeColumnSchema", true.into()).await.unwrap();
    assert_eq!(length(&first), 1000);
    let second = list("NextToken", first["NextToken"].clone()).await.unwrap();
    assert_eq!((length(&second), &second["NextToken"]), (2, &Value::Null));
    assert_eq!(length(&list("MaxResults", 1000.into()).await.unwrap()), 1000);
    assert_eq!(list("MaxResults", 1001.into()).await, rejected("ValidationException"));
    assert_eq!(list("MaxResults", 0.into()).await, rejected("ValidationException"));
    assert_eq!(list("NextToken", "?".into()).await, rejected("InvalidInputException"));

    let mut request = json!({
        "DatabaseName": "lake", "TableName": "labels", "Expression": "job_id='job'", "MaxResults": 400
    });
    let mut lengths = Vec::new();
    while lengths.is_empty() || !request["NextToken"].is_null() {
        let page = call(&simulator, "GetPartitions", &request).await.unwrap();
        lengths.push(length(&page));
        request["NextToken"] = page["NextToken"].clone();
    }
    assert_eq!(lengths, [400, 400, 201]);
    let expression = "job_id='other' AND label='Farmer''s Market'";
    let found = list("Expression", expression.into()).await.unwrap();
    assert_eq!(found["Partitions"][0]["Values"], json!(["other", "Farmer's Market"]));
    assert_eq!(simulator.requests().pop().unwrap().detail, expression);
    assert_eq!(list("Expression", "job_id LIKE 'j%'".into()).await, rejected("InvalidInputException"));
}

#[tokio::test]
async fn batch_fails_in_part() {
    let simulator = start().await;
    simulator.add_fault(Fault::on("BatchCreatePartition").nth(2).only_first(1));
    let inputs = || ["Cat", "Cow", "Dog"].map(|label| input(&[label, label], "s3://lake/a")).to_vec();
    assert_eq!(create(&simulator, vec![]).await, Ok(vec![]));
    let errors = create(&simulator, inputs()).await.unwrap();
    let internal = |label| (json!([label, label]), "InternalServiceException");
    assert_eq!(failed(&errors), ["Cow", "Dog"].map(internal));
    assert_eq!(simulator.partitions("lake", "labels").len(), 1);
    assert_eq!(create(&simulator, inputs()).await.unwrap().len(), 1, "the first entry already exists");

    simulator.add_fault(Fault::on("BatchGetPartition").only_first(1));
    let wanted = json!([{ "Values": ["Cat", "Cat"] }, { "Values": ["Dog", "Dog"] }]);
    let reply = on_table(&simulator, "BatchGetPartition", "PartitionsToGet", wanted).await.unwrap();
    assert_eq!(reply["Partitions"][0]["Values"], json!(["Cat", "Cat"]));
    assert_eq!(reply["UnprocessedKeys"][0]["Values"], json!(["Dog", "Dog"]));
    assert!(simulator.faults_not_fired().is_empty());
}

#[tokio::test]
async fn requests_are_logged_and_faults_apply() {
    let simulator = start().await;
    for (status, code) in
        [(400, "ThrottlingException"), (400, "AccessDeniedException"), (500, "InternalServiceException")]
    {
        simulator.add_fault(Fault::on("BatchCreatePartition").key_contains("Dog").status(status, code));
        let result = create(&simulator, vec![input(&["job", "Dog"], "s3://lake/dog")]).await;
        assert_eq!(result, rejected(code));
    }
    assert!(simulator.partitions("lake", "labels").is_empty());
    simulator.add_fault(Fault::on("BatchCreatePartition").lose_reply());
    assert!(create(&simulator, vec![input(&["job", "Dog"], "s3://lake/dog")]).await.is_err());
    assert_eq!(simulator.partitions("lake", "labels").len(), 1);
    let last = simulator.requests().pop().unwrap();
    assert_eq!((&*last.operation, &*last.target), ("BatchCreatePartition", "lake.labels"));
    assert_eq!(last.detail, r#"1 entries [["job","Dog"]]"#);
}
