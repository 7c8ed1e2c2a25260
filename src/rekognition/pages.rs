//! Fetches the pages of a job, one after the other, with `GetLabelDetection`.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::operation::get_label_detection::{GetLabelDetectionError, GetLabelDetectionOutput};
use aws_sdk_rekognition::types::{LabelDetectionAggregateBy, LabelDetectionSortBy, VideoJobStatus};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, sleep_until};

use crate::aws::call::{Call, ErrorClass};
use crate::aws::caller::Caller;
use crate::aws::retry::retry_until;
use crate::error::{Error, Interruption, RestartReason, Source};
use crate::job_id::JobId;
use crate::rekognition::pace::{Learned, Pace};
use crate::rekognition::page::{FirstPage, Page, status_text};
use crate::rekognition::reply::{DeferredDeserialization, RawReply};
use crate::table::aggregation::Aggregation;
use crate::table::rows::JobDescription;
use crate::telemetry::Progress;

/// Maximum number of labels on a page.
const MAX_RESULTS: i32 = 1000;
/// Maximum time to wait for a job that is still `IN_PROGRESS` after its completion message.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The first pause while waiting for such a job. Each further pause is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const GET_LABEL_DETECTION: &str = "rekognition:GetLabelDetection";

/// The position between two pages. With it, another invocation resumes from the next page.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Position {
    /// Number of pages before this position.
    pages: u64,
    /// Hashes of all pagination tokens so far. Following a repeated token would never end.
    seen_tokens: HashSet<u64>,
    /// The saved state of the pace.
    pace: Learned,
}

impl Position {
    /// Returns the number of pages before this position.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }
}

/// The pages of one job in one aggregation.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    client: &'a Client,
    job: &'a JobId,
    aggregation: Aggregation,
    until: Instant,
    position: Position,
    pace: Pace,
    progress: &'a Progress,
    caller: Caller,
    /// Time that the slowest page of this invocation took, including pauses.
    slowest: Duration,
}

impl<'a> Pages<'a> {
    /// Returns the pages after a position; the default position is before the first page. Calls are retried until
    /// `until`.
    pub(crate) fn new(
        client: &'a Client,
        job: &'a JobId,
        aggregation: Aggregation,
        until: Instant,
        position: Position,
        progress: &'a Progress,
        caller: Caller,
    ) -> Self {
        let pace = Pace::new(position.pace, Instant::now());
        Self { client, job, aggregation, until, position, pace, progress, caller, slowest: Duration::ZERO }
    }

    /// Returns the time that the slowest page of this invocation took. The next page may take as long.
    pub(crate) fn slowest_page(&self) -> Duration {
        self.slowest
    }

    /// Returns the position after the pages accepted so far.
    pub(crate) fn into_position(self) -> Position {
        Position { pace: self.pace.learned(), ..self.position }
    }

