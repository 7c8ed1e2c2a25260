//! Job → pages: GetLabelDetection, one page after the other.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::operation::get_label_detection::{GetLabelDetectionError, GetLabelDetectionOutput};
use aws_sdk_rekognition::types::{LabelDetection, LabelDetectionAggregateBy, LabelDetectionSortBy, VideoJobStatus};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, sleep_until};

use crate::aws::call::{Call, ErrorClass};
use crate::aws::retry::retry_until;
use crate::error::{Error, Source};
use crate::job_id::JobId;
use crate::rekognition::pace::{Learned, Pace};
use crate::rekognition::reply::{KeepReply, Reply};
use crate::table::aggregation::Aggregation;
use crate::table::rows::JobDescription;
use crate::telemetry::Progress;

/// The most labels that a page has.
const MAX_RESULTS: i32 = 1000;
/// How long a job may stay `IN_PROGRESS` after its completion message.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The first pause while waiting for it; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const GET_LABEL_DETECTION: &str = "rekognition:GetLabelDetection";

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
    Succeeded(Box<JobDescription>, Page),
    /// It failed: the reply says why.
    Failed(Box<JobDescription>),
}

/// Why there is no page.
#[derive(Debug)]
pub enum NoPage {
    /// Rekognition takes the token no more: it lives for 24 hours.
    TokenRefused,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for NoPage {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Where a chain of pages is: all that another invocation needs to go on.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Position {
    /// How many pages there were.
    page: u64,
    /// Hashes of all tokens so far: one that comes twice would lead around for ever.
    tokens: HashSet<u64>,
    /// What the pace of the calls has learned.
    pace: Learned,
}

impl Position {
    /// How many pages there were.
    pub fn pages(&self) -> u64 {
        self.page
    }
}

/// The pages of one job in one aggregation.
#[derive(Debug)]
pub struct Pages<'a> {
    client: &'a Client,
    job: &'a JobId,
    aggregation: Aggregation,
    until: Instant,
    position: Position,
    pace: Pace,
    progress: &'a Progress,
    /// How long the slowest page of this invocation took, with its pauses.
    slowest: Duration,
}

impl<'a> Pages<'a> {
    /// The pages after a position; from the first with the default one.
    pub fn new(
        client: &'a Client,
        job: &'a JobId,
        aggregation: Aggregation,
        until: Instant,
        position: Position,
        progress: &'a Progress,
    ) -> Self {
        let pace = Pace::new(position.pace, Instant::now());
        Self { client, job, aggregation, until, position, pace, progress, slowest: Duration::ZERO }
    }

    /// How long a page may take, by those of this invocation.
    pub fn slowest(&self) -> Duration {
        self.slowest
    }

    /// Where the chain is.
    pub fn into_position(self) -> Position {
        Position { pace: self.pace.learned(), ..self.position }
    }

