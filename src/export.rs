//! One job, end to end: pages → files → commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_rekognition::types::LabelDetection;
use futures_util::future::try_join_all;

use crate::config::Settings;
use crate::error::Error;
use crate::grouping::{Disorder, Grouping, LabelFile};
use crate::lake::{Commit, Completeness, Lake, Stored};
use crate::layout::Label;
use crate::notification::{Completion, JobId};
use crate::pacing::Deadline;
use crate::pages::{Aggregation, FirstPage, JobReply, Page, Pages};
use crate::parquet::encode_job;
use crate::rows::{JobRow, LabelSummary};
use crate::telemetry::Progress;
use crate::uploads::{Target, UploadLimits, Uploads};

/// The share of the memory that all open labels may take: the rest is for pages, files and the program.
const OPEN_LABELS_SHARE: u64 = 2;
/// The share of the memory that files on their way may take.
const FILES_SHARE: u64 = 8;

/// What an export works with: the clients, made once a process.
#[derive(Clone, Debug)]
pub struct Exporter {
    /// Rekognition's client.
    pub rekognition: aws_sdk_rekognition::Client,
    /// Where the tables are.
    pub lake: Lake,
    /// Which tables to fill.
    pub aggregations: Vec<Aggregation>,
    /// The memory of the function, bytes.
    pub memory: u64,
    /// How far the work is.
    pub progress: Arc<Progress>,
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
}

impl Exporter {
    /// An exporter with these settings and clients.
    pub fn new(settings: &Settings, rekognition: aws_sdk_rekognition::Client, s3: aws_sdk_s3::Client) -> Self {
        Self {
            rekognition,
            lake: Lake::new(s3, &settings.bucket, &settings.prefix, settings.bucket_owner.as_deref()),
            aggregations: settings.aggregations.clone(),
            memory: settings.memory,
            progress: Arc::default(),
        }
    }

    /// Exports a job, if it is not committed yet.
    ///
    /// With [`Completion::overwrite`] what is committed is replaced, but nothing is deleted before Rekognition has
    /// returned the first page: results are gone after 7 days.
    ///
    /// # Errors
    /// Any but `InvalidEvent`, `InvalidJobId` and `Configuration`. Nothing is committed then.
    pub async fn export(&self, completion: &Completion, deadline: Deadline) -> Result<Outcome, Error> {
        let job = &completion.job_id;
        let ours = Commit::of(&self.aggregations);
        if !completion.overwrite
            && let Some(committed) = self.lake.commit_of(job, deadline).await?
        {
            if committed.contradicts(&ours) {
                tracing::warn!(%job, ?committed, ?ours, "committed with other settings; send Overwrite to replace it");
            }
            return Ok(Outcome::AlreadyCommitted);
        }
        let limits = UploadLimits::new((self.memory / FILES_SHARE) as usize);
        let chain = |&aggregation| Chain { exporter: self, job, aggregation, deadline, limits: limits.clone() };
        let chains: Vec<_> = self.aggregations.iter().map(chain).collect();
        let row = match first_pages(&chains).await? {
            FirstPages::Succeeded(reply, first_pages) => {
                if completion.overwrite {
                    self.lake.delete_job(job, deadline).await?;
                }
                let side_by_side = chains.iter().zip(first_pages).map(|(chain, (pages, page))| chain.run(pages, page));
                let summaries = try_join_all(side_by_side).await?;
                JobRow::succeeded(completion.clone(), reply, self.aggregations.iter().copied().zip(summaries).collect())
            }
            FirstPages::Failed(reply) => {
                tracing::warn!(%job, status_message = reply.status_message(), "the job failed at Rekognition");
                JobRow::failed(completion.clone(), reply, self.aggregations.clone())
            }
        };
        let committed = self.lake.commit(job, encode_job(&row), ours, deadline).await?;
        Ok(if committed { Outcome::Exported(Box::new(row)) } else { Outcome::CommittedByAnother })
    }
}

enum FirstPages<'a> {
    /// What the first reply says of the job, and the first page of each chain.
    Succeeded(JobReply, Vec<(Pages<'a>, Page)>),
    Failed(JobReply),
}

/// Fetches the first page of each chain, which tells how the job ended.
async fn first_pages<'a>(chains: &[Chain<'a>]) -> Result<FirstPages<'a>, Error> {
    let first_pages = try_join_all(chains.iter().map(|chain| async {
        let mut pages = chain.pages();
        let first = pages.first().await?;
        Ok((pages, first))
    }));
    let mut succeeded = Vec::new();
    let mut reply = None;
    for (pages, first) in first_pages.await? {
        match first {
            FirstPage::Failed(failed) => return Ok(FirstPages::Failed(failed)),
            FirstPage::Succeeded(of_this_chain, page) => {
                reply.get_or_insert(of_this_chain);
                succeeded.push((pages, page));
            }
        }
    }
    Ok(FirstPages::Succeeded(reply.unwrap_or_else(|| JobReply::builder().build()), succeeded))
}

