//! A result page: the labels of a reply, after a check that the reply is the one that was asked for.

use aws_sdk_rekognition::operation::get_label_detection::GetLabelDetectionOutput;
use aws_sdk_rekognition::types::{LabelDetection, LabelDetectionAggregateBy, VideoJobStatus};

use crate::job_id::JobId;
use crate::table::aggregation::Aggregation;
use crate::table::rows::JobDescription;

/// One page of a job that succeeded.
#[derive(Debug)]
pub(crate) struct Page {
    /// At most 1,000 labels, grouped by name.
    pub(crate) labels: Vec<LabelDetection>,
    /// Pagination token of the next page. `None` on the last page.
    pub(crate) next_token: Option<String>,
}

/// The first reply for a job that has ended.
#[derive(Debug)]
pub(crate) enum FirstPage {
    /// The job succeeded: its description, and the first page.
    Succeeded(Box<JobDescription>, Page),
    /// The job failed: the description has the reason.
    Failed(Box<JobDescription>),
}

impl Page {
    /// Takes the page out of a reply.
    ///
    /// # Errors
    /// The reason for which the reply is not a page of this job in this aggregation.
    pub(crate) fn from_reply(
        job: &JobId,
        aggregation: Aggregation,
        reply: &mut GetLabelDetectionOutput,
    ) -> Result<Self, String> {
        if reply.job_status != Some(VideoJobStatus::Succeeded) {
            return Err(format!("{}, but earlier pages said SUCCEEDED", status_text(reply.job_status.as_ref())));
        }
        if let Some(other) = reply.job_id().filter(|&id| id != job.as_str()) {
            return Err(format!("it belongs to job {other:?}"));
        }
        let asked = reply.get_request_metadata().and_then(|request| request.aggregate_by());
        if let Some(other) = asked.map(LabelDetectionAggregateBy::as_str).filter(|&asked| asked != aggregation.name()) {
            return Err(format!("it is aggregated by {other}"));
        }
        // Like the SDKs' own paginators, takes an empty token for the end.
        let next_token = reply.next_token.take().filter(|token| !token.is_empty());
        Ok(Self { labels: reply.labels.take().unwrap_or_default(), next_token })
    }
}

/// Returns a job status as part of an error message.
pub(super) fn status_text(status: Option<&VideoJobStatus>) -> String {
    format!("JobStatus is {}", status.map_or("missing", VideoJobStatus::as_str))
}
