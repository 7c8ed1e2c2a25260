//! The services of an AWS account, as the person at the desk reaches them.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::ProvideCredentials as _;
use label_lake::aws::clients;
use label_lake::aws::deadline::Deadline;
use label_lake::aws::names::{BucketName, DatabaseName};
use label_lake::config;
use label_lake::error::{Error as LakeError, with_sources};
use label_lake::glue::catalog::Catalog;
use label_lake::glue::client::Client;
use label_lake::job_id::JobId;
use label_lake::lake::Lake;

use crate::args::LakeArguments;
use crate::function::Function;
use crate::queue::Queue;

/// How long the calls for one job are tried. Each ends long before.
const PATIENCE: Duration = Duration::from_mins(5);
/// The longest that Lambda lets a function run, and a minute more.
const INVOCATION: Duration = Duration::from_mins(16);
/// How long SQS is given for an answer; it may wait for messages itself.
const QUEUE: Duration = Duration::from_secs(40);

/// What is said when the SDK finds no credentials, or none that it can use.
const NO_CREDENTIALS: &str = "no AWS credentials are found; set them in the environment, after a login with the AWS CLI \
                              by: eval \"$(aws configure export-credentials --format env)\"";

/// The advice for a bucket in another region than the command's.
const SET_REGION: &str = "set AWS_REGION to that region";

/// An account: its credentials and its region.
pub(crate) struct Account {
    aws: SdkConfig,
    region: String,
}

/// A lake in an account.
pub(crate) struct AccountLake {
    bucket: BucketName,
    /// Tries again by itself, as the SDK does.
    s3: aws_sdk_s3::Client,
    pub(crate) lake: Lake,
    pub(crate) catalog: Option<Catalog>,
}

impl Account {
    /// Looks for credentials and a region where the SDK does everywhere.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let aws = clients::sdk_config(config::ca_bundle().as_ref())?.load().await;
        let region = aws.region().map(ToString::to_string);
        let region = region.context("no AWS region is set; set AWS_REGION, or a region in the profile")?;
        let credentials = aws.credentials_provider().context(NO_CREDENTIALS)?;
        if let Err(error) = credentials.provide_credentials().await {
            bail!("{NO_CREDENTIALS}: {}", with_sources(&error));
        }
        Ok(Self { aws, region })
    }

    /// The lake, and with a database the catalog of its partitions.
    pub(crate) fn lake(&self, lake: &LakeArguments, database: Option<&DatabaseName>) -> anyhow::Result<AccountLake> {
        let s3 = clients::s3(&self.aws, config::s3_by_path());
        let retrying = s3.config().to_builder().retry_config(RetryConfig::standard()).build();
        Ok(AccountLake {
            lake: Lake::new(s3, &lake.bucket, &lake.prefix, config::bucket_owner()?.as_ref()),
            s3: aws_sdk_s3::Client::from_conf(retrying),
            catalog: database.map(|name| Catalog::new(Client::new(&self.aws), name)),
            bucket: lake.bucket.clone(),
        })
    }

    /// The deployed function. A reply may take as long as an invocation.
    pub(crate) fn function(&self, name: &str) -> Function {
        let config = aws_sdk_lambda::config::Builder::from(&self.aws).timeout_config(timeouts(INVOCATION)).build();
        Function::new(aws_sdk_lambda::Client::from_conf(config), name, &self.region)
    }

    /// A queue.
    pub(crate) fn queue(&self, url: &str) -> Queue {
        let config = aws_sdk_sqs::config::Builder::from(&self.aws).timeout_config(timeouts(QUEUE));
        let config = config.retry_config(RetryConfig::standard()).build();
        Queue::new(aws_sdk_sqs::Client::from_conf(config), url, &self.region)
    }
}

fn timeouts(reply: Duration) -> TimeoutConfig {
    let connect = Duration::from_secs(5);
    TimeoutConfig::builder().connect_timeout(connect).read_timeout(reply).operation_attempt_timeout(reply).build()
}

/// The time for the calls of one job.
pub(crate) fn patience() -> anyhow::Result<Deadline> {
    Deadline::of_invocation(PATIENCE).context("no time")
}

/// An error of the lake or of its catalog, with the next step of a person instead of the function's.
pub(crate) fn by_hand(error: &LakeError) -> anyhow::Error {
    let text = error.with_sources();
    let text = text.replace("in the role of the function", "to whoever runs this command");
    let text = text.replace("deploy the function in that region, or choose a bucket in its own", SET_REGION);
    anyhow!(text.replace("deliver the message again", "run the command again"))
}

impl AccountLake {
    /// The jobs that are in `jobs`, in the order of their ids.
    pub(crate) async fn jobs(&self) -> anyhow::Result<Vec<JobId>> {
        let folder = self.lake.layout().table_prefix(&label_lake::table::schema::JOBS);
        let (mut jobs, mut after) = (Vec::new(), None);
        loop {
            let request = self.s3.list_objects_v2().bucket(self.bucket.as_str()).prefix(&folder);
            let listing = request.set_start_after(after).send().await.map_err(|error| {
                let (region, cause) = (error.raw_response(), with_sources(&error));
                let region = region.and_then(|reply| reply.headers().get("x-amz-bucket-region"));
                let elsewhere =
                    region.filter(|region| self.s3.config().region().is_none_or(|own| own.as_ref() != *region));
                let hint = match elsewhere {
                    Some(region) => format!("the bucket is in {region}; {SET_REGION}"),
                    None => "run the command again".to_owned(),
                };
                anyhow!("s3:ListBucket on s3://{}/{folder} failed; {hint}: {cause}", self.bucket)
            })?;
            let keys = listing.contents().iter().filter_map(|object| object.key());
            jobs.extend(keys.filter_map(|key| self.lake.layout().job_from_key(key)));
            after = listing.contents().last().and_then(|object| object.key()).map(str::to_owned);
            if after.is_none() || listing.is_truncated() != Some(true) {
                break;
            }
        }
        if jobs.is_empty() {
            bail!("s3://{}/{folder} has no job; is --prefix that of the function?", self.bucket);
        }
        Ok(jobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_lake_speaks_to_a_person() {
        let job = JobId::try_from("job-1").unwrap();
        let (action, resource) = ("s3:ListBucket", "s3://lake/jobs/".to_owned());
        let denied =
            LakeError::AccessDenied { job: job.clone(), action, resource: resource.clone(), source: "no".into() };
        let text = by_hand(&denied).to_string();
        assert!(text.contains("allow s3:ListBucket on s3://lake/jobs/ to whoever runs this command"), "{text}");
        let passing = LakeError::Storage { job, action, resource, transient: true, source: "reset".into() };
        let text = by_hand(&passing).to_string();
        assert!(text.contains("run the command again") && !text.contains("deliver"), "{text}");
    }
}
