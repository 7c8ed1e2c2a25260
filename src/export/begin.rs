//! The start of a delivery: at a commit, a checkpoint or page 1.

use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::Exporter;
use super::aggregation::ExportContext;
use super::checkpoint::Checkpoint;
use super::protocol::{self, Begin, CheckpointFound, Request, Row};
use super::state::AggregationState;
use crate::aws::deadline::Deadline;
use crate::error::{Error, RestartReason};
use crate::job_id::JobId;
use crate::lake::CommitMetadata;
use crate::notification::Completion;
use crate::rekognition::page::{FirstPage, Page};
use crate::rekognition::pages::Position;
use crate::table::rows::JobDescription;

/// The export of a job in this invocation.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The state that a checkpoint saves.
    pub(super) state: Checkpoint,
    /// Page 1 of each aggregation, if it is fetched already.
    pub(super) first_pages: Option<FirstPages>,
    /// True if the lake has a checkpoint of the job.
    pub(super) saved: bool,
    /// Number of pages that earlier invocations read.
    pub(super) pages_before: u64,
    /// The reasons for which this invocation has restarted from page 1. Each reason is allowed once.
    pub(super) restarts: Vec<RestartReason>,
}

/// Page 1 of each aggregation, which says how the job ended.
#[derive(Debug)]
pub(super) enum FirstPages {
    /// The job succeeded.
    Succeeded(Box<JobDescription>, Vec<(AggregationState, Page)>),
    /// The job failed.
    Failed(Box<JobDescription>),
}

impl Attempt {
    /// Returns an attempt that starts before page 1.
    fn new(state: Checkpoint) -> Self {
        Self { state, first_pages: None, saved: false, pages_before: 0, restarts: Vec::new() }
    }
}

impl Exporter {
    /// Decides where a delivery begins. Returns `None` if the job is committed and nothing is left to do.
    pub(super) async fn begin(&self, completion: &Completion, deadline: Deadline) -> Result<Option<Attempt>, Error> {
        let job = &completion.job_id;
        let request = Request { overwrite: completion.overwrite, replaces: completion.replaces };
        let row = if request.overwrite { None } else { self.row(job, deadline.leave()).await? };
        match protocol::begin(request, row.as_ref()) {
            Begin::Overwrite => self.begin_overwrite(completion, deadline).await.map(Some),
            Begin::Load => self.load(completion, request, deadline).await.map(Some),
            Begin::Stop => {
                // The checkpoint that was saved for this copy is no longer needed. With other settings than the commit's,
                // this copy may also have stored files that no row claims.
                if completion.continuation > 0 {
                    self.delete_unclaimed(job, deadline.answer()).await?;
                    self.lake.job(job, deadline.answer()).delete_checkpoint().await?;
                }
                Ok(None)
            }
        }
    }

    /// Begins an Overwrite. The old row and the old checkpoint are deleted only when page 1 says that the job has ended:
    /// results expire after 7 days, and then the old export is all there is.
    async fn begin_overwrite(&self, completion: &Completion, deadline: Deadline) -> Result<Attempt, Error> {
        let job = &completion.job_id;
        let state = Checkpoint::new(completion.clone(), &self.aggregations);
        let first_pages = match self.fetch_first_pages(job, state.all_open, deadline).await {
            Ok(first_pages) => first_pages,
            Err(error @ Error::JobNotFound { .. }) => {
                // The checkpoint of an earlier Overwrite may hold all pages, with only partitions or the commit missing.
                let message = Completion { overwrite: false, replaces: true, continuation: 0, ..completion.clone() };
                let earlier = Box::pin(self.begin(&message, deadline)).await?;
                let Some(earlier) = earlier.filter(|attempt| !attempt.state.states.is_empty()) else {
                    return Err(error);
                };
                tracing::warn!(%job, "the results have expired; resuming the Overwrite from an earlier checkpoint");
                return Ok(earlier);
            }
            Err(error) => return Err(error),
        };
        let lake = self.lake.job(job, deadline.answer());
        lake.delete_commit().await?;
        lake.delete_checkpoint().await?;
        Ok(Attempt { first_pages: Some(first_pages), ..Attempt::new(state) })
    }

    /// Resumes from the checkpoint, or starts before page 1 if there is none or it is unusable.
    async fn load(&self, completion: &Completion, request: Request, deadline: Deadline) -> Result<Attempt, Error> {
        let job = &completion.job_id;
        let new = || Checkpoint::new(completion.clone(), &self.aggregations);
        let saved = self.lake.job(job, deadline.leave()).get_checkpoint().await?;
        let (mut state, found) = match &saved {
            None => (new(), CheckpointFound::None),
            Some(saved) => match Checkpoint::decode(&saved.bytes, job, &self.aggregations) {
                Ok(state) => {
                    let found = CheckpointFound::Usable { replaces: state.replaces };
                    (state, found)
                }
                Err(reason) => {
                    tracing::warn!(%job, reason, "discarding an unusable checkpoint; restarting from page 1");
                    (new(), CheckpointFound::Unusable)
                }
            },
        };
        state.replaces = protocol::replaces(request, found);
        let pages_before = state.pages();
        Ok(Attempt { saved: saved.is_some(), pages_before, ..Attempt::new(state) })
    }

    /// Returns what the object of the job's row says, if the job is committed.
    pub(super) async fn row(&self, job: &JobId, until: Instant) -> Result<Option<Row<String>>, Error> {
        let Some(commit) = self.lake.job(job, until).find_commit().await? else { return Ok(None) };
        let committed = commit.metadata;
        let ours = CommitMetadata::of(&self.aggregations, false);
        let our_settings = !committed.contradicts(&ours);
        if !our_settings {
            tracing::warn!(%job, ?committed, ?ours, "committed with other settings; send Overwrite to replace it");
        }
        Ok(Some(Row { version: commit.e_tag, replaced: committed.replaced, our_settings }))
    }

    /// Fetches page 1 of each aggregation. Waits while the job is still `IN_PROGRESS`.
    pub(super) async fn fetch_first_pages(
        &self,
        job: &JobId,
        all_open: bool,
        deadline: Deadline,
    ) -> Result<FirstPages, Error> {
        let context = &ExportContext::new(self, job, deadline);
        let fetched = self.aggregations.iter().map(|&aggregation| async move {
            let mut pages = context.pages(aggregation, Position::default());
            let first = pages.first().await?;
            Ok::<_, Error>((AggregationState::before_page_1(aggregation, all_open, pages.into_position()), first))
        });
        let (mut description, mut first_pages) = (None, Vec::new());
        for (state, first) in try_join_all(fetched).await? {
            match first {
                FirstPage::Failed(description) => return Ok(FirstPages::Failed(description)),
                FirstPage::Succeeded(described, page) => {
                    description.get_or_insert(described);
                    first_pages.push((state, page));
                }
            }
        }
        Ok(FirstPages::Succeeded(description.unwrap_or_default(), first_pages))
    }
}
