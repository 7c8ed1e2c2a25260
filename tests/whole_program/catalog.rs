//! Partitions in the Glue Data Catalog: all are registered, once each, before the commit.

use std::time::Duration;

use rekognition_simulator::{Builder, Fault, Gate, Job, Outcome, Simulator};
use serde_json::{Value, json};

use crate::support::{
    BOTH_TABLES, CATALOG_TABLES, CHECKPOINT, COMMIT, DATABASE, Function, PAGE, Partitions, account, generated,
    partitions, put_partitions, table_input, with_catalog, within,
};

const CREATE: &str = "BatchCreatePartition";

fn job(names: usize) -> Job {
    generated(2 * names, names)
}

fn catalog_account(names: usize) -> Builder {
    with_catalog(account(job(names)))
}

async fn start(names: usize) -> Function {
    Function::start(catalog_account(names), &[DATABASE]).await
}

/// Asserts that each file of the lake has a partition and each partition has a file.
fn assert_registered(simulator: &Simulator) {
    let location = |partition: &Value| partition["StorageDescriptor"]["Location"].as_str().unwrap().to_owned();
    let mut registered: Vec<_> = partitions(simulator).values().map(location).collect();
    let is_part = |key: &&String| key.contains("/label=");
    let folder = |key: &String| format!("s3://lake/{}", key.trim_end_matches("part-00000.parquet"));
    let mut stored: Vec<_> = simulator.objects().keys().filter(is_part).map(folder).collect();
    registered.sort();
    stored.sort();
    assert_eq!(registered, stored);
}

/// Exports the job and deletes its commit, so that a redelivery exports it again.
async fn exported_without_commit(names: usize) -> Function {
    let function = start(names).await;
    function.export("job").await;
    function.simulator.store().delete(COMMIT);
    function.simulator.clear_requests();
    function
}

#[tokio::test]
async fn registers_230_labels_in_3_calls_without_duplicates() {
    let function = start(230).await;
    function.export("job").await;
    assert_eq!((function.count("GetTable"), function.count(CREATE)), (1, 3));
    assert_eq!(partitions(&function.simulator).len(), 230);
    assert_registered(&function.simulator);

    let operations = function.operations();
    let last = |operation: &str| operations.iter().rposition(|requested| requested == operation).unwrap();
    assert_eq!(last("PutObject"), operations.len() - 1, "the commit comes last: {operations:?}");
    let first = operations.iter().position(|requested| requested == CREATE).unwrap();
    let between = &operations[first..last(CREATE)];
    assert!(between.iter().all(|requested| requested == CREATE), "all files are stored before the registration");

    let before = partitions(&function.simulator);
    function.simulator.store().delete(COMMIT);
    function.simulator.clear_requests();
    function.export("job").await;
    assert_eq!((function.count(CREATE), function.count("BatchGetPartition")), (3, 3));
    assert_eq!(function.count("BatchUpdatePartition"), 0);
    assert_eq!(partitions(&function.simulator), before);
}

