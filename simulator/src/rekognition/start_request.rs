//! The request of `StartLabelDetection`, and the limits of its parameters.

use serde::Deserialize;
use serde_json::Value;

use crate::rekognition::request::{Exception, INVALID_PARAMETER};

/// Maximum length of a token, in characters.
const MAX_TOKEN: usize = 64;
/// Maximum length of a job tag, a key and a version, in characters.
const MAX_TEXT: usize = 1024;
/// Maximum number of labels in a filter.
const MAX_FILTER: usize = 100;
/// Maximum length of a label in a filter, in characters.
const MAX_LABEL: usize = 50;

/// The request, as far as the simulator needs it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StartLabelDetection {
    video: Video,
    pub(crate) client_request_token: Option<String>,
    pub(crate) job_tag: Option<String>,
    min_confidence: Option<f64>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    settings: Settings,
    pub(crate) notification_channel: Option<NotificationChannel>,
}

#[derive(Debug, Deserialize)]
struct Video {
    #[serde(rename = "S3Object")]
    object: VideoObject,
}

/// An object in S3.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VideoObject {
    /// `Bucket`.
    pub bucket: String,
    /// `Name`: the key.
    pub name: String,
    /// `Version`.
    pub version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    #[serde(default)]
    general_labels: Filters,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filters {
    #[serde(default)]
    label_inclusion_filters: Vec<String>,
    #[serde(default)]
    label_exclusion_filters: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NotificationChannel {
    #[serde(rename = "SNSTopicArn")]
    pub(crate) topic: String,
    #[serde(rename = "RoleArn")]
    role: String,
}

impl StartLabelDetection {
    /// Parses and validates a request. Also returns its content without the token, which the token is bound to.
    pub(crate) fn parse(body: &[u8]) -> Result<(Self, Value), Exception> {
        let mut content: Value = serde_json::from_slice(body).map_err(|_| INVALID_PARAMETER)?;
        let request = Self::deserialize(&content).map_err(|_| INVALID_PARAMETER)?;
        if !request.is_valid() {
            return Err(INVALID_PARAMETER);
        }
        if let Some(fields) = content.as_object_mut() {
            fields.remove("ClientRequestToken");
        }
        Ok((request, content))
    }

    pub(crate) fn object(&self) -> &VideoObject {
        &self.video.object
    }

    fn is_valid(&self) -> bool {
        let text = |text: &str, max: usize| (1..=max).contains(&text.chars().count());
        let of = |text: &str, others: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b));
        let VideoObject { bucket, name, version } = self.object();
        let Filters { label_inclusion_filters, label_exclusion_filters } = &self.settings.general_labels;
        let filter = |labels: &[String]| labels.len() <= MAX_FILTER && labels.iter().all(|it| text(it, MAX_LABEL));
        (3..=255).contains(&bucket.len())
            && of(bucket, b".-_")
            && text(name, MAX_TEXT)
            && !name.starts_with(char::is_whitespace)
            && version.as_ref().is_none_or(|version| text(version, MAX_TEXT))
            && self.client_request_token.as_ref().is_none_or(|token| text(token, MAX_TOKEN) && of(token, b"-_"))
            && self.job_tag.as_ref().is_none_or(|tag| text(tag, MAX_TEXT) && of(tag, b"_.-:+=/"))
            && self.min_confidence.is_none_or(|confidence| (0.0..=100.0).contains(&confidence))
            && self.features.iter().all(|feature| feature == "GENERAL_LABELS")
            && filter(label_inclusion_filters)
            && filter(label_exclusion_filters)
            && self.notification_channel.as_ref().is_none_or(NotificationChannel::is_valid)
    }
}

impl NotificationChannel {
    fn is_valid(&self) -> bool {
        // arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE
        let topic: Vec<_> = self.topic.splitn(6, ':').collect();
        let role: Vec<_> = self.role.splitn(6, ':').collect();
        matches!(topic[..], ["arn", _, "sns", region, _, name] if !region.is_empty() && !name.is_empty())
            && matches!(role[..], ["arn", _, "iam", "", _, name] if name.starts_with("role/"))
    }
}
