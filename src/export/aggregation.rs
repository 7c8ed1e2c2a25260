//! The engine of an export: moves the pages of one aggregation (TIMESTAMPS or SEGMENTS) into its table.
//!
//! Three things happen at the same time: one thread parses and flattens a page, the next page is fetched, and the files
//! of closed labels are uploaded. [`Grouping`] decides when a label is closed.

use std::sync::Arc;

use aws_sdk_rekognition::Client;

use super::Exporter;
use super::state::AggregationState;
use crate::aws::caller::Caller;
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

/// Share of the function's memory that open labels may use: one part in this many. The rest is for pages, files and the
/// program.
const OPEN_LABELS_SHARE: u64 = 2;

/// The clients, limits and counters that the aggregations of a job share in one invocation.
#[derive(Debug)]
pub(super) struct ExportContext<'a> {
    pub(super) rekognition: &'a Client,
    pub(super) caller: Caller,
    pub(super) lake: &'a Lake,
    pub(super) progress: &'a Arc<Progress>,
    /// Maximum memory of the open labels of one aggregation, in bytes. Applies only if all labels stay open until the
    /// last page.
    pub(super) open_labels_budget: usize,
    pub(super) job: &'a JobId,
    pub(super) deadline: Deadline,
    pub(super) upload_limits: UploadLimits,
}

/// The outcome of one invocation for one aggregation.
#[derive(Debug)]
pub(super) struct AggregationOutcome {
    pub(super) state: AggregationState,
    /// True if a page was accepted or a label was closed.
    pub(super) made_progress: bool,
    /// True if all files of the aggregation are in the lake.
    pub(super) done: bool,
    /// The last error of the call for the next page, if the call was retried until the time for fetching was over.
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
    made_progress: bool,
}

impl<'a> AggregationExport<'a> {
    /// Continues from `state` until the last file is in the lake or too little time is left. If `state` is the one
    /// before page 1, `first` is page 1, which has been fetched already.
    ///
    /// # Errors
    /// The state is lost. After [`Interruption::Restart`], the job is read again from page 1. After
    /// [`Interruption::Failed`], a later delivery resumes from the last checkpoint, if there is one.
    pub(super) async fn run(
        context: &'a ExportContext<'a>,
        state: AggregationState,
        first: Option<Page>,
    ) -> Result<AggregationOutcome, Interruption> {
        let AggregationState { aggregation, position, next_token, grouping } = state;
        let mut export = Self {
            context,
            aggregation,
            pages: context.pages(aggregation, position),
            uploads: context.uploads(aggregation, grouping.completeness()),
            next_token,
            made_progress: false,
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
        Ok(AggregationOutcome { state, made_progress: export.made_progress, done, last_retryable_error })
    }

    /// Accepts pages up to the last one, or until too little time is left. Also returns the error of a call that was
    /// retried until the time for fetching was over.
    async fn fetch_pages(
        &mut self,
        mut grouping: Grouping,
        first: Option<Page>,
    ) -> Result<(Grouping, Option<Error>), Interruption> {
        let mut current = first.map(FetchedPage::Parsed);
        loop {
            let fetched = match current.take() {
                Some(page) => {
                    let (updated, next) = self.accept_and_prefetch(grouping, page).await?;
                    grouping = updated;
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
                Ok(page) => current = Some(page),
                // The call was retried until the time for fetching was over.
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
        // For a page that is not parsed yet, this token may be wrong: it is found by searching the bytes.
        let likely_token = page.next_token().map(str::to_owned);
        let enough_time = context.deadline.allows(pages.slowest_page() + uploads.time_to_finish());
        let prefetch = async {
            match &likely_token {
                Some(token) if enough_time => Ok(Some(pages.prefetch(token).await)),
                _ => Ok(None),
            }
        };
        let accept = async {
            let FlattenedPage { grouping, next_token, files } = context.flatten(*aggregation, grouping, page).await?;
            for file in files {
                uploads.start(file).await.map_err(PageError::Upload)?;
            }
            Ok((grouping, next_token))
        };
        match tokio::try_join!(prefetch, accept) {
            Ok((prefetched, (grouping, next_token))) => {
                self.pages.accept_page(next_token.as_deref())?;
                self.made_progress = true;
                // A page that was fetched with a wrong token is dropped.
                let prefetched = prefetched.filter(|_| likely_token == next_token);
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
                // The page was not accepted, so `next_token` is still the token of this page.
                let token = self.next_token.as_deref().unwrap_or_default();
                let fetched = self.pages.refetch(token).await.map(FetchedPage::Parsed);
                Ok((*grouping, Next::Fetched(fetched)))
            }
            Err(error) => Err(error.interruption(&self.pages)),
        }
    }

    /// Closes the labels that are still open after the last page, as many as the time allows. Returns true if no label
    /// is left open. Does nothing and returns false if there are more pages.
    async fn close_labels(&mut self, mut grouping: Grouping) -> Result<(Grouping, bool), Error> {
        while self.next_token.is_none() && self.context.deadline.allows(self.uploads.time_to_finish()) {
            let (updated, file) = self.context.close_next(grouping).await;
            grouping = updated;
            let Some(file) = file else { return Ok((grouping, true)) };
            self.uploads.start(file).await?;
            self.made_progress = true;
        }
        Ok((grouping, false))
    }
}

impl<'a> ExportContext<'a> {
    /// Creates the context for a job.
    pub(super) fn new(exporter: &'a Exporter, job: &'a JobId, deadline: Deadline) -> Self {
        let open_labels = exporter.memory / OPEN_LABELS_SHARE;
        Self {
            rekognition: &exporter.rekognition,
            caller: exporter.caller,
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
        let until = self.deadline.leave();
        Pages::new(self.rekognition, self.job, aggregation, until, position, self.progress, self.caller)
    }

    fn uploads(&self, aggregation: Aggregation, completeness: Completeness) -> Uploads {
        let target = Target { lake: self.lake.clone(), job: self.job.clone(), aggregation, completeness };
        Uploads::new(target, self.upload_limits.clone(), self.deadline.answer(), Arc::clone(self.progress))
    }

    /// Parses a page, adds its rows to the grouping, and encodes the files of the labels that it closes. Runs on
    /// another thread.
    async fn flatten(
        &self,
        aggregation: Aggregation,
        mut grouping: Grouping,
        fetched: FetchedPage,
    ) -> Result<FlattenedPage, PageError> {
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
            Ok(FlattenedPage { grouping, next_token, files })
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

/// The page to accept next.
enum Next {
    /// The result of fetching the next page, or of fetching a page again that could not be parsed.
    Fetched(Result<FetchedPage, Interruption>),
    /// There is a next page and enough time to fetch it, but it is not fetched yet.
    NotFetched,
    /// There is no next page, or not enough time to fetch it.
    Stop,
}

/// A page whose rows have been added to the grouping.
struct FlattenedPage {
    grouping: Grouping,
    /// Pagination token of the page after this one. `None` on the last page.
    next_token: Option<String>,
    /// Files of the labels that this page closed.
    files: Vec<LabelFile>,
}

/// The reason for which a page was not accepted.
enum PageError {
    /// The reply cannot be parsed. The grouping is unchanged. Fetching the page again may return a valid reply.
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

/// Runs a computation on another thread, so that fetching and uploading continue in the meantime.
async fn on_another_thread<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(compute).await {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
