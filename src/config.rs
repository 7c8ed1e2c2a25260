//! Settings: the environment, read once at start. No other module reads it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls;
use tracing_subscriber::filter::Targets;

use crate::error::Error;
use crate::tables::Aggregation;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the first byte of a reply may take.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one attempt may take, reply and all: a page has at most about a megabyte.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// What Lambda gives a function that says nothing else, in MB.
const DEFAULT_MEMORY_MB: u64 = 128;

/// The settings of the function. Each is checked: a wrong one is an error of type `Configuration`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `OUTPUT_BUCKET`: the bucket of the lake.
    pub bucket: String,
    /// `OUTPUT_PREFIX`: the prefix of the lake, without leading or trailing `/`; empty is the bucket itself.
    pub prefix: String,
    /// `AGGREGATE_BY`: which tables to fill.
    pub aggregations: Vec<Aggregation>,
    /// `GLUE_DATABASE`: the database whose tables the partitions are registered in; none without a catalog.
    pub glue_database: Option<String>,
    /// `EXPECTED_BUCKET_OWNER`: the account sent with every S3 call.
    pub bucket_owner: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_NAME`: what metrics are of; there are none without it.
    pub function_name: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in bytes.
    pub memory: u64,
    /// `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`: whether S3 is at an endpoint of its own, and so addressed by path.
    pub s3_by_path: bool,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Configuration`, with the name of the variable and what was expected.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`Settings::from_env`], with the lake of a command line instead of that of the environment.
    ///
    /// # Errors
    /// `Configuration`.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_lake(bucket: &str, prefix: &str, glue_database: Option<&str>) -> Result<Self, Error> {
        Self::from_variables(|name| match name {
            "OUTPUT_BUCKET" => Some(bucket.to_owned()),
            "OUTPUT_PREFIX" => Some(prefix.to_owned()),
            "GLUE_DATABASE" => glue_database.map(str::to_owned),
            _ => std::env::var(name).ok(),
        })
    }

    /// As [`Settings::from_env`], with the variables from a function.
    ///
    /// # Errors
    /// `Configuration`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let get = |name| variable(name).filter(|value| !value.is_empty());
        let Some(bucket) = get("OUTPUT_BUCKET") else {
            return Err(wrong("OUTPUT_BUCKET", None, "the name of the bucket of the lake"));
        };
        if !is_bucket_name(&bucket) {
            let expected = "the name of a bucket: 3 to 63 of a-z 0-9 . -, not an ARN or a URL";
            return Err(wrong("OUTPUT_BUCKET", Some(bucket), expected));
        }
        let prefix = get("OUTPUT_PREFIX").unwrap_or_default();
        if !is_prefix(&prefix) {
            let expected = "a prefix without / at either end or twice, without . and .. between";
            return Err(wrong("OUTPUT_PREFIX", Some(prefix), expected));
        }
        let glue_database = get("GLUE_DATABASE");
        if let Some(database) = glue_database.as_ref().filter(|database| !is_database_name(database)) {
            let expected = "the name of a Glue database: 1 to 255 of a-z 0-9 _ -, not an ARN";
            return Err(wrong("GLUE_DATABASE", Some(database.clone()), expected));
        }
        let bucket_owner = get("EXPECTED_BUCKET_OWNER");
        if let Some(owner) = bucket_owner.as_ref().filter(|owner| !is_account_id(owner)) {
            return Err(wrong("EXPECTED_BUCKET_OWNER", Some(owner.clone()), "an account id: 12 digits"));
        }
        let memory_mb = match get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") {
            None => DEFAULT_MEMORY_MB,
            Some(size) => match size.parse() {
                Ok(size) => size,
                Err(_) => return Err(wrong("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Some(size), "a number of MB")),
            },
        };
        Ok(Self {
            bucket,
            prefix,
            aggregations: aggregations(get("AGGREGATE_BY"))?,
            glue_database,
            bucket_owner,
            function_name: get("AWS_LAMBDA_FUNCTION_NAME"),
            memory: memory_mb * 1024 * 1024,
            s3_by_path: get("AWS_ENDPOINT_URL_S3").or_else(|| get("AWS_ENDPOINT_URL")).is_some(),
        })
    }
}

