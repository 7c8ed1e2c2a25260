//! The configuration that the clients of all services share.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls;

pub use super::tls_roots::{CaBundle, tls_context};
use crate::error::Error;

/// Timeout for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout for the first byte of a reply.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// Timeout for one attempt, including the whole reply. A page has about a megabyte at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the SDK's configuration. Credentials, region and endpoints come from wherever the SDK usually looks for them;
/// certificates are trusted if Amazon or an authority in `bundle` signed them.
///
/// The SDK's own retries are off: `aws::retry` retries for as long as there is time.
///
/// # Errors
/// `Configuration`: the CA bundle cannot be read.
pub fn sdk_config(bundle: Option<&CaBundle>) -> Result<ConfigLoader, Error> {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(tls_context(bundle)?)
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled());
    Ok(loader)
}

/// A client that is created on first use. Creating one takes half as long as the rest of a cold start, and few
/// invocations need every client.
pub type Lazy<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

/// Returns a client that `create` creates on first use.
pub fn lazily<C>(create: impl FnOnce() -> C + Send + 'static) -> Lazy<C> {
    Arc::new(LazyLock::new(Box::new(create)))
}

/// Returns the S3 client. With `by_path`, the bucket is part of the path instead of the host name, which a custom endpoint
/// needs.
pub fn s3(aws: &SdkConfig, by_path: bool) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(aws).force_path_style(by_path).build();
    aws_sdk_s3::Client::from_conf(config)
}
