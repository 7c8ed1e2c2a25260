//! Partitions in Glue: all of them, once, before the commit.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Builder, Fault, Gate, Generated, Job, Outcome, Simulator};

use crate::function::Function;
use crate::lambda_service::within;

pub(crate) const DATABASE: (&str, &str) = ("GLUE_DATABASE", "label_lake");
const TABLES: [&str; 2] = ["label_detections", "label_segments"];
const CREATE: &str = "BatchCreatePartition";

/// The partitions of both tables, by table and values.
pub(crate) type Partitions = BTreeMap<Vec<String>, Value>;

/// An account with the two tables in its catalog.
pub(crate) fn with_catalog(account: Builder) -> Builder {
    TABLES.into_iter().fold(account, |account, table| account.glue_table(DATABASE.1, table, table_input(table)))
}

/// The table as the template and `label-lake ddl` make it: the columns of the golden file.
fn table_input(table: &str) -> Value {
    let golden: Value = serde_json::from_str(include_str!("../golden/tables.json")).unwrap();
    let columns = |columns: &Value| {
        let columns = columns.as_array().unwrap().iter();
        columns.map(|column| json!({ "Name": column[0], "Type": column[1], "Comment": column[2] })).collect::<Value>()
    };
    json!({
        "Name": table,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": columns(&golden[table]["partition_keys"]),
        "StorageDescriptor": {
            "Columns": columns(&golden[table]["columns"]),
            "Location": format!("s3://lake/{table}/"),
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": { "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
        },
    })
}

/// All partitions of both tables, with the table's name before the values.
pub(crate) fn partitions(simulator: &Simulator) -> Partitions {
    let of = |table: &str| {
        let named = |values: Vec<String>| [vec![table.to_owned()], values].concat();
        let partitions = simulator.partitions(DATABASE.1, table).into_iter();
        partitions.map(|(values, partition)| (named(values), partition)).collect::<Vec<_>>()
    };
    TABLES.into_iter().flat_map(of).collect()
}

/// Arranges partitions that were read with [`partitions`].
pub(crate) fn put_partitions(simulator: &Simulator, partitions: &Partitions) {
    for (values, partition) in partitions {
        simulator.put_partition(DATABASE.1, &values[0], partition.clone());
    }
}

fn job(names: usize) -> Job {
    Job::generated(Generated { labels: 2 * names, names, ..Generated::default() })
}

fn account(names: usize) -> Builder {
    with_catalog(Simulator::builder().job("job", job(names)).listing_allowed(true))
}

async fn start(names: usize) -> Function {
    Function::start(account(names), &[DATABASE]).await
}

/// Each file of the lake has its partition, and no partition lacks its file.
fn assert_registered(simulator: &Simulator) {
    let unescaped = |partition: &Value| partition["StorageDescriptor"]["Location"].as_str().unwrap().to_owned();
    let located: Vec<_> = partitions(simulator).values().map(unescaped).collect();
    let is_part = |key: &&String| key.contains("/label=");
    let folder = |key: &String| format!("s3://lake/{}", key.trim_end_matches("part-00000.parquet"));
    let mut stored: Vec<_> = simulator.objects().keys().filter(is_part).map(folder).collect();
    let mut located_once = located.clone();
    located_once.sort();
    stored.sort();
    assert_eq!(located_once, stored);
}

/// Commits the job, then takes the commit back: a redelivery exports it again.
async fn exported_once(names: usize) -> Function {
    let function = start(names).await;
    function.export("job").await;
    function.simulator.store().delete("jobs/job-job.parquet");
    function.simulator.clear_requests();
    function
}

