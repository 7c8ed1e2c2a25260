//! The call that starts the job of a video, and its errors.

use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_rekognition::operation::start_label_detection::StartLabelDetectionError;
use aws_sdk_rekognition::operation::start_label_detection::builders::StartLabelDetectionFluentBuilder;
use aws_sdk_rekognition::types::{
    GeneralLabelsSettings, LabelDetectionFeatureName, LabelDetectionSettings, NotificationChannel, S3Object,
    Video as VideoInput,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::time::{Instant, timeout_at};

use crate::aws::call::{Kind, kind};
use crate::aws::diagnose::diagnose;
use crate::config::JobSettings;
use crate::error::{Blockage, Error, with_sources};
use crate::starter::message::Video;
use crate::starter::policy::Attempt;
use crate::starter::queue::blockage;
use crate::starter::request::token;

const ACTION: &str = "rekognition:StartLabelDetection";

/// A start that failed.
#[derive(Debug)]
pub(crate) enum NotStarted {
    /// All slots of the account are in use.
    NoSlot,
    /// The call was throttled, failed for the moment, or had no reply.
    Unavailable(String),
    /// The video can never be started, for this reason.
    Impossible(String),
    /// No video can be started.
    Blocked(Error),
}

impl NotStarted {
    /// Returns the kind of the failure.
    pub(crate) fn attempt(&self) -> Attempt {
        match self {
            Self::NoSlot => Attempt::NoSlot,
            Self::Unavailable(_) => Attempt::Unavailable,
            Self::Impossible(_) => Attempt::Impossible,
            Self::Blocked(_) => Attempt::Blocked,
        }
    }
}

/// Starts the job of a video, and returns the job ID. If an earlier call with the same content has started the job,
/// returns the ID of that job.
pub(crate) async fn start(
    client: &Client,
    video: &Video,
    settings: &JobSettings,
    until: Instant,
) -> Result<String, NotStarted> {
    let request = request(client, video, settings).map_err(|error| NotStarted::Impossible(error.to_string()))?;
    match timeout_at(until, request.send()).await {
        Ok(Ok(reply)) => Ok(reply.job_id.unwrap_or_default()),
        Ok(Err(error)) => Err(not_started(error, video, settings)),
        Err(_) => Err(NotStarted::Unavailable("no reply before the invocation timed out".to_owned())),
    }
}

/// Returns the request that starts the job of a video.
///
/// # Errors
/// A part of the request is missing, which the settings rule out.
pub fn request(
    client: &Client,
    video: &Video,
    settings: &JobSettings,
) -> Result<StartLabelDetectionFluentBuilder, BuildError> {
    let object = S3Object::builder().bucket(&video.bucket).name(&video.key).set_version(video.version.clone());
    let channel = NotificationChannel::builder().sns_topic_arn(&settings.topic_arn).role_arn(&settings.role_arn);
    let request = client
        .start_label_detection()
        .video(VideoInput::builder().s3_object(object.build()).build())
        .client_request_token(token(video, settings))
        .set_job_tag(settings.tag.clone())
        .set_min_confidence(settings.min_confidence)
        .notification_channel(channel.build()?);
    Ok(match filters(settings) {
        Some(filters) => request.features(LabelDetectionFeatureName::GeneralLabels).settings(filters),
        None => request,
    })
}

/// Returns the settings of the request if there are filters.
fn filters(settings: &JobSettings) -> Option<LabelDetectionSettings> {
    let list = |labels: &Vec<String>| (!labels.is_empty()).then(|| labels.clone());
    let (include, exclude) = (list(&settings.include_labels), list(&settings.exclude_labels));
    if include.is_none() && exclude.is_none() {
        return None;
    }
    let labels =
        GeneralLabelsSettings::builder().set_label_inclusion_filters(include).set_label_exclusion_filters(exclude);
    Some(LabelDetectionSettings::builder().general_labels(labels.build()).build())
}

/// Classifies an error of the call.
fn not_started(
    error: SdkError<StartLabelDetectionError, HttpResponse>,
    video: &Video,
    settings: &JobSettings,
) -> NotStarted {
    let text = error.message().unwrap_or_default();
    let of_reply = |advice: &str| NotStarted::Impossible(format!("{advice}: {}", reply(&error)));
    match error.code().unwrap_or_default() {
        "LimitExceededException" => NotStarted::NoSlot,
        "InvalidS3ObjectException" => of_reply(
            "Rekognition cannot read the object; check that the object exists and is not archived, that its bucket is in \
             the region of the stack, and that the role of the starter has s3:GetObject on the object and kms:Decrypt \
             on its key, then replay the message",
        ),
        "VideoTooLargeException" => {
            of_reply("the video is too large; Rekognition takes at most 10 GB, so split or compress the video")
        }
        "IdempotentParameterMismatchException" => {
            of_reply("the video was started with other settings within the last 7 days; replay the message later")
        }
        "AccessDeniedException" if ["s3:", "kms:"].iter().any(|service| text.contains(service)) => of_reply(
            "the role of the starter may not read the object; allow s3:GetObject on the object and kms:Decrypt on its \
             key, then replay the message",
        ),
        "AccessDeniedException" if text.contains("iam:PassRole") => {
            blocked("iam:PassRole", &settings.role_arn, Blockage::Denied, error)
        }
        _ => match (kind(&error), diagnose(&error, None), &error) {
            (Kind::Throttled | Kind::Transient, ..) => NotStarted::Unavailable(with_sources(&error)),
            (Kind::Permanent, None, SdkError::ServiceError(_)) if is_about_the_video(text, video) => of_reply(
                "Rekognition does not accept the object; check the name of the object, copy it to another name if it \
                 begins with a space, or replay the message",
            ),
            // The wrong parameter is in every request: the topic, the role, or a filter. If this video went to the failures,
            // all others in the queue would follow.
            (Kind::Permanent, None, SdkError::ServiceError(_)) => {
                let JobSettings { topic_arn, role_arn, .. } = settings;
                let settings = "MinConfidence, IncludeLabels, ExcludeLabels, and JobTag";
                let resource = format!("topic {topic_arn} with role {role_arn} and {settings}");
                blocked(ACTION, &resource, Blockage::Permanent, error)
            }
            (kind, ..) => blocked(ACTION, "*", blockage(kind), error),
        },
    }
}

/// Returns true if a request was refused because of its video: the text of the reply names the video, or the object has a
/// name that the API does not accept. Most texts name nothing: "Request has invalid parameters".
fn is_about_the_video(text: &str, video: &Video) -> bool {
    let text = text.to_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if names(&["channel", "topic", "rolearn", "role arn"]) {
        return false;
    }
    // The API's pattern is `\S.*`, in which a dot is no line break.
    let name_is_invalid = video.key.starts_with(char::is_whitespace) || video.key.contains(['\n', '\r']);
    name_is_invalid || names(&["s3", "video", "bucket"])
}

fn reply(error: &SdkError<StartLabelDetectionError, HttpResponse>) -> String {
    let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
    format!("{code}: {message}")
}

fn blocked(
    action: &'static str,
    resource: &str,
    kind: Blockage,
    error: SdkError<StartLabelDetectionError, HttpResponse>,
) -> NotStarted {
    NotStarted::Blocked(Error::StartsBlocked { action, resource: resource.to_owned(), kind, source: error.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_request_is_the_fault_of_the_video_only_if_its_text_or_name_says_so() {
        let is_about = |text: &str, key: &str| {
            let key = key.to_owned();
            is_about_the_video(text, &Video { bucket: "b".into(), key, version: None, etag: None, size: None })
        };
        for text in ["Value ' a' at 'video.s3Object.name' failed", "The S3 object has no name", "Unsupported video"] {
            assert!(is_about(text, "a.mp4"), "{text}");
        }
        for text in ["", "Request has invalid parameters", "Invalid label filter", "Topic of Rekognition Video"] {
            assert!(!is_about(text, "a b.mp4"), "{text}");
        }
        for key in [" a.mp4", "\u{a0}a.mp4", "a\n.mp4"] {
            assert!(is_about("Request has invalid parameters", key), "{key}");
        }
    }
}
