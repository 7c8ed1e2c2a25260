//! The answer to an event: the contract with SQS, and with the programs that invoke the function.

use std::collections::BTreeSet;
use std::fmt;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};
use serde::{Deserialize, Serialize};

use crate::export::Outcome;
use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::rows::JobStatus;

/// The answer to an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Answer to SQS: the records that failed.
    Batch(SqsBatchResponse),
    /// Answer to every other caller: the outcome of each job.
    Jobs(JobsAnswer),
}

/// The outcome of each job of an event.
#[derive(Debug, Deserialize, Serialize)]
pub struct JobsAnswer {
    /// Jobs in the order of the event.
    pub jobs: Vec<JobAnswer>,
}

/// The outcome of one job. The fields after `outcome` are set if this invocation committed the job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobAnswer {
    /// ID of the job.
    pub job_id: JobId,
    /// Outcome.
    pub outcome: OutcomeName,
    /// Status of the job at Rekognition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
    /// Number of labels. Each has a file in each table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<usize>,
    /// Number of detections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detections: Option<u64>,
    /// Number of rows in `label_detections`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Number of segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<u64>,
}

/// Name of an [`Outcome`] in answers, logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutcomeName {
    /// This invocation committed the job.
    Exported,
    /// The job was committed before; nothing was done.
    AlreadyCommitted,
    /// Another copy of the export committed the job at the same time.
    CommittedByAnother,
    /// Another invocation continues the export.
    HandedOver,
}

impl OutcomeName {
    /// Returns the name as it is serialized.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "EXPORTED",
            Self::AlreadyCommitted => "ALREADY_COMMITTED",
            Self::CommittedByAnother => "COMMITTED_BY_ANOTHER",
            Self::HandedOver => "HANDED_OVER",
        }
    }
}

impl From<&Outcome> for OutcomeName {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Exported(_) => Self::Exported,
            Outcome::AlreadyCommitted => Self::AlreadyCommitted,
            Outcome::CommittedByAnother => Self::CommittedByAnother,
            Outcome::HandedOver => Self::HandedOver,
        }
    }
}

impl fmt::Display for OutcomeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JobAnswer {
    /// Returns the answer for a job with this outcome.
    pub fn new(job_id: JobId, outcome: &Outcome) -> Self {
        let row = outcome.row();
        Self {
            job_id,
            outcome: outcome.into(),
            status: row.map(|row| row.status),
            labels: row.map(|row| row.labels.len()),
            detections: row.and_then(|row| row.total(Aggregation::Timestamps, |summary| summary.count)),
            rows: row.and_then(|row| row.total(Aggregation::Timestamps, |summary| summary.rows)),
            segments: row.and_then(|row| row.total(Aggregation::Segments, |summary| summary.count)),
        }
    }
}

/// Returns the answer to SQS that reports these records as failed.
pub(super) fn batch(failed_items: BTreeSet<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed_items
        .into_iter()
        .map(|item| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = item;
            failure
        })
        .collect();
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn serializes_an_outcome_under_its_name() {
        let outcomes = [
            OutcomeName::Exported,
            OutcomeName::AlreadyCommitted,
            OutcomeName::CommittedByAnother,
            OutcomeName::HandedOver,
        ];
        for outcome in outcomes {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }

    #[test]
    fn reads_its_own_answer_and_ignores_new_fields() {
        let answer =
            json!({"jobs": [{"jobId": "a", "outcome": "EXPORTED", "status": "FAILED", "labels": 3, "new": 1}]});
        let JobsAnswer { jobs } = serde_json::from_value(answer).unwrap();
        assert_eq!((jobs[0].outcome, jobs[0].status), (OutcomeName::Exported, Some(JobStatus::Failed)));
        assert_eq!((jobs[0].labels, jobs[0].rows), (Some(3), None));
    }
}
