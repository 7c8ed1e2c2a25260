//! One job, end to end: pages → files → partitions → commit.

pub mod chain;
pub mod checkpoint;
mod commit;
pub mod continuation;
pub mod protocol;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use self::commit::Finished;
use crate::aws::clients::Lazy;
use crate::aws::deadline::Deadline;
use crate::config::Settings;
use crate::error::Error;
use crate::export::chain::{Advanced, Chain, Stop, Work};
use crate::export::checkpoint::Checkpoint;
use crate::export::continuation;
use crate::export::protocol::{self, Begin, CheckpointFound, Request, Row};
use crate::glue::catalog::Catalog;
use crate::glue::registration::{Registered, register};
use crate::job_id::JobId;
use crate::lake::uploads::UploadLimits;
use crate::lake::{Commit, Lake};
use crate::notification::Completion;
use crate::rekognition::pages::{FirstPage, Page};
use crate::table::aggregation::Aggregation;
use crate::table::rows::{JobDescription, JobRow};
use crate::telemetry::Progress;

/// The share of the memory that all open labels may take: the rest is for pages, files and the program.
const OPEN_LABELS_SHARE: u64 = 2;
/// After this many invocations in a row without progress a job is given up.
const MAX_STALLED: u32 = 3;
const FILES_MISSING: &str = "files of the job were removed while it was exported; is it being deleted?";

/// What an export works with: the clients, made once a process.
#[derive(Clone, Debug)]
pub struct Exporter {
    /// Rekognition's client.
    pub rekognition: aws_sdk_rekognition::Client,
    /// Lambda's client, to go on with a job in another invocation.
    pub lambda: Lazy<aws_sdk_lambda::Client>,
    /// Where the tables are.
    pub lake: Lake,
    /// Where their partitions are registered, if anywhere.
    pub catalog: Option<Catalog>,
    /// Which tables to fill.
    pub aggregations: Aggregations,
    /// The memory of the function, bytes.
    pub memory: u64,
    /// How far the work is.
    pub progress: Arc<Progress>,
    /// The function that metrics are written for, if any.
    pub function_name: Option<String>,
}

/// The invocation that an export runs in.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// Its end.
    pub deadline: Deadline,
    /// The ARN that the function was invoked by: an alias goes on as the same alias.
    pub function_arn: &'a str,
}

/// What became of a job.
#[derive(Debug)]
pub enum Outcome {
    /// It is committed: this row.
    Exported(Box<JobRow>),
    /// It had been committed before, and nothing was done.
    AlreadyCommitted,
    /// Another copy of the export committed it while this one worked.
    CommittedByAnother,
    /// Another invocation goes on with it.
    HandedOver,
}

impl Outcome {
    /// The row that was committed.
    pub fn row(&self) -> Option<&JobRow> {
        match self {
            Self::Exported(row) => Some(row),
            Self::AlreadyCommitted | Self::CommittedByAnother | Self::HandedOver => None,
        }
    }
}

/// Facts about a job that hold for one invocation, beside its state.
#[derive(Debug, Default)]
struct Attempt {
    /// The message is an Overwrite that has not taken back the commit yet.
    to_take_back: bool,
    /// The lake has a checkpoint of the job.
    saved: bool,
    /// Number of pages read before this invocation.
    pages_before: u64,
    /// Reasons for which this invocation started over from page 1. Each is accepted once.
    started_over: Vec<Unreliable>,
}

/// What an export cannot rely on, so that it reads the job again from page 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unreliable {
    /// The pages are not grouped by label: all labels have to stay open.
    Order,
    /// Rekognition no longer accepts the token.
    Token,
    /// Files of closed labels are gone.
    Files,
}

/// What an invocation made of a job.
enum Worked {
    /// It failed at Rekognition: commit this row.
    Failed(Box<JobRow>),
    /// All files are in the lake, and their partitions in the catalog; whether that was so before.
    Complete { progress: bool },
    /// It is time to leave. Whether it is nearer to its end than before, and what held it up.
    Unfinished { progress: bool, held_up: Option<Error> },
}

impl Exporter {
    /// An exporter with these settings and clients.
    pub fn new(
        settings: &Settings,
        rekognition: aws_sdk_rekognition::Client,
        s3: aws_sdk_s3::Client,
        lambda: Lazy<aws_sdk_lambda::Client>,
        catalog: Option<Catalog>,
    ) -> Self {
        Self {
            rekognition,
            lambda,
            catalog,
            lake: Lake::new(s3, &settings.bucket, &settings.prefix, settings.bucket_owner.as_ref()),
            aggregations: settings.aggregations.clone(),
            memory: settings.memory,
            progress: Arc::default(),
            function_name: settings.function_name.clone(),
        }
    }

