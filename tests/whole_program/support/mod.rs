//! Test harness: the function as a process, the service that invokes it, and readers of the lake it leaves.

mod catalog;
mod content;
pub(crate) mod crowd;
mod function;
mod interruption;
mod lake;
mod lambda_service;
#[path = "../../protocol/orders.rs"]
pub(crate) mod orders;
pub(crate) mod pacing_rules;
mod reader;

use rekognition_simulator::{Builder, Generated, Job, Simulator};

pub(crate) use self::catalog::{
    CATALOG_TABLES, DATABASE, Partitions, partitions, put_partitions, table_input, with_catalog,
};
pub(crate) use self::content::assert_content;
pub(crate) use self::function::{Function, command, outcome, spawn_process};
pub(crate) use self::interruption::Interruption;
pub(crate) use self::lake::{Objects, assert_same_lake, differences};
pub(crate) use self::lambda_service::{Continuations, DeliveryStats, LambdaService, Retries, within};
pub(crate) use self::reader::{assert_lossless, job_row, label_files};

/// Setting that fills both tables.
pub(crate) const BOTH_TABLES: &[(&str, &str)] = &[("AGGREGATE_BY", "TIMESTAMPS,SEGMENTS")];

/// Operation that fetches a page.
pub(crate) const PAGE: &str = "GetLabelDetection";

/// Key of the row that commits [`account`]'s job.
pub(crate) const COMMIT: &str = "jobs/job-job.parquet";

/// Key of the checkpoint of [`account`]'s job.
pub(crate) const CHECKPOINT: &str = "_checkpoints/job";

/// Returns an account with one job, whose ID is `job`.
pub(crate) fn account(job: Job) -> Builder {
    Simulator::builder().job("job", job)
}

/// Returns a generated job with this many detections of this many label names.
pub(crate) fn generated(detections: usize, label_names: usize) -> Job {
    Job::generated(Generated { detections, label_names, ..Generated::default() })
}
