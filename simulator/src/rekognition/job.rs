//! A label detection job, and how the service replies about it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::rekognition::labels::explicit::{Element, ExplicitLabels};
use crate::rekognition::labels::generated::Generated;
use crate::rekognition::labels::generated_labels::GeneratedLabels;
use crate::rekognition::labels::job_labels::Labels;
use crate::rekognition::labels::selection::Aggregation;

/// Scope of the order by name, `SortBy=NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameOrder {
    /// All pages of a fetch are sorted as a whole, so that a label's elements are contiguous.
    Global,
    /// Each page is sorted on its own, so that labels reappear on later pages.
    WithinPages,
}

/// Status of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// In progress at first, then succeeded.
    InProgress {
        /// Number of replies with `IN_PROGRESS` and without labels.
        replies: u32,
    },
    /// Failed.
    Failed {
        /// `StatusMessage` of the replies.
        message: String,
    },
    /// Succeeded: the replies contain labels.
    Succeeded,
}

/// A label detection job: its labels, and how the service replies about it.
#[derive(Clone)]
#[must_use = "a job does nothing until it is added to a simulator"]
pub struct Job {
    pub(crate) labels: Labels,
    pub(crate) status: JobStatus,
    pub(crate) model_version: String,
    /// `VideoMetadata`. If `None`, typical values are served, with the duration of the labels.
    pub(crate) video_metadata: Option<Value>,
    /// `Video`. If `None`, the name is derived from the job ID.
    pub(crate) video: Option<Value>,
    pub(crate) tag: Option<String>,
    pub(crate) page_size: usize,
    pub(crate) name_order: NameOrder,
    /// Interval of the empty pages.
    pub(crate) empty_pages: Option<u32>,
    /// Number of the page that repeats its token.
    pub(crate) repeated_token: Option<u32>,
    /// Changes to pages, by page number.
    pub(crate) edits: Vec<(u32, Edit)>,
    recorded_id: Option<String>,
}

/// A change to a page before it is sent.
pub(crate) type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

impl Job {
    /// Creates a job of any size from a seed. Its labels are computed when they are served, not stored in memory.
    pub fn generated(generated: Generated) -> Self {
        Self::new(Labels::Generated(Arc::new(GeneratedLabels::new(generated))))
    }

    /// Creates a job from `LabelDetection` objects of the aggregation by timestamps, which are served unchanged.
    #[allow(clippy::needless_pass_by_value)] // Callers have no further use for the labels.
    pub fn from_labels(labels: Vec<Value>) -> Self {
        let detections = labels.iter().map(Element::new).collect();
        Self::new(Labels::Explicit(Arc::new(ExplicitLabels::from_detections(detections))))
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

    /// Sets the status. Default: succeeded.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = status;
        self
    }

    /// Sets `LabelModelVersion` to 2.0. Generated labels then have neither `Aliases` nor `Categories`; explicit labels
    /// do not change.
    pub fn model_2(self) -> Self {
        let labels = match self.labels {
            Labels::Generated(labels) => Labels::Generated(Arc::new(labels.model_2())),
            explicit @ Labels::Explicit(_) => explicit,
        };
        Self { labels, ..self }.model_version("2.0")
    }

    pub(crate) fn model_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.model_version);
        self
    }

    /// Sets the aggregation by segments of explicit labels. Default: derived from the detections. The segments of
    /// generated labels do not change.
    #[allow(clippy::needless_pass_by_value)] // Callers have no further use for the segments.
    pub fn segments(mut self, segments: Vec<Value>) -> Self {
        if let Labels::Explicit(labels) = &self.labels {
            let segments = segments.iter().map(Element::new).collect();
            self.labels = Labels::Explicit(Arc::new(labels.with_segments(segments)));
        }
        self
    }

    /// Sets `VideoMetadata`. The replies of a failed job contain it only if it is set here.
    pub fn video_metadata(mut self, metadata: Value) -> Self {
        self.video_metadata = Some(metadata);
        self
    }

    /// Sets the video of the job. Default: `<job ID>.mp4` in the bucket `videos`.
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

    /// Sets `JobTag`. Default: no tag.
    pub fn job_tag(mut self, tag: &str) -> Self {
        self.tag = Some(tag.to_owned());
        self
    }

    /// Limits pages to this many elements, even if the client requests more.
    pub fn page_size(mut self, elements: usize) -> Self {
        self.page_size = elements.clamp(1, MAX_RESULTS);
        self
    }

    /// Sets the scope of the order by name. Default: all pages of a fetch.
    pub fn order(mut self, order: NameOrder) -> Self {
        self.name_order = order;
        self
    }

    /// Makes every n-th page of a fetch empty, with a token for the next page. `every` is at least 2.
    pub fn empty_pages(mut self, every: u32) -> Self {
        // If every page were empty, a fetch would never end.
        self.empty_pages = Some(every.max(2));
        self
    }

    /// Makes a page, counted from 1, return the token it was requested with as its `NextToken`. Has no effect on the
    /// first page, which is requested without a token.
    pub fn repeat_token_at(mut self, page: u32) -> Self {
        self.repeated_token = Some(page);
        self
    }

    /// Makes a page, counted from 1, carry the ID of another job.
    pub fn wrong_job_id_at(self, page: u32) -> Self {
        self.edit(page, |reply| reply["JobId"] = "another-job".into())
    }

    /// Changes a page, counted from 1, of every fetch before it is sent.
    pub fn edit(mut self, page: u32, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.edits.push((page, Arc::new(edit)));
        self
    }

    /// Returns the number of elements in an aggregation, over all pages.
    pub fn label_count(&self, aggregation: Aggregation) -> usize {
        self.labels.count(aggregation)
    }

    /// Returns the ID of a recorded job; `None` if the replies do not contain it.
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

/// Maximum and default number of elements per page.
pub(crate) const MAX_RESULTS: usize = 1000;