    /// Exports a job that is not committed yet. Resumes where an earlier invocation stopped.
    ///
    /// With [`Completion::overwrite`] what is committed is replaced, but nothing is deleted before Rekognition has
    /// returned the first page: results are gone after 7 days. Then the old row and the old checkpoint are deleted. Files
    /// that the new export does not own are deleted just before its own row is put, those of a table that it does not
    /// fill just after; a file that both exports share is never absent, as another copy of the export may rely on it.
    ///
    /// # Errors
    /// Any but `InvalidEvent`, `InvalidJobId` and `Configuration`. Nothing is committed then.
    pub async fn export(&self, completion: &Completion, invocation: Invocation<'_>) -> Result<Outcome, Error> {
        let (job, deadline) = (&completion.job_id, invocation.deadline);
        let Some((mut state, mut attempt)) = self.begin(completion, deadline).await? else {
            return Ok(Outcome::AlreadyCommitted);
        };
        loop {
            let (reason, error) = match self.work(&mut state, &mut attempt, deadline).await {
                Err(Stop::Failed(error @ Error::JobNotFound { .. })) if attempt.to_take_back => {
                    let Some(saved) = self.saved_before(completion, deadline).await? else { return Err(error) };
                    tracing::warn!(%job, "the results are gone: an Overwrite goes on from the checkpoint of an earlier one");
                    (state, attempt) = saved;
                    continue;
                }
                // There is no state to save: the next delivery asks Rekognition again.
                Ok(Worked::Failed(row)) => match self.commit(&row, state.replaces, deadline.answer()).await? {
                    Finished::FilesMissing => (Unreliable::Files, self.lake.commit_failed(job, FILES_MISSING)),
                    finished => return Ok(self.finished(*row, finished, &attempt, deadline).await),
                },
                // What is left is a request or two: if there is no time for them, the next invocation begins there.
                Ok(Worked::Complete { progress }) if deadline.allows(Duration::ZERO) => {
                    let row = state.row();
                    match self.commit(&row, state.replaces, deadline.leave()).await {
                        Ok(Finished::FilesMissing) => (Unreliable::Files, self.lake.commit_failed(job, FILES_MISSING)),
                        Ok(finished) => return Ok(self.finished(row, finished, &attempt, deadline).await),
                        Err(error) if error.is_retryable() && progress => {
                            return self.hand_over(state, &attempt, progress, completion, invocation).await;
                        }
                        Err(error) => {
                            self.lake.put_checkpoint(job, state.encode(), deadline.answer()).await?;
                            return Err(error);
                        }
                    }
                }
                Ok(Worked::Unfinished { progress: false, held_up: Some(error) }) | Err(Stop::Failed(error)) => {
                    return Err(error);
                }
                Ok(Worked::Complete { progress } | Worked::Unfinished { progress, .. }) => {
                    return self.hand_over(state, &attempt, progress, completion, invocation).await;
                }
                Err(Stop::NotGrouped(error)) => (Unreliable::Order, error),
                Err(Stop::TokenRefused(error)) => (Unreliable::Token, error),
            };
            self.start_over(&mut state, &mut attempt, reason, error, deadline).await?;
        }
    }

    /// Finds out where to begin. Returns `None` if the job is committed, and there is nothing to do.
    async fn begin(&self, completion: &Completion, deadline: Deadline) -> Result<Option<(Checkpoint, Attempt)>, Error> {
        let job = &completion.job_id;
        let request = Request { overwrite: completion.overwrite, replaces: completion.replaces };
        let row = if request.overwrite { None } else { self.row(job, deadline.leave()).await? };
        let attempt = Attempt { to_take_back: request.overwrite, ..Attempt::default() };
        match protocol::begin(request, row.as_ref()) {
            Begin::Overwrite => Ok(Some((Checkpoint::new(completion.clone(), &self.aggregations), attempt))),
            Begin::Load => {
                let (state, saved) = self.load(completion, request, deadline).await?;
                let pages_before = state.pages();
                Ok(Some((state, Attempt { saved, pages_before, ..attempt })))
            }
            Begin::Stop => {
                // What was saved for this copy is not needed any more, nor what it stored if its settings were others.
                if completion.continuation > 0 {
                    self.remove_unclaimed(job, deadline.answer()).await?;
                    self.lake.delete_checkpoint(job, deadline.answer()).await?;
                }
                Ok(None)
            }
        }
    }

