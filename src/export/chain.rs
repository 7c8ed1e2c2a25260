//! The pages of one aggregation on their way into its table.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_rekognition::Client;
use serde::{Deserialize, Serialize};

use crate::aws::deadline::Deadline;
use crate::error::{Error, Source};
use crate::job_id::JobId;
use crate::lake::uploads::{Target, UploadLimits, Uploads};
use crate::lake::{Lake, Stored};
use crate::rekognition::pages::{NoPage, Page, Pages, Position, page};
use crate::rekognition::reply::Reply;
use crate::table::aggregation::Aggregation;
use crate::table::grouping::{Disorder, Grouping, LabelFile};
use crate::table::layout::LabelPartition;
use crate::table::rows::LabelSummary;
use crate::telemetry::Progress;

/// A chain of pages at the border between two of them: all before it are flattened, and the files of the labels that
/// are closed are in the lake.
#[derive(Debug, Deserialize, Serialize)]
#[expect(clippy::unsafe_derive_deserialize, reason = "the unsafe code is in an expansion of tokio::try_join")]
pub struct Chain {
    aggregation: Aggregation,
    position: Position,
    /// Leads to the next page; absent after the last.
    next: Option<String>,
    grouping: Grouping,
}

/// What a chain works with in this invocation.
#[derive(Debug)]
pub struct Work<'a> {
    /// Rekognition's client.
    pub rekognition: &'a Client,
    /// Where the files go.
    pub lake: &'a Lake,
    /// How far the work is.
    pub progress: &'a Arc<Progress>,
    /// How many bytes the open labels of a chain may take, if all are open.
    pub open_labels: usize,
    /// The job.
    pub job: &'a JobId,
    /// The end of the invocation.
    pub deadline: Deadline,
    /// What the uploads of all chains share.
    pub limits: UploadLimits,
}

/// How far a chain came.
#[derive(Debug)]
pub struct Advanced {
    /// Where it is now.
    pub chain: Chain,
    /// Whether it is nearer to its end than before.
    pub progress: bool,
    /// Whether it is at its end: all files are in the lake.
    pub done: bool,
    /// The error that kept it from its next page until the time was over.
    pub held_up: Option<Error>,
}

/// Why a chain cannot go on from where it is. The first two are errors only when they happen a second time.
#[derive(Debug)]
pub enum Stop {
    /// The pages are not grouped by label.
    NotGrouped(Error),
    /// Rekognition takes the token no more.
    TokenRefused(Error),
    /// An error.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Chain {
    /// A chain before its first page.
    pub fn begin(aggregation: Aggregation, all_open: bool) -> Self {
        let grouping = if all_open { Grouping::all_open(aggregation) } else { Grouping::one_open(aggregation) };
        Self { aggregation, position: Position::default(), next: None, grouping }
    }

    /// Which aggregation it is of.
    pub fn aggregation(&self) -> Aggregation {
        self.aggregation
    }

    /// How many pages were fetched so far.
    pub fn pages(&self) -> u64 {
        self.position.pages()
    }

    /// Whether a chain from elsewhere can be gone on with.
    pub fn is_sound(&self) -> bool {
        self.grouping.is_sound()
    }

    /// The labels whose files are in the lake.
    pub fn labels(&self) -> impl Iterator<Item = &LabelPartition> {
        self.grouping.labels()
    }

    /// The summary of each label whose file is in the lake.
    pub fn summaries(&self) -> &BTreeMap<LabelPartition, LabelSummary> {
        self.grouping.summaries()
    }

    /// Goes to where the first page was fetched.
    pub fn position_after(&mut self, pages: Pages<'_>) {
        self.position = pages.into_position();
    }

