//! One job, end to end: pages → files → partitions → commit.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::catalog::Catalog;
use crate::chain::{Advanced, Chain, Stop, Work};
use crate::checkpoint::Checkpoint;
use crate::config::{Lazy, Settings};
use crate::continuation;
use crate::error::Error;
use crate::lake::{Commit, Lake};
use crate::layout::Label;
use crate::notification::Completion;
use crate::pacing::Deadline;
use crate::pages::{FirstPage, Page};
use crate::parquet::encode_job;
use crate::registration::{Registered, register};
use crate::rows::{JobDescription, JobRow};
use crate::tables::Aggregation;
use crate::telemetry::Progress;
use crate::uploads::UploadLimits;

/// The share of the memory that all open labels may take: the rest is for pages, files and the program.
const OPEN_LABELS_SHARE: u64 = 2;
/// After this many invocations in a row without progress a job is given up.
const MAX_STALLED: u32 = 3;

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
    pub aggregations: Vec<Aggregation>,
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
    /// The stable name, in answers, logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exported(_) => "EXPORTED",
            Self::AlreadyCommitted => "ALREADY_COMMITTED",
            Self::CommittedByAnother => "COMMITTED_BY_ANOTHER",
            Self::HandedOver => "HANDED_OVER",
        }
    }

    /// The row that was committed.
    pub fn row(&self) -> Option<&JobRow> {
        match self {
            Self::Exported(row) => Some(row),
            Self::AlreadyCommitted | Self::CommittedByAnother | Self::HandedOver => None,
        }
    }
}

