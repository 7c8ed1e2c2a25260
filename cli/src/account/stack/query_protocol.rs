//! AWS's Query protocol, which CloudFormation, IAM, and SNS speak: form fields in, XML out.

use std::fmt::Debug;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_s3::config::http::HttpResponse;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::result::SdkError;
use form_urlencoded::Serializer;
use label_lake::aws::service::{Request, Service, ServiceClient, ServiceError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) const CLOUDFORMATION: QueryService = QueryService {
    service: Service { name: "cloudformation", id: "CloudFormation", host: "cloudformation", is_global: false },
    version: "2010-05-15",
};
pub(crate) const IAM: QueryService =
    QueryService { service: Service { name: "iam", id: "IAM", host: "iam", is_global: true }, version: "2010-05-08" };
pub(crate) const SNS: QueryService =
    QueryService { service: Service { name: "sns", id: "SNS", host: "sns", is_global: false }, version: "2010-03-31" };

/// A service that speaks the protocol, and the version of its API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryService {
    service: Service,
    version: &'static str,
}

/// A client for a service. Cheap to clone. Retries like an SDK client with the standard retries.
#[derive(Clone, Debug)]
pub(crate) struct QueryClient {
    client: ServiceClient,
    version: &'static str,
}

/// A form field: its name and its value.
pub(crate) type Field<'a> = (&'a str, &'a str);

impl QueryClient {
    pub(crate) fn new(aws: &SdkConfig, service: QueryService) -> Self {
        let aws = aws.to_builder().retry_config(RetryConfig::standard()).build();
        Self { client: ServiceClient::new(&aws, service.service), version: service.version }
    }

    /// Calls an operation, and returns the element `<OperationResult>` of its reply.
    pub(crate) async fn call<R>(
        &self,
        operation: &'static str,
        fields: &[Field<'_>],
    ) -> Result<R, SdkError<ServiceError, HttpResponse>>
    where
        R: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let mut form = Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", self.version).extend_pairs(fields);
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        let body = form.finish().into_bytes();
        let request = Request { method: "POST", path: "/".to_owned(), headers, body };
        self.client.call(operation, request, parse::<R>).await
    }
}

/// Returns the names of the fields of a list: `ActionNames.member.1` and so on.
pub(crate) fn list_fields(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{name}.member.{number}")).collect()
}

/// A reply. Its root is `<OperationResponse>`.
#[derive(Debug, Deserialize)]
struct Reply<R> {
    #[serde(
        alias = "DescribeStacksResult",
        alias = "GetRoleResult",
        alias = "GetSubscriptionAttributesResult",
        alias = "GetTopicAttributesResult",
        alias = "ListStackResourcesResult",
        alias = "ListSubscriptionsByTopicResult",
        alias = "SimulatePrincipalPolicyResult"
    )]
    result: R,
}

#[derive(Default, Deserialize)]
struct ErrorReply {
    #[serde(rename = "Error", default)]
    error: ErrorBody,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorBody {
    code: Option<String>,
    message: Option<String>,
}

/// Parses a reply, or the error that the service returned.
fn parse<R: DeserializeOwned>(response: &HttpResponse) -> Result<R, OrchestratorError<ServiceError>> {
    let body = str::from_utf8(response.body().bytes().unwrap_or_default()).map_err(OrchestratorError::other)?;
    if response.status().is_success() {
        let reply: Reply<R> = quick_xml::de::from_str(body).map_err(OrchestratorError::other)?;
        return Ok(reply.result);
    }
    // The error page of a proxy has neither a code nor a message. Then only the status is known.
    let ErrorReply { error } = quick_xml::de::from_str(body).unwrap_or_default();
    let error = ServiceError::new(response, error.code.as_deref(), error.message.as_deref());
    Err(OrchestratorError::operation(error))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::error::ProvideErrorMetadata as _;
    use aws_sdk_s3::primitives::SdkBody;

    use super::*;
    use crate::account::stack::replies::DescribeStacks;

    fn parse_reply(status: u16, body: &'static str) -> Result<DescribeStacks, OrchestratorError<ServiceError>> {
        parse(&HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
    }

    #[test]
    fn reads_the_result_whatever_surrounds_it() {
        let reply = parse_reply(
            200,
            r#"<?xml version="1.0"?>
            <DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
              <DescribeStacksResult><Stacks><member>
                <StackName>label-lake</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Other>1</Other>
                <StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/label-lake/1</StackId>
                <Outputs><member><OutputKey>ShowLog</OutputKey><OutputValue>a &amp;&amp; b</OutputValue></member></Outputs>
              </member></Stacks></DescribeStacksResult>
              <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
            </DescribeStacksResponse>"#,
        );
        let stack = reply.unwrap().stacks.member.remove(0);
        assert_eq!(stack.outputs.member[0].value, "a && b");
        assert!(stack.parameters.member.is_empty());
    }

    #[test]
    fn reads_code_and_message_of_an_error() {
        let error = parse_reply(
            400,
            "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>no &lt;x&gt;</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>",
        );
        let error = error.unwrap_err();
        let error = error.as_operation_error().unwrap();
        assert_eq!((error.code(), error.message()), (Some("ValidationError"), Some("no <x>")));
        let page = parse_reply(503, "<html>Service Unavailable").unwrap_err();
        assert_eq!(page.as_operation_error().unwrap().code(), None);
        assert!(!parse_reply(200, "<html/>").unwrap_err().is_operation_error());
    }
}