fn wrong(variable: &'static str, given: Option<String>, expected: &'static str) -> Error {
    let given = given.map_or_else(|| "not set".to_owned(), |given| format!("{given:?}"));
    Error::Configuration { variable, given, expected }
}

fn aggregations(given: Option<String>) -> Result<Vec<Aggregation>, Error> {
    let Some(given) = given else { return Ok(vec![Aggregation::Timestamps]) };
    let mut aggregations = Vec::new();
    for name in given.split(',') {
        match Aggregation::ALL.iter().find(|aggregation| aggregation.name() == name.trim()) {
            Some(&aggregation) if !aggregations.contains(&aggregation) => aggregations.push(aggregation),
            _ => return Err(wrong("AGGREGATE_BY", Some(given), "TIMESTAMPS, SEGMENTS, or both with a comma")),
        }
    }
    aggregations.sort_unstable();
    Ok(aggregations)
}

/// The general-purpose bucket names of S3's naming rules.
fn is_bucket_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.' || byte == b'-')
}

fn is_prefix(prefix: &str) -> bool {
    prefix.is_empty()
        || prefix
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | "..") && !segment.chars().any(char::is_control))
}

/// What Athena can address. Glue keeps names in lower case, whatever it was given.
fn is_database_name(name: &str) -> bool {
    name.len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-')
}

fn is_account_id(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// Which log lines are written: `RUST_LOG`, else `AWS_LAMBDA_LOG_LEVEL`, else `info`.
///
/// # Errors
/// `Configuration`.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn log_filter() -> Result<Targets, Error> {
    log_filter_from(|name| std::env::var(name).ok())
}

fn log_filter_from(variable: impl Fn(&str) -> Option<String>) -> Result<Targets, Error> {
    let get = |name| variable(name).filter(|value| !value.is_empty());
    for name in ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"] {
        if let Some(given) = get(name) {
            // Lambda's own levels are Rust's, but for the highest.
            let directives = if given == "FATAL" { "ERROR" } else { &given };
            return directives.parse().map_err(|_| wrong(name, Some(given), "a level like info, or target=level,…"));
        }
    }
    Ok(Targets::new().with_default(tracing::Level::INFO))
}

const PEM: &str = "a file of certificates in PEM that can be read";
/// How a certificate in PEM begins.
const BEGIN_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
/// The roots of Amazon Trust Services, which all endpoints of AWS have their certificates from: five instead of the
/// system's hundred and fifty, whose reading takes more time than all the rest of a start. They are valid until 2037 at
/// least; <https://www.amazontrust.com/repository/> has them.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The SDK's configuration: credentials, region and endpoints from where the SDK looks for them everywhere.
///
/// Certificates are trusted that Amazon signed, or those in the file that `AWS_CA_BUNDLE`, else `SSL_CERT_FILE`, names.
///
/// The SDK does not retry: [`crate::pacing`] does, as long as there is time. The SDK's own retries end when the
/// bucket of tokens that all calls of a client share is empty, after about a hundred throttles.
///
/// # Errors
/// `Configuration`: that file cannot be read.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn aws() -> Result<ConfigLoader, Error> {
    let roots = roots_from(|name| std::env::var(name).ok())?;
    let trust = tls::TrustStore::empty().with_pem_certificate(roots);
    let tls_context = tls::TlsContext::builder().with_trust_store(trust).build();
    let tls_context = tls_context.map_err(|error| wrong("AWS_CA_BUNDLE", Some(error.to_string()), PEM))?;
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(tls_context)
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

fn roots_from(variable: impl Fn(&str) -> Option<String>) -> Result<Cow<'static, [u8]>, Error> {
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        if let Some(path) = variable(name).filter(|path| !path.is_empty()) {
            let roots = std::fs::read(&path).map_err(|_| wrong(name, Some(path.clone()), PEM))?;
            // The client would panic at what it cannot read, at its first call.
            if !roots.windows(BEGIN_CERTIFICATE.len()).any(|bytes| bytes == BEGIN_CERTIFICATE) {
                return Err(wrong(name, Some(path), PEM));
            }
            return Ok(roots.into());
        }
    }
    Ok(AMAZON_ROOTS.into())
}