/// Where an export begins.
struct Begun {
    state: Checkpoint,
    /// Whether the lake has a checkpoint of it.
    saved: bool,
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
            lake: Lake::new(s3, &settings.bucket, &settings.prefix, settings.bucket_owner.as_deref()),
            aggregations: settings.aggregations.clone(),
            memory: settings.memory,
            progress: Arc::default(),
            function_name: settings.function_name.clone(),
        }
    }

    /// Exports a job, if it is not committed yet; goes on where an earlier invocation stopped.
    ///
    /// With [`Completion::overwrite`] what is committed is replaced, but nothing is deleted before Rekognition has
    /// returned the first page: results are gone after 7 days.
    /// Then the commit goes, and the files that the new export has not go before its own commit: a file that both have
    /// is never away, as another copy of the export may count on it.
    ///
    /// # Errors
    /// Any but `InvalidEvent`, `InvalidJobId` and `Configuration`. Nothing is committed then.
    pub async fn export(&self, completion: &Completion, invocation: Invocation<'_>) -> Result<Outcome, Error> {
        let (job, deadline) = (&completion.job_id, invocation.deadline);
        let Some(Begun { mut state, mut saved }) = self.begin(completion, deadline).await? else {
            return Ok(Outcome::AlreadyCommitted);
        };
        let mut overwrite = completion.overwrite;
        let row = loop {
            match self.work(&mut state, &mut overwrite, deadline).await {
                Ok(Worked::Failed(row)) => break *row,
                // What is left is a request or two: if there is no time for them, the next invocation begins there.
                Ok(Worked::Complete { .. }) if deadline.allows(Duration::ZERO) => {
                    let replaces = state.replaces;
                    let row = state.into_row();
                    if replaces {
                        self.remove_others(&row, deadline).await?;
                    }
                    break row;
                }
                Ok(Worked::Unfinished { progress: false, held_up: Some(error) }) => return Err(error),
                Ok(Worked::Complete { progress } | Worked::Unfinished { progress, .. }) => {
                    return self.hand_over(state, progress, completion, invocation).await;
                }
                Err(stop) => {
                    restart(&mut state, stop)?;
                    // Once a job, whatever becomes of this invocation.
                    self.lake.put_checkpoint(job, state.encode(), deadline.answer()).await?;
                    saved = true;
                }
            }
        };
        if saved {
            self.lake.delete_checkpoint(job, deadline.answer()).await?;
        }
        let commit = Commit::of(&self.aggregations);
        let committed = self.lake.commit(job, encode_job(&row), commit, deadline.answer()).await?;
        Ok(if committed { Outcome::Exported(Box::new(row)) } else { Outcome::CommittedByAnother })
    }

    /// Finds out where to begin. None if the job is committed, and there is nothing to do.
    async fn begin(&self, completion: &Completion, deadline: Deadline) -> Result<Option<Begun>, Error> {
        let job = &completion.job_id;
        if completion.overwrite {
            self.lake.delete_checkpoint(job, deadline.leave()).await?;
            return Ok(Some(Begun { state: Checkpoint::new(completion.clone()), saved: false }));
        }
        let Some(committed) = self.lake.commit_of(job, deadline.leave()).await? else {
            return Ok(Some(self.load(completion, deadline).await?));
        };
        let ours = Commit::of(&self.aggregations);
        if committed.contradicts(&ours) {
            tracing::warn!(%job, ?committed, ?ours, "committed with other settings; send Overwrite to replace it");
        }
        if completion.continuation == 0 {
            return Ok(None);
        }
        // Another copy was first. What was saved for this one is of no use, unless it is to remove files that the
        // other, which may not have known of the Overwrite, has left.
        let begun = self.load(completion, deadline).await?;
        if begun.state.replaces {
            return Ok(Some(begun));
        }
        if begun.saved {
            self.lake.delete_checkpoint(job, deadline.answer()).await?;
        }
        Ok(None)
    }

    /// The state that was saved, or a new one: with a warning, if what was saved is of no use.
    async fn load(&self, completion: &Completion, deadline: Deadline) -> Result<Begun, Error> {
        let job = &completion.job_id;
        let new = || Checkpoint::new(completion.clone());
        let Some(bytes) = self.lake.get_checkpoint(job, deadline.leave()).await? else {
            return Ok(Begun { state: new(), saved: false });
        };
        let state = Checkpoint::decode(&bytes, job, &self.aggregations).unwrap_or_else(|reason| {
            tracing::warn!(%job, reason, "the checkpoint is of no use: starting from the first page");
            new()
        });
        Ok(Begun { state, saved: true })
    }

    /// Works on a job until all its files are in the lake, or until it is time to leave.
    async fn work(&self, state: &mut Checkpoint, overwrite: &mut bool, deadline: Deadline) -> Result<Worked, Stop> {
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
            match self.first_pages(&work, state.restarts.all_open).await? {
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
            if std::mem::take(overwrite) {
                self.lake.delete_commit(job, deadline.answer()).await?;
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

    /// Removes what an earlier export of the job has left that this one has not: partitions before their files, so that
    /// no query looks for a file that is gone.
    async fn remove_others(&self, row: &JobRow, deadline: Deadline) -> Result<(), Error> {
        let (job, until) = (&row.completion.job_id, deadline.answer());
        if let Some(catalog) = &self.catalog {
            for aggregation in Aggregation::ALL {
                let kept = row.labels_in(aggregation).map(Label::partition_value).collect();
                catalog.table(job, aggregation.table(), until).remove_others(&kept).await?;
            }
        }
        self.lake.remove_other_parts(row, until).await
    }

    /// Saves the state, and invokes the function anew.
    async fn hand_over(
        &self,
        mut state: Checkpoint,
        progress: bool,
        completion: &Completion,
        invocation: Invocation<'_>,
    ) -> Result<Outcome, Error> {
        let (job, until) = (&completion.job_id, invocation.deadline.answer());
        state.stalled = if progress { 0 } else { state.stalled + 1 };
        if state.stalled >= MAX_STALLED {
            return Err(Error::TooManyContinuations { job: job.clone(), stalled: state.stalled });
        }
        self.lake.put_checkpoint(job, state.encode(), until).await?;
        let next = Completion { continuation: completion.continuation + 1, ..state.completion };
        continuation::invoke(&self.lambda, invocation.function_arn, &next, until).await?;
        Ok(Outcome::HandedOver)
    }
}

enum FirstPages {
    /// What the first reply says of the job, and each chain with its first page.
    Succeeded(Box<JobDescription>, Vec<(Chain, Option<Page>)>),
    Failed(Box<JobDescription>),
}

/// Makes a job begin again from its first page, if it has not done so for the same reason before.
fn restart(state: &mut Checkpoint, stop: Stop) -> Result<(), Error> {
    let (again, error) = match stop {
        Stop::NotGrouped(error) => (&mut state.restarts.all_open, error),
        Stop::TokenRefused(error) => (&mut state.restarts.token_refused, error),
        Stop::Failed(error) => return Err(error),
    };
    if std::mem::replace(again, true) {
        return Err(error);
    }
    tracing::warn!(job = %state.completion.job_id, reason = error.to_string(), "starting again from the first page");
    Ok(())
}
