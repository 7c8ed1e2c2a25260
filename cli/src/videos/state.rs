//! The state of a video on its way into the lake.

use serde::Serialize;

use super::known::{KnownJob, KnownVideos};
use super::video::Video;
use crate::account::rekognition::Analysis;
use crate::account::starter_log::{LogLine, StarterEvent, StarterLog};

/// The state of a video, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub(crate) enum VideoState {
    /// The labels are in the lake.
    Exported { job_id: String },
    /// Rekognition has analyzed the video. Its labels are not in the lake yet.
    Analyzed { job_id: String },
    /// Rekognition analyzes the video.
    Started { job_id: String },
    /// The starter has put the video back into its queue.
    Waiting { reason: String },
    /// The job failed, or could not be started. Then it has no ID.
    Failed { job_id: Option<String>, reason: String },
    /// The lake does not have the video, and nothing else is known. It may wait in the queue, or nobody has sent it.
    NotInLake,
}

impl VideoState {
    /// Returns the state by the lake and by the log. Whether a started job has ended is up to Rekognition; until then,
    /// the state is [`VideoState::Started`].
    pub(crate) fn new(video: &Video, known: &KnownVideos, log: &StarterLog) -> Self {
        if let Some(job) = known.job_of(video) {
            return Self::of_known(job);
        }
        // An older line is about an object that has been overwritten since.
        let is_of_this_content = |line: &&LogLine| video.modified.is_none_or(|modified| line.at >= modified);
        match log.last(&video.url()).filter(is_of_this_content).map(|line| line.event.clone()) {
            // An upload of the same bytes may have the job of an earlier one, which is in the lake.
            Some(StarterEvent::Started { job }) => match known.with_id(video, &job) {
                Some(job) => Self::of_known(job),
                None => Self::Started { job_id: job },
            },
            Some(StarterEvent::NotStarted { reason }) => Self::Failed { job_id: None, reason },
            Some(StarterEvent::PutBack { reason }) => Self::Waiting { reason },
            None => Self::NotInLake,
        }
    }

    fn of_known(job: &KnownJob) -> Self {
        let job_id = job.id.clone();
        match job.failure.clone() {
            Some(reason) => Self::Failed { job_id: Some(job_id), reason },
            None => Self::Exported { job_id },
        }
    }

    /// Returns the state of a started job that Rekognition has described.
    pub(crate) fn analyzed(job_id: String, analysis: Analysis) -> Self {
        match analysis {
            Analysis::InProgress => Self::Started { job_id },
            Analysis::Succeeded => Self::Analyzed { job_id },
            Analysis::Failed(reason) => Self::Failed { job_id: Some(job_id), reason },
            Analysis::Unknown => {
                let reason = "Rekognition has deleted the results, and the lake does not have them".to_owned();
                Self::Failed { job_id: Some(job_id), reason }
            }
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Exported { .. } => "exported",
            Self::Analyzed { .. } => "analyzed",
            Self::Started { .. } => "started",
            Self::Waiting { .. } => "waiting",
            Self::Failed { .. } => "failed",
            Self::NotInLake => "not in the lake",
        }
    }

    /// Returns the job and the reason, as far as there are any.
    pub(crate) fn details(&self) -> String {
        match self {
            Self::Exported { job_id } | Self::Analyzed { job_id } | Self::Started { job_id } => job_id.clone(),
            Self::Failed { job_id: Some(job_id), reason } => format!("{job_id}: {reason}"),
            Self::Failed { job_id: None, reason } | Self::Waiting { reason } => reason.clone(),
            Self::NotInLake => String::new(),
        }
    }
}
