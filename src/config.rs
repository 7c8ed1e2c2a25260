//! Settings: the environment, read once at start. No other module reads the environment.

mod starter;

use std::str::FromStr;

use tracing_subscriber::filter::Targets;

pub use self::starter::{JobSettings, StarterSettings};
use crate::aws::clients::CaBundle;
use crate::aws::names::{AccountId, BucketName, DatabaseName, InvalidName, KeyPrefix};
use crate::error::Error;
use crate::table::aggregation::Aggregations;

/// Memory of a Lambda function whose configuration does not set it, in MB.
const DEFAULT_MEMORY_MB: u64 = 128;

/// The settings of the function.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `OUTPUT_BUCKET`: the bucket of the lake.
    pub bucket: BucketName,
    /// `OUTPUT_PREFIX`: the prefix of the lake in the bucket.
    pub prefix: KeyPrefix,
    /// `AGGREGATE_BY`: the tables to fill.
    pub aggregations: Aggregations,
    /// `GLUE_DATABASE`: the database in which partitions are registered. `None` without a catalog.
    pub glue_database: Option<DatabaseName>,
    /// `EXPECTED_BUCKET_OWNER`: the account ID that is sent with every S3 call.
    pub bucket_owner: Option<AccountId>,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the dimension of the metrics. No metrics are written without it.
    pub function_name: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in bytes.
    pub memory: u64,
    /// True if `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` is set: S3 at a custom endpoint is addressed by path.
    pub s3_by_path: bool,
}

impl Settings {
    /// Reads the settings of the function.
    ///
    /// # Errors
    /// `Configuration`, with the name of the variable and what was expected.
    pub fn from_env() -> Result<Self, Error> {
        Self::read(&environment)
    }

    fn read(get: Variables<'_>) -> Result<Self, Error> {
        let memory_mb =
            parsed(get, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", |size| size.parse().map_err(|_| "a number of MB"))?;
        Ok(Self {
            bucket: name(get, "OUTPUT_BUCKET")?
                .ok_or_else(|| wrong("OUTPUT_BUCKET", None, "the name of the bucket of the lake"))?,
            prefix: name(get, "OUTPUT_PREFIX")?.unwrap_or_else(KeyPrefix::none),
            aggregations: name(get, "AGGREGATE_BY")?.unwrap_or_default(),
            glue_database: name(get, "GLUE_DATABASE")?,
            bucket_owner: name(get, "EXPECTED_BUCKET_OWNER")?,
            function_name: get("AWS_LAMBDA_FUNCTION_NAME"),
            memory: memory_mb.unwrap_or(DEFAULT_MEMORY_MB) * 1024 * 1024,
            s3_by_path: has_s3_endpoint(get),
        })
    }
}

/// The function that this process runs as. Both are in one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Exports jobs.
    Exporter,
    /// Starts jobs for the videos of a queue.
    Starter,
}

/// Returns the function that the handler in the function's configuration, `_HANDLER`, selects.
pub fn program() -> Program {
    match environment("_HANDLER").as_deref() {
        Some("starter") => Program::Starter,
        _ => Program::Exporter,
    }
}

/// Returns `EXPECTED_BUCKET_OWNER`, for a command that has no other setting of the function.
///
/// # Errors
/// `Configuration`.
pub fn bucket_owner() -> Result<Option<AccountId>, Error> {
    name(&environment, "EXPECTED_BUCKET_OWNER")
}

/// Returns true if the environment names an endpoint of its own for S3.
pub fn s3_by_path() -> bool {
    has_s3_endpoint(&environment)
}

fn has_s3_endpoint(get: Variables<'_>) -> bool {
    get("AWS_ENDPOINT_URL_S3").or_else(|| get("AWS_ENDPOINT_URL")).is_some()
}

/// Returns the file that `AWS_CA_BUNDLE` names, or `SSL_CERT_FILE` without it.
pub fn ca_bundle() -> Option<CaBundle> {
    ca_bundle_in(&environment)
}

fn ca_bundle_in(get: Variables<'_>) -> Option<CaBundle> {
    let named = |variable| get(variable).map(|path| CaBundle { variable, path });
    named("AWS_CA_BUNDLE").or_else(|| named("SSL_CERT_FILE"))
}

