//! A client for Glue's Data Catalog: the six operations that [`crate::glue::catalog`] needs.
//!
//! The requests are made with the SDK's own runtime, so credentials, signing, timeouts and errors are those of the other
//! services. `aws-sdk-glue` would be one more dependency with some 270 operations; docs/ARCHITECTURE.md has what it
//! costs.

use std::fmt::Debug;
use std::sync::LazyLock;

use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_sdk_lambda::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as ResolveForLambda};
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, SharedEndpointResolver,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{SharedRuntimePlugin, StaticRuntimePlugin};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use super::shapes::StorageDescriptor;
pub(crate) use super::shapes::{BatchReply, PartitionError, PartitionsReply, TableReply};

/// The service's name in signatures and in the user agent.
const SERVICE: &str = "glue";
/// The content type of AWS's JSON 1.1 protocol.
const JSON: &str = "application/x-amz-json-1.1";

/// A client for the Data Catalog. Cheap to clone. It does not retry.
#[derive(Clone, Debug)]
pub struct Client {
    plugin: SharedRuntimePlugin,
}

/// An error that the service returned.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .metadata.code().unwrap_or("unknown error"), .metadata.message().unwrap_or("no message"))]
pub struct ServiceError {
    metadata: ErrorMetadata,
}

impl ProvideErrorMetadata for ServiceError {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

impl Client {
    /// Makes a client with the SDK's configuration.
    ///
    /// The endpoint is `AWS_ENDPOINT_URL_GLUE` or `AWS_ENDPOINT_URL` if one is set, else that of the region.
    pub fn new(aws: &SdkConfig) -> Self {
        let mut config = Layer::new(SERVICE);
        config.store_put(ApiMetadata::new(SERVICE, env!("CARGO_PKG_VERSION")));
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        config.store_put(EndpointResolverParams::new(()));
        config.store_put(SigningName::from_static(SERVICE));
        config.store_or_unset(aws.region().cloned().map(SigningRegion::from));
        config.store_or_unset(aws.region().cloned());
        config.store_or_unset(aws.app_name().cloned());
        config.store_or_unset(aws.timeout_config().cloned());
        let mut signing_options = SigningOptions::default();
        signing_options.double_uri_encode = true;
        signing_options.normalize_uri_path = true;
        config.store_put(SigV4OperationSigningConfig { signing_options, ..Default::default() });

        let endpoint = match endpoint_url(aws) {
            Some(url) => SharedEndpointResolver::new(StaticUriEndpointResolver::uri(url)),
            None => SharedEndpointResolver::new(RegionalEndpoint::new(aws)),
        };
        let mut components = RuntimeComponentsBuilder::new(SERVICE)
            .with_http_client(aws.http_client())
            .with_sleep_impl(aws.sleep_impl())
            .with_time_source(aws.time_source())
            .with_endpoint_resolver(Some(endpoint))
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_retry_strategy(Some(NeverRetryStrategy::new()))
            .with_interceptor(ServiceClockSkewInterceptor::new())
            .with_interceptor(InvocationIdInterceptor::new())
            .with_interceptor(UserAgentInterceptor::new());
        if let Some(credentials) = aws.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        let plugin = StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components);
        Self { plugin: SharedRuntimePlugin::new(plugin) }
    }

    /// Calls an operation, and returns its reply.
    ///
    /// # Errors
    /// As any client of the SDK; a reply that cannot be read is a `ResponseError`.
    pub async fn call<R>(
        &self,
        operation: &'static str,
        request: &impl Serialize,
    ) -> Result<R, SdkError<ServiceError, HttpResponse>>
    where
        R: DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let body = serde_json::to_vec(request).map_err(SdkError::construction_failure)?;
        Operation::builder()
            .service_name(SERVICE)
            .operation_name(operation)
            .runtime_plugin(self.plugin.clone())
            .serializer(move |body: Vec<u8>| {
                let mut request = HttpRequest::new(SdkBody::from(body));
                request.set_method("POST")?;
                request.set_uri("/")?;
                request.headers_mut().insert("content-type", JSON);
                request.headers_mut().insert("x-amz-target", format!("AWSGlue.{operation}"));
                Ok(request)
            })
            .deserializer(read::<R>)
            .build()
            .invoke(body)
            .await
    }
}

