//! The lake's tables in a simulated Glue Data Catalog, and their partitions.

use std::collections::BTreeMap;

use rekognition_simulator::{Builder, Simulator};
use serde_json::{Value, json};

/// Setting that registers partitions in the database of [`with_catalog`].
pub(crate) const DATABASE: (&str, &str) = ("GLUE_DATABASE", "label_lake");

/// Tables that the function registers partitions in.
pub(crate) const CATALOG_TABLES: [&str; 2] = ["label_detections", "label_segments"];

/// Partitions by the name of their table, followed by their values.
pub(crate) type Partitions = BTreeMap<Vec<String>, Value>;

/// Adds both tables to the account's catalog.
pub(crate) fn with_catalog(account: Builder) -> Builder {
    CATALOG_TABLES.into_iter().fold(account, |account, table| account.glue_table(DATABASE.1, table, table_input(table)))
}

/// Returns the `TableInput` of a table, as the template and `label-lake ddl` create it, with the columns of the golden
/// file.
pub(crate) fn table_input(table: &str) -> Value {
    let golden: Value = serde_json::from_str(include_str!("../../golden/tables.json")).unwrap();
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

/// Returns all partitions of both tables.
pub(crate) fn partitions(simulator: &Simulator) -> Partitions {
    let of = |table: &str| {
        let named = |values: Vec<String>| [vec![table.to_owned()], values].concat();
        let partitions = simulator.partitions(DATABASE.1, table).into_iter();
        partitions.map(|(values, partition)| (named(values), partition)).collect::<Vec<_>>()
    };
    CATALOG_TABLES.into_iter().flat_map(of).collect()
}

/// Stores partitions that were read with [`partitions`].
pub(crate) fn put_partitions(simulator: &Simulator, partitions: &Partitions) {
    for (values, partition) in partitions {
        simulator.put_partition(DATABASE.1, &values[0], partition.clone());
    }
}
