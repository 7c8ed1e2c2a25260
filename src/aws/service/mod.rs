//! A client for a service of which the program needs a few operations only.
//!
//! The client uses the SDK's own runtime, so credentials, signing, timeouts and errors work as for the other services. The
//! SDK crate of the service would be another dependency, with all operations; docs/ARCHITECTURE.md has its cost.

mod endpoint;
pub mod json;

use std::fmt::Debug;

use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime::client::retries::strategy::{NeverRetryStrategy, StandardRetryStrategy};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
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

/// A service, as its clients name it.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Name in signatures and in the user agent.
    pub name: &'static str,
    /// Name in `AWS_ENDPOINT_URL_<ID>`, where it is in upper case, and in profiles.
    pub id: &'static str,
    /// First part of the name of the endpoint.
    pub host: &'static str,
    /// True if all regions of an AWS partition share one endpoint, as for IAM.
    pub is_global: bool,
}

/// A request to a service.
#[derive(Debug)]
pub struct Request {
    /// Method of HTTP.
    pub method: &'static str,
    /// Path, which begins with a slash.
    pub path: String,
    /// Headers, which are signed.
    pub headers: Vec<(&'static str, String)>,
    /// Body in the protocol of the service.
    pub body: Vec<u8>,
}

/// A client for a service. Cheap to clone. Retries as the SDK's configuration says.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    name: &'static str,
    plugin: SharedRuntimePlugin,
}

/// An error that the service returned.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.code().unwrap_or("unknown error"), .0.message().unwrap_or("no message"))]
pub struct ServiceError(ErrorMetadata);

impl ServiceError {
    /// Returns the error with the code and the message in a reply. Either is absent from the error page of a proxy.
    pub fn new(response: &HttpResponse, code: Option<&str>, message: Option<&str>) -> Self {
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        if let Some(message) = message {
            metadata = metadata.message(message);
        }
        if let Some(id) = response.headers().get("x-amzn-requestid") {
            metadata = metadata.custom("aws_request_id", id);
        }
        Self(metadata.build())
    }
}

impl ProvideErrorMetadata for ServiceError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl ServiceClient {
    /// Creates a client from the SDK's configuration.
    ///
    /// The endpoint is the one that is set for the service or for all services, otherwise that of the region.
    pub fn new(aws: &SdkConfig, service: Service) -> Self {
        let Service { name, .. } = service;
        let mut config = Layer::new(name);
        config.store_put(ApiMetadata::new(name, env!("CARGO_PKG_VERSION")));
        config.store_put(AuthSchemeOptionResolverParams::new(()));
        config.store_put(EndpointResolverParams::new(()));
        config.store_put(SigningName::from_static(name));
        config.store_or_unset(endpoint::signing_region(aws, &service).map(SigningRegion::from));
        config.store_or_unset(aws.region().cloned());
        config.store_or_unset(aws.app_name().cloned());
        config.store_or_unset(aws.timeout_config().cloned());
        config.store_or_unset(aws.retry_config().cloned());
        let mut signing_options = SigningOptions::default();
        signing_options.double_uri_encode = true;
        signing_options.normalize_uri_path = true;
        config.store_put(SigV4OperationSigningConfig { signing_options, ..Default::default() });

        let mut components = RuntimeComponentsBuilder::new(name)
            .with_http_client(aws.http_client())
            .with_sleep_impl(aws.sleep_impl())
            .with_time_source(aws.time_source())
            .with_endpoint_resolver(Some(endpoint::resolver(aws, &service)))
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_interceptor(ServiceClockSkewInterceptor::new())
            .with_interceptor(InvocationIdInterceptor::new())
            .with_interceptor(UserAgentInterceptor::new());
        if aws.retry_config().is_some_and(|retries| retries.max_attempts() > 1) {
            components = components
                .with_retry_strategy(Some(StandardRetryStrategy::new()))
                .with_retry_classifier(TransientErrorClassifier::<ServiceError>::new())
                .with_retry_classifier(HttpStatusCodeClassifier::default())
                .with_retry_classifier(AwsErrorCodeClassifier::<ServiceError>::new());
        } else {
            components = components.with_retry_strategy(Some(NeverRetryStrategy::new()));
        }
        if let Some(credentials) = aws.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        let plugin = StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components);
        Self { name, plugin: SharedRuntimePlugin::new(plugin) }
    }

    /// Calls an operation, and returns its reply as `parse` reads it.
    ///
    /// # Errors
    /// The errors of every SDK client. A reply that cannot be parsed is a `ResponseError`.
    pub async fn call<R>(
        &self,
        operation: &'static str,
        request: Request,
        parse: impl Fn(&HttpResponse) -> Result<R, OrchestratorError<ServiceError>> + Send + Sync + 'static,
    ) -> Result<R, SdkError<ServiceError, HttpResponse>>
    where
        R: Debug + Send + Sync + 'static,
    {
        Operation::builder()
            .service_name(self.name)
            .operation_name(operation)
            .runtime_plugin(self.plugin.clone())
            .serializer(|Request { method, path, headers, body }: Request| {
                let mut request = HttpRequest::new(SdkBody::from(body));
                request.set_method(method)?;
                request.set_uri(path)?;
                for (name, value) in headers {
                    request.headers_mut().insert(name, value);
                }
                Ok(request)
            })
            .deserializer(parse)
            .build()
            .invoke(request)
            .await
    }
}
