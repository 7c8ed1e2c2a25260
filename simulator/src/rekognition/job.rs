//! What the replies about one job are made of.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::generated::{Generated, GeneratedLabels};
use crate::given::GivenLabels;
use crate::recorded::{self, RecordedError};

/// How far the order by name reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameOrder {
    /// Over all pages of a fetch: a label's elements are together.
    Global,
    /// Within each page: labels come back on later pages.
    WithinPages,
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Still running for this many replies; succeeded afterwards.
    InProgress {
        /// Replies that say `IN_PROGRESS` and carry no labels.
        replies: u32,
    },
    /// Failed, for a reason.
    Failed {
        /// `StatusMessage` of the replies.
        message: String,
    },
    /// Done: the replies carry labels.
    Succeeded,
}

/// A label detection job: its labels, and how the service answers about it.
#[derive(Clone)]
#[must_use = "a job does nothing until it is added to a simulator"]
pub struct Job {
    pub(crate) labels: Labels,
    pub(crate) status: JobStatus,
    pub(crate) model_version: String,
    /// `VideoMetadata`; if `None`, made up from the length of the labels.
    pub(crate) video_metadata: Option<Value>,
    /// `Video`; if `None`, made up from the job's id.
    pub(crate) video: Option<Value>,
    pub(crate) tag: Option<String>,
    pub(crate) page_size: usize,
    pub(crate) name_order: NameOrder,
    pub(crate) empty_pages: Option<u32>,
    pub(crate) repeated_token: Option<u32>,
    pub(crate) edits: Vec<(u32, Edit)>,
    recorded_id: Option<String>,
}

pub(crate) type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

impl Job {
    /// Makes a job of any size from a seed, without holding its labels in memory.
    pub fn generated(generated: Generated) -> Self {
        Self::new(Labels::Generated(Arc::new(GeneratedLabels::new(generated))))
    }

    /// Makes a job from `LabelDetection` objects of the aggregation by timestamps, which are served as they are.
    #[allow(clippy::needless_pass_by_value)] // It is the caller's last use of them.
    pub fn from_labels(labels: Vec<Value>) -> Self {
        Self::new(Labels::Given(Arc::new(GivenLabels::new(&labels))))
    }

    /// Makes a job from what `aws rekognition get-label-detection` printed: one text or several, in any order, each
    /// with one reply or more. The replies may be of both aggregations and sorted in any way.
    ///
    /// # Errors
    ///
    /// If the texts are not replies, or not all of one job.
    pub fn recorded<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<Self, RecordedError> {
        recorded::read(texts)
    }

    pub(crate) fn new(labels: Labels) -> Self {
        Self {
            labels,
            status: JobStatus::Succeeded,
            model_version: "3.0".to_owned(),
            video_metadata: None,
            video: None,
            tag: None,
            page_size: MAX_RESULTS,
            name_order: NameOrder::Global,
            empty_pages: None,
            repeated_token: None,
            edits: Vec::new(),
            recorded_id: None,
        }
    }

    /// Sets how the job stands; the default is that it succeeded.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = status;
        self
    }

    /// Makes the labels those of a model of version 2: generated ones have neither `Aliases` nor `Categories`. Labels
    /// that were given stay as they are.
    pub fn model_2(self) -> Self {
        let labels = match self.labels {
            Labels::Generated(labels) => Labels::Generated(Arc::new(labels.model_2())),
            given @ Labels::Given(_) => given,
        };
        Self { labels, ..self }.model_version("2.0")
    }

    pub(crate) fn model_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.model_version);
        self
    }

    /// Sets the aggregation by segments of labels that were given; the default derives it from them. Generated jobs
    /// have segments of their own, and keep them.
    #[allow(clippy::needless_pass_by_value)] // As above.
    pub fn segments(mut self, segments: Vec<Value>) -> Self {
        if let Labels::Given(given) = &self.labels {
            self.labels = Labels::Given(Arc::new(given.with_segments(&segments)));
        }
        self
    }

    /// Sets `VideoMetadata`. A failed job's replies carry it only if it is set.
    pub fn video_metadata(mut self, metadata: Value) -> Self {
        self.video_metadata = Some(metadata);
        self
    }

    /// Sets the video that the job is about; the default is `<job id>.mp4` in the bucket `videos`.
    pub fn video(self, bucket: &str, name: &str, version: Option<&str>) -> Self {
        let mut object = json!({ "Bucket": bucket, "Name": name });
        if let Some(version) = version {
            object["Version"] = version.into();
        }
        self.video_value(json!({ "S3Object": object }))
    }

    pub(crate) fn video_value(mut self, video: Value) -> Self {
        self.video = Some(video);
        self
    }

    /// Sets `JobTag`; by default there is none.
    pub fn job_tag(mut self, tag: &str) -> Self {
        self.tag = Some(tag.to_owned());
        self
    }

    /// Lets a page have at most this many elements, whatever the client asks for.
    pub fn page_size(mut self, elements: usize) -> Self {
        self.page_size = elements.clamp(1, MAX_RESULTS);
        self
    }

    /// Sets how far the order by name reaches; the default is over all pages.
    pub fn order(mut self, order: NameOrder) -> Self {
        self.name_order = order;
        self
    }

    /// Makes every n-th page of a fetch an empty one with a token.
    pub fn empty_pages(mut self, every: u32) -> Self {
        // With every page empty a fetch would never end.
        self.empty_pages = Some(every.max(2));
        self
    }

    /// Makes a page, from 2, answer with the token that it was asked for with.
    pub fn repeat_token_at(mut self, page: u32) -> Self {
        self.repeated_token = Some(page);
        self
    }

    /// Makes a page, from 1, say that it is of another job.
    pub fn foreign_page_at(self, page: u32) -> Self {
        self.edit(page, |reply| reply["JobId"] = "another-job".into())
    }

    /// Changes a page, from 1, of every fetch before it is sent.
    pub fn edit(mut self, page: u32, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.edits.push((page, Arc::new(edit)));
        self
    }

    /// How many elements its labels have in an aggregation, over all pages.
    pub fn label_count(&self, aggregation: Aggregation) -> usize {
        self.labels.count(aggregation)
    }

    /// The id of a recorded job, if the replies had it.
    pub fn recorded_id(&self) -> Option<&str> {
        self.recorded_id.as_deref()
    }

    pub(crate) fn with_recorded_id(mut self, id: Option<String>) -> Self {
        self.recorded_id = id;
        self
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detections = self.labels.count(Aggregation::Timestamps);
        formatter
            .debug_struct("Job")
            .field("detections", &detections)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The most elements of a page, and the default.
pub(crate) const MAX_RESULTS: usize = 1000;

