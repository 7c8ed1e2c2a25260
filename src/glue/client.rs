//! A client for the Glue Data Catalog, in AWS's JSON 1.1 protocol.

use aws_config::SdkConfig;

use crate::aws::service::Service;
use crate::aws::service::json::{JsonClient, JsonService};

/// The Glue Data Catalog.
pub(crate) const GLUE: JsonService = JsonService {
    service: Service { name: "glue", id: "Glue", host: "glue", is_global: false },
    target: "AWSGlue",
    content_type: "application/x-amz-json-1.1",
};

/// Returns a client for the Data Catalog.
///
/// The endpoint is `AWS_ENDPOINT_URL_GLUE` or `AWS_ENDPOINT_URL` if one of them is set, otherwise that of the region.
pub fn client(aws: &SdkConfig) -> JsonClient {
    JsonClient::new(aws, GLUE)
}
