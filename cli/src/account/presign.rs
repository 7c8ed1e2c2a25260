//! Presigned URLs of objects.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::ResponseChecksumValidation;
use aws_sdk_s3::presigning::PresigningConfig;
use label_lake::aws::clients;
use label_lake::config;

use super::Account;

impl Account {
    /// Returns a URL with which everyone can read an object, and the time at which it expires: after `validity`, or earlier
    /// if the credentials expire before.
    pub(crate) async fn presign_get(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        validity: Duration,
    ) -> anyhow::Result<(String, SystemTime)> {
        let now = SystemTime::now();
        let provider = self.aws.credentials_provider().context("no AWS credentials found")?;
        let credentials = provider.provide_credentials().await?;
        let end = credentials.expiry().map_or(now + validity, |expiry| expiry.min(now + validity));
        // The default would sign a header that asks for a checksum, which a browser does not send.
        let s3 = clients::s3(&self.aws, config::s3_by_path()).config().to_builder();
        let s3 = Client::from_conf(s3.response_checksum_validation(ResponseChecksumValidation::WhenRequired).build());
        let request = s3.get_object().bucket(bucket).key(key).set_version_id(version.map(str::to_owned));
        let presigning = PresigningConfig::builder().start_time(now).expires_in(validity).build()?;
        Ok((request.presigned(presigning).await?.uri().to_owned(), end))
    }
}
