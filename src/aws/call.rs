//! Calls to AWS services, and the classification of their errors.

use std::error::Error as StdError;

use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::aws::caller::Caller;
use crate::aws::diagnose::{diagnose, diagnose_code};
use crate::error::{Diagnosed, Diagnosis, Error, Source};
use crate::job_id::JobId;

/// The type that an error of a call becomes, unless the call was denied or throttled.
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

/// A call to a service, as its errors name it.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) job: &'a JobId,
    pub(crate) class: ErrorClass,
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    /// Region of the S3 client. `None` for the other services.
    pub(crate) region: Option<String>,
    pub(crate) caller: Caller,
}

impl Call<'_> {
    /// Converts an error of the SDK into the type that says what to do next.
    pub(crate) fn error<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let kind = kind(&error);
        let bucket_is_missing = error.code() == Some("NoSuchBucket");
        match diagnose(&error, self.region.as_deref()) {
            Some(diagnosis) => self.diagnosed(kind, diagnosis, error.into()),
            // HEAD has no body, so NoSuchBucket first shows up when the checkpoint is read.
            None if bucket_is_missing && matches!(kind, Kind::Permanent) => self.wrong_bucket(error.into()),
            None => self.of_kind(kind, error.into()),
        }
    }

    /// Returns the error of a call whose cause is known. A command does not retry the call.
    fn diagnosed(&self, kind: Kind, diagnosis: Diagnosis, source: Source) -> Error {
        let source = Diagnosed { diagnosis, source };
        match (&source.diagnosis, kind, self.caller) {
            (Diagnosis::WrongRegion { .. }, ..) => self.wrong_bucket(source.into()),
            (_, Kind::Transient, Caller::Command { .. }) => self.failed(false, source.into()),
            // The credentials of the function are renewed, and its connections are routed, without a person.
            (_, Kind::Transient, Caller::Function) => self.failed(true, source.source),
            _ => self.of_kind(kind, source.into()),
        }
    }

    /// Returns the error of this kind.
    fn of_kind(&self, kind: Kind, source: Source) -> Error {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        match kind {
            Kind::Denied => Error::AccessDenied { job, action, resource, source },
            Kind::Throttled => Error::Throttled { job, action, resource, source },
            Kind::Transient => self.failed(true, source),
            Kind::Permanent => self.failed(false, source),
        }
    }

    /// Returns [`Error::Storage`] whatever the class of the call: the bucket itself is wrong.
    fn wrong_bucket(&self, source: Source) -> Error {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        Error::Storage { job, action, resource, transient: false, source }
    }

    /// Returns the error of a call that failed in any other way than denied or throttled.
    pub(crate) fn failed(&self, transient: bool, source: Source) -> Error {
        let (job, action, resource) = (self.job.clone(), self.action, self.resource.clone());
        match self.class {
            ErrorClass::Upstream => Error::Upstream { job, action, transient, source },
            ErrorClass::Storage => Error::Storage { job, action, resource, transient, source },
            ErrorClass::Checkpoint => Error::Checkpoint { job, action, resource, transient, source },
            ErrorClass::Catalog => Error::Catalog { job, action, resource, transient, source },
        }
    }

    /// Returns the error of one item of a batch call: the reply is a success, and reports this code for the item.
    pub(crate) fn refused(&self, code: &str, source: Source) -> Error {
        let unknown = if code.starts_with(KMS) { Kind::Denied } else { Kind::Permanent };
        let kind = kind_of_code(code).unwrap_or(unknown);
        match diagnose_code(code) {
            Some(diagnosis) => self.diagnosed(kind, diagnosis, source),
            None => self.of_kind(kind, source),
        }
    }

    /// Returns the error of a call that had no reply before the deadline.
    pub(crate) fn timed_out(&self) -> Error {
        self.failed(true, "no reply before the invocation timed out".into())
    }
}

/// Kind of an error of a call, by what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Denied,
    Throttled,
    Transient,
    Permanent,
}

/// Error codes that mean that access is denied, apart from the codes that contain `AccessDenied`.
const DENIED: [&str; 4] =
    ["AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException"];
