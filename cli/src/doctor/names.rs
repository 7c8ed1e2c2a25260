//! The names of a stack's resources, as the checks and their commands use them.

use anyhow::Context as _;
use label_lake::aws::names::DatabaseName;
use label_lake::table::schema::Table;

use super::video_names::VideoNames;
use crate::account::stack::{Resources, Stack};
use crate::args::S3Location;

/// The names of a stack's resources.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) stack: String,
    pub(crate) region: String,
    partition: String,
    pub(crate) account: String,
    pub(crate) function: String,
    /// ARN of the topic to which jobs publish.
    pub(crate) topic: String,
    /// True if the stack made the topic. False if it subscribes to an existing one, which may have other messages.
    pub(crate) owns_topic: bool,
    pub(crate) failed_queue_url: String,
    /// `None` without `UseQueue`.
    pub(crate) job_queue_url: Option<String>,
    pub(crate) function_role: String,
    pub(crate) rekognition_role: String,
    pub(crate) lake: S3Location,
    pub(crate) database: DatabaseName,
    pub(crate) work_group: String,
    /// ARN of the topic that the alarms notify. `None` if nobody is notified.
    pub(crate) alarm_topic: Option<String>,
    /// `None` if the stack starts no jobs for new videos.
    pub(crate) videos: Option<VideoNames>,
    /// `None` without `AllJobs`.
    pub(crate) all_jobs: Option<AllJobsNames>,
}

/// The names of what keeps the tables of all jobs.
#[derive(Clone, Debug)]
pub(crate) struct AllJobsNames {
    /// ARN of the state machine.
    pub(crate) machine: String,
    /// The schedules, which start the state machine.
    pub(crate) schedules: Vec<String>,
}

impl Names {
    /// Takes the names from the stack. Fails if it was not deployed from the template.
    pub(crate) fn new(stack: &Stack, resources: &Resources) -> anyhow::Result<Self> {
        // arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/ID
        let arn: Vec<_> = stack.id.split(':').collect();
        let [_, partition, _, region, account, ..] = arn[..] else {
            anyhow::bail!("stack {}: {:?} is not the ARN of a stack", stack.name, stack.id);
        };
        let physical_id = |logical_id: &str| resources.get(logical_id).map(|resource| resource.physical_id.clone());
        let role = |logical_id: &str| {
            let missing = || format!("stack {} ({}) has no resource {logical_id}", stack.name, stack.status);
            physical_id(logical_id).with_context(missing)
        };
        let given_topic = Some(stack.parameter("AlarmTopicArn")).filter(|arn| !arn.is_empty()).map(str::to_owned);
        Ok(Self {
            stack: stack.name.clone(),
            region: region.to_owned(),
            partition: partition.to_owned(),
            account: account.to_owned(),
            function: stack.output("FunctionName")?.to_owned(),
            topic: stack.output("TopicArn")?.to_owned(),
            owns_topic: resources.contains_key("Topic"),
            failed_queue_url: stack.output("FailedQueueUrl")?.to_owned(),
            job_queue_url: physical_id("JobQueue"),
            function_role: role("FunctionRole")?,
            rekognition_role: role("RekognitionRole")?,
            lake: stack.location()?,
            database: stack.database()?,
            work_group: stack.output("WorkGroupName")?.to_owned(),
            alarm_topic: given_topic.or_else(|| physical_id("AlarmTopic")),
            videos: VideoNames::new(stack, resources)?,
            all_jobs: physical_id("AllJobsMachine").map(|machine| {
                let schedules = ["AllJobsSchedule", "AllJobsMaintenance"].into_iter().filter_map(physical_id);
                AllJobsNames { machine, schedules: schedules.collect() }
            }),
        })
    }

    /// Returns the ARN of a resource in the account and region of the stack.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    pub(crate) fn function_arn(&self) -> String {
        self.arn("lambda", &format!("function:{}", self.function))
    }

    /// Returns the ARN of a queue with this URL.
    pub(crate) fn queue_arn(&self, url: &str) -> String {
        self.arn("sqs", url.rsplit('/').next().unwrap_or_default())
    }

    pub(crate) fn failed_queue_arn(&self) -> String {
        self.queue_arn(&self.failed_queue_url)
    }

    /// Returns the ARN of what the topic delivers to: the function, or the queue in front of it.
    pub(crate) fn subscriber_arn(&self) -> String {
        match &self.job_queue_url {
            Some(url) => self.queue_arn(url),
            None => self.function_arn(),
        }
    }

    pub(crate) fn bucket_arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition, self.lake.bucket)
    }

    /// Returns the ARN of an object in a bucket.
    pub(crate) fn object_arn(&self, bucket: &str, key: &str) -> String {
        format!("arn:{}:s3:::{bucket}/{key}", self.partition)
    }

    /// Returns the location that a table should have.
    pub(crate) fn table_location(&self, table: &Table) -> String {
        format!("{}{}/", self.lake, table.name)
    }

    /// Returns the permissions that the function needs, as pairs of actions and a resource.
    pub(crate) fn function_permissions(&self) -> Vec<(Vec<&'static str>, String)> {
        let prefix = self.lake.prefix.as_str();
        let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let table = |name: &str| self.arn("glue", &format!("table/{}/{name}", self.database));
        let partitions = [
            "glue:GetTable",
            "glue:GetPartitions",
            "glue:BatchGetPartition",
            "glue:BatchCreatePartition",
            "glue:BatchUpdatePartition",
            "glue:BatchDeletePartition",
        ];
        let mut permissions = vec![
            (vec!["rekognition:GetLabelDetection"], "*".to_owned()),
            (
                vec!["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                format!("{}/{folder}jobs/job-x.parquet", self.bucket_arn()),
            ),
            (vec!["s3:ListBucket"], self.bucket_arn()),
            (partitions.to_vec(), table("label_detections")),
            (partitions.to_vec(), table("label_segments")),
            (partitions.to_vec(), self.arn("glue", &format!("database/{}", self.database))),
            (partitions.to_vec(), self.arn("glue", "catalog")),
            (vec!["lambda:InvokeFunction"], self.function_arn()),
            (vec!["sqs:SendMessage"], self.failed_queue_arn()),
        ];
        if let Some(url) = &self.job_queue_url {
            let receive = vec!["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
            permissions.push((receive, self.queue_arn(url)));
        }
        permissions
    }
}
