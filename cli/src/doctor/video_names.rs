//! The names of the resources that start jobs for new videos.

use anyhow::Context as _;

use super::names::Names;
use crate::account::stack::{Resources, Stack};

/// The names of the resources that start jobs for new videos.
#[derive(Clone, Debug)]
pub(crate) struct VideoNames {
    pub(crate) bucket: String,
    pub(crate) rule: String,
    pub(crate) queue_url: String,
    pub(crate) starter: String,
    pub(crate) starter_role: String,
    pub(crate) schedule: String,
    pub(crate) schedule_role: String,
    pub(crate) rekognition_role_arn: String,
    /// ARN of the KMS key of the videos. `None` if they have none of their own.
    pub(crate) key: Option<String>,
}

impl VideoNames {
    /// Takes the names from a stack. Returns `None` if the stack starts no jobs.
    pub(crate) fn new(stack: &Stack, resources: &Resources) -> anyhow::Result<Option<Self>> {
        if !resources.contains_key("VideoQueue") {
            return Ok(None);
        }
        let physical_id = |logical_id: &str| {
            let missing = || format!("stack {} ({}) has no resource {logical_id}", stack.name, stack.status);
            resources.get(logical_id).map(|resource| resource.physical_id.clone()).with_context(missing)
        };
        Ok(Some(Self {
            bucket: stack.output("VideoBucketName")?.to_owned(),
            rule: physical_id("VideoRule")?,
            queue_url: stack.output("VideoQueueUrl")?.to_owned(),
            starter: stack.output("StarterName")?.to_owned(),
            starter_role: physical_id("StarterRole")?,
            schedule: physical_id("StarterSchedule")?,
            schedule_role: physical_id("StarterScheduleRole")?,
            rekognition_role_arn: stack.output("RekognitionRoleArn")?.to_owned(),
            key: Some(stack.parameter("VideoBucketKeyArn")).filter(|arn| !arn.is_empty()).map(str::to_owned),
        }))
    }

    pub(crate) fn starter_arn(&self, names: &Names) -> String {
        names.arn("lambda", &format!("function:{}", self.starter))
    }

    pub(crate) fn rule_arn(&self, names: &Names) -> String {
        names.arn("events", &format!("rule/{}", self.rule))
    }

    /// Returns the permissions that the starter needs, as pairs of actions and a resource.
    pub(crate) fn starter_permissions(&self, names: &Names) -> Vec<(Vec<&'static str>, String)> {
        let mut permissions = vec![
            (vec!["rekognition:StartLabelDetection"], "*".to_owned()),
            (vec!["iam:PassRole"], self.rekognition_role_arn.clone()),
            (vec!["s3:GetObject", "s3:GetObjectVersion"], names.object_arn(&self.bucket, "video.mp4")),
            (
                vec!["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
                names.queue_arn(&self.queue_url),
            ),
            (vec!["sqs:SendMessage"], names.failed_queue_arn()),
        ];
        permissions.extend(self.key.iter().map(|key| (vec!["kms:Decrypt"], key.clone())));
        permissions
    }

    /// Returns the permissions that the schedule needs.
    pub(crate) fn schedule_permissions(&self, names: &Names) -> Vec<(Vec<&'static str>, String)> {
        vec![(vec!["lambda:InvokeFunction"], self.starter_arn(names))]
    }
}
