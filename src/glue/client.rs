//! A client for the Glue Data Catalog, for the six operations that [`crate::glue::catalog`] needs.
//!
//! The client uses the SDK's own runtime, so credentials, signing, timeouts and errors work as for the other services.
//! `aws-sdk-glue` would be another dependency, with some 270 operations; docs/ARCHITECTURE.md has its cost.

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

/// The name of the service in signatures and in the user agent.
const SERVICE: &str = "glue";
/// The content type of AWS's JSON 1.1 protocol.
const JSON: &str = "application/x-amz-json-1.1";

/// A client for the Data Catalog. Cheap to clone. Does not retry.
#[derive(Clone, Debug)]
pub struct Client {
    plugin: SharedRuntimePlugin,
}

/// An error that the service returned.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .metadata.code().unwrap_or("unknown error"), .metadata.message().unwrap_or("no message"))]
pub(crate) struct ServiceError {
    metadata: ErrorMetadata,
}

impl ProvideErrorMetadata for ServiceError {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

impl Client {
    /// Creates a client from the SDK's configuration.
    ///
    /// The endpoint is `AWS_ENDPOINT_URL_GLUE` or `AWS_ENDPOINT_URL` if one of them is set, otherwise that of the
    /// region.
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
    /// The errors of every SDK client. A reply that cannot be parsed is a `ResponseError`.
    pub(crate) async fn call<R>(
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
            .deserializer(parse::<R>)
            .build()
            .invoke(body)
            .await
    }
}

/// Parses a reply, or the error that the service returned.
fn parse<R: DeserializeOwned>(response: &HttpResponse) -> Result<R, OrchestratorError<ServiceError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return serde_json::from_slice(body).map_err(OrchestratorError::other);
    }
    // The error page of a proxy has neither a code nor a message. Then only the status is known.
    let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = response.headers().get("x-amzn-errortype").map(str::to_owned).or(body.code) {
        metadata = metadata.code(code_name(&code));
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

/// Returns the name of an error code, which may have the form `namespace#Code:URL`.
fn code_name(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

/// Returns the configured endpoint. As in the SDK's clients, an endpoint set in code takes precedence over one for
/// Glue, and that over one for all services.
fn endpoint_url(aws: &SdkConfig) -> Option<String> {
    let for_all_services = aws.endpoint_url().map(str::to_owned);
    if aws.get_origin("endpoint_url").is_client_config() {
        return for_all_services;
    }
    let key = ServiceConfigKey::builder().service_id("Glue").env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let for_glue = key.build().ok().and_then(|key| aws.service_config()?.load_config(key));
    for_glue.or(for_all_services)
}

/// The endpoint of a region. In every AWS partition, Glue's endpoints are named like Lambda's, also with FIPS and
/// dual-stack: <https://docs.aws.amazon.com/general/latest/gr/glue.html>. So the resolver is that of Lambda's client.
#[derive(Debug)]
struct RegionalEndpoint {
    params: Params,
    /// Created at the first call, because parsing the SDK's list of AWS partitions takes half as long as a cold start.
    resolver: LazyLock<DefaultResolver>,
}

impl RegionalEndpoint {
    fn new(aws: &SdkConfig) -> Self {
        Self::of(aws.region().map(ToString::to_string), aws.use_fips(), aws.use_dual_stack())
    }

    #[expect(clippy::expect_used, reason = "the message says why it does not happen")]
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
    use crate::glue::shapes::TableReply;

    async fn endpoint(region: &str, fips: bool, dual_stack: bool) -> String {
        let resolver = RegionalEndpoint::of(Some(region.to_owned()), Some(fips), Some(dual_stack));
        let endpoint = resolver.resolve_endpoint(&EndpointResolverParams::new(())).await.unwrap();
        endpoint.url().to_owned()
    }

    /// The expected endpoints are those of Glue's own endpoint rules in `aws-sdk-glue`.
    #[tokio::test]
    async fn resolves_the_published_endpoint_of_each_region() {
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
    fn uses_an_endpoint_that_is_set_in_code() {
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
        let error =
            parse::<TableReply>(&response).unwrap_err().as_operation_error().map(|error| error.metadata.clone());
        let metadata = error.unwrap();
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
