//! The row of `jobs`.

use std::collections::BTreeMap;

use crate::layout::Label;
use crate::notification::Completion;
use crate::pages::{Aggregation, JobDescription};

use super::LabelSummary;

/// How the job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Its labels are in the lake.
    Succeeded,
    /// It has none; `status_message` says why.
    Failed,
}

impl JobStatus {
    /// The API's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
        }
    }
}

/// What is known of a job when it is committed. See [`crate::tables::JOBS`].
#[derive(Clone, Debug)]
pub struct JobRow {
    /// How it ended.
    pub status: JobStatus,
    /// The completion message.
    pub completion: Completion,
    /// What the first reply says of it. Where it says what the message says too, it counts.
    pub description: JobDescription,
    /// What was exported.
    pub aggregations: Vec<Aggregation>,
    /// What is in it, by label.
    pub labels: BTreeMap<Label, JobLabel>,
}

/// One element of `jobs.labels`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JobLabel {
    /// From `TIMESTAMPS`, if asked for.
    pub detections: Option<LabelSummary>,
    /// From `SEGMENTS`, if asked for.
    pub segments: Option<LabelSummary>,
}

impl JobLabel {
    /// Times and confidence come from the detections if asked for, else from the segments.
    pub fn seen(&self) -> LabelSummary {
        self.detections.or(self.segments).unwrap_or_default()
    }
}

impl JobRow {
    /// The row of a job that failed.
    pub fn failed(completion: Completion, description: JobDescription, aggregations: Vec<Aggregation>) -> Self {
        Self { status: JobStatus::Failed, completion, description, aggregations, labels: BTreeMap::new() }
    }

    /// The row of a job that succeeded, with the summaries of each aggregation asked for.
    pub fn succeeded(
        completion: Completion,
        description: JobDescription,
        summaries: Vec<(Aggregation, BTreeMap<Label, LabelSummary>)>,
    ) -> Self {
        let aggregations: Vec<_> = summaries.iter().map(|(aggregation, _)| *aggregation).collect();
        // A label may be in one aggregation only; in the other it has been seen no times.
        let none = |aggregation| aggregations.contains(&aggregation).then(LabelSummary::default);
        let absent = JobLabel { detections: none(Aggregation::Timestamps), segments: none(Aggregation::Segments) };
        let mut labels = BTreeMap::<Label, JobLabel>::new();
        for (aggregation, summaries) in summaries {
            for (label, summary) in summaries {
                let entry = labels.entry(label).or_insert(absent);
                match aggregation {
                    Aggregation::Timestamps => entry.detections = Some(summary),
                    Aggregation::Segments => entry.segments = Some(summary),
                }
            }
        }
        Self { status: JobStatus::Succeeded, completion, description, aggregations, labels }
    }

    /// The sum of a number over all labels; `None` if the job failed or the aggregation was not asked for.
    pub fn total(&self, aggregation: Aggregation, number: impl Fn(&LabelSummary) -> u64) -> Option<u64> {
        let asked_for = self.status == JobStatus::Succeeded && self.aggregations.contains(&aggregation);
        let summaries = self.labels.values().filter_map(|label| match aggregation {
            Aggregation::Timestamps => label.detections.as_ref(),
            Aggregation::Segments => label.segments.as_ref(),
        });
        asked_for.then(|| summaries.map(number).sum())
    }
}
