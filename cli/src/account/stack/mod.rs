//! A stack that was deployed from the template: its parameters, outputs, and resources.

pub(crate) mod query_protocol;
pub(crate) mod replies;
pub(crate) mod videos;

use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context as _, anyhow};
use aws_config::SdkConfig;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use label_lake::aws::names::DatabaseName;
use label_lake::aws::service::ServiceError;
use label_lake::error::with_sources;
use label_lake::table::aggregation::Aggregations;

use self::query_protocol::{CLOUDFORMATION, Field, QueryClient};
use self::replies::{DescribeStacks, ListStackResources, StackReply};
use super::call_error::call_error;
use crate::args::S3Location;
use crate::error::with_hint;

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) name: String,
    /// ARN of the stack.
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
}

/// The resources of a stack by logical ID.
pub(crate) type Resources = BTreeMap<String, Resource>;

/// A resource of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) kind: String,
    pub(crate) physical_id: String,
}

impl Stack {
    /// Reads the stack with this name or ARN.
    pub(crate) async fn read(aws: &SdkConfig, region: &str, name: &str) -> anyhow::Result<Self> {
        let client = QueryClient::new(aws, CLOUDFORMATION);
        let reply = client.call::<DescribeStacks>("DescribeStacks", &[("StackName", name)]).await;
        let reply = reply.map_err(|error| stack_error("cloudformation:DescribeStacks", name, region, &error))?;
        let stack = reply.stacks.member.into_iter().next();
        let stack = stack.with_context(|| format!("stack {name} not found in {region}"))?;
        Ok(Self::from(stack))
    }

    /// Reads the resources of the stack.
    pub(crate) async fn resources(&self, aws: &SdkConfig, region: &str) -> anyhow::Result<Resources> {
        let client = QueryClient::new(aws, CLOUDFORMATION);
        let (mut resources, mut token) = (Resources::new(), None::<String>);
        loop {
            let mut fields: Vec<Field<'_>> = vec![("StackName", &self.name)];
            fields.extend(token.as_deref().map(|token| ("NextToken", token)));
            let page = client.call::<ListStackResources>("ListStackResources", &fields).await;
            let page =
                page.map_err(|error| stack_error("cloudformation:ListStackResources", &self.name, region, &error))?;
            resources.extend(page.stack_resource_summaries.member.into_iter().map(|resource| {
                let (kind, physical_id) = (resource.resource_type, resource.physical_resource_id);
                (resource.logical_resource_id, Resource { kind, physical_id })
            }));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(resources);
            }
        }
    }

    /// Returns the location of the lake.
    pub(crate) fn location(&self) -> anyhow::Result<S3Location> {
        Ok(S3Location { bucket: self.parsed_output("BucketName")?, prefix: self.prefix().parse()? })
    }

    /// Returns the Glue database with the tables.
    pub(crate) fn database(&self) -> anyhow::Result<DatabaseName> {
        self.parsed_output("DatabaseName")
    }

    /// Returns the prefix of the lake, which is empty if the lake is the whole bucket.
    pub(crate) fn prefix(&self) -> &str {
        self.parameter("OutputPrefix")
    }

    /// Returns the tables that the function fills.
    pub(crate) fn aggregations(&self) -> anyhow::Result<Aggregations> {
        let given = self.parameter("AggregateBy");
        if given.is_empty() {
            return Ok(Aggregations::default());
        }
        given.parse().with_context(|| format!("stack {}: parameter AggregateBy is {given:?}", self.name))
    }

    /// Returns a parameter, which is empty if the template has no such parameter.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Returns an output.
    pub(crate) fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| {
            let error = anyhow!("stack {} ({}) has no output {name}", self.name, self.status);
            let hint =
                "name a stack that was deployed from the template of Label Lake, or pass the names of the resources";
            with_hint(error, hint)
        })
    }

    fn parsed_output<T>(&self, name: &str) -> anyhow::Result<T>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        let value = self.output(name)?;
        value.parse().with_context(|| format!("stack {}: output {name} is {value:?}", self.name))
    }
}

impl From<StackReply> for Stack {
    fn from(stack: StackReply) -> Self {
        Self {
            name: stack.stack_name,
            id: stack.stack_id,
            status: stack.stack_status,
            parameters: stack.parameters.member.into_iter().map(|parameter| (parameter.key, parameter.value)).collect(),
            outputs: stack.outputs.member.into_iter().map(|output| (output.key, output.value)).collect(),
        }
    }
}

/// Returns the error of a call to CloudFormation.
fn stack_error(action: &str, name: &str, region: &str, error: &SdkError<ServiceError, HttpResponse>) -> anyhow::Error {
    let is_missing = error.message().is_some_and(|message| message.contains("does not exist"));
    if error.code() == Some("ValidationError") && is_missing {
        return with_hint(anyhow!("stack {name} not found in {region}"), "check --stack, --region and --profile");
    }
    let call = format!("{action} on stack {name}");
    call_error(&call, None, error, &with_sources(error), |code| {
        code.contains("AccessDenied").then(|| format!("you lack permission {action} on the stack"))
    })
}
