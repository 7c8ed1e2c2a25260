//! Glue's Data Catalog, by the SDK: partitions come and go, and every limit.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

mod client;

use aws_sdk_glue::Client;
use aws_sdk_glue::config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_glue::types::{
    BatchUpdatePartitionRequestEntry as Update, Column, DatabaseInput, PartitionError, PartitionInput,
    PartitionValueList, StorageDescriptor, TableInput,
};
use serde_json::{Value, json};
use simulator::{Fault, Simulator};

const KEYS: [&str; 2] = ["job_id", "label"];

/// A simulator with a table that is partitioned by job and label, and a client of it that does not retry.
async fn start() -> (Simulator, Client) {
    let keys = KEYS.map(|key| json!({ "Name": key, "Type": "string" }));
    let table = json!({ "PartitionKeys": keys, "StorageDescriptor": { "Location": "s3://lake/labels" } });
    let simulator = Simulator::builder().glue_table("lake", "labels", table).start().await.unwrap();
    let client = client(&simulator);
    (simulator, client)
}

fn client(simulator: &Simulator) -> Client {
    let config = aws_sdk_glue::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(client::credentials())
        .endpoint_url(simulator.glue_url())
        .http_client(client::http())
        .region(Region::new(simulator::REGION))
        .retry_config(RetryConfig::disabled());
    Client::from_conf(config.build())
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn input(values: &[&str], location: &str) -> PartitionInput {
    let storage = StorageDescriptor::builder().location(location).build();
    PartitionInput::builder().set_values(Some(strings(values))).storage_descriptor(storage).build()
}

fn values_of(values: &[&str]) -> PartitionValueList {
    PartitionValueList::builder().set_values(Some(strings(values))).build().unwrap()
}

/// So many partitions of the job `job`.
fn numbered(partitions: usize) -> Vec<String> {
    (0..partitions).map(|number| format!("label {number:04}")).collect()
}

fn code<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> String {
    let error = result.err().expect("a refusal");
    error.code().unwrap_or_default().to_owned()
}

async fn create(client: &Client, inputs: Vec<PartitionInput>) -> Result<Vec<PartitionError>, String> {
    let call = client.batch_create_partition().database_name("lake").table_name("labels");
    match call.set_partition_input_list(Some(inputs)).send().await {
        Ok(answer) => Ok(answer.errors.unwrap_or_default()),
        Err(error) => Err(error.code().unwrap_or_default().to_owned()),
    }
}

/// The values and codes of the entries that failed.
fn failed(errors: &[PartitionError]) -> Vec<(Vec<String>, String)> {
    let code = |error: &PartitionError| error.error_detail().and_then(|detail| detail.error_code()).unwrap().to_owned();
    errors.iter().map(|error| (error.partition_values().to_vec(), code(error))).collect()
}

fn locations(simulator: &Simulator) -> Vec<(Vec<String>, Value)> {
    let partitions = simulator.partitions("lake", "labels").into_iter();
    partitions.map(|(values, input)| (values, input["StorageDescriptor"]["Location"].clone())).collect()
}

#[tokio::test]
async fn databases_and_tables_come_and_go() {
    let simulator = Simulator::builder().glue_database("Other").start().await.unwrap();
    let client = client(&simulator);
    assert_eq!(client.get_database().name("other").send().await.unwrap().database.unwrap().name, "other");
    assert_eq!(code(client.get_database().name("lake").send().await), "EntityNotFoundException");
    let make = || client.create_database().database_input(DatabaseInput::builder().name("lake").build().unwrap());
    make().send().await.unwrap();
    assert_eq!(code(make().send().await), "AlreadyExistsException");

    let table = || client.get_table().database_name("lake").name("labels").send();
    assert_eq!(code(table().await), "EntityNotFoundException");
    let key = Column::builder().name("label").r#type("string").build().unwrap();
    let input = TableInput::builder().name("labels").partition_keys(key).build().unwrap();
    let make = || client.create_table().database_name("lake").table_input(input.clone());
    make().send().await.unwrap();
    assert_eq!(code(make().send().await), "AlreadyExistsException");
    assert_eq!(code(make().database_name("missing").send().await), "EntityNotFoundException");
    let found = table().await.unwrap().table.unwrap();
    assert_eq!((found.name(), found.partition_keys()[0].name()), ("labels", "label"));
    assert_eq!(found.database_name(), Some("lake"));

    simulator.put_partition("lake", "labels", json!({ "Values": ["Dog"] }));
    let delete = || client.delete_table().database_name("lake").name("labels").send();
    delete().await.unwrap();
    assert_eq!(code(delete().await), "EntityNotFoundException");
    make().send().await.unwrap();
    assert!(simulator.partitions("lake", "labels").is_empty());
}

#[tokio::test]
async fn partitions_are_created_read_updated_and_deleted() {
    let (simulator, client) = start().await;
    let (cat, dog) = (["a", "Cat"], ["a", "Dog"]);
    assert_eq!(create(&client, vec![input(&cat, "s3://lake/cat")]).await, Ok(vec![]));
    let errors = create(&client, vec![input(&dog, "s3://lake/dog"), input(&cat, "s3://lake/else")]).await.unwrap();
    assert_eq!(failed(&errors), [(strings(&cat), "AlreadyExistsException".to_owned())]);
    let both = [(strings(&cat), json!("s3://lake/cat")), (strings(&dog), json!("s3://lake/dog"))];
    assert_eq!(locations(&simulator), both);

    let get = client.batch_get_partition().database_name("lake").table_name("labels");
    let get = get.partitions_to_get(values_of(&dog)).partitions_to_get(values_of(&["a", "Cow"]));
    let answer = get.send().await.unwrap();
    let [found] = answer.partitions() else { panic!("one is there: {answer:?}") };
    assert_eq!((found.values(), found.table_name()), (&strings(&dog)[..], Some("labels")));
    assert_eq!(found.storage_descriptor().unwrap().location(), Some("s3://lake/dog"));
    assert!(answer.unprocessed_keys().is_empty());

    let entry = |values: &[&str], to: &[&str]| {
        let entry = Update::builder().set_partition_value_list(Some(strings(values)));
        entry.partition_input(input(to, "s3://lake/new")).build().unwrap()
    };
    let update = || client.batch_update_partition().database_name("lake").table_name("labels");
    let missing = ["a", "Cow"];
    let answer = update().entries(entry(&cat, &cat)).entries(entry(&missing, &missing)).send().await.unwrap();
    let [error] = answer.errors() else { panic!("one is missing: {answer:?}") };
    assert_eq!(error.partition_value_list(), strings(&missing));
    assert_eq!(error.error_detail().unwrap().error_code(), Some("EntityNotFoundException"));
    assert_eq!(locations(&simulator)[0].1, "s3://lake/new");
    assert_eq!(code(update().entries(entry(&cat, &missing)).send().await), "InvalidInputException");

    let delete = client.batch_delete_partition().database_name("lake").table_name("labels");
    let delete = delete.partitions_to_delete(values_of(&cat)).partitions_to_delete(values_of(&missing));
    let answer = delete.send().await.unwrap();
    assert_eq!(failed(answer.errors()), [(strings(&missing), "EntityNotFoundException".to_owned())]);
    assert_eq!(locations(&simulator), both[1..]);
}

#[tokio::test]
async fn batches_have_their_sizes() {
    let (simulator, client) = start().await;
    let too_many = "ValidationException";
    let inputs = |many| numbered(many).iter().map(|label| input(&["job", label], "s3://lake/a")).collect::<Vec<_>>();
    assert_eq!(create(&client, inputs(101)).await, Err(too_many.to_owned()));
    assert!(simulator.partitions("lake", "labels").is_empty());
    assert_eq!(create(&client, inputs(100)).await, Ok(vec![]));

    let update = |many| {
        let entry = |input: PartitionInput| {
            Update::builder().set_partition_value_list(input.values.clone()).partition_input(input).build().unwrap()
        };
        let entries = inputs(many).into_iter().map(entry).collect();
        client.batch_update_partition().database_name("lake").table_name("labels").set_entries(Some(entries)).send()
    };
    assert_eq!(code(update(101).await), too_many);
    assert_eq!(code(update(0).await), too_many);
    assert!(update(100).await.unwrap().errors().is_empty());

    let keys = |many| Some(numbered(many).iter().map(|label| values_of(&["job", label])).collect());
    let get = |many| {
        let call = client.batch_get_partition().database_name("lake").table_name("labels");
        call.set_partitions_to_get(keys(many)).send()
    };
    assert_eq!(code(get(1001).await), too_many);
    assert_eq!(get(1000).await.unwrap().partitions().len(), 100);

    let delete = |many| {
        let call = client.batch_delete_partition().database_name("lake").table_name("labels");
        call.set_partitions_to_delete(keys(many)).send()
    };
    assert_eq!(code(delete(26).await), too_many);
    assert!(delete(25).await.unwrap().errors().is_empty());
    assert_eq!(simulator.partitions("lake", "labels").len(), 75);
}

#[tokio::test]
async fn values_are_checked_and_one_bad_entry_refuses_the_batch() {
    let (simulator, client) = start().await;
    let (longest, too_long) = ("ß".repeat(1024), "ß".repeat(1025));
    for bad in [&["job", ""][..], &["job", &too_long], &["job"], &["job", "Dog", "more"], &[]] {
        let inputs = vec![input(&["job", "Cat"], "s3://lake/cat"), input(bad, "s3://lake/bad")];
        assert_eq!(create(&client, inputs).await, Err("InvalidInputException".to_owned()), "{bad:?}");
        assert!(simulator.partitions("lake", "labels").is_empty());
    }
    assert_eq!(create(&client, vec![input(&["job", &longest], "s3://lake/long")]).await, Ok(vec![]));

    let get = client.batch_get_partition().database_name("lake").table_name("labels");
    assert_eq!(code(get.partitions_to_get(values_of(&["job"])).send().await), "InvalidInputException");
    let delete = client.batch_delete_partition().database_name("lake").table_name("labels");
    assert_eq!(code(delete.partitions_to_delete(values_of(&["job", ""])).send().await), "InvalidInputException");
}

#[tokio::test]
async fn a_missing_table_or_database_is_said() {
    let (_simulator, client) = start().await;
    for (database, table) in [("lake", "missing"), ("missing", "labels")] {
        let create = client.batch_create_partition().database_name(database).table_name(table);
        let create = create.partition_input_list(input(&["job", "Dog"], "s3://lake/dog"));
        let error = create.send().await.unwrap_err().into_service_error();
        assert!(error.is_entity_not_found_exception(), "{error:?}");
        let get = client.get_partitions().database_name(database).table_name(table);
        assert_eq!(code(get.send().await), "EntityNotFoundException");
    }
}

#[tokio::test]
async fn partitions_are_listed_in_pages_and_by_expression() {
    let (simulator, client) = start().await;
    for label in numbered(1001) {
        simulator.put_partition("lake", "labels", json!({ "Values": ["job", label] }));
    }
    simulator.put_partition("lake", "labels", json!({ "Values": ["other", "Farmer's Market"] }));
    let list = || client.get_partitions().database_name("lake").table_name("labels").exclude_column_schema(true);
    let first = list().send().await.unwrap();
    assert_eq!(first.partitions().len(), 1000);
    let second = list().set_next_token(first.next_token).send().await.unwrap();
    assert_eq!((second.partitions().len(), second.next_token()), (2, None));
    assert_eq!(list().max_results(1000).send().await.unwrap().partitions().len(), 1000);
    assert_eq!(code(list().max_results(1001).send().await), "ValidationException");
    assert_eq!(code(list().max_results(0).send().await), "ValidationException");
    assert_eq!(code(list().next_token("?").send().await), "InvalidInputException");

    let mut pages = list().expression("job_id='job'").max_results(400).into_paginator().send();
    let mut lengths = Vec::new();
    while let Some(page) = pages.next().await {
        lengths.push(page.unwrap().partitions().len());
    }
    assert_eq!(lengths, [400, 400, 201]);
    let expression = "job_id='other' AND label='Farmer''s Market'";
    let found = list().expression(expression).send().await.unwrap();
    assert_eq!(found.partitions()[0].values(), strings(&["other", "Farmer's Market"]));
    assert_eq!(simulator.requests().pop().unwrap().detail, expression);
    assert_eq!(code(list().expression("job_id LIKE 'j%'").send().await), "InvalidInputException");
}

#[tokio::test]
async fn a_batch_fails_in_part() {
    let (simulator, client) = start().await;
    simulator.add_fault(Fault::on("BatchCreatePartition").nth(2).only_first(1));
    let inputs = || ["Cat", "Cow", "Dog"].map(|label| input(&[label, label], "s3://lake/a")).to_vec();
    assert_eq!(create(&client, vec![]).await, Ok(vec![]));
    let errors = create(&client, inputs()).await.unwrap();
    let internal = |label| (strings(&[label, label]), "InternalServiceException".to_owned());
    assert_eq!(failed(&errors), ["Cow", "Dog"].map(internal));
    assert_eq!(simulator.partitions("lake", "labels").len(), 1);
    assert_eq!(create(&client, inputs()).await.unwrap().len(), 1, "the first is there already");

    simulator.add_fault(Fault::on("BatchGetPartition").only_first(1));
    let get = client.batch_get_partition().database_name("lake").table_name("labels");
    let get = get.partitions_to_get(values_of(&["Cat", "Cat"])).partitions_to_get(values_of(&["Dog", "Dog"]));
    let answer = get.send().await.unwrap();
    assert_eq!(answer.partitions()[0].values(), strings(&["Cat", "Cat"]));
    assert_eq!(answer.unprocessed_keys()[0].values(), strings(&["Dog", "Dog"]));
    assert!(simulator.faults_not_fired().is_empty());
}

#[tokio::test]
async fn requests_are_logged_and_met_by_faults() {
    let (simulator, client) = start().await;
    for (status, code) in
        [(400, "ThrottlingException"), (400, "AccessDeniedException"), (500, "InternalServiceException")]
    {
        simulator.add_fault(Fault::on("BatchCreatePartition").key_contains("Dog").status(status, code));
        let refused = create(&client, vec![input(&["job", "Dog"], "s3://lake/dog")]).await;
        assert_eq!(refused, Err(code.to_owned()));
    }
    assert!(simulator.partitions("lake", "labels").is_empty());
    simulator.add_fault(Fault::on("BatchCreatePartition").lose_reply());
    assert!(create(&client, vec![input(&["job", "Dog"], "s3://lake/dog")]).await.is_err());
    assert_eq!(simulator.partitions("lake", "labels").len(), 1);
    let last = simulator.requests().pop().unwrap();
    assert_eq!((&*last.operation, &*last.target), ("BatchCreatePartition", "lake.labels"));
    assert_eq!(last.detail, r#"1 entries [["job","Dog"]]"#);
}
