//! One call to a service, and what an error of it means.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Error, Source};
use crate::job_id::JobId;

/// What an error of a call becomes, if it is neither a refusal nor a throttle.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    /// [`Error::Upstream`].
    Rekognition,
    /// [`Error::Upstream`]: the function invokes itself.
    Lambda,
    /// [`Error::Storage`].
    Storage,
    /// [`Error::Checkpoint`].
    Checkpoint,
    /// [`Error::Catalog`].
    Catalog,
}

/// One call to a service: what an error of it has to name.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) job: &'a JobId,
    pub(crate) service: Service,
    pub(crate) action: &'static str,
    pub(crate) resource: String,
}

impl Call<'_> {
    /// Sorts the SDK's error by what to do next.
    pub(crate) fn error<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        match kind(&error) {
            Kind::Denied => Error::AccessDenied { job, action, resource, source: error.into() },
            Kind::Throttled => Error::Throttled { job, action, resource, source: error.into() },
            Kind::Transient => self.failed(true, error.into()),
            // The first call that has a body to say so in is that for the checkpoint.
            Kind::Permanent if error.code() == Some("NoSuchBucket") => {
                Error::Storage { job, action, resource, transient: false, source: error.into() }
            }
            Kind::Permanent => self.failed(false, error.into()),
        }
    }

    /// The call failed otherwise.
    pub(crate) fn failed(&self, transient: bool, source: Source) -> Error {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        match self.service {
            Service::Rekognition | Service::Lambda => Error::Upstream { job, action, transient, source },
            Service::Storage => Error::Storage { job, action, resource, transient, source },
            Service::Checkpoint => Error::Checkpoint { job, action, resource, transient, source },
            Service::Catalog => Error::Catalog { job, action, resource, transient, source },
        }
    }

    /// A part of the call was refused, with this code in a reply that is a success.
    pub(crate) fn refused(&self, code: &str, source: Source) -> Error {
        if code.contains("AccessDenied") {
            let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
            return Error::AccessDenied { job, action, resource, source };
        }
        self.failed(PASSING.contains(&code), source)
    }

    /// The time was over before there was any reply.
    pub(crate) fn late(&self) -> Error {
        self.failed(true, "no reply before the time of the invocation was over".into())
    }
}

enum Kind {
    Denied,
    Throttled,
    Transient,
    Permanent,
}

/// Codes of a call that is refused, beside those that say `AccessDenied`.
const DENIED: [&str; 4] =
    ["AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException"];
/// Codes of a call that is one too many.
const THROTTLED: [&str; 7] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
/// Codes of a part of a call that may succeed another time.
const PASSING: [&str; 7] = [
    "ConcurrentModificationException",
    "InternalError",
    "InternalServiceException",
    "OperationTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottlingException",
];
/// Codes of 400 and 403 after which the next attempt, signed anew, can succeed.
const PASSING_REFUSALS: [&str; 6] = [
    "ConcurrentModificationException",
    "ExpiredToken",
    "ExpiredTokenException",
    "OperationTimeoutException",
    "RequestTimeout",
    "RequestTimeTooSkewed",
];

fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Kind {
    let code = error.code().unwrap_or_default();
    let status = error.raw_response().map(|response| response.status().as_u16());
    // A key of KMS that may not be used is an error of S3.
    if DENIED.contains(&code) || code.contains("AccessDenied") || code.starts_with("KMS.") {
        return Kind::Denied;
    }
    if THROTTLED.contains(&code) {
        return Kind::Throttled;
    }
    if PASSING_REFUSALS.contains(&code) {
        return Kind::Transient;
    }
    match status {
        // The reply broke off, and with it the code that says more than the status.
        _ if matches!(error, SdkError::ResponseError(_)) => Kind::Transient,
        // The reply to HEAD has no body, and so no code.
        Some(403) if code.is_empty() => Kind::Denied,
        // Likewise: of what S3 refuses with 400, a HEAD can only have met credentials that expired.
        Some(400) if code.is_empty() => Kind::Transient,
        Some(429) => Kind::Throttled,
        // 409 is a conflict of two conditional writers: S3 asks for another try.
        Some(409 | 500..) => Kind::Transient,
        Some(400..) => Kind::Permanent,
        // What could not even be built is our mistake. Else no reply, or one that broke off or cannot be read.
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Kind::Permanent,
        _ => Kind::Transient,
    }
}
