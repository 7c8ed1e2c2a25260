//! One call to a service, and what an error of it means.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Error, Source, WrongRegion};
use crate::job_id::JobId;

/// What an error of a call becomes, if it is neither a refusal nor a throttle.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ErrorClass {
    /// [`Error::Upstream`]: Rekognition, or Lambda for a continuation.
    Upstream,
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
    pub(crate) class: ErrorClass,
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    /// The region that S3 is asked in; `None` for the other services.
    pub(crate) region: Option<String>,
}

impl Call<'_> {
    /// Sorts the SDK's error by what to do next.
    pub(crate) fn error<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        if self.is_elsewhere(&error) {
            let region = bucket_region(&error).map(str::to_owned);
            return self.wrong_bucket(WrongRegion { region, source: error.into() }.into());
        }
        match kind(&error) {
            // HEAD has no body, so NoSuchBucket first shows up when the checkpoint is read.
            Kind::Permanent if error.code() == Some("NoSuchBucket") => self.wrong_bucket(error.into()),
            kind => self.of_kind(kind, error.into()),
        }
    }

    /// The error of this kind.
    fn of_kind(&self, kind: Kind, source: Source) -> Error {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        match kind {
            Kind::Denied => Error::AccessDenied { job, action, resource, source },
            Kind::Throttled => Error::Throttled { job, action, resource, source },
            Kind::Transient => self.failed(true, source),
            Kind::Permanent => self.failed(false, source),
        }
    }

    /// [`Error::Storage`], whichever object was asked for.
    fn wrong_bucket(&self, source: Source) -> Error {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        Error::Storage { job, action, resource, transient: false, source }
    }

    /// True if S3 says that the bucket is in another region.
    ///
    /// Depending on both regions that is a redirect, or a 400. A 400 with the region of the client has another cause,
    /// such as an expired token; a HEAD has no code that tells them apart.
    fn is_elsewhere<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> bool {
        let Some(own) = self.region.as_deref() else { return false };
        match status(error) {
            Some(300..400) => true,
            Some(400) => {
                error.code().is_none_or(|code| WRONG_REGION.contains(&code))
                    && bucket_region(error).is_some_and(|region| region != own)
            }
            _ => false,
        }
    }

    /// The call failed otherwise.
    pub(crate) fn failed(&self, transient: bool, source: Source) -> Error {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        match self.class {
            ErrorClass::Upstream => Error::Upstream { job, action, transient, source },
            ErrorClass::Storage => Error::Storage { job, action, resource, transient, source },
            ErrorClass::Checkpoint => Error::Checkpoint { job, action, resource, transient, source },
            ErrorClass::Catalog => Error::Catalog { job, action, resource, transient, source },
        }
    }

    /// A part of the call was refused, with this code in a reply that is a success.
    pub(crate) fn refused(&self, code: &str, source: Source) -> Error {
        let unknown = if code.starts_with(KMS) { Kind::Denied } else { Kind::Permanent };
        self.of_kind(kind_of_code(code).unwrap_or(unknown), source)
    }

    /// The time was over before there was any reply.
    pub(crate) fn late(&self) -> Error {
        self.failed(true, "no reply before the time of the invocation was over".into())
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Denied,
    Throttled,
    Transient,
    Permanent,
}

/// Codes of a call that is refused, beside those that say `AccessDenied`.
const DENIED: [&str; 4] =
    ["AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException"];
/// Error codes that mean throttling.
const THROTTLED: [&str; 7] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];
/// Codes after which the next attempt, signed anew, can succeed, whatever the status.
const PASSING: [&str; 13] = [
    "ConcurrentModificationException",
    "DependencyTimeoutException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalError",
    "InternalServiceException",
    "KMSInternalException",
    "KeyUnavailableException",
    "OperationTimeoutException",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];
