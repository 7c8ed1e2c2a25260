//! The error of a call to AWS that names its cause and the next step.

use std::error::Error as StdError;

use anyhow::anyhow;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use label_lake::aws::diagnose::diagnose;

use crate::error::with_hint;

/// Returns the error of a call, which `call` names with its resource. `region` is that of the client, for calls to S3.
/// `cause` is the text of `error`. `hint` returns the next step after an error code that says more than to try again.
pub(super) fn call_error<E>(
    call: &str,
    region: Option<&str>,
    error: &SdkError<E, HttpResponse>,
    cause: &str,
    hint: impl FnOnce(&str) -> Option<String>,
) -> anyhow::Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let (diagnosis, hint) = match diagnose(error, region) {
        Some(diagnosis) => (format!("{diagnosis}: "), Some(diagnosis.hint())),
        None => (String::new(), hint(error.code().unwrap_or_default())),
    };
    let hint = hint.unwrap_or_else(|| "run the command again".to_owned());
    with_hint(anyhow!("{call} failed: {diagnosis}{cause}"), hint)
}
