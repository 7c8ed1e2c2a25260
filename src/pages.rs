//! Job → pages: GetLabelDetection, one page after the other.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::error::SdkError;
use aws_sdk_rekognition::operation::get_label_detection::{GetLabelDetectionError, GetLabelDetectionOutput};
use aws_sdk_rekognition::types::{LabelDetection, LabelDetectionAggregateBy, LabelDetectionSortBy, VideoJobStatus};
use tokio::time::Instant;

use crate::error::{Call, Error};
use crate::notification::JobId;
use crate::pacing::{Deadline, persist};
use crate::tables::{LABEL_DETECTIONS, LABEL_SEGMENTS, Table};

/// The most labels that a page has.
const MAX_RESULTS: i32 = 1000;
/// How long a job may stay `IN_PROGRESS` after its completion message.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The first pause while waiting for it; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const GET_LABEL_DETECTION: &str = "rekognition:GetLabelDetection";

/// `AggregateBy` of GetLabelDetection. Each has a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aggregation {
    /// One label for each moment at which it is detected.
    Timestamps,
    /// One label for each segment of the video in which it is detected.
    Segments,
}

impl Aggregation {
    /// Both, in the order of the column `aggregate_by`.
    pub const ALL: [Self; 2] = [Self::Timestamps, Self::Segments];

    /// The API's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timestamps => "TIMESTAMPS",
            Self::Segments => "SEGMENTS",
        }
    }

    /// The table that its rows go to.
    pub const fn table(self) -> &'static Table {
        match self {
            Self::Timestamps => &LABEL_DETECTIONS,
            Self::Segments => &LABEL_SEGMENTS,
        }
    }
}

/// What every page says of the job: the reply without its labels and its token.
pub type JobReply = GetLabelDetectionOutput;

/// One page of a job that succeeded.
#[derive(Debug)]
pub struct Page {
    /// At most a thousand, grouped by name.
    pub labels: Vec<LabelDetection>,
    /// Leads to the next page; absent on the last.
    pub next: Option<String>,
}

/// How a job ended.
#[derive(Debug)]
pub enum FirstPage {
    /// It succeeded: what the reply says of the job, and the first page.
    Succeeded(JobReply, Page),
    /// It failed: the reply says why.
    Failed(JobReply),
}

/// The pages of one job in one aggregation.
#[derive(Debug)]
pub struct Pages<'a> {
    client: &'a Client,
    job: &'a JobId,
    aggregation: Aggregation,
    deadline: Deadline,
    /// The number of the page asked for last, from 1.
    number: u64,
    /// Every token so far: one that comes twice would lead around for ever.
    tokens: HashSet<String>,
}

impl<'a> Pages<'a> {
    /// The pages of a job, none fetched yet.
    pub fn new(client: &'a Client, job: &'a JobId, aggregation: Aggregation, deadline: Deadline) -> Self {
        Self { client, job, aggregation, deadline, number: 0, tokens: HashSet::new() }
    }

    /// Fetches the first page, and waits while the job is still `IN_PROGRESS`: the message may overtake the result.
    ///
    /// # Errors
    /// `JobNotFound`, `JobStillRunning`, `AccessDenied`, `Throttled`, `Upstream`, `UnexpectedPage`.
    pub async fn first(&mut self) -> Result<FirstPage, Error> {
        let begun = Instant::now();
        let mut pause = FIRST_WAIT;
        loop {
            self.number = 1;
            let mut reply = self.get(None).await?;
            match &reply.job_status {
                Some(VideoJobStatus::Succeeded) => {
                    let page = self.page(&mut reply)?;
                    return Ok(FirstPage::Succeeded(reply, page));
                }
                Some(VideoJobStatus::Failed) => return Ok(FirstPage::Failed(reply)),
                Some(VideoJobStatus::InProgress) => {}
                other => return Err(self.unexpected(format!("JobStatus is {other:?}"))),
            }
            let waited = begun.elapsed();
            if waited + pause > LONGEST_WAIT || pause >= self.deadline.left() {
                return Err(Error::JobStillRunning { job: self.job.clone(), waited });
            }
            tracing::info!(job = %self.job, "the job is still in progress, waiting");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Fetches the page that a token leads to.
    ///
    /// # Errors
    /// As [`Pages::first`], without `JobStillRunning`.
    pub async fn next(&mut self, token: String) -> Result<Page, Error> {
        self.number += 1;
        let mut reply = self.get(Some(&token)).await?;
        if reply.job_status != Some(VideoJobStatus::Succeeded) {
            return Err(self.unexpected(format!("JobStatus is {:?} after a page that succeeded", reply.job_status)));
        }
        self.page(&mut reply)
    }

    /// Takes the page out of a reply that succeeded.
    fn page(&mut self, reply: &mut GetLabelDetectionOutput) -> Result<Page, Error> {
        if let Some(other) = reply.job_id().filter(|&id| id != self.job.as_str()) {
            return Err(self.unexpected(format!("it is a page of job {other:?}")));
        }
        if let Some(asked) = reply.get_request_metadata() {
            let aggregation = asked.aggregate_by().map_or(self.aggregation.name(), LabelDetectionAggregateBy::as_str);
            if aggregation != self.aggregation.name() {
                return Err(self.unexpected(format!("it is aggregated by {aggregation}")));
            }
        }
        let next = reply.next_token.take();
        if let Some(token) = &next
            && !self.tokens.insert(token.clone())
        {
            return Err(self.unexpected("its NextToken was there before"));
        }
        Ok(Page { labels: reply.labels.take().unwrap_or_default(), next })
    }

    async fn get(&self, token: Option<&str>) -> Result<GetLabelDetectionOutput, Error> {
        persist(self.deadline, || async {
            self.client
                .get_label_detection()
                .job_id(self.job.as_str())
                .max_results(MAX_RESULTS)
                .sort_by(LabelDetectionSortBy::Name)
                .aggregate_by(LabelDetectionAggregateBy::from(self.aggregation.name()))
                .set_next_token(token.map(str::to_owned))
                .send()
                .await
                .map_err(|error| self.failed(error))
        })
        .await
    }

    fn failed(&self, error: SdkError<GetLabelDetectionError>) -> Error {
        match error.as_service_error() {
            Some(GetLabelDetectionError::ResourceNotFoundException(_)) => {
                Error::JobNotFound { job: self.job.clone(), source: error.into() }
            }
            Some(GetLabelDetectionError::InvalidPaginationTokenException(_)) => self.unexpected("its token is refused"),
            _ => {
                // GetLabelDetection has no resource type in IAM: a policy allows it on "*".
                let call = Call { job: self.job, action: GET_LABEL_DETECTION, resource: "*".to_owned() };
                call.error(error, Call::upstream)
            }
        }
    }

    /// An error that names the page asked for last.
    pub fn unexpected(&self, reason: impl Into<String>) -> Error {
        Error::UnexpectedPage {
            job: self.job.clone(),
            aggregation: self.aggregation.name(),
            page: self.number,
            reason: reason.into(),
        }
    }
}