/// The pages of one aggregation on their way into its table.
struct Chain<'a> {
    exporter: &'a Exporter,
    job: &'a JobId,
    aggregation: Aggregation,
    deadline: Deadline,
    limits: UploadLimits,
}

/// What is known of each label when its file is in the lake.
type Summaries = BTreeMap<Label, LabelSummary>;

/// Why a chain stopped before its end.
enum Stop {
    /// The pages are not grouped by label.
    NotGrouped(String),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'a> Chain<'a> {
    fn pages(&self) -> Pages<'a> {
        Pages::new(&self.exporter.rekognition, self.job, self.aggregation, self.deadline)
    }

    /// Fetches all pages and stores all files: with one label open at a time or, if the pages turn out not to be
    /// grouped by label, once more from the first with all of them open.
    async fn run(&self, pages: Pages<'a>, first: Page) -> Result<Summaries, Error> {
        let one_open = Grouping::one_open(self.job.clone(), self.aggregation);
        let reason = match self.store(pages, first, one_open, Completeness::Grouped).await {
            Ok(summaries) => return Ok(summaries),
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::NotGrouped(reason)) => reason,
        };
        tracing::warn!(job = %self.job, reason, "the pages are not grouped by label: starting again, all labels open");
        let mut pages = self.pages();
        let FirstPage::Succeeded(_, first) = pages.first().await? else {
            return Err(pages.unexpected("the job failed after it had succeeded"));
        };
        let budget = self.exporter.memory / OPEN_LABELS_SHARE / self.exporter.aggregations.len() as u64;
        let all_open = Grouping::all_open(self.job.clone(), self.aggregation, budget as usize);
        match self.store(pages, first, all_open, Completeness::Whole).await {
            Ok(summaries) => Ok(summaries),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::NotGrouped(reason)) => Err(self.pages().unexpected(reason)),
        }
    }

    async fn store(
        &self,
        mut pages: Pages<'a>,
        first: Page,
        mut grouping: Grouping,
        completeness: Completeness,
    ) -> Result<Summaries, Stop> {
        let mut uploads = self.uploads(completeness);
        let mut page = Some(first);
        while let Some(Page { labels, next }) = page {
            self.exporter.progress.page_fetched(labels.len());
            let next_page = async {
                match next {
                    Some(token) => Ok(Some(pages.next(token).await?)),
                    None => Ok(None),
                }
            };
            // The next request is on its way before this page is flattened, and its files leave while it is.
            let flattened = async {
                let (grouping, files) = add(grouping, labels).await?;
                for file in files {
                    uploads.begin(file).await?;
                }
                Ok::<_, Stop>(grouping)
            };
            (page, grouping) = tokio::try_join!(next_page, flattened)?;
        }
        loop {
            let (closed, file) = close_next(grouping).await;
            grouping = closed;
            let Some(file) = file else { break };
            uploads.begin(file).await?;
        }
        match uploads.finish().await? {
            Stored::Yes => Ok(grouping.into_summaries()),
            Stored::BesideWhole => {
                Err(Stop::NotGrouped("another copy of this export found a label that came back".to_owned()))
            }
        }
    }

    fn uploads(&self, completeness: Completeness) -> Uploads {
        let Exporter { lake, progress, .. } = self.exporter;
        let target = Target { lake: lake.clone(), job: self.job.clone(), aggregation: self.aggregation, completeness };
        Uploads::new(target, self.limits.clone(), self.deadline, Arc::clone(progress))
    }
}

/// Flattens a page, beside the thread that fetches and uploads.
async fn add(mut grouping: Grouping, labels: Vec<LabelDetection>) -> Result<(Grouping, Vec<LabelFile>), Stop> {
    compute(move || match grouping.add(labels) {
        Ok(files) => Ok((grouping, files)),
        Err(Disorder::CameBack(label)) => {
            Err(Stop::NotGrouped(format!("label {:?} came back", label.partition_value())))
        }
        Err(Disorder::TooLarge(budget)) => {
            let budget = budget >> 20;
            Err(Stop::NotGrouped(format!(
                "not grouped by label, and larger than {budget} MiB; give the function more memory"
            )))
        }
    })
    .await
}

/// Encodes the file of one of the labels that are open after the last page.
async fn close_next(mut grouping: Grouping) -> (Grouping, Option<LabelFile>) {
    compute(move || {
        let file = grouping.close_next();
        (grouping, file)
    })
    .await
}

/// Runs what takes the processor on a thread of its own.
async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
