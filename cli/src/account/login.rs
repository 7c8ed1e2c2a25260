//! Credentials and region, from the sources that every AWS tool uses.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow};
use aws_config::profile::{ProfileFileCredentialsProvider, load};
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use label_lake::aws::clients;
use label_lake::config;
use label_lake::error::with_sources;
use tokio::sync::Mutex;

use super::http;
use crate::args::AwsArguments;
use crate::error::with_hint;

/// Timeout for opening a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout for the first byte of a reply. S3 and Glue reply within a second or two, and a person is waiting.
const READ_TIMEOUT: Duration = Duration::from_secs(6);
/// Timeout for one attempt, including the whole reply.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Time before their expiry at which credentials are loaded again.
const RENEWAL: Duration = Duration::from_mins(5);
/// Name of the profile that is used if none is selected. It may be missing.
const DEFAULT_PROFILE: &str = "default";

/// Loads credentials, region and endpoints. The environment comes before the profile, but `--profile` before the
/// environment, as in the AWS CLI.
pub(super) async fn load_config(arguments: &AwsArguments) -> anyhow::Result<SdkConfig> {
    let profile = selected_profile(arguments).await?;
    let bundle = config::ca_bundle();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let mut loader = clients::sdk_config(bundle.as_ref())?
        .http_client(http::client(bundle.as_ref())?)
        .timeout_config(timeouts)
        .profile_name(&profile);
    if let Some(region) = &arguments.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let aws = loader.load().await;
    if aws.region().is_none() {
        let hint = format!("pass --region, or set AWS_REGION or the region of profile {profile}");
        return Err(with_hint(anyhow!("no AWS region found"), hint));
    }
    let provider = match arguments.profile {
        Some(_) => Some(SharedCredentialsProvider::new(profile_credentials(&aws, &profile))),
        None => aws.credentials_provider(),
    };
    let provider =
        CachedCredentials { provider: provider.context("no AWS credentials found")?, loaded: Mutex::new(None) };
    provider.load().await.map_err(|error| credentials_error(&error, &profile))?;
    Ok(aws.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

fn credentials_error(error: &CredentialsError, profile: &str) -> anyhow::Error {
    let cause = with_sources(error);
    match error {
        CredentialsError::CredentialsNotLoaded(_) => with_hint(
            anyhow!("no AWS credentials found for profile {profile}: {cause}"),
            "log in with `aws sso login` or `aws login`, select a profile with --profile, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        ),
        _ => with_hint(
            anyhow!("cannot load the AWS credentials of profile {profile}: {cause}"),
            "log in again with `aws sso login` or `aws login`, correct the profile, or select another with --profile",
        ),
    }
}

/// Returns the name of the profile that `--profile` or `AWS_PROFILE` selects. A selected profile must exist: without this
/// check, the SDK would look for credentials and region elsewhere.
async fn selected_profile(arguments: &AwsArguments) -> anyhow::Result<String> {
    let name = arguments.profile.clone().map(Into::into);
    let profiles = load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), name).await;
    let profiles = profiles.map_err(|error| anyhow!("cannot read the AWS profiles: {}", with_sources(&error)))?;
    let name = profiles.selected_profile();
    if name == DEFAULT_PROFILE || profiles.get_profile(name).is_some() {
        return Ok(name.to_owned());
    }
    let mut known: Vec<_> = profiles.profiles().collect();
    known.sort_unstable();
    let known = if known.is_empty() { "there are none".to_owned() } else { format!("found {}", known.join(", ")) };
    let error = anyhow!("AWS profile {name} not found in the AWS configuration files; {known}");
    Err(with_hint(error, "check --profile and AWS_PROFILE"))
}

/// Returns the provider of the credentials of a profile: keys, SSO, a login session, a role or a program.
fn profile_credentials(aws: &SdkConfig, profile: &str) -> ProfileFileCredentialsProvider {
    let mut config = ProviderConfig::without_region().with_region(aws.region().cloned());
    if let Some(client) = aws.http_client() {
        config = config.with_http_client(client);
    }
    if let Some(timeouts) = aws.timeout_config() {
        config = config.with_timeout_config(timeouts.clone());
    }
    ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&config).build()
}

/// A provider that loads credentials once, for the clients of all services, and again shortly before they expire. A
/// credential process may ask a person for a code.
#[derive(Debug)]
struct CachedCredentials {
    provider: SharedCredentialsProvider,
    loaded: Mutex<Option<Credentials>>,
}

impl CachedCredentials {
    async fn load(&self) -> provider::Result {
        let mut loaded = self.loaded.lock().await;
        let renewal = SystemTime::now() + RENEWAL;
        if let Some(credentials) = &*loaded
            && credentials.expiry().is_none_or(|expiry| expiry > renewal)
        {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        *loaded = Some(credentials.clone());
        Ok(credentials)
    }
}

impl ProvideCredentials for CachedCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}
