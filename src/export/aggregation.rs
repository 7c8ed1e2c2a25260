//! The engine of an export: moves the pages of one aggregation into its table.
//!
//! Three things overlap: the next page is fetched while a page is parsed and flattened on another thread, and the files of
//! finished labels are uploaded at the same time.

use std::sync::Arc;

use aws_sdk_rekognition::Client;

use super::Exporter;
use super::state::AggregationState;
use crate::aws::deadline::Deadline;
use crate::error::{Error, Interruption, RestartReason, Source};
use crate::job_id::JobId;
use crate::lake::uploads::{Target, UploadLimits, Uploads};
use crate::lake::{Lake, PartOutcome};
use crate::rekognition::page::Page;
use crate::rekognition::pages::{Pages, Position};
use crate::rekognition::reply::RawReply;
use crate::table::aggregation::Aggregation;
use crate::table::grouping::{Completeness, Grouping, GroupingError, LabelFile};
use crate::telemetry::Progress;

/// Part of the function's memory that open labels may use: one in this many. The rest is for pages, files and the program.
const OPEN_LABELS_SHARE: u64 = 2;

/// What the aggregations of a job share in one invocation.
#[derive(Debug)]
pub(super) struct ExportContext<'a> {
    pub(super) rekognition: &'a Client,
    pub(super) lake: &'a Lake,
    pub(super) progress: &'a Arc<Progress>,
    /// Memory budget of the open labels of one aggregation when all of them are open, in bytes.
    pub(super) open_labels_budget: usize,
    pub(super) job: &'a JobId,
    pub(super) deadline: Deadline,
    pub(super) upload_limits: UploadLimits,
}

/// What an invocation achieved for one aggregation.
#[derive(Debug)]
pub(super) struct Advanced {
    pub(super) state: AggregationState,
    /// True if a page was accepted or a label was closed.
    pub(super) progress: bool,
    /// True if all files of the aggregation are in the lake.
    pub(super) done: bool,
    /// The error that kept the next page from being fetched until the time was short.
    pub(super) last_retryable_error: Option<Error>,
}

/// The export of one aggregation in one invocation.
#[derive(Debug)]
pub(super) struct AggregationExport<'a> {
    context: &'a ExportContext<'a>,
    aggregation: Aggregation,
    pages: Pages<'a>,
    uploads: Uploads,
    next_token: Option<String>,
    progress: bool,
}

impl<'a> AggregationExport<'a> {
    /// Continues from a state until the last file is in the lake or the time is short. `first` is page 1, if the state is
    /// the one before page 1.
    ///
    /// # Errors
    /// The state is dropped: the job restarts from page 1, or from its checkpoint in a later invocation.
    pub(super) async fn run(
        context: &'a ExportContext<'a>,
        state: AggregationState,
        first: Option<Page>,
    ) -> Result<Advanced, Interruption> {
        let AggregationState { aggregation, position, next_token, grouping } = state;
        let mut export = Self {
            context,
            aggregation,
            pages: context.pages(aggregation, position),
            uploads: context.uploads(aggregation, grouping.completeness()),
            next_token,
            progress: false,
        };
        let (grouping, last_retryable_error) = export.fetch_pages(grouping, first).await?;
        let (grouping, done) = export.close_labels(grouping).await?;
        if export.uploads.finish().await? == PartOutcome::KeptComplete {
            let reason = "another copy of this export found a label that returned after its group ended";
            return Err(Interruption::Restart {
                reason: RestartReason::NotGrouped,
                error: export.pages.unexpected_page(reason),
            });
        }
        let position = export.pages.into_position();
        let state = AggregationState { aggregation, position, next_token: export.next_token, grouping };
        Ok(Advanced { state, progress: export.progress, done, last_retryable_error })
    }

