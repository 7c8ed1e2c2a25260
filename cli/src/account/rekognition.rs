//! Jobs at Rekognition: their start, and their state.

use anyhow::anyhow;
use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::error::ProvideErrorMetadata as _;
use aws_sdk_rekognition::types::VideoJobStatus;
use label_lake::config::JobSettings;
use label_lake::error::with_sources;
use label_lake::job_id::JobId;
use label_lake::starter::start::request;

use super::Account;
use super::call_error::call_error;
use crate::videos::video::Video;

/// The state of a job at Rekognition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Analysis {
    InProgress,
    Succeeded,
    /// The job failed for this reason.
    Failed(String),
    /// Rekognition does not know the job. It forgets a job after 7 days.
    Unknown,
}

/// A client for the jobs of an account.
#[derive(Clone, Debug)]
pub(crate) struct Jobs {
    client: Client,
}

impl Account {
    /// Returns a client for the jobs of the account.
    pub(crate) fn jobs(&self) -> Jobs {
        Jobs { client: Client::new(&self.retrying_config()) }
    }
}

/// The reply to a start.
pub(crate) enum Start {
    Started(JobId),
    /// All slots of the account are in use.
    NoSlot,
}

impl Jobs {
    /// Starts the job of a video, or returns the job that the starter has started for it.
    pub(crate) async fn start(&self, video: &Video, settings: &JobSettings) -> anyhow::Result<Start> {
        let request = request(&self.client, &video.for_starter(), settings)?;
        let error = match request.send().await {
            Ok(reply) => return Ok(Start::Started(JobId::try_from(reply.job_id().unwrap_or_default())?)),
            Err(error) if error.code() == Some("LimitExceededException") => return Ok(Start::NoSlot),
            Err(error) => error,
        };
        let (url, message) = (video.url(), error.message().unwrap_or_default().to_owned());
        let call = format!("rekognition:StartLabelDetection for {url}");
        let cause = match error.code() {
            Some(code) if !message.is_empty() => format!("{code}: {message}"),
            _ => with_sources(&error),
        };
        Err(call_error(&call, None, &error, &cause, |code| {
            match code {
            "InvalidS3ObjectException" => Some(
                "Rekognition reads the video with your permissions: check s3:GetObject on it and kms:Decrypt on its key"
                    .to_owned(),
            ),
            "VideoTooLargeException" => Some("Rekognition takes at most 10 GB; split or compress the video".to_owned()),
            code if code.contains("AccessDenied") => Some(format!(
                "you lack rekognition:StartLabelDetection, or iam:PassRole on {}; without --now, the stack's starter \
                 starts the video",
                settings.role_arn
            )),
            "InvalidParameterException" => Some(format!(
                "check the settings of the stack, its topic {} and its role {}",
                settings.topic_arn, settings.role_arn
            )),
            _ => None,
        }
        }))
    }

    /// Returns the state of a job. The reply has one label at most.
    pub(crate) async fn analysis(&self, job: &str) -> anyhow::Result<Analysis> {
        let reply = match self.client.get_label_detection().job_id(job).max_results(1).send().await {
            Ok(reply) => reply,
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(Analysis::Unknown),
            Err(error) => {
                let call = format!("rekognition:GetLabelDetection on job {job}");
                return Err(call_error(&call, None, &error, &with_sources(&error), |code| {
                    code.contains("AccessDenied").then(|| "you lack the permission".to_owned())
                }));
            }
        };
        match reply.job_status() {
            Some(VideoJobStatus::InProgress) => Ok(Analysis::InProgress),
            Some(VideoJobStatus::Succeeded) => Ok(Analysis::Succeeded),
            Some(VideoJobStatus::Failed) => {
                Ok(Analysis::Failed(reply.status_message.unwrap_or_else(|| "no reason given".to_owned())))
            }
            status => Err(anyhow!("job {job}: Rekognition reports the unknown status {status:?}")),
        }
    }
}
