//! Settings of the starter.

use std::str::FromStr;

use super::{Variables, environment, parsed, wrong};
use crate::error::Error;

/// Maximum number of labels in a filter.
const MAX_FILTER: usize = 100;
/// Maximum length of a label in a filter, in characters.
const MAX_LABEL: usize = 50;
/// Maximum length of a job tag.
const MAX_TAG: usize = 1024;

/// The settings of the starter.
#[derive(Clone, Debug)]
pub struct StarterSettings {
    /// `VIDEO_QUEUE_URL`: the queue of videos that wait for their start.
    pub video_queue_url: String,
    /// `FAILED_QUEUE_URL`: the queue of videos that cannot be started.
    pub failed_queue_url: String,
    /// The part of each start request that is the same for all videos.
    pub job: JobSettings,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the dimension of the metrics. No metrics are written without it.
    pub function_name: Option<String>,
}

/// The part of a start request that is the same for all videos.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSettings {
    /// `TOPIC_ARN`: the topic that receives the completion messages.
    pub topic_arn: String,
    /// `REKOGNITION_ROLE_ARN`: the role with which Rekognition publishes to the topic.
    pub role_arn: String,
    /// `MIN_CONFIDENCE`, in percent. `None` for Rekognition's own default.
    pub min_confidence: Option<f32>,
    /// `INCLUDE_LABELS`: the only labels to detect. Empty for all.
    pub include_labels: Vec<String>,
    /// `EXCLUDE_LABELS`: labels that are not detected.
    pub exclude_labels: Vec<String>,
    /// `JOB_TAG`: the tag of each job.
    pub tag: Option<String>,
}

impl StarterSettings {
    /// Reads the settings of the starter.
    ///
    /// # Errors
    /// `Configuration`, with the name of the variable and what was expected.
    pub fn from_env() -> Result<Self, Error> {
        Self::read(&environment)
    }

    fn read(get: Variables<'_>) -> Result<Self, Error> {
        Ok(Self {
            video_queue_url: required(get, "VIDEO_QUEUE_URL", "the URL of an SQS queue", is_url)?,
            failed_queue_url: required(get, "FAILED_QUEUE_URL", "the URL of an SQS queue", is_url)?,
            job: JobSettings::read(get)?,
            function_name: get("AWS_LAMBDA_FUNCTION_NAME"),
        })
    }
}

impl JobSettings {
    /// Reads the settings from `get`, which returns the value of a variable, or `None` if it is not set or empty.
    ///
    /// # Errors
    /// `Configuration`, with the name of the variable and what was expected.
    pub fn read(get: Variables<'_>) -> Result<Self, Error> {
        Ok(Self {
            topic_arn: required(get, "TOPIC_ARN", "the ARN of an SNS topic", |arn| is_arn(arn, "sns", ""))?,
            role_arn: required(get, "REKOGNITION_ROLE_ARN", "the ARN of a role", |arn| is_arn(arn, "iam", "role/"))?,
            min_confidence: parsed(get, "MIN_CONFIDENCE", confidence)?,
            include_labels: parsed(get, "INCLUDE_LABELS", labels)?.unwrap_or_default(),
            exclude_labels: parsed(get, "EXCLUDE_LABELS", labels)?.unwrap_or_default(),
            tag: parsed(get, "JOB_TAG", tag)?,
        })
    }
}

fn required(
    get: Variables<'_>,
    variable: &'static str,
    expected: &'static str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<String, Error> {
    let parse = |given: &str| if is_valid(given) { Ok(given.to_owned()) } else { Err(expected) };
    parsed(get, variable, parse)?.ok_or_else(|| wrong(variable, None, expected))
}

/// Returns true for `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE` of this service, with this prefix of the resource.
fn is_arn(given: &str, service: &str, prefix: &str) -> bool {
    let mut parts = given.splitn(6, ':');
    let (arn, found, resource) = (parts.next(), parts.nth(1), parts.nth(2));
    let name = resource.and_then(|resource| resource.strip_prefix(prefix));
    arn == Some("arn") && found == Some(service) && name.is_some_and(|name| !name.is_empty())
}

fn is_url(given: &str) -> bool {
    given.strip_prefix("https://").or_else(|| given.strip_prefix("http://")).is_some_and(|rest| rest.contains('/'))
}

fn confidence(given: &str) -> Result<f32, &'static str> {
    let number = f32::from_str(given).ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or("a number from 0 to 100")
}

fn labels(given: &str) -> Result<Vec<String>, &'static str> {
    let labels: Vec<_> = given.split(',').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect();
    let are_valid = labels.len() <= MAX_FILTER && labels.iter().all(|label| label.chars().count() <= MAX_LABEL);
    if are_valid { Ok(labels) } else { Err("at most 100 labels of at most 50 characters, separated by commas") }
}

fn tag(given: &str) -> Result<String, &'static str> {
    let is_valid =
        given.len() <= MAX_TAG && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:+=/".contains(&byte));
    if is_valid { Ok(given.to_owned()) } else { Err("1 to 1024 characters of a-z A-Z 0-9 _ . - : + = /") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::environment_of;
    use super::*;

    const REQUIRED: [(&str, &str); 4] = [
        ("VIDEO_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/videos"),
        ("FAILED_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/failed"),
        ("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:AmazonRekognition-label-lake"),
        ("REKOGNITION_ROLE_ARN", "arn:aws:iam::123456789012:role/service/rekognition"),
    ];

    fn settings(variables: &[(&str, &str)]) -> Result<StarterSettings, String> {
        let all: Vec<_> = REQUIRED.iter().chain(variables).copied().collect();
        StarterSettings::read(&environment_of(&all)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_queues_the_topic_and_the_role_are_all_that_is_needed() {
        let StarterSettings { job, .. } = settings(&[("MIN_CONFIDENCE", ""), ("INCLUDE_LABELS", "")]).unwrap();
        assert_eq!((job.min_confidence, job.tag), (None, None));
        assert!(job.include_labels.is_empty() && job.exclude_labels.is_empty());
        for (variable, _) in REQUIRED {
            let error = settings(&[(variable, "")]).unwrap_err();
            assert!(error.contains(variable) && error.contains("not set"), "{error}");
        }
    }

    #[test]
    fn lists_are_trimmed() {
        let given = [("INCLUDE_LABELS", "Car, Dog,,"), ("MIN_CONFIDENCE", "72.5"), ("JOB_TAG", "team=a")];
        let StarterSettings { job, .. } = settings(&given).unwrap();
        assert_eq!(job.include_labels, ["Car", "Dog"]);
        assert_eq!((job.min_confidence, job.tag.as_deref()), (Some(72.5), Some("team=a")));
    }

    #[test]
    fn a_wrong_value_is_named_with_what_was_expected() {
        let long = "x".repeat(51);
        let many = "x,".repeat(101);
        for (variable, value, word) in [
            ("VIDEO_QUEUE_URL", "videos", "URL"),
            ("TOPIC_ARN", "arn:aws:sqs:us-east-1:123456789012:topic", "SNS topic"),
            ("REKOGNITION_ROLE_ARN", "arn:aws:iam::123456789012:user/me", "role"),
            ("MIN_CONFIDENCE", "101", "0 to 100"),
            ("MIN_CONFIDENCE", "NaN", "0 to 100"),
            ("INCLUDE_LABELS", &long, "50"),
            ("EXCLUDE_LABELS", &many, "100"),
            ("JOB_TAG", "two words", "1024"),
        ] {
            let error = settings(&[(variable, value)]).unwrap_err();
            assert!(error.contains(variable) && error.contains(word), "{error}");
        }
    }
}