    /// Accepts pages up to the last one, or until the time is short. In the second case, returns the error that kept the
    /// next page from being fetched, if there was one.
    async fn fetch_pages(
        &mut self,
        mut grouping: Grouping,
        first: Option<Page>,
    ) -> Result<(Grouping, Option<Error>), Interruption> {
        let mut in_hand = first.map(FetchedPage::Parsed);
        loop {
            let fetched = match in_hand.take() {
                Some(page) => {
                    let (accepted, next) = self.accept_and_prefetch(grouping, page).await?;
                    grouping = accepted;
                    match next {
                        Next::Fetched(fetched) => fetched,
                        Next::NotFetched => continue,
                        Next::Stop => return Ok((grouping, None)),
                    }
                }
                None => match &self.next_token {
                    Some(token) => self.pages.next(token).await.map(FetchedPage::unparsed),
                    None => return Ok((grouping, None)),
                },
            };
            match fetched {
                Ok(page) => in_hand = Some(page),
                // The call was retried until the time was short.
                Err(Interruption::Failed(error)) if error.is_retryable() => return Ok((grouping, Some(error))),
                Err(interruption) => return Err(interruption),
            }
        }
    }

    /// Accepts a page, and fetches the next one at the same time if there is enough time for it.
    async fn accept_and_prefetch(
        &mut self,
        grouping: Grouping,
        page: FetchedPage,
    ) -> Result<(Grouping, Next), Interruption> {
        let Self { context, pages, uploads, aggregation, .. } = self;
        let token = page.next_token().map(str::to_owned);
        let enough_time = context.deadline.allows(pages.slowest_page() + uploads.time_to_finish());
        let prefetch = async {
            match &token {
                Some(token) if enough_time => Ok(Some(pages.prefetch(token).await)),
                _ => Ok(None),
            }
        };
        let accept = async {
            let Accepted { grouping, next_token, files } = context.accept(*aggregation, grouping, page).await?;
            for file in files {
                uploads.start(file).await.map_err(PageError::Upload)?;
            }
            Ok((grouping, next_token))
        };
        match tokio::try_join!(prefetch, accept) {
            Ok((prefetched, (grouping, next_token))) => {
                self.pages.accept_page(next_token.as_deref())?;
                self.progress = true;
                // The token that was seen in the bytes of the reply may not be the one that parsing found.
                let prefetched = prefetched.filter(|_| token == next_token);
                let has_next = next_token.is_some();
                self.next_token = next_token;
                let next = match prefetched {
                    Some(fetched) => Next::Fetched(fetched.map(FetchedPage::unparsed)),
                    None if enough_time && has_next => Next::NotFetched,
                    None => Next::Stop,
                };
                Ok((grouping, next))
            }
            Err(PageError::Unparsable { grouping, source }) => {
                tracing::warn!(job = %self.context.job, reason = source.to_string(), "cannot parse a page; fetching it again");
                let token = self.next_token.as_deref().unwrap_or_default();
                let fetched = self.pages.refetch(token).await.map(FetchedPage::Parsed);
                Ok((*grouping, Next::Fetched(fetched)))
            }
            Err(error) => Err(error.interruption(&self.pages)),
        }
    }

    /// After the last page: closes the labels that are still open, as far as the time allows. Returns true if no label is
    /// open any more.
    async fn close_labels(&mut self, mut grouping: Grouping) -> Result<(Grouping, bool), Error> {
        while self.next_token.is_none() && self.context.deadline.allows(self.uploads.time_to_finish()) {
            let (closed, file) = self.context.close_next(grouping).await;
            grouping = closed;
            let Some(file) = file else { return Ok((grouping, true)) };
            self.uploads.start(file).await?;
            self.progress = true;
        }
        Ok((grouping, false))
    }
}

impl<'a> ExportContext<'a> {
    /// Returns what the aggregations of a job share in an invocation of this function.
    pub(super) fn new(exporter: &'a Exporter, job: &'a JobId, deadline: Deadline) -> Self {
        let open_labels = exporter.memory / OPEN_LABELS_SHARE;
        Self {
            rekognition: &exporter.rekognition,
            lake: &exporter.lake,
            progress: &exporter.progress,
            open_labels_budget: open_labels as usize / exporter.aggregations.len(),
            job,
            deadline,
            upload_limits: UploadLimits::for_memory(exporter.memory),
        }
    }