/// Codes of 400 that S3 answers to a request for another region.
const WRONG_REGION: [&str; 2] = ["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];
/// Prefix of the code that S3 gives an error of KMS.
const KMS: &str = "KMS.";

fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Kind {
    let code = error.code().unwrap_or_default();
    if let Some(kind) = kind_of_code(code) {
        return kind;
    }
    match status(error) {
        // The reply broke off, and with it the code that says more than the status.
        _ if matches!(error, SdkError::ResponseError(_)) => Kind::Transient,
        Some(429) => Kind::Throttled,
        // A store that is not S3 may lack an operation, or a condition of one.
        Some(501) => Kind::Permanent,
        Some(500..) => Kind::Transient,
        // The key may not be used, is disabled, or is gone.
        Some(_) if code.starts_with(KMS) => Kind::Denied,
        // The reply to HEAD has no body, and so no code.
        Some(403) if code.is_empty() => Kind::Denied,
        // Likewise: of what S3 refuses with 400, a HEAD can only have met credentials that expired.
        Some(400) if code.is_empty() => Kind::Transient,
        // 409 is a conflict of two conditional writers: S3 asks for another try.
        Some(409) => Kind::Transient,
        // The client follows no redirect.
        Some(300..) => Kind::Permanent,
        // What could not even be built is our mistake. Else no reply, or one that broke off or cannot be read.
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Kind::Permanent,
        _ => Kind::Transient,
    }
}

/// Returns the meaning of a code with any status. A service that passes on the error of another one puts that one's name before the
/// code, as in `KMS.ThrottlingException`.
fn kind_of_code(code: &str) -> Option<Kind> {
    let name = code.rsplit_once('.').map_or(code, |(_, name)| name);
    if THROTTLED.contains(&name) {
        Some(Kind::Throttled)
    } else if DENIED.contains(&name) || name.contains("AccessDenied") {
        Some(Kind::Denied)
    } else if PASSING.contains(&name) {
        Some(Kind::Transient)
    } else {
        None
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|reply| reply.status().as_u16())
}

/// The region of the bucket, as S3 says in many of its replies.
fn bucket_region<E>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.raw_response()?.headers().get("x-amz-bucket-region")
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::error::ErrorMetadata;
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use aws_sdk_s3::primitives::SdkBody;

    use super::*;

    fn job() -> JobId {
        JobId::try_from("job-1").unwrap()
    }

    fn call(job: &JobId) -> Call<'_> {
        Call {
            job,
            class: ErrorClass::Storage,
            action: "s3:GetObject",
            resource: "s3://lake/key".to_owned(),
            region: Some("us-east-1".to_owned()),
        }
    }

    /// The error of a reply with this status and code: its type, and whether the call is tried again.
    fn replied(status: u16, code: &str) -> (&'static str, bool) {
        let reply = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let error = GetObjectError::generic(ErrorMetadata::builder().code(code).build());
        let error = call(&job()).error(SdkError::service_error(error, reply));
        (error.error_type(), error.is_retryable())
    }

    /// The same of a part of a call, which has no status.
    fn refused(code: &str) -> (&'static str, bool) {
        let error = call(&job()).refused(code, "no".into());
        (error.error_type(), error.is_retryable())
    }

    #[test]
    fn an_error_of_kms_is_denied_only_if_it_does_not_pass() {
        for (status, code) in [(400, "KMS.ThrottlingException"), (503, "KMS.ThrottlingException"), (429, "KMS.Other")] {
            assert_eq!(replied(status, code), ("Throttled", true), "{status} {code}");
        }
        for (status, code) in [
            (503, "KMS.DependencyTimeoutException"),
            (500, "KMS.KMSInternalException"),
            (500, "KMS.Other"),
            (503, "KMS.Other"),
            (400, "KMS.DependencyTimeoutException"),
            (400, "KMS.KMSInternalException"),
            (400, "KMS.KeyUnavailableException"),
        ] {
            assert_eq!(replied(status, code), ("Storage", true), "{status} {code}");
        }
        for code in ["KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"] {
            assert_eq!(replied(400, code), ("AccessDenied", false), "{code}");
            assert_eq!(refused(code), ("AccessDenied", false), "{code}");
        }
        assert_eq!(replied(403, "KMS.AccessDeniedException"), ("AccessDenied", false));
    }

    #[test]
    fn a_part_of_a_call_is_judged_by_its_code_as_a_whole_call_is() {
        for code in ["SlowDown", "ThrottlingException", "KMS.ThrottlingException", "Throttling"] {
            assert_eq!(refused(code), ("Throttled", true), "{code}");
        }
        for code in ["InternalError", "OperationTimeoutException", "KMS.DependencyTimeoutException", "ExpiredToken"] {
            assert_eq!(refused(code), ("Storage", true), "{code}");
        }
        for code in ["AccessDenied", "AccessDeniedException", "AllAccessDisabled"] {
            assert_eq!(refused(code), ("AccessDenied", false), "{code}");
        }
        for code in ["NoSuchBucket", "InvalidInputException", "NotImplemented", ""] {
            assert_eq!(refused(code), ("Storage", false), "{code}");
        }
    }

    #[test]
    fn a_redirect_and_501_are_permanent() {
        for status in [301, 302, 307, 308, 501] {
            assert_eq!(replied(status, ""), ("Storage", false), "{status}");
        }
    }
}