/// Reads a reply, or the error that the service returned.
fn read<R: DeserializeOwned>(response: &HttpResponse) -> Result<R, OrchestratorError<ServiceError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return serde_json::from_slice(body).map_err(OrchestratorError::other);
    }
    // A proxy's error page has neither a code nor a message; the status counts then.
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = response.headers().get("x-amzn-errortype").map(str::to_owned).or(body.code) {
        metadata = metadata.code(short(&code));
    }
    if let Some(message) = body.message {
        metadata = metadata.message(message);
    }
    if let Some(id) = response.headers().get("x-amzn-requestid") {
        metadata = metadata.custom("aws_request_id", id);
    }
    Err(OrchestratorError::operation(ServiceError { metadata: metadata.build() }))
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(alias = "__type")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// Returns the code alone: it may come as `namespace#Code:URL`.
fn short(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

/// Returns the endpoint that was configured. As in the SDK's clients, one set in code comes before one for Glue, and that
/// before one for all services.
fn endpoint_url(aws: &SdkConfig) -> Option<String> {
    let any = aws.endpoint_url().map(str::to_owned);
    if aws.get_origin("endpoint_url").is_client_config() {
        return any;
    }
    let key = ServiceConfigKey::builder().service_id("Glue").env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let of_glue = key.build().ok().and_then(|key| aws.service_config()?.load_config(key));
    of_glue.or(any)
}

/// The endpoint of a region. Glue's endpoints are named as Lambda's in every partition, with FIPS and dual-stack too:
/// <https://docs.aws.amazon.com/general/latest/gr/glue.html>. So the rules are those of Lambda's client.
#[derive(Debug)]
struct RegionalEndpoint {
    params: Params,
    /// Made at the first call: reading the SDK's list of partitions takes the time of half a start.
    resolver: LazyLock<DefaultResolver>,
}

impl RegionalEndpoint {
    fn new(aws: &SdkConfig) -> Self {
        Self::of(aws.region().map(ToString::to_string), aws.use_fips(), aws.use_dual_stack())
    }

    #[expect(clippy::expect_used, reason = "says why it does not happen")]
    fn of(region: Option<String>, fips: Option<bool>, dual_stack: Option<bool>) -> Self {
        let params = Params::builder().set_region(region).set_use_fips(fips).set_use_dual_stack(dual_stack);
        let params = params.build().expect("no parameter is required");
        Self { params, resolver: LazyLock::new(DefaultResolver::new) }
    }
}

impl ResolveEndpoint for RegionalEndpoint {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        EndpointFuture::new(async {
            let lambda = ResolveForLambda::resolve_endpoint(&*self.resolver, &self.params).await?;
            let url = lambda.url().replacen("//lambda", "//glue", 1);
            Ok(lambda.into_builder().url(url).build())
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};

    use super::*;

    async fn endpoint(region: &str, fips: bool, dual_stack: bool) -> String {
        let resolver = RegionalEndpoint::of(Some(region.to_owned()), Some(fips), Some(dual_stack));
        let endpoint = resolver.resolve_endpoint(&EndpointResolverParams::new(())).await.unwrap();
        endpoint.url().to_owned()
    }

    /// The expected values are those of the service's own rules, which `aws-sdk-glue` has.
    #[tokio::test]
    async fn each_region_has_the_endpoint_that_glue_publishes() {
        for (region, fips, dual_stack, expected) in [
            ("us-east-1", false, false, "https://glue.us-east-1.amazonaws.com"),
            ("us-east-1", true, false, "https://glue-fips.us-east-1.amazonaws.com"),
            ("us-east-1", true, true, "https://glue-fips.us-east-1.api.aws"),
            ("eu-central-1", false, true, "https://glue.eu-central-1.api.aws"),
            ("cn-north-1", false, false, "https://glue.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", true, true, "https://glue-fips.cn-north-1.api.amazonwebservices.com.cn"),
            ("us-gov-west-1", false, false, "https://glue.us-gov-west-1.amazonaws.com"),
            ("us-iso-east-1", false, false, "https://glue.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", true, false, "https://glue-fips.us-isob-east-1.sc2s.sgov.gov"),
            ("eusc-de-east-1", false, false, "https://glue.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(endpoint(region, fips, dual_stack).await, expected);
        }
    }

    #[test]
    fn an_endpoint_set_in_code_is_used() {
        let aws =
            SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::from_static("us-east-1"));
        assert_eq!(endpoint_url(&aws.build()), None);
        let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).endpoint_url("http://127.0.0.1:1");
        assert_eq!(endpoint_url(&aws.build()).as_deref(), Some("http://127.0.0.1:1"));
    }

    fn error(status: u16, header: Option<&'static str>, body: &'static str) -> (Option<String>, Option<String>) {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        if let Some(header) = header {
            response.headers_mut().insert("x-amzn-errortype", header);
        }
        let error = read::<TableReply>(&response).unwrap_err().as_operation_error().map(|error| error.metadata.clone());
        let metadata = error.unwrap();
        (metadata.code().map(str::to_owned), metadata.message().map(str::to_owned))
    }

    #[test]
    fn an_error_has_its_code_and_message_wherever_they_are() {
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
    fn a_reply_that_cannot_be_read_is_no_error_of_the_service() {
        for body in ["", "<html>", r#"{"Table": []}"#] {
            let response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body));
            assert!(!read::<TableReply>(&response).unwrap_err().is_operation_error(), "{body}");
        }
        let nulls = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(r#"{"Table": null, "Other": 1}"#));
        assert!(read::<TableReply>(&nulls).unwrap().table.is_none());
    }
}
