//! An export that this program runs itself, with the code of the function.

use std::time::Duration;

use anyhow::Context as _;
use label_lake::aws::deadline::Deadline;
use label_lake::aws::names::{BucketName, KeyPrefix};
use label_lake::config::Settings;
use label_lake::error::Error;
use label_lake::export::{Exporter, Invocation, Outcome};
use label_lake::notification::Completion;
use label_lake::table::aggregation::Aggregations;
use label_lake::telemetry::Progress;

use crate::output::progress::ExportProgress;

/// Memory that an export may use, in bytes: an amount that most development machines can spare.
const MEMORY: u64 = 2048 << 20;

/// Time that an export may take. It has to be enough for any job, because no other invocation continues the export.
/// Results expire after this time.
const TIMEOUT: Duration = Duration::from_hours(24 * 7);

/// Returns the settings that the function would read from its environment.
pub(crate) fn settings(bucket: BucketName, prefix: KeyPrefix, aggregations: Aggregations) -> Settings {
    Settings {
        bucket,
        prefix,
        aggregations,
        glue_database: None,
        bucket_owner: None,
        function_name: None,
        memory: MEMORY,
        s3_by_path: false,
    }
}

/// Returns the deadline of an export that starts now.
pub(crate) fn deadline() -> anyhow::Result<Deadline> {
    Deadline::of_invocation(TIMEOUT).context("the timeout is zero")
}

/// Exports a job and shows its progress. Returns `None` after Ctrl-C.
pub(crate) async fn export(
    exporter: &Exporter,
    completion: &Completion,
    bar: ExportProgress,
) -> anyhow::Result<Option<Result<Outcome, Error>>> {
    // The ARN is needed only to continue in another invocation.
    let invocation = Invocation { deadline: deadline()?, function_arn: "" };
    // Boxed because the state of an export is large.
    let export = Box::pin(exporter.export(completion, invocation));
    follow(export, &exporter.progress, bar).await
}

/// Waits for an export and shows its progress. Returns `None` after Ctrl-C.
pub(crate) async fn follow<T>(
    export: impl Future<Output = T>,
    progress: &Progress,
    bar: ExportProgress,
) -> anyhow::Result<Option<T>> {
    tokio::select! {
        result = export => Ok(Some(result)),
        never = bar.follow(progress) => match never {},
        signal = tokio::signal::ctrl_c() => {
            signal?;
            bar.keep();
            Ok(None)
        }
    }
}