    /// Fetches the first page, and waits while the job is still `IN_PROGRESS`: the message may overtake the result.
    ///
    /// # Errors
    /// `JobNotFound`, `JobStillRunning`, `AccessDenied`, `Throttled`, `Upstream`, `UnexpectedPage`.
    pub async fn first(&mut self) -> Result<FirstPage, Error> {
        let begun = Instant::now();
        let mut pause = FIRST_WAIT;
        loop {
            let mut reply = match self.get(None, Reply::read).await {
                Ok(reply) => reply,
                Err(NoPage::Failed(error)) => return Err(error),
                Err(NoPage::TokenRefused) => return Err(self.unexpected("its token is refused, and none was sent")),
            };
            match &reply.job_status {
                Some(VideoJobStatus::Succeeded) => {
                    let page = self.page(&mut reply)?;
                    return Ok(FirstPage::Succeeded(Box::new(JobDescription::of(reply)), page));
                }
                Some(VideoJobStatus::Failed) => return Ok(FirstPage::Failed(Box::new(JobDescription::of(reply)))),
                Some(VideoJobStatus::InProgress) => {}
                other => return Err(self.unexpected(status(other.as_ref()))),
            }
            let waited = begun.elapsed();
            if waited + pause > LONGEST_WAIT || Instant::now() + pause >= self.until {
                return Err(Error::JobStillRunning { job: self.job.clone(), waited });
            }
            tracing::info!(job = %self.job, "the job is still in progress, waiting");
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// Fetches the page that a token leads to, and leaves it unread.
    ///
    /// # Errors
    /// [`NoPage`], with an error as of [`Pages::first`] but `JobStillRunning`.
    pub async fn next(&mut self, token: &str) -> Result<Reply, NoPage> {
        self.get(Some(token), Ok).await
    }

    /// Fetches a page whose reply could not be read, until one can be.
    ///
    /// # Errors
    /// As of [`Pages::next`].
    pub async fn again(&mut self, token: &str) -> Result<Page, NoPage> {
        let mut reply = self.get(Some(token), Reply::read).await?;
        Ok(self.page(&mut reply)?)
    }

    fn page(&self, reply: &mut GetLabelDetectionOutput) -> Result<Page, Error> {
        page(self.job, self.aggregation, reply).map_err(|reason| self.unexpected(reason))
    }

    /// Counts a page whose labels are taken in, and remembers where it leads.
    ///
    /// # Errors
    /// `UnexpectedPage`: its token was there before.
    pub fn taken_in(&mut self, next: Option<&str>) -> Result<(), Error> {
        if let Some(token) = next
            && !self.position.tokens.insert(hash(token))
        {
            return Err(self.unexpected("its NextToken was there before"));
        }
        self.position.page += 1;
        Ok(())
    }

    /// Fetches one reply, at the pace of the chain, and returns what `read` makes of it.
    async fn get<T>(&mut self, token: Option<&str>, read: fn(Reply) -> Result<T, Source>) -> Result<T, NoPage> {
        let begun = Instant::now();
        let mut last_throttle = None;
        loop {
            let sent = self.pace.next_call().max(Instant::now());
            if sent >= self.until {
                return Err(last_throttle.unwrap_or_else(|| self.call().late()).into());
            }
            sleep_until(sent).await;
            match self.send(token, read).await? {
                Sent::Served(reply) => {
                    self.pace.served(sent, Instant::now());
                    self.slowest = self.slowest.max(begun.elapsed());
                    self.progress.waited(begun.elapsed());
                    return Ok(reply);
                }
                Sent::TokenRefused => return Err(NoPage::TokenRefused),
                Sent::Throttled(error) => {
                    self.pace.refused(Instant::now());
                    self.progress.throttled();
                    tracing::debug!(error = error.with_sources(), pace = ?self.pace, "throttled");
                    last_throttle = Some(error);
                }
            }
        }
    }

    async fn send<T>(&self, token: Option<&str>, read: fn(Reply) -> Result<T, Source>) -> Result<Sent<T>, Error> {
        let call = self.call();
        retry_until(self.until, &call, || async {
            let request = self
                .client
                .get_label_detection()
                .job_id(self.job.as_str())
                .max_results(MAX_RESULTS)
                .sort_by(LabelDetectionSortBy::Name)
                .aggregate_by(LabelDetectionAggregateBy::from(self.aggregation.name()))
                .set_next_token(token.map(str::to_owned));
            let kept = KeepReply::default();
            match request.customize().interceptor(kept.clone()).send().await {
                Ok(_) => {
                    let reply = kept.take().ok_or_else(|| "the SDK kept no reply".into());
                    reply.and_then(read).map(Sent::Served).map_err(|source| call.failed(true, source))
                }
                Err(error) => match error.as_service_error() {
                    Some(GetLabelDetectionError::InvalidPaginationTokenException(_)) if token.is_some() => {
                        Ok(Sent::TokenRefused)
                    }
                    Some(GetLabelDetectionError::ResourceNotFoundException(_)) => {
                        Err(Error::JobNotFound { job: self.job.clone(), source: error.into() })
                    }
                    _ => match call.error(error) {
                        throttled @ Error::Throttled { .. } => Ok(Sent::Throttled(throttled)),
                        failed => Err(failed),
                    },
                },
            }
        })
        .await
    }

    fn call(&self) -> Call<'a> {
        // GetLabelDetection has no resource type in IAM: a policy allows it on "*".
        Call {
            job: self.job,
            class: ErrorClass::Upstream,
            action: GET_LABEL_DETECTION,
            resource: "*".to_owned(),
            region: None,
        }
    }

    /// An error that names the page asked for last.
    pub fn unexpected(&self, reason: impl Into<String>) -> Error {
        Error::UnexpectedPage {
            job: self.job.clone(),
            aggregation: self.aggregation.name(),
            page: self.position.page + 1,
            reason: reason.into(),
        }
    }
}

/// What became of one call.
enum Sent<T> {
    Served(T),
    TokenRefused,
    Throttled(Error),
}

/// Takes the page out of a reply that has to be one of a job that succeeded.
///
/// # Errors
/// Why it is not the page that was asked for.
pub fn page(job: &JobId, aggregation: Aggregation, reply: &mut GetLabelDetectionOutput) -> Result<Page, String> {
    if reply.job_status != Some(VideoJobStatus::Succeeded) {
        return Err(format!("{} after a page that succeeded", status(reply.job_status.as_ref())));
    }
    if let Some(other) = reply.job_id().filter(|&id| id != job.as_str()) {
        return Err(format!("it is a page of job {other:?}"));
    }
    let asked = reply.get_request_metadata().and_then(|asked| asked.aggregate_by());
    if let Some(other) = asked.map(LabelDetectionAggregateBy::as_str).filter(|&asked| asked != aggregation.name()) {
        return Err(format!("it is aggregated by {other}"));
    }
    Ok(Page { labels: reply.labels.take().unwrap_or_default(), next: reply.next_token.take() })
}

fn status(status: Option<&VideoJobStatus>) -> String {
    format!("JobStatus is {}", status.map_or("missing", VideoJobStatus::as_str))
}

/// The hash goes into the checkpoint: another version of the standard library may find a repeated token a page later.
fn hash(token: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}