#[tokio::test]
async fn registers_3082_labels_in_31_calls() {
    let function = start(3082).await;
    function.export("job").await;
    assert_eq!((function.count("GetTable"), function.count(CREATE)), (1, 31));
    assert_eq!(partitions(&function.simulator).len(), 3082);
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn partition_has_raw_values_escaped_location_and_table_columns() {
    let named = [None, Some(""), Some("A/B C"), Some("100%"), Some("Caño = Río: \"x\"?")];
    let labels = named.map(|name| match name {
        Some(name) => json!({ "Timestamp": 0, "Label": { "Name": name } }),
        None => json!({ "Timestamp": 0, "Label": {} }),
    });
    let account = with_catalog(account(Job::from_labels(labels.to_vec())));
    let function = Function::start(account, &[DATABASE, ("OUTPUT_PREFIX", "a/b")]).await;
    function.export("job").await;
    let found = function.simulator.partitions(DATABASE.1, "label_detections");
    let located: Vec<_> = found
        .iter()
        .map(|(values, partition)| {
            assert_eq!(values[0], "job");
            let storage = &partition["StorageDescriptor"];
            assert_eq!(storage["Columns"], table_input("label_detections")["StorageDescriptor"]["Columns"]);
            (values[1].as_str(), storage["Location"].as_str().unwrap())
        })
        .collect();
    let prefix = "s3://lake/a/b/label_detections/job_id=job/label=";
    let expected = [
        ("100%", "100%25/"),
        ("A/B C", "A%2FB C/"),
        ("Caño = Río: \"x\"?", "Caño %3D Río%3A %22x%22%3F/"),
        ("__HIVE_DEFAULT_PARTITION__", "__HIVE_DEFAULT_PARTITION__/"),
    ];
    let expected = expected.map(|(label, path)| (label, format!("{prefix}{path}")));
    assert_eq!(located, expected.each_ref().map(|(label, location)| (*label, location.as_str())));
}

#[tokio::test]
async fn registers_partitions_of_both_tables() {
    let settings = [BOTH_TABLES, &[DATABASE]].concat();
    let function = Function::start(catalog_account(120), &settings).await;
    function.export("job").await;
    assert_eq!((function.count("GetTable"), function.count(CREATE)), (2, 4));
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn updates_stale_partitions() {
    let function = exported_without_commit(120).await;
    let correct = partitions(&function.simulator);
    let first_two = correct.iter().take(2);
    let mut stale: Partitions = first_two.map(|(values, partition)| (values.clone(), partition.clone())).collect();
    let mut values = stale.values_mut();
    values.next().unwrap()["StorageDescriptor"]["Location"] = json!("s3://lake/elsewhere/");
    values.next().unwrap()["StorageDescriptor"]["Columns"] = json!([{ "Name": "other", "Type": "int" }]);
    put_partitions(&function.simulator, &stale);

    function.export("job").await;
    assert_eq!(function.count("BatchUpdatePartition"), 1);
    assert_eq!(partitions(&function.simulator), correct);
}

#[tokio::test]
async fn resends_entries_that_failed_in_a_batch_reply() {
    let fault = |operation| Fault::on(operation).only_first(7);
    let function = Function::start(catalog_account(120).fault(fault(CREATE)), &[DATABASE]).await;
    function.export("job").await;
    assert_registered(&function.simulator);
    assert!(function.simulator.faults_not_fired().is_empty());

    function.simulator.store().delete(COMMIT);
    function.simulator.add_fault(fault("BatchGetPartition"));
    function.export("job").await;
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn retries_throttles_and_lost_replies() {
    let faults = [
        Fault::on("GetTable").status(400, "ThrottlingException"),
        Fault::on(CREATE).times(2).status(400, "ThrottlingException"),
        Fault::on(CREATE).nth(3).status(500, "InternalServiceException"),
        Fault::on(CREATE).nth(4).lose_reply(),
        Fault::on("BatchGetPartition").status(400, "OperationTimeoutException"),
    ];
    let function = Function::start(faults.into_iter().fold(catalog_account(120), Builder::fault), &[DATABASE]).await;
    function.export("job").await;
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn missing_table_is_named_and_creating_it_resumes_without_fetching_pages() {
    let account = account(job(120)).glue_database(DATABASE.1);
    let function = Function::start(account, &[DATABASE]).await;
    let (error_type, message) = function.fail(json!({ "JobId": "job" })).await;
    assert_eq!(error_type, "Catalog");
    for word in ["job job", "label_lake.label_detections", "label-lake ddl"] {
        assert!(message.contains(word), "{message}");
    }
    assert!(!function.simulator.store().contains(COMMIT));

    let pages = function.count(PAGE);
    for table in CATALOG_TABLES {
        function.simulator.add_glue_table(DATABASE.1, table, table_input(table));
    }
    function.export("job").await;
    assert_eq!(function.count(PAGE), pages);
    assert_registered(&function.simulator);
    assert!(!function.simulator.store().contains(CHECKPOINT));
}

#[tokio::test]
async fn denied_registration_names_the_action_and_table() {
    let refused = Fault::on(CREATE).status(400, "AccessDeniedException");
    let function = Function::start(catalog_account(12).fault(refused), &[DATABASE]).await;
    let (error_type, message) = function.fail(json!({ "JobId": "job" })).await;
    assert_eq!(error_type, "AccessDenied");
    assert!(message.contains("glue:BatchCreatePartition") && message.contains("label_lake.label_detections"));
}

#[tokio::test]
async fn kill_before_registration_leaves_no_partitions_and_no_commit() {
    let gate = Gate::new();
    let fault = Fault::on(CREATE).times(2).hold(gate.clone());
    let mut function = Function::start(catalog_account(120).fault(fault), &[DATABASE]).await;
    let message = json!({ "JobId": "job" });
    tokio::select! {
        answer = function.invoke(&message) => panic!("{answer:?}"),
        () = gate.reached_by(2) => {}
    }
    function.restart(&[DATABASE]).await;
    assert_eq!(function.simulator.objects().len(), 120, "all files are stored");
    assert!(partitions(&function.simulator).is_empty());
    assert!(!function.simulator.store().contains(COMMIT));
    function.export("job").await;
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn registration_resumes_in_the_next_invocation() {
    // Calls are sent in groups of four. The first group succeeds, and the fifth of eight calls stalls.
    let stalled = Fault::on(CREATE).nth(5).stall();
    let function = Function::start(catalog_account(720).fault(stalled), &[DATABASE]).await;
    let event = json!({ "JobId": "job" }).to_string();
    let answer = function.simulator.invoke(event, within(Duration::from_secs(8))).await;
    let Outcome::Response(answer) = answer else { panic!("{answer:?}") };
    assert_eq!(answer["jobs"][0]["outcome"], "HANDED_OVER");
    let before = function.count(CREATE);
    let [continuation] = &*function.simulator.take_invoked() else { panic!("expected one continuation") };
    function.succeed(continuation.clone()).await;
    assert_eq!(function.count(PAGE), 2, "no page is fetched again");
    assert_eq!(function.count(CREATE) - before, 4, "the first four are not sent again");
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn overwrite_removes_partitions_of_labels_it_lacks() {
    let function = exported_without_commit(230).await;
    assert_eq!(partitions(&function.simulator).len(), 230);
    function.simulator.add_job("job", job(90));
    function.succeed(json!({ "JobId": "job", "Overwrite": true })).await;
    assert_eq!(partitions(&function.simulator).len(), 90);
    assert_registered(&function.simulator);
    assert_eq!(function.count("BatchDeletePartition"), 6);
}