    /// Returns what an Overwrite can go on from when its results are gone: all pages of an earlier one may have been read,
    /// and only its partitions or its commit be left to do.
    async fn saved_before(
        &self,
        completion: &Completion,
        deadline: Deadline,
    ) -> Result<Option<(Checkpoint, Attempt)>, Error> {
        let message = Completion { overwrite: false, replaces: true, continuation: 0, ..completion.clone() };
        let begun = self.begin(&message, deadline).await?;
        Ok(begun.filter(|(state, _)| !state.chains.is_empty()))
    }

    /// Returns what the job's row says, if it is committed.
    async fn row(&self, job: &JobId, until: Instant) -> Result<Option<Row<String>>, Error> {
        let Some((committed, version)) = self.lake.commit_of(job, until).await? else { return Ok(None) };
        let ours = Commit::of(&self.aggregations, false);
        let our_settings = !committed.contradicts(&ours);
        if !our_settings {
            tracing::warn!(%job, ?committed, ?ours, "committed with other settings; send Overwrite to replace it");
        }
        Ok(Some(Row { version, replaced: committed.replaced, our_settings }))
    }

    /// Returns the state that was saved, or that before page 1, and whether a checkpoint was found.
    async fn load(
        &self,
        completion: &Completion,
        request: Request,
        deadline: Deadline,
    ) -> Result<(Checkpoint, bool), Error> {
        let job = &completion.job_id;
        let saved = self.lake.get_checkpoint(job, deadline.leave()).await?;
        let decoded = saved.as_ref().map(|bytes| Checkpoint::decode(bytes, job, &self.aggregations));
        let (mut state, found) = match decoded {
            None => (Checkpoint::new(completion.clone(), &self.aggregations), CheckpointFound::None),
            Some(Ok(state)) => {
                let found = CheckpointFound::Usable { replaces: state.replaces };
                (state, found)
            }
            Some(Err(reason)) => {
                tracing::warn!(%job, reason, "discarding an unusable checkpoint; restarting from page 1");
                (Checkpoint::new(completion.clone(), &self.aggregations), CheckpointFound::Unusable)
            }
        };
        state.replaces = protocol::replaces(request, found);
        Ok((state, saved.is_some()))
    }

    /// Works on a job until all its files are in the lake, or until it is time to leave.
    async fn work(&self, state: &mut Checkpoint, attempt: &mut Attempt, deadline: Deadline) -> Result<Worked, Stop> {
        let job = &state.completion.job_id.clone();
        let work = Work {
            rekognition: &self.rekognition,
            lake: &self.lake,
            progress: &self.progress,
            open_labels: (self.memory / OPEN_LABELS_SHARE) as usize / self.aggregations.len(),
            job,
            deadline,
            limits: UploadLimits::of_memory(self.memory),
        };

        let mut chains = std::mem::take(&mut state.chains);
        let mut in_hand = Vec::new();
        if chains.is_empty() {
            let first = self.first_pages(&work, state.all_open).await?;
            // The first page says that the job has ended, and holds what is lost if nothing replaces the old export.
            if std::mem::take(&mut attempt.to_take_back) {
                self.lake.delete_commit(job, deadline.answer()).await?;
                self.lake.delete_checkpoint(job, deadline.answer()).await?;
            }
            match first {
                FirstPages::Succeeded(description, begun) => {
                    state.description = *description;
                    (chains, in_hand) = begun.into_iter().unzip();
                }
                FirstPages::Failed(description) => {
                    tracing::warn!(%job, status_message = description.status_message, "the job failed at Rekognition");
                    let row = JobRow::failed(state.completion.clone(), *description, self.aggregations.clone());
                    return Ok(Worked::Failed(Box::new(row)));
                }
            }
        }
        in_hand.resize_with(chains.len(), || None);
        let side_by_side = chains.into_iter().zip(in_hand).map(|(chain, page)| chain.advance(&work, page));
        let advanced = try_join_all(side_by_side).await?;
        let mut progress = advanced.iter().any(|advanced| advanced.progress);
        let mut complete = advanced.iter().all(|advanced| advanced.done);
        let mut held_up = None;
        for Advanced { chain, held_up: error, .. } in advanced {
            held_up = held_up.or(error);
            state.chains.push(chain);
        }
        if complete && let Some(catalog) = &self.catalog {
            let before = state.registered;
            let registered = self.register(catalog, state, deadline).await?;
            progress |= registered.partitions > before;
            (complete, held_up) = (registered.done, registered.held_up);
        }
        Ok(if complete { Worked::Complete { progress } } else { Worked::Unfinished { progress, held_up } })
    }