/// Returns which log lines are written: `RUST_LOG`, or else `AWS_LAMBDA_LOG_LEVEL`, or else `info`.
///
/// # Errors
/// `Configuration`.
pub fn log_filter() -> Result<Targets, Error> {
    log_filter_in(&environment)
}

fn log_filter_in(get: Variables<'_>) -> Result<Targets, Error> {
    for variable in ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"] {
        let parse = |given: &str| {
            // Lambda's names of the levels are Rust's, except for the highest.
            let directives = if given == "FATAL" { "ERROR" } else { given };
            directives.parse().map_err(|_| "a level like info, or target=level,…")
        };
        if let Some(filter) = parsed(get, variable, parse)? {
            return Ok(filter);
        }
    }
    Ok(Targets::new().with_default(tracing::Level::INFO))
}

/// Returns the value of a variable, if it is set and not empty.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

fn name<T: FromStr<Err = InvalidName>>(get: Variables<'_>, variable: &'static str) -> Result<Option<T>, Error> {
    parsed(get, variable, |given| given.parse().map_err(|InvalidName(expected)| expected))
}

fn parsed<T>(
    get: Variables<'_>,
    variable: &'static str,
    parse: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Option<T>, Error> {
    let Some(given) = get(variable) else { return Ok(None) };
    parse(&given).map(Some).map_err(|expected| wrong(variable, Some(&given), expected))
}

fn wrong(variable: &'static str, given: Option<&str>, expected: &'static str) -> Error {
    let given = given.map_or_else(|| "not set".to_owned(), |given| format!("{given:?}"));
    Error::Configuration { variable, given, expected }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::table::aggregation::Aggregation;

    /// An environment with these variables. A later value of the same variable replaces an earlier one.
    pub(super) fn environment_of(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let variables: HashMap<_, _> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        move |name| variables.get(name).cloned().filter(|value| !value.is_empty())
    }

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(&environment_of(variables)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_is_all_that_is_needed() {
        let settings = settings(&[("OUTPUT_BUCKET", "lake")]).unwrap();
        assert_eq!((settings.prefix.as_str(), &settings.aggregations[..]), ("", &[Aggregation::Timestamps][..]));
        assert_eq!(settings.memory, 128 << 20);
        assert!(!settings.s3_by_path);
    }

    #[test]
    fn both_aggregations_are_in_one_order_however_they_are_given() {
        for given in ["TIMESTAMPS,SEGMENTS", "SEGMENTS, TIMESTAMPS"] {
            let settings = settings(&[("OUTPUT_BUCKET", "lake"), ("AGGREGATE_BY", given)]).unwrap();
            assert_eq!(*settings.aggregations, [Aggregation::Timestamps, Aggregation::Segments]);
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
    fn the_ca_bundle_is_the_aws_one_first() {
        let bundle = |variables: &[(&str, &str)]| ca_bundle_in(&environment_of(variables)).map(|bundle| bundle.path);
        assert_eq!(bundle(&[]), None);
        assert_eq!(bundle(&[("SSL_CERT_FILE", "b")]).as_deref(), Some("b"));
        assert_eq!(bundle(&[("AWS_CA_BUNDLE", "a"), ("SSL_CERT_FILE", "b")]).as_deref(), Some("a"));
        assert_eq!(bundle(&[("AWS_CA_BUNDLE", ""), ("SSL_CERT_FILE", "b")]).as_deref(), Some("b"));
    }

    #[test]
    fn the_log_level_is_rusts_or_lambdas() {
        let filter = |variables: &[(&str, &str)]| log_filter_in(&environment_of(variables));
        let level = |filter: Targets| filter.default_level().unwrap().to_string();
        assert_eq!(level(filter(&[]).unwrap()), "info");
        assert_eq!(level(filter(&[("AWS_LAMBDA_LOG_LEVEL", "WARN")]).unwrap()), "warn");
        assert_eq!(level(filter(&[("AWS_LAMBDA_LOG_LEVEL", "WARN"), ("RUST_LOG", "debug")]).unwrap()), "debug");
        assert!(filter(&[("RUST_LOG", "label_lake=loud")]).unwrap_err().to_string().contains("RUST_LOG"));
    }
}
