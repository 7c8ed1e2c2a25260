//! AWS's JSON protocols 1.0 and 1.1, and REST with JSON.

use std::fmt::Debug;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Request, Service, ServiceClient, ServiceError};

/// A service that speaks one of the protocols.
#[derive(Clone, Copy, Debug)]
pub struct JsonService {
    /// The service.
    pub service: Service,
    /// Prefix of the operation in the header `x-amz-target`.
    pub target: &'static str,
    /// Content type, which names the version of the protocol.
    pub content_type: &'static str,
}

/// A client for a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JsonClient {
    client: ServiceClient,
    target: &'static str,
    content_type: &'static str,
}

impl JsonClient {
    /// Creates a client from the SDK's configuration.
    pub fn new(aws: &SdkConfig, service: JsonService) -> Self {
        let JsonService { service, target, content_type } = service;
        Self { client: ServiceClient::new(aws, service), target, content_type }
    }

    /// Calls an operation, and returns its reply.
    ///
    /// # Errors
    /// The errors of every SDK client. A reply that cannot be parsed is a `ResponseError`.
    pub async fn call<R>(
        &self,
        operation: &'static str,
        request: &impl Serialize,
    ) -> Result<R, SdkError<ServiceError, HttpResponse>>
    where
        R: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let request = self.request(operation, request).map_err(SdkError::construction_failure)?;
        self.client.call(operation, request, parse::<R>).await
    }

    /// Calls an operation whose reply has no content.
    ///
    /// # Errors
    /// The errors of every SDK client.
    pub async fn call_without_reply(
        &self,
        operation: &'static str,
        request: &impl Serialize,
    ) -> Result<(), SdkError<ServiceError, HttpResponse>> {
        let request = self.request(operation, request).map_err(SdkError::construction_failure)?;
        self.client.call(operation, request, check).await
    }

    fn request(&self, operation: &str, request: &impl Serialize) -> serde_json::Result<Request> {
        let Self { target, content_type, .. } = self;
        let headers =
            vec![("content-type", (*content_type).to_owned()), ("x-amz-target", format!("{target}.{operation}"))];
        Ok(Request { method: "POST", path: "/".to_owned(), headers, body: serde_json::to_vec(request)? })
    }
}

/// Gets a resource of a service that speaks REST with JSON.
///
/// # Errors
/// The errors of every SDK client. A reply that cannot be parsed is a `ResponseError`.
pub async fn get<R>(
    client: &ServiceClient,
    operation: &'static str,
    path: String,
) -> Result<R, SdkError<ServiceError, HttpResponse>>
where
    R: DeserializeOwned + Debug + Send + Sync + 'static,
{
    let request = Request { method: "GET", path, headers: Vec::new(), body: Vec::new() };
    client.call(operation, request, parse::<R>).await
}

/// Parses a reply, or the error that the service returned.
fn parse<R: DeserializeOwned>(response: &HttpResponse) -> Result<R, OrchestratorError<ServiceError>> {
    check(response)?;
    serde_json::from_slice(response.body().bytes().unwrap_or_default()).map_err(OrchestratorError::other)
}

/// Returns the error that the service returned, if any.
fn check(response: &HttpResponse) -> Result<(), OrchestratorError<ServiceError>> {
    if response.status().is_success() {
        return Ok(());
    }
    let body = response.body().bytes().unwrap_or_default();
    // The error page of a proxy has neither a code nor a message. Then only the status is known.
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let code = response.headers().get("x-amzn-errortype").or(body.code.as_deref()).map(code_name);
    Err(OrchestratorError::operation(ServiceError::new(response, code, body.message.as_deref())))
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(alias = "__type")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// Returns the name of an error code, which may have the form `namespace#Code:URL`.
fn code_name(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct TableReply {
        table: Option<serde_json::Map<String, serde_json::Value>>,
    }

    fn error(status: u16, header: Option<&'static str>, body: &'static str) -> (Option<String>, Option<String>) {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        if let Some(header) = header {
            response.headers_mut().insert("x-amzn-errortype", header);
        }
        let error = parse::<TableReply>(&response).unwrap_err();
        let metadata = error.as_operation_error().unwrap().meta();
        (metadata.code().map(str::to_owned), metadata.message().map(str::to_owned))
    }

    #[test]
    fn finds_code_and_message_in_header_and_body() {
        let expected = (Some("EntityNotFoundException".to_owned()), Some("no table".to_owned()));
        for (header, body) in [
            (None, r#"{"__type":"EntityNotFoundException","Message":"no table"}"#),
            (None, r#"{"code":"aws.glue#EntityNotFoundException:http://internal/","message":"no table"}"#),
            (Some("EntityNotFoundException:http://internal/"), r#"{"message":"no table"}"#),
        ] {
            assert_eq!(error(400, header, body), expected);
        }
        assert_eq!(error(503, None, "<html>Service Unavailable</html>"), (None, None));
    }

    #[test]
    fn an_unparsable_reply_is_not_a_service_error() {
        for body in ["", "<html>", r#"{"Table": []}"#] {
            let response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body));
            assert!(!parse::<TableReply>(&response).unwrap_err().is_operation_error(), "{body}");
        }
        let nulls = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(r#"{"Table": null, "Other": 1}"#));
        assert!(parse::<TableReply>(&nulls).unwrap().table.is_none());
    }
}