/// Error codes after which another attempt with a new signature can succeed, whatever the status.
const TRANSIENT: [&str; 13] = [
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
/// Prefix of the error codes with which S3 passes on an error of KMS.
const KMS: &str = "KMS.";

/// Returns the kind of an error of the SDK.
pub(crate) fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Kind {
    let code = error.code().unwrap_or_default();
    if let Some(kind) = kind_of_code(code) {
        return kind;
    }
    match status(error) {
        // The connection broke during the reply, before the error code that says more than the status.
        _ if matches!(error, SdkError::ResponseError(_)) => Kind::Transient,
        Some(429) => Kind::Throttled,
        // A store other than S3 may lack an operation or a conditional write.
        Some(501) => Kind::Permanent,
        Some(500..) => Kind::Transient,
        // The KMS key is disabled, deleted, or not allowed for the role.
        Some(_) if code.starts_with(KMS) => Kind::Denied,
        // The reply to HEAD has no body, and so no error code.
        Some(403) if code.is_empty() => Kind::Denied,
        // Also HEAD: of all causes of a 400, only expired credentials can occur there.
        Some(400) if code.is_empty() => Kind::Transient,
        // 409 is a conflict between two conditional writes. S3 asks for a retry.
        Some(409) => Kind::Transient,
        // The client does not follow redirects.
        Some(300..) => Kind::Permanent,
        // A request that cannot be built is a bug. All other errors are missing, incomplete or malformed replies.
        _ if matches!(error, SdkError::ConstructionFailure(_)) => Kind::Permanent,
        _ => Kind::Transient,
    }
}

/// Returns the kind of an error code, whatever the status. S3 passes on errors of KMS with a prefix, as in
/// `KMS.ThrottlingException`.
fn kind_of_code(code: &str) -> Option<Kind> {
    let name = code.rsplit_once('.').map_or(code, |(_, name)| name);
    if THROTTLING_ERRORS.contains(&name) {
        Some(Kind::Throttled)
    } else if DENIED.contains(&name) || name.contains("AccessDenied") {
        Some(Kind::Denied)
    } else if TRANSIENT.contains(&name) {
        Some(Kind::Transient)
    } else {
        None
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|reply| reply.status().as_u16())
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
            caller: Caller::Function,
        }
    }

    /// Returns the type of the error for this status and code, and true if the call is retried.
    fn replied(status: u16, code: &str) -> (&'static str, bool) {
        replied_to(Caller::Function, status, code)
    }

    fn replied_to(caller: Caller, status: u16, code: &str) -> (&'static str, bool) {
        let reply = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let error = GetObjectError::generic(ErrorMetadata::builder().code(code).build());
        let error = Call { caller, ..call(&job()) }.error(SdkError::service_error(error, reply));
        (error.error_type(), error.is_retryable())
    }

    /// Returns the same for an item of a batch call, which has no status.
    fn refused(code: &str) -> (&'static str, bool) {
        let error = call(&job()).refused(code, "no".into());
        (error.error_type(), error.is_retryable())
    }

    #[test]
    fn a_kms_error_is_denied_only_if_it_is_not_transient() {
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
    fn an_item_of_a_batch_is_classified_like_a_call() {
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

    #[test]
    fn only_a_command_fails_at_once_after_an_error_that_a_person_has_to_correct() {
        let command = Caller::Command { retries: std::time::Duration::ZERO, notice: |_| {} };
        for (status, code, function, expected) in [
            (400, "ExpiredToken", ("Storage", true), ("Storage", false)),
            (400, "ExpiredTokenException", ("Storage", true), ("Storage", false)),
            (403, "InvalidAccessKeyId", ("AccessDenied", false), ("AccessDenied", false)),
            (403, "SignatureDoesNotMatch", ("AccessDenied", false), ("AccessDenied", false)),
            (301, "PermanentRedirect", ("Storage", false), ("Storage", false)),
            (503, "SlowDown", ("Throttled", true), ("Throttled", true)),
            (500, "InternalError", ("Storage", true), ("Storage", true)),
        ] {
            assert_eq!(replied(status, code), function, "{code}");
            assert_eq!(replied_to(command, status, code), expected, "{code}");
        }
    }
}