/// A client that is made when it is first used. Each takes the time of half a start, and not every invocation needs all.
pub type Lazy<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

/// A client that `make` makes when it is first used.
pub fn lazily<C>(make: impl FnOnce() -> C + Send + 'static) -> Lazy<C> {
    Arc::new(LazyLock::new(Box::new(make)))
}

/// The S3 client. A bucket at an endpoint of its own is addressed by path: it has no DNS name there.
pub fn s3(aws: &SdkConfig, by_path: bool) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(aws).force_path_style(by_path).build();
    aws_sdk_s3::Client::from_conf(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let get = |name: &str| {
            let found = variables.iter().rev().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::from_variables(get).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_is_all_that_is_needed() {
        let settings = settings(&[("OUTPUT_BUCKET", "lake")]).unwrap();
        assert_eq!((settings.prefix.as_str(), settings.aggregations), ("", vec![Aggregation::Timestamps]));
        assert_eq!(settings.memory, 128 << 20);
        assert!(!settings.s3_by_path);
    }

    #[test]
    fn both_aggregations_are_in_one_order_however_they_are_given() {
        for given in ["TIMESTAMPS,SEGMENTS", "SEGMENTS, TIMESTAMPS"] {
            let settings = settings(&[("OUTPUT_BUCKET", "lake"), ("AGGREGATE_BY", given)]).unwrap();
            assert_eq!(settings.aggregations, [Aggregation::Timestamps, Aggregation::Segments]);
        }
    }

    #[test]
    fn a_wrong_value_is_named_with_what_was_expected() {
        for (variable, value, word) in [
            ("OUTPUT_BUCKET", "", "not set"),
            ("OUTPUT_BUCKET", "s3://lake", "not an ARN or a URL"),
            ("OUTPUT_PREFIX", "/lake", "without /"),
            ("OUTPUT_PREFIX", "lake/", "without /"),
            ("OUTPUT_PREFIX", "a//b", "without /"),
            ("OUTPUT_PREFIX", "a/../b", ".."),
            ("AGGREGATE_BY", "timestamps", "TIMESTAMPS, SEGMENTS"),
            ("AGGREGATE_BY", "SEGMENTS,SEGMENTS", "TIMESTAMPS, SEGMENTS"),
            ("GLUE_DATABASE", "Label Lake", "not an ARN"),
            ("EXPECTED_BUCKET_OWNER", "me", "12 digits"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much", "MB"),
        ] {
            let error = settings(&[("OUTPUT_BUCKET", "lake"), (variable, value)]).unwrap_err();
            assert!(error.contains(variable) && error.contains(word), "{error}");
        }
    }

    #[test]
    fn amazon_is_trusted_unless_a_file_says_whom() {
        let roots = |variables: &[(&str, &str)]| {
            let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            roots_from(get).map_err(|error| error.to_string())
        };
        assert_eq!(roots(&[]).unwrap(), AMAZON_ROOTS);
        assert_eq!(roots(&[("SSL_CERT_FILE", "src/amazon-roots.pem")]).unwrap(), AMAZON_ROOTS);
        let error = roots(&[("AWS_CA_BUNDLE", "no/such.pem"), ("SSL_CERT_FILE", "src/amazon-roots.pem")]).unwrap_err();
        assert!(error.contains("AWS_CA_BUNDLE") && error.contains("PEM"), "{error}");
        assert!(roots(&[("AWS_CA_BUNDLE", "Cargo.toml")]).unwrap_err().contains("Cargo.toml"));
    }

    #[test]
    fn the_log_level_is_rusts_or_lambdas() {
        let filter = |variables: &'static [(&str, &str)]| {
            log_filter_from(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        let level = |filter: Targets| filter.default_level().unwrap().to_string();
        assert_eq!(level(filter(&[]).unwrap()), "info");
        assert_eq!(level(filter(&[("AWS_LAMBDA_LOG_LEVEL", "WARN")]).unwrap()), "warn");
        assert_eq!(level(filter(&[("AWS_LAMBDA_LOG_LEVEL", "WARN"), ("RUST_LOG", "debug")]).unwrap()), "debug");
        assert!(filter(&[("RUST_LOG", "label_lake=loud")]).unwrap_err().to_string().contains("RUST_LOG"));
    }
}
