//! An AWS account: its lakes, functions and queues, and the clients that reach them.

pub(crate) mod athena;
mod call_error;
pub(crate) mod dead_letter;
pub(crate) mod function;
mod http;
pub(crate) mod in_flight;
pub(crate) mod job_report;
pub(crate) mod lake;
mod login;
mod presign;
pub(crate) mod queue;
pub(crate) mod rekognition;
pub(crate) mod stack;
pub(crate) mod starter_log;
pub(crate) mod video_bucket;

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use label_lake::aws::caller::Caller;
use label_lake::aws::clients;
use label_lake::aws::deadline::Deadline;
use label_lake::aws::names::DatabaseName;
use label_lake::config::{self, Settings};
use label_lake::error::{Error as LakeError, with_sources};
use label_lake::export::Exporter;
use label_lake::glue::catalog::Catalog;
use label_lake::glue::client;
use label_lake::lake::Lake;

use self::function::Function;
use self::lake::AccountLake;
use self::login::{CONNECT_TIMEOUT, load_config};
use self::queue::Queue;
use self::stack::Stack;
use crate::args::{AwsArguments, LakeArguments, S3Location};
use crate::error::with_hint_if_any;
use crate::output::progress::notice;

/// Timeout for the reply of a synchronous invocation: the maximum duration of a Lambda function, plus a minute.
const INVOCATION_TIMEOUT: Duration = Duration::from_mins(16);
/// Timeout for a reply of SQS, which waits two seconds for messages to arrive.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(8);
/// Time for which a call is retried. Whatever passes by itself has usually passed by then, and a person who waits wants to
/// know.
const RETRIES: Duration = Duration::from_secs(10);
/// The same for the calls of an export, which may have run for a long time already.
const EXPORT_RETRIES: Duration = Duration::from_mins(1);
/// Time for all requests of one job. They normally take seconds, and a minute if the job has many thousand partitions.
const JOB_TIMEOUT: Duration = Duration::from_mins(5);

/// An AWS account in one region, with credentials.
pub(crate) struct Account {
    aws: SdkConfig,
    region: String,
}

impl Account {
    /// Loads credentials and region from the options, or else from the sources that every AWS tool uses.
    pub(crate) async fn open(arguments: &AwsArguments) -> anyhow::Result<Self> {
        let aws = load_config(arguments).await?;
        let region = aws.region().map(ToString::to_string).unwrap_or_default();
        Ok(Self { aws, region })
    }

    /// Returns the configuration of the clients.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.aws
    }

    /// Returns the configuration of clients with the retries of the SDK, for calls that belong to no job.
    pub(crate) fn retrying_config(&self) -> SdkConfig {
        self.aws.to_builder().retry_config(RetryConfig::standard()).build()
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Reads a stack that was deployed from the template.
    pub(crate) async fn stack(&self, name: &str) -> anyhow::Result<Stack> {
        Stack::read(&self.aws, &self.region, name).await
    }

    /// Returns a lake, with the catalog of its partitions if `database` is given.
    pub(crate) fn lake(&self, location: &S3Location, database: Option<&DatabaseName>) -> anyhow::Result<AccountLake> {
        let S3Location { bucket, prefix } = location;
        let s3 = clients::s3(&self.aws, config::s3_by_path());
        let caller = Caller::Command { retries: RETRIES, notice };
        let lake = Lake::new(s3.clone(), bucket, prefix, config::bucket_owner()?.as_ref()).with_caller(caller);
        let catalog = database.map(|name| Catalog::new(client::client(&self.aws), name).with_caller(caller));
        Ok(AccountLake::new(lake, catalog, &s3, bucket))
    }

    /// Returns the lake that the arguments name, and its location. A stack names the catalog too.
    pub(crate) async fn open_lake(
        &self,
        arguments: &LakeArguments,
        database: Option<&DatabaseName>,
    ) -> anyhow::Result<(S3Location, AccountLake)> {
        let (location, database) = match &arguments.stack {
            Some(name) => {
                let stack = self.stack(name).await?;
                (stack.location()?, Some(stack.database()?))
            }
            None => (arguments.location()?, database.cloned()),
        };
        let lake = self.lake(&location, database.as_ref())?;
        Ok((location, lake))
    }

    /// Returns a client of Rekognition.
    pub(crate) fn rekognition(&self) -> aws_sdk_rekognition::Client {
        aws_sdk_rekognition::Client::new(&self.aws)
    }

    /// Returns an exporter of the jobs of `rekognition`. Writes with `s3`, or else to S3 in the account.
    pub(crate) fn exporter(
        &self,
        settings: &Settings,
        rekognition: aws_sdk_rekognition::Client,
        s3: Option<aws_sdk_s3::Client>,
    ) -> anyhow::Result<Exporter> {
        let (s3, bucket_owner) = match s3 {
            Some(s3) => (s3, None),
            None => (clients::s3(&self.aws, config::s3_by_path()), config::bucket_owner()?),
        };
        let settings = Settings { bucket_owner, ..settings.clone() };
        let catalog = settings.glue_database.as_ref().map(|name| Catalog::new(client::client(&self.aws), name));
        let aws = self.aws.clone();
        let lambda = clients::lazily(move || aws_sdk_lambda::Client::new(&aws));
        let exporter = Exporter::new(&settings, rekognition, s3, lambda, catalog);
        Ok(exporter.with_caller(Caller::Command { retries: EXPORT_RETRIES, notice }))
    }

    /// Returns a deployed function.
    pub(crate) fn function(&self, name: &str) -> Function {
        let config = aws_sdk_lambda::config::Builder::from(&self.aws);
        let config = config.timeout_config(timeouts(INVOCATION_TIMEOUT)).build();
        Function::new(aws_sdk_lambda::Client::from_conf(config), name, &self.region)
    }

    /// Returns a queue.
    pub(crate) fn queue(&self, url: &str) -> Queue {
        let config = aws_sdk_sqs::config::Builder::from(&self.retrying_config());
        let config = config.timeout_config(timeouts(QUEUE_TIMEOUT)).build();
        Queue::new(aws_sdk_sqs::Client::from_conf(config), url, &self.region)
    }
}

fn timeouts(reply: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(reply)
        .operation_attempt_timeout(reply)
        .build()
}

/// Returns the deadline for the requests of one job, starting now.
pub(crate) fn call_deadline() -> anyhow::Result<Deadline> {
    Deadline::of_invocation(JOB_TIMEOUT).context("the timeout is zero")
}

/// Converts an error of the library, with a hint for the person who runs the command.
#[expect(clippy::needless_pass_by_value, reason = "the signature for map_err")]
pub(crate) fn for_operator(error: LakeError) -> anyhow::Error {
    with_hint_if_any(anyhow!(with_sources(&error)), error.hint())
}
