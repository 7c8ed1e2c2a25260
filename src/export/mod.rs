//! One job, end to end: pages → files → partitions → commit.

mod aggregation;
mod begin;
pub mod checkpoint;
mod commit;
mod continuation;
pub mod protocol;
mod state;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use self::aggregation::{AggregationExport, AggregationOutcome, ExportContext};
use self::begin::{Attempt, FirstPages};
use crate::aws::caller::Caller;
use crate::aws::clients::Lazy;
use crate::aws::deadline::Deadline;
use crate::config::Settings;
use crate::error::{Error, Interruption};
use crate::glue::catalog::Catalog;
use crate::glue::registration::{Registration, register_partitions};
use crate::lake::Lake;
use crate::notification::Completion;
use crate::table::aggregation::Aggregations;
use crate::table::rows::JobRow;
use crate::telemetry::Progress;

/// Clients and settings of all exports, created once per process.
#[derive(Clone, Debug)]
pub struct Exporter {
    rekognition: aws_sdk_rekognition::Client,
    caller: Caller,
    /// Invokes the function again to continue a job.
    lambda: Lazy<aws_sdk_lambda::Client>,
    lake: Lake,
    /// The catalog in which partitions are registered, if there is one.
    catalog: Option<Catalog>,
    aggregations: Aggregations,
    /// Memory of the function, in bytes.
    memory: u64,
    /// Counters of the work done by this process.
    pub progress: Arc<Progress>,
    /// The function whose metrics are written. No metrics are written without it.
    pub(crate) function_name: Option<String>,
}

/// The invocation that an export runs in.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// The end of the invocation.
    pub deadline: Deadline,
    /// The ARN that the function was invoked by. An alias continues as the same alias.
    pub function_arn: &'a str,
}

/// The outcome of an export.
#[derive(Debug)]
pub enum Outcome {
    /// The job is committed with this row.
    Exported(Box<JobRow>),
    /// The job was committed already, and nothing was done.
    AlreadyCommitted,
    /// Another copy of the export committed the job while this one was running.
    CommittedByAnother,
    /// Another invocation continues the export.
    HandedOver,
}

impl Outcome {
    /// Returns the row that this export committed.
    pub fn row(&self) -> Option<&JobRow> {
        match self {
            Self::Exported(row) => Some(row),
            Self::AlreadyCommitted | Self::CommittedByAnother | Self::HandedOver => None,
        }
    }
}

/// The result of an attempt.
enum Attempted {
    /// The job has ended.
    Done(Outcome),
    /// The deadline is near. `progress` is true if the job is closer to its end than before this invocation.
    Unfinished { progress: bool },
}

/// The progress of the files and partitions of a job.
enum Work {
    /// The job failed at Rekognition: there is only this row to commit.
    Failed(Box<JobRow>),
    /// All files are in the lake, and all partitions are in the catalog.
    Complete { progress: bool },
    /// The deadline is near.
    Unfinished { progress: bool, last_retryable_error: Option<Error> },
}

impl Exporter {
    /// Returns an exporter with these settings and clients.
    pub fn new(
        settings: &Settings,
        rekognition: aws_sdk_rekognition::Client,
        s3: aws_sdk_s3::Client,
        lambda: Lazy<aws_sdk_lambda::Client>,
        catalog: Option<Catalog>,
    ) -> Self {
        Self {
            rekognition,
            caller: Caller::Function,
            lambda,
            catalog,
            lake: Lake::new(s3, &settings.bucket, &settings.prefix, settings.bucket_owner.as_ref()),
            aggregations: settings.aggregations.clone(),
            memory: settings.memory,
            progress: Arc::default(),
            function_name: settings.function_name.clone(),
        }
    }

    /// Returns the exporter for calls of this program.
    #[must_use]
    pub fn with_caller(self, caller: Caller) -> Self {
        let (lake, catalog) = (self.lake.with_caller(caller), self.catalog.map(|catalog| catalog.with_caller(caller)));
        Self { caller, lake, catalog, ..self }
    }

    /// Exports a job that is not committed yet. Resumes from the checkpoint of an earlier invocation.
    ///
    /// With [`Completion::overwrite`] a committed job is replaced. Nothing is deleted before Rekognition has returned page
    /// 1, because results expire after 7 days. Then the old row and the old checkpoint are deleted. Files that the new
    /// export does not own are deleted just before its row is put, and files in a table that it does not fill just after.
    /// A file that both exports share is never absent, because another copy of the export may rely on it.
    ///
    /// # Errors
    /// Every type but `InvalidEvent`, `InvalidJobId` and `Configuration`. The job is not committed then.
    pub async fn export(&self, completion: &Completion, invocation: Invocation<'_>) -> Result<Outcome, Error> {
        let deadline = invocation.deadline;
        let Some(mut attempt) = self.begin(completion, deadline).await? else {
            return Ok(Outcome::AlreadyCommitted);
        };
        loop {
            match self.attempt(&mut attempt, deadline).await {
                Ok(Attempted::Done(outcome)) => return Ok(outcome),
                Ok(Attempted::Unfinished { progress }) => {
                    return self.hand_over(attempt, progress, completion, invocation).await;
                }
                Err(Interruption::Restart { reason, error }) => {
                    self.restart(&mut attempt, reason, error, deadline).await?;
                }
                Err(Interruption::Failed(error)) => return Err(error),
            }
        }
    }