#[tokio::test]
async fn the_partitions_of_230_labels_take_3_calls_and_none_is_there_twice() {
    let function = start(230).await;
    function.export("job").await;
    assert_eq!((function.count("GetTable"), function.count(CREATE)), (1, 3));
    assert_eq!(partitions(&function.simulator).len(), 230);
    assert_registered(&function.simulator);

    let operations = function.operations();
    let last = |operation: &str| operations.iter().rposition(|asked| asked == operation).unwrap();
    assert_eq!(last("PutObject"), operations.len() - 1, "the commit comes last: {operations:?}");
    let first = operations.iter().position(|asked| asked == CREATE).unwrap();
    assert!(operations[first..last(CREATE)].iter().all(|asked| asked == CREATE), "all files are there before");

    let before = partitions(&function.simulator);
    function.simulator.store().delete("jobs/job-job.parquet");
    function.simulator.clear_requests();
    function.export("job").await;
    assert_eq!((function.count(CREATE), function.count("BatchGetPartition")), (3, 3));
    assert_eq!(function.count("BatchUpdatePartition"), 0);
    assert_eq!(partitions(&function.simulator), before);
}

#[tokio::test]
async fn the_partitions_of_3082_labels_take_31_calls() {
    let function = start(3082).await;
    function.export("job").await;
    assert_eq!((function.count("GetTable"), function.count(CREATE)), (1, 31));
    assert_eq!(partitions(&function.simulator).len(), 3082);
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn a_partition_has_raw_values_an_escaped_location_and_the_columns_of_its_table() {
    let named = [None, Some(""), Some("A/B C"), Some("100%"), Some("Caño = Río: \"x\"?")];
    let labels = named.map(|name| match name {
        Some(name) => json!({ "Timestamp": 0, "Label": { "Name": name } }),
        None => json!({ "Timestamp": 0, "Label": {} }),
    });
    let account = Simulator::builder().job("job", Job::from_labels(labels.to_vec())).listing_allowed(true);
    let function = Function::start(with_catalog(account), &[DATABASE, ("OUTPUT_PREFIX", "a/b")]).await;
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
    let below = "s3://lake/a/b/label_detections/job_id=job/label=";
    let expected = [
        ("100%", "100%25/"),
        ("A/B C", "A%2FB C/"),
        ("Caño = Río: \"x\"?", "Caño %3D Río%3A %22x%22%3F/"),
        ("__HIVE_DEFAULT_PARTITION__", "__HIVE_DEFAULT_PARTITION__/"),
    ];
    let expected = expected.map(|(label, path)| (label, format!("{below}{path}")));
    assert_eq!(located, expected.each_ref().map(|(label, location)| (*label, location.as_str())));
}

#[tokio::test]
async fn both_tables_are_registered() {
    let function = Function::start(account(120), &[DATABASE, ("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")]).await;
    function.export("job").await;
    assert_eq!((function.count("GetTable"), function.count(CREATE)), (2, 4));
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn a_stale_partition_is_put_right() {
    let function = exported_once(120).await;
    let right = partitions(&function.simulator);
    let mut stale: Partitions = right.iter().take(2).map(|(values, it)| (values.clone(), it.clone())).collect();
    let mut values = stale.values_mut();
    values.next().unwrap()["StorageDescriptor"]["Location"] = json!("s3://lake/elsewhere/");
    values.next().unwrap()["StorageDescriptor"]["Columns"] = json!([{ "Name": "other", "Type": "int" }]);
    put_partitions(&function.simulator, &stale);

    function.export("job").await;
    assert_eq!(function.count("BatchUpdatePartition"), 1);
    assert_eq!(partitions(&function.simulator), right);
}

#[tokio::test]
async fn a_reply_with_errors_is_finished() {
    let fault = |operation| Fault::on(operation).only_first(7);
    let function = Function::start(account(120).fault(fault(CREATE)), &[DATABASE]).await;
    function.export("job").await;
    assert_registered(&function.simulator);
    assert!(function.simulator.faults_not_fired().is_empty());

    function.simulator.store().delete("jobs/job-job.parquet");
    function.simulator.add_fault(fault("BatchGetPartition"));
    function.export("job").await;
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn throttles_and_lost_replies_are_tried_again() {
    let faults = [
        Fault::on("GetTable").status(400, "ThrottlingException"),
        Fault::on(CREATE).times(2).status(400, "ThrottlingException"),
        Fault::on(CREATE).nth(3).status(500, "InternalServiceException"),
        Fault::on(CREATE).nth(4).lose_reply(),
        Fault::on("BatchGetPartition").status(400, "OperationTimeoutException"),
    ];
    let function = Function::start(faults.into_iter().fold(account(120), Builder::fault), &[DATABASE]).await;
    function.export("job").await;
    assert!(function.simulator.faults_not_fired().is_empty());
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn a_missing_table_is_named_and_when_it_is_there_no_page_is_fetched_again() {
    let account = Simulator::builder().job("job", job(120)).listing_allowed(true).glue_database(DATABASE.1);
    let function = Function::start(account, &[DATABASE]).await;
    let (error_type, message) = function.fail(json!({ "JobId": "job" })).await;
    assert_eq!(error_type, "Catalog");
    for word in ["job job", "label_lake.label_detections", "label-lake ddl"] {
        assert!(message.contains(word), "{message}");
    }
    assert!(!function.simulator.store().contains("jobs/job-job.parquet"));

    let pages = function.count("GetLabelDetection");
    function.simulator.add_glue_table(DATABASE.1, TABLES[0], table_input(TABLES[0]));
    function.simulator.add_glue_table(DATABASE.1, TABLES[1], table_input(TABLES[1]));
    function.export("job").await;
    assert_eq!(function.count("GetLabelDetection"), pages);
    assert_registered(&function.simulator);
    assert!(!function.simulator.store().contains("_checkpoints/job"));
}

#[tokio::test]
async fn a_refusal_names_the_action_and_the_table() {
    let refused = Fault::on(CREATE).status(400, "AccessDeniedException");
    let function = Function::start(account(12).fault(refused), &[DATABASE]).await;
    let (error_type, message) = function.fail(json!({ "JobId": "job" })).await;
    assert_eq!(error_type, "AccessDenied");
    assert!(message.contains("glue:BatchCreatePartition") && message.contains("label_lake.label_detections"));
}

#[tokio::test]
async fn a_function_that_is_killed_before_it_registers_leaves_nothing_to_see() {
    let gate = Gate::new();
    let fault = Fault::on(CREATE).times(2).hold(gate.clone());
    let mut function = Function::start(account(120).fault(fault), &[DATABASE]).await;
    let message = json!({ "JobId": "job" });
    tokio::select! {
        answer = function.invoke(&message) => panic!("{answer:?}"),
        () = gate.reached_by(2) => {}
    }
    function.restart(&[DATABASE]).await;
    assert_eq!(function.simulator.objects().len(), 120, "all files");
    assert!(partitions(&function.simulator).is_empty());
    assert!(!function.simulator.store().contains("jobs/job-job.parquet"));
    function.export("job").await;
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn a_registration_goes_on_in_the_next_invocation_where_it_stopped() {
    // The fifth call of eight does not come back in time: the first group of four has.
    let slow = Fault::on(CREATE).nth(5).stall();
    let function = Function::start(account(720).fault(slow), &[DATABASE]).await;
    let event = json!({ "JobId": "job" }).to_string();
    let answer = function.simulator.invoke(event, within(Duration::from_secs(8))).await;
    let Outcome::Response(answer) = answer else { panic!("{answer:?}") };
    assert_eq!(answer["jobs"][0]["outcome"], "HANDED_OVER");
    let before = function.count(CREATE);
    let [next] = &*function.simulator.take_invoked() else { panic!("one message") };
    function.succeed(next.clone()).await;
    assert_eq!(function.count("GetLabelDetection"), 2, "no page is fetched again");
    assert_eq!(function.count(CREATE) - before, 4, "the first four are not sent again");
    assert_registered(&function.simulator);
}

#[tokio::test]
async fn an_overwrite_removes_the_partitions_that_it_has_not() {
    let function = exported_once(230).await;
    assert_eq!(partitions(&function.simulator).len(), 230);
    function.simulator.add_job("job", job(90));
    function.succeed(json!({ "JobId": "job", "Overwrite": true })).await;
    assert_eq!(partitions(&function.simulator).len(), 90);
    assert_registered(&function.simulator);
    assert_eq!(function.count("BatchDeletePartition"), 6);
}