    /// Flattens the page in hand, if there is one, and goes on from there until the last file is in the lake or it is
    /// time to leave.
    ///
    /// # Errors
    /// [`Stop`]; the chain is lost then.
    pub async fn advance(mut self, work: &Work<'_>, first: Option<Page>) -> Result<Advanced, Stop> {
        let mut pages = work.pages(&self);
        let mut uploads = work.uploads(&self);
        let mut progress = false;
        let mut held_up = None;
        let mut in_hand = first.map(InHand::Page);
        loop {
            let fetched = if let Some(page) = in_hand.take() {
                let token = page.next_token().map(str::to_owned);
                let enough_time = work.deadline.allows(pages.slowest() + uploads.time_to_finish());
                let next_page = async {
                    match &token {
                        Some(token) if enough_time => Ok(Some(pages.next(token).await)),
                        _ => Ok(None),
                    }
                };
                // The next request is on its way before this page is read, and its files leave while it is.
                let taken_in = async {
                    let (grouping, next, files) = work.take_in(self.grouping, page).await?;
                    for file in files {
                        uploads.begin(file).await.map_err(Unusable::Failed)?;
                    }
                    Ok((grouping, next))
                };
                match tokio::try_join!(next_page, taken_in) {
                    Ok((fetched, (grouping, next))) => {
                        self.grouping = grouping;
                        self.next = next;
                        pages.taken_in(self.next.as_deref())?;
                        progress = true;
                        match fetched.filter(|_| token == self.next) {
                            Some(fetched) => fetched.map(InHand::reply),
                            None if enough_time && self.next.is_some() => continue,
                            None => break,
                        }
                    }
                    Err(Unusable::Unread(grouping, source)) => {
                        tracing::warn!(job = %work.job, reason = source.to_string(), "a page cannot be read: asking again");
                        self.grouping = *grouping;
                        pages.again(self.next.as_deref().unwrap_or_default()).await.map(InHand::Page)
                    }
                    Err(unusable) => return Err(unusable.stop(&pages)),
                }
            } else {
                let Some(token) = &self.next else { break };
                pages.next(token).await.map(InHand::reply)
            };
            match fetched {
                Ok(page) => in_hand = Some(page),
                Err(NoPage::TokenRefused) => {
                    return Err(Stop::TokenRefused(pages.unexpected("its token is refused, again")));
                }
                // It was tried until it was time to leave.
                Err(NoPage::Failed(error)) if error.is_retryable() => {
                    held_up = Some(error);
                    break;
                }
                Err(NoPage::Failed(error)) => return Err(error.into()),
            }
        }

        let mut done = false;
        while !done && self.next.is_none() && work.deadline.allows(uploads.time_to_finish()) {
            let (grouping, file) = work.close_next(self.grouping).await;
            self.grouping = grouping;
            match file {
                Some(file) => {
                    uploads.begin(file).await?;
                    progress = true;
                }
                None => done = true,
            }
        }
        if uploads.finish().await? == Stored::KeptComplete {
            let reason = "another copy of this export found a label that came back after its group";
            return Err(Stop::NotGrouped(pages.unexpected(reason)));
        }
        self.position = pages.into_position();
        Ok(Advanced { chain: self, progress, done, held_up })
    }
}

/// A page that was fetched, and is not in the grouping yet.
enum InHand {
    Page(Page),
    Reply(Box<Reply>),
}

impl InHand {
    fn reply(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }

    /// The token of the next page, as far as it can be told without reading.
    fn next_token(&self) -> Option<&str> {
        match self {
            Self::Page(page) => page.next.as_deref(),
            Self::Reply(reply) => reply.next_token(),
        }
    }
}

/// A grouping with a page more, the token of the next page, and the files of the labels that this one completes.
type TakenIn = (Grouping, Option<String>, Vec<LabelFile>);

/// Why a page is not in the grouping.
enum Unusable {
    /// It cannot be read, and the grouping is as it was.
    Unread(Box<Grouping>, Source),
    /// It is not the page that was asked for.
    Unexpected(String),
    Disorder(Disorder),
    Failed(Error),
}

impl Unusable {
    fn stop(self, pages: &Pages<'_>) -> Stop {
        match self {
            Self::Disorder(Disorder::CameBack(label)) => {
                let label = label.partition_value();
                Stop::NotGrouped(pages.unexpected(format!("label {label:?} came back after its group")))
            }
            Self::Disorder(Disorder::TooLarge(budget)) => {
                let budget = budget >> 20;
                let reason = format!(
                    "the job is not grouped by label, and its labels take more than the {budget} MiB that may be open; \
                     give the function more memory"
                );
                Stop::Failed(pages.unexpected(reason))
            }
            Self::Unread(_, source) => Stop::Failed(pages.unexpected(source.to_string())),
            Self::Unexpected(reason) => Stop::Failed(pages.unexpected(reason)),
            Self::Failed(error) => Stop::Failed(error),
        }
    }
}

impl<'a> Work<'a> {
    /// The pages after those of a chain.
    pub fn pages(&self, chain: &Chain) -> Pages<'a> {
        let (until, position) = (self.deadline.leave(), chain.position.clone());
        Pages::new(self.rekognition, self.job, chain.aggregation, until, position, self.progress)
    }

    fn uploads(&self, chain: &Chain) -> Uploads {
        let (lake, job, aggregation) = (self.lake.clone(), self.job.clone(), chain.aggregation);
        let target = Target { lake, job, aggregation, completeness: chain.grouping.completeness() };
        Uploads::new(target, self.limits.clone(), self.deadline.answer(), Arc::clone(self.progress))
    }

    /// Reads and flattens a page, beside the thread that fetches and uploads.
    async fn take_in(&self, mut grouping: Grouping, in_hand: InHand) -> Result<TakenIn, Unusable> {
        let (job, budget) = (self.job.clone(), self.open_labels);
        let progress = Arc::clone(self.progress);
        compute(move || {
            let Page { labels, next } = match in_hand {
                InHand::Page(page) => page,
                InHand::Reply(reply) => match reply.read() {
                    Ok(mut reply) => page(&job, grouping.aggregation(), &mut reply).map_err(Unusable::Unexpected)?,
                    Err(source) => return Err(Unusable::Unread(Box::new(grouping), source)),
                },
            };
            progress.page_fetched(labels.len());
            let files = grouping.add(&job, labels, budget).map_err(Unusable::Disorder)?;
            Ok((grouping, next, files))
        })
        .await
    }

    /// Encodes the file of one of the labels that are open after the last page.
    async fn close_next(&self, mut grouping: Grouping) -> (Grouping, Option<LabelFile>) {
        let job = self.job.clone();
        compute(move || {
            let file = grouping.close_next(&job);
            (grouping, file)
        })
        .await
    }
}

/// Runs what takes the processor on a thread of its own.
async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