    /// Works on a job until it is committed or the deadline is near.
    async fn attempt(&self, attempt: &mut Attempt, deadline: Deadline) -> Result<Attempted, Interruption> {
        let progress = match self.fill_tables(attempt, deadline).await? {
            // There is no state to save: the next delivery asks Rekognition again.
            Work::Failed(row) => {
                let by = self.commit(&row, attempt.state.replaces, deadline.answer()).await?;
                return Ok(Attempted::Done(self.finish(*row, by, attempt, deadline).await));
            }
            Work::Unfinished { progress: false, last_retryable_error: Some(error) } => return Err(error.into()),
            Work::Unfinished { progress, .. } => return Ok(Attempted::Unfinished { progress }),
            // One or two requests are left. If there is no time for them, the continuation begins with them.
            Work::Complete { progress } if !deadline.allows(Duration::ZERO) => {
                return Ok(Attempted::Unfinished { progress });
            }
            Work::Complete { progress } => progress,
        };
        let row = attempt.state.row();
        match self.commit(&row, attempt.state.replaces, deadline.leave()).await {
            Ok(by) => Ok(Attempted::Done(self.finish(row, by, attempt, deadline).await)),
            Err(Interruption::Failed(error)) if error.is_retryable() && progress => {
                Ok(Attempted::Unfinished { progress })
            }
            Err(Interruption::Failed(error)) => {
                self.save(attempt, deadline).await?;
                Err(error.into())
            }
            Err(restart) => Err(restart),
        }
    }

    /// Fetches pages, stores files and registers partitions until all are done or the deadline is near.
    async fn fill_tables(&self, attempt: &mut Attempt, deadline: Deadline) -> Result<Work, Interruption> {
        let job = &attempt.state.completion.job_id.clone();
        if attempt.state.states.is_empty() && attempt.first_pages.is_none() {
            attempt.first_pages = Some(self.fetch_first_pages(job, attempt.state.all_open, deadline).await?);
        }
        let states = match attempt.first_pages.take() {
            Some(FirstPages::Failed(description)) => {
                tracing::warn!(%job, status_message = description.status_message, "the job failed at Rekognition");
                let completion = attempt.state.completion.clone();
                let row = JobRow::failed(completion, *description, self.aggregations.to_vec());
                return Ok(Work::Failed(Box::new(row)));
            }
            Some(FirstPages::Succeeded(description, first_pages)) => {
                attempt.state.description = *description;
                first_pages.into_iter().map(|(state, page)| (state, Some(page))).collect()
            }
            // The states return when the aggregations have advanced. After an interruption the checkpoint has none: it is
            // reset to page 1, or not saved.
            None => attempt.state.states.drain(..).map(|state| (state, None)).collect::<Vec<_>>(),
        };

        let context = &ExportContext::new(self, job, deadline);
        let side_by_side = states.into_iter().map(|(state, page)| AggregationExport::run(context, state, page));
        let (mut progress, mut complete, mut last_retryable_error) = (false, true, None);
        for outcome in try_join_all(side_by_side).await? {
            let AggregationOutcome { state, made_progress, done, last_retryable_error: error } = outcome;
            progress |= made_progress;
            complete &= done;
            last_retryable_error = last_retryable_error.or(error);
            attempt.state.states.push(state);
        }
        if complete && let Some(catalog) = &self.catalog {
            let before = attempt.state.registered;
            let registration = self.register(catalog, attempt, deadline).await?;
            progress |= registration.registered > before;
            (complete, last_retryable_error) = (registration.done, registration.last_retryable_error);
        }
        Ok(if complete { Work::Complete { progress } } else { Work::Unfinished { progress, last_retryable_error } })
    }

    /// Registers the partitions of all files, as far as the time allows.
    async fn register(
        &self,
        catalog: &Catalog,
        attempt: &mut Attempt,
        deadline: Deadline,
    ) -> Result<Registration, Error> {
        let state = &mut attempt.state;
        let job = &state.completion.job_id;
        let tables = state.states.iter().map(|state| self.lake.partitions(state.aggregation(), job, state.labels()));
        match register_partitions(catalog, job, &tables.collect::<Vec<_>>(), state.registered, deadline).await {
            Ok(registration) => {
                state.registered = registration.registered;
                Ok(registration)
            }
            // The catalog may be repaired only after the 7 days for which Rekognition keeps the results.
            Err(error) => {
                self.save(attempt, deadline).await?;
                Err(error)
            }
        }
    }

    /// Saves a checkpoint.
    async fn save(&self, attempt: &Attempt, deadline: Deadline) -> Result<(), Error> {
        let state = &attempt.state;
        self.lake.job(&state.completion.job_id, deadline.answer()).put_checkpoint(state.encode()).await
    }
}
