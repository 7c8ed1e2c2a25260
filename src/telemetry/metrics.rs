//! Metrics in CloudWatch's embedded metric format. CloudWatch extracts them from log lines, so they need neither calls
//! nor permissions.
//!
//! ```text
//! {"_aws": {"Timestamp": …, "CloudWatchMetrics": [{"Namespace": "LabelLake", …}]},
//!  "FunctionName": "…", "job": "…", "outcome": "EXPORTED", "Jobs": 1, "Pages": 12, …}
//! ```

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::rows::{JobRow, JobStatus, LabelSummary};
use crate::telemetry::{VideoCounts, WorkDone};

/// Namespace of all metrics. Their only dimension is `FunctionName`.
const NAMESPACE: &str = "LabelLake";
/// Number of attempts that failed. An alarm uses it: unlike Lambda's `Errors`, its time is that of the failure and not of
/// the invocation's start, and it counts the failed items of a batch whose other items succeeded.
const FAILED_ATTEMPTS: &str = "FailedAttempts";

/// Name, unit and value of a metric.
type Metric = (&'static str, &'static str, u64);

/// One attempt at exporting a job, in one invocation.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) job: &'a JobId,
    /// Name of the outcome, or type of the error.
    pub(crate) outcome: &'static str,
    /// The row that this attempt committed, if any.
    pub(crate) committed: Option<&'a JobRow>,
    /// True if this attempt ended with an error.
    pub(crate) failed: bool,
    /// True if another invocation continues the export.
    pub(crate) handed_over: bool,
    pub(crate) work: WorkDone,
    pub(crate) duration: Duration,
}

impl Attempt<'_> {
    /// Returns all metrics.
    fn metrics(&self) -> [Metric; 13] {
        let committed = |status| u64::from(self.committed.is_some_and(|row| row.status == status));
        let total = |aggregation, number: fn(&LabelSummary) -> u64| {
            self.committed.and_then(|row| row.total(aggregation, number)).unwrap_or_default()
        };
        [
            ("Jobs", "Count", committed(JobStatus::Succeeded)),
            ("FailedJobs", "Count", committed(JobStatus::Failed)),
            (FAILED_ATTEMPTS, "Count", u64::from(self.failed)),
            ("Pages", "Count", self.work.pages),
            ("Detections", "Count", total(Aggregation::Timestamps, |label| label.count)),
            ("Segments", "Count", total(Aggregation::Segments, |label| label.count)),
            ("Rows", "Count", total(Aggregation::Timestamps, |label| label.rows)),
            ("Files", "Count", self.work.files),
            ("Bytes", "Bytes", self.work.bytes),
            ("Throttles", "Count", self.work.throttles),
            ("Continuations", "Count", u64::from(self.handed_over)),
            ("PageWait", "Milliseconds", self.work.page_wait.as_millis() as u64),
            ("JobTime", "Milliseconds", self.duration.as_millis() as u64),
        ]
    }

    /// Returns the log line with the metrics.
    pub(crate) fn line(&self, function: &str, now: SystemTime) -> String {
        line(function, now, Some(self.job), self.outcome, &self.metrics())
    }
}

/// Returns the log line of a failed attempt for which no job was started: the message is invalid. It has no other metrics,
/// because zeros would distort the durations.
pub(crate) fn rejection_line(function: &str, error_type: &'static str, now: SystemTime) -> String {
    line(function, now, None, error_type, &[(FAILED_ATTEMPTS, "Count", 1)])
}

/// Returns the log line of an invocation of the starter.
pub(crate) fn starter_line(function: &str, counts: VideoCounts, error: Option<&Error>, now: SystemTime) -> String {
    let VideoCounts { started, refused, not_started } = counts;
    let metrics = [
        ("VideosStarted", "Count", started),
        ("StartsRefused", "Count", refused),
        ("VideosNotStarted", "Count", not_started),
    ];
    line(function, now, None, error.map_or("STARTED", Error::error_type), &metrics)
}

/// Returns the log line with these metrics.
fn line(function: &str, now: SystemTime, job: Option<&JobId>, outcome: &str, metrics: &[Metric]) -> String {
    let timestamp = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let declared: Vec<_> = metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let head = json!({
        "Timestamp": timestamp,
        "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": declared }],
    });
    let mut line = Map::new();
    line.insert("_aws".to_owned(), head);
    line.insert("FunctionName".to_owned(), function.into());
    if let Some(job) = job {
        line.insert("job".to_owned(), job.as_str().into());
    }
    line.insert("outcome".to_owned(), outcome.into());
    line.extend(metrics.iter().map(|&(name, _, value)| (name.to_owned(), value.into())));
    Value::Object(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Value {
        let job = JobId::try_from("job-1").unwrap();
        let work = WorkDone { pages: 3, page_wait: Duration::from_micros(1_500_900), ..WorkDone::default() };
        let attempt = Attempt {
            job: &job,
            outcome: "HANDED_OVER",
            committed: None,
            failed: false,
            handed_over: true,
            work,
            duration: Duration::from_secs(2),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        serde_json::from_str(&attempt.line("label-lake", now)).unwrap()
    }

    /// The alarms and the dashboard of the template use the metric names.
    #[test]
    fn metrics_match_the_golden_file() {
        let line = line();
        let declared = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let declared: Vec<_> =
            declared.iter().map(|it| format!("{} {}", text(&it["Name"]), text(&it["Unit"]))).collect();
        let golden: Vec<_> = include_str!("../../tests/golden/metrics.txt").lines().collect();
        assert_eq!(declared, golden);
    }

    #[test]
    fn metrics_of_the_starter_match_the_golden_file() {
        let counts = VideoCounts { started: 3, refused: 1, not_started: 2 };
        let line: Value = serde_json::from_str(&starter_line("starter", counts, None, SystemTime::UNIX_EPOCH)).unwrap();
        let declared = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        let names: Vec<_> = declared.iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
        let golden: Vec<_> = include_str!("../../tests/golden/starter-metrics.txt").lines().collect();
        assert_eq!(names, golden);
        assert_eq!(names.iter().map(|&name| line[name].as_u64().unwrap()).collect::<Vec<_>>(), [3, 1, 2]);
    }

    #[test]
    fn every_declared_metric_and_dimension_has_a_value() {
        let line = line();
        assert_eq!(line["_aws"]["Timestamp"], 1_700_000_000_123_u64);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
        }
        assert_eq!(line[directive["Dimensions"][0][0].as_str().unwrap()], "label-lake");
        assert_eq!((&line["Pages"], &line["PageWait"], &line["JobTime"]), (&json!(3), &json!(1500), &json!(2000)));
        assert_eq!((&line["Continuations"], &line["Jobs"]), (&json!(1), &json!(0)));
    }

    #[test]
    fn rejected_message_has_only_the_metric_of_failed_attempts() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(7);
        let line: Value = serde_json::from_str(&rejection_line("label-lake", "InvalidEvent", now)).unwrap();
        let metrics = json!([{ "Name": "FailedAttempts", "Unit": "Count" }]);
        assert_eq!(
            (&line["_aws"]["Timestamp"], &line["_aws"]["CloudWatchMetrics"][0]["Metrics"]),
            (&json!(7), &metrics)
        );
        assert_eq!((&line["FunctionName"], &line["FailedAttempts"]), (&json!("label-lake"), &json!(1)));
        assert_eq!((&line["outcome"], line.get("job")), (&json!("InvalidEvent"), None));
    }
}