    /// Returns the pages of an aggregation that come after a position.
    pub(super) fn pages(&self, aggregation: Aggregation, position: Position) -> Pages<'a> {
        Pages::new(self.rekognition, self.job, aggregation, self.deadline.leave(), position, self.progress)
    }

    fn uploads(&self, aggregation: Aggregation, completeness: Completeness) -> Uploads {
        let target = Target { lake: self.lake.clone(), job: self.job.clone(), aggregation, completeness };
        Uploads::new(target, self.upload_limits.clone(), self.deadline.answer(), Arc::clone(self.progress))
    }

    /// Parses and flattens a page on another thread.
    async fn accept(
        &self,
        aggregation: Aggregation,
        mut grouping: Grouping,
        fetched: FetchedPage,
    ) -> Result<Accepted, PageError> {
        let (job, budget, progress) = (self.job.clone(), self.open_labels_budget, Arc::clone(self.progress));
        on_another_thread(move || {
            let Page { labels, next_token } = match fetched {
                FetchedPage::Parsed(page) => page,
                FetchedPage::Unparsed(reply) => match reply.parse() {
                    Ok(mut reply) => Page::from_reply(&job, aggregation, &mut reply).map_err(PageError::Unexpected)?,
                    Err(source) => return Err(PageError::Unparsable { grouping: Box::new(grouping), source }),
                },
            };
            progress.page_fetched(labels.len());
            let files = grouping.add_page(&job, labels, budget).map_err(PageError::Grouping)?;
            Ok(Accepted { grouping, next_token, files })
        })
        .await
    }

    /// Closes one of the labels that are open after the last page, and encodes its file on another thread.
    async fn close_next(&self, mut grouping: Grouping) -> (Grouping, Option<LabelFile>) {
        let job = self.job.clone();
        on_another_thread(move || {
            let file = grouping.close_next(&job);
            (grouping, file)
        })
        .await
    }
}

/// A page that has been fetched but not accepted.
enum FetchedPage {
    Parsed(Page),
    Unparsed(Box<RawReply>),
}

impl FetchedPage {
    fn unparsed(reply: RawReply) -> Self {
        Self::Unparsed(Box::new(reply))
    }

    /// Returns the pagination token of the next page. For a page that is not parsed yet, the token may be wrong or missing.
    fn next_token(&self) -> Option<&str> {
        match self {
            Self::Parsed(page) => page.next_token.as_deref(),
            Self::Unparsed(reply) => reply.next_token(),
        }
    }
}

/// What is known of the next page when a page has been accepted.
enum Next {
    /// The next page was fetched, or the call failed.
    Fetched(Result<FetchedPage, Interruption>),
    /// There is a next page and time to fetch it.
    NotFetched,
    /// There is no next page, or no time to fetch it.
    Stop,
}

/// An accepted page: the grouping with its labels, the token of the next page, and the files of the labels that it closed.
struct Accepted {
    grouping: Grouping,
    next_token: Option<String>,
    files: Vec<LabelFile>,
}

/// Why a page was not accepted.
enum PageError {
    /// The reply cannot be parsed. The grouping is unchanged, and another reply may be sound.
    Unparsable {
        grouping: Box<Grouping>,
        source: Source,
    },
    /// The reply is not the page that was asked for.
    Unexpected(String),
    Grouping(GroupingError),
    Upload(Error),
}

impl PageError {
    fn interruption(self, pages: &Pages<'_>) -> Interruption {
        let reason = match self {
            Self::Grouping(GroupingError::LabelReturned(label)) => {
                let reason = format!("label {:?} returned after its group ended", label.partition_value());
                let error = pages.unexpected_page(reason);
                return Interruption::Restart { reason: RestartReason::NotGrouped, error };
            }
            Self::Upload(error) => return Interruption::Failed(error),
            Self::Grouping(GroupingError::OverBudget(budget)) => format!(
                "the pages are not grouped by label, and the labels of the job need more than the {} MiB available for \
                 open labels; give the function more memory",
                budget >> 20
            ),
            Self::Unparsable { source, .. } => source.to_string(),
            Self::Unexpected(reason) => reason,
        };
        Interruption::Failed(pages.unexpected_page(reason))
    }
}

/// Runs a computation on a thread of its own, so that fetching and uploading continue meanwhile.
async fn on_another_thread<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(compute).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