    /// Registers the partitions of all files, as far as the time allows.
    async fn register(
        &self,
        catalog: &Catalog,
        state: &mut Checkpoint,
        deadline: Deadline,
    ) -> Result<Registered, Error> {
        let job = &state.completion.job_id;
        let tables = state.chains.iter().map(|chain| self.lake.partitions(chain.aggregation(), job, chain.labels()));
        match register(catalog, job, &tables.collect::<Vec<_>>(), state.registered, deadline).await {
            Ok(registered) => {
                state.registered = registered.partitions;
                Ok(registered)
            }
            // Whoever puts the catalog right may do so after the 7 days that Rekognition keeps the results.
            Err(error) => {
                self.lake.put_checkpoint(job, state.encode(), deadline.answer()).await?;
                Err(error)
            }
        }
    }

    /// Fetches the first page of each chain, which tells how the job ended.
    async fn first_pages(&self, work: &Work<'_>, all_open: bool) -> Result<FirstPages, Error> {
        let chains = self.aggregations.iter().map(|&aggregation| async move {
            let mut chain = Chain::begin(aggregation, all_open);
            let mut pages = work.pages(&chain);
            let first = pages.first().await?;
            chain.position_after(pages);
            Ok::<_, Error>((chain, first))
        });
        let mut begun = Vec::new();
        let mut described = None;
        for (chain, first) in try_join_all(chains).await? {
            match first {
                FirstPage::Failed(description) => return Ok(FirstPages::Failed(description)),
                FirstPage::Succeeded(description, page) => {
                    described.get_or_insert(description);
                    begun.push((chain, Some(page)));
                }
            }
        }
        Ok(FirstPages::Succeeded(described.unwrap_or_default(), begun))
    }

    /// Goes back to page 1, and saves that: no later delivery is to rely on what this one could not use.
    ///
    /// # Errors
    /// `error`, if the invocation has started over for this reason before.
    async fn start_over(
        &self,
        state: &mut Checkpoint,
        attempt: &mut Attempt,
        reason: Unreliable,
        error: Error,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let job = state.completion.job_id.clone();
        // With all labels open already, another reading would end the same.
        let again = attempt.started_over.contains(&reason) || (reason == Unreliable::Order && state.all_open);
        state.start_over(attempt.pages_before);
        state.all_open |= reason == Unreliable::Order;
        self.lake.put_checkpoint(&job, state.encode(), deadline.answer()).await?;
        if again {
            return Err(error);
        }
        tracing::warn!(%job, reason = error.with_sources(), "restarting from page 1");
        attempt.saved = true;
        attempt.started_over.push(reason);
        Ok(())
    }

    /// Saves the state, and invokes the function anew.
    async fn hand_over(
        &self,
        mut state: Checkpoint,
        attempt: &Attempt,
        progress: bool,
        completion: &Completion,
        invocation: Invocation<'_>,
    ) -> Result<Outcome, Error> {
        let (job, until) = (&completion.job_id, invocation.deadline.answer());
        // Whoever starts over in each invocation gets nowhere, however many pages each of them reads.
        let progress = progress && (attempt.started_over.is_empty() || state.pages() > state.furthest);
        state.stalled = if progress { 0 } else { state.stalled + 1 };
        if state.stalled >= MAX_STALLED {
            return Err(Error::TooManyContinuations { job: job.clone(), stalled: state.stalled });
        }
        self.lake.put_checkpoint(job, state.encode(), until).await?;
        let continuation = completion.continuation + 1;
        let next = Completion { continuation, replaces: state.replaces, ..state.completion };
        continuation::invoke(&self.lambda, invocation.function_arn, &next, until).await?;
        Ok(Outcome::HandedOver)
    }
}

enum FirstPages {
    /// What the first reply says of the job, and each chain with its first page.
    Succeeded(Box<JobDescription>, Vec<(Chain, Option<Page>)>),
    Failed(Box<JobDescription>),
}