    /// Fetches the first page. Waits while the job is still `IN_PROGRESS`, because the completion message may arrive
    /// before the result is available.
    ///
    /// # Errors
    /// `JobNotFound`, `JobStillRunning`, `AccessDenied`, `Throttled`, `Upstream`, `UnexpectedPage`.
    pub(crate) async fn first(&mut self) -> Result<FirstPage, Error> {
        let started = Instant::now();
        let mut pause = FIRST_WAIT;
        loop {
            let mut reply = match self.fetch(self.number(), None, RawReply::parse).await {
                Ok(reply) => reply,
                // No restart happens here: Rekognition cannot reject a token if none is sent.
                Err(Interruption::Failed(error) | Interruption::Restart { error, .. }) => return Err(error),
            };
            match &reply.job_status {
                Some(VideoJobStatus::Succeeded) => {
                    let page = self.page(&mut reply)?;
                    return Ok(FirstPage::Succeeded(Box::new(JobDescription::of(reply)), page));
                }
                Some(VideoJobStatus::Failed) => return Ok(FirstPage::Failed(Box::new(JobDescription::of(reply)))),
                Some(VideoJobStatus::InProgress) => {}
                other => return Err(self.unexpected_page(status_text(other.as_ref()))),
            }
            let waited = started.elapsed();
            if waited + pause > MAX_WAIT || Instant::now() + pause >= self.until {
                return Err(Error::JobStillRunning { job: self.job.clone(), waited });
            }
            tracing::info!(job = %self.job, pause_ms = pause.as_millis(), "job still in progress; waiting");
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// Fetches the page with this token, without parsing it.
    ///
    /// # Errors
    /// A restart if Rekognition no longer accepts the token, which is valid for 24 hours. Otherwise as for
    /// [`Pages::first`], without `JobStillRunning`.
    pub(crate) async fn next(&mut self, token: &str) -> Result<RawReply, Interruption> {
        self.fetch(self.number(), Some(token), Ok).await
    }

    /// Fetches the page with this token while the page before it is being accepted.
    ///
    /// # Errors
    /// As for [`Pages::next`].
    pub(crate) async fn prefetch(&mut self, token: &str) -> Result<RawReply, Interruption> {
        self.fetch(self.number() + 1, Some(token), Ok).await
    }

    /// Fetches a page again after its reply could not be parsed. Retries until a reply can be parsed.
    ///
    /// # Errors
    /// As for [`Pages::next`].
    pub(crate) async fn refetch(&mut self, token: &str) -> Result<Page, Interruption> {
        let mut reply = self.fetch(self.number(), Some(token), RawReply::parse).await?;
        Ok(self.page(&mut reply)?)
    }

    fn page(&self, reply: &mut GetLabelDetectionOutput) -> Result<Page, Error> {
        Page::from_reply(self.job, self.aggregation, reply).map_err(|reason| self.unexpected_page(reason))
    }

    /// Moves the position behind a page whose labels were accepted. `next_token` is the token on that page.
    ///
    /// # Errors
    /// `UnexpectedPage`: an earlier page had the same token.
    pub(crate) fn accept_page(&mut self, next_token: Option<&str>) -> Result<(), Error> {
        if let Some(token) = next_token
            && !self.position.seen_tokens.insert(hash(token))
        {
            return Err(self.unexpected_page("its NextToken repeats that of an earlier page"));
        }
        self.position.pages += 1;
        Ok(())
    }

    /// Fetches the reply of page `number`, no faster than the pace allows, and converts it with `parse`.
    async fn fetch<T>(
        &mut self,
        number: u64,
        token: Option<&str>,
        parse: fn(RawReply) -> Result<T, Source>,
    ) -> Result<T, Interruption> {
        let started = Instant::now();
        let mut last_throttle = None;
        loop {
            let sent = self.pace.next_call().max(Instant::now());
            if sent >= self.until {
                return Err(last_throttle.unwrap_or_else(|| self.call().timed_out()).into());
            }
            sleep_until(sent).await;
            match self.send(token, parse).await? {
                Sent::Served(reply) => {
                    self.pace.served(sent, Instant::now());
                    self.slowest = self.slowest.max(started.elapsed());
                    self.progress.waited(started.elapsed());
                    return Ok(reply);
                }
                Sent::TokenRefused => {
                    let error = self.unexpected(number, "Rekognition rejected the pagination token of this page");
                    return Err(Interruption::Restart { reason: RestartReason::TokenRefused, error });
                }
                Sent::Throttled(error) => {
                    self.pace.throttled(Instant::now());
                    self.progress.throttled();
                    tracing::debug!(error = error.with_sources(), pace = ?self.pace, "throttled");
                    last_throttle = Some(error);
                }
            }
        }
    }

    /// Makes one call. Retries it after every error except throttling, which the caller handles.
    async fn send<T>(&self, token: Option<&str>, parse: fn(RawReply) -> Result<T, Source>) -> Result<Sent<T>, Error> {
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
            let deferred = DeferredDeserialization::default();
            match request.customize().interceptor(deferred.clone()).send().await {
                Ok(_) => {
                    let reply = deferred.into_reply().ok_or_else(|| "the SDK did not keep the reply".into());
                    reply.and_then(parse).map(Sent::Served).map_err(|source| call.failed(true, source))
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
        // GetLabelDetection has no resource type in IAM, so policies allow it on "*".
        Call {
            job: self.job,
            class: ErrorClass::Upstream,
            action: GET_LABEL_DETECTION,
            resource: "*".to_owned(),
            region: None,
            caller: self.caller,
        }
    }

    /// Returns the number of the first page that is not accepted yet, from 1.
    fn number(&self) -> u64 {
        self.position.pages + 1
    }

    /// Returns an error about the first page that is not accepted yet.
    pub(crate) fn unexpected_page(&self, reason: impl Into<String>) -> Error {
        self.unexpected(self.number(), reason)
    }

    fn unexpected(&self, page: u64, reason: impl Into<String>) -> Error {
        let (job, aggregation) = (self.job.clone(), self.aggregation.name());
        Error::UnexpectedPage { job, aggregation, page, reason: reason.into() }
    }
}

/// The outcome of one call.
enum Sent<T> {
    Served(T),
    TokenRefused,
    Throttled(Error),
}

/// Returns the hash of a token. Another version of the standard library may hash differently. A build with that version
/// does not recognize the tokens in an older checkpoint, and detects a loop one round later.
fn hash(token: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}
