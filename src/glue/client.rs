//! A client for the Glue Data Catalog, in AWS's JSON 1.1 protocol.

use std::fmt::Debug;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws::service::json::{JsonClient, JsonService};
use crate::aws::service::{Service, ServiceError};

/// The Glue Data Catalog.
pub(crate) const GLUE: JsonService = JsonService {
    service: Service { name: "glue", id: "Glue", host: "glue", is_global: false },
    target: "AWSGlue",
    content_type: "application/x-amz-json-1.1",
};

/// A client for the Data Catalog. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(JsonClient);

impl Client {
    /// Creates a client from the SDK's configuration.
    ///
    /// The endpoint is `AWS_ENDPOINT_URL_GLUE` or `AWS_ENDPOINT_URL` if one of them is set, otherwise that of the
    /// region.
    pub fn new(aws: &SdkConfig) -> Self {
        Self(JsonClient::new(aws, GLUE))
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
        self.0.call(operation, request).await
    }
}
