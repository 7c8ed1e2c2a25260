//! Recognizes the errors of calls that no retry removes.

use std::error::Error as StdError;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::result::ConnectorError;

use crate::error::Diagnosis;

/// Error codes of an access key that does not exist.
const INVALID_KEY: [&str; 4] =
    ["InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException"];
/// Error codes of a signature that the secret of the access key does not make. The clients correct a wrong clock.
const WRONG_SECRET: [&str; 2] = ["InvalidSignatureException", "SignatureDoesNotMatch"];
/// Error codes of an expired session token.
const EXPIRED: [&str; 4] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
/// Error codes of a 400 with which S3 answers a request for a bucket in another region.
const WRONG_REGION: [&str; 2] = ["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

/// Returns the cause of an error if only a person can remove it. `region` is that of the client, for calls to S3.
pub fn diagnose<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, region: Option<&str>) -> Option<Diagnosis> {
    if let SdkError::DispatchFailure(failure) = error {
        return failure.as_connector_error().filter(|error| cannot_connect(error)).map(|_| Diagnosis::NoConnection);
    }
    if region.is_some_and(|region| is_elsewhere(error, region)) {
        return Some(Diagnosis::WrongRegion { region: bucket_region(error).map(str::to_owned) });
    }
    diagnose_code(error.code()?)
}

/// Returns the cause that an error code names if only a person can remove it.
pub(crate) fn diagnose_code(code: &str) -> Option<Diagnosis> {
    if INVALID_KEY.contains(&code) {
        Some(Diagnosis::InvalidKey)
    } else if WRONG_SECRET.contains(&code) {
        Some(Diagnosis::WrongSecret)
    } else if EXPIRED.contains(&code) {
        Some(Diagnosis::ExpiredLogin)
    } else {
        None
    }
}

/// Returns true if S3 says that the bucket is in another region.
///
/// Depending on the two regions, S3 answers with a redirect or with 400. A 400 that names the region of the client has
/// another cause, such as an expired token. The reply to HEAD has no error code that would tell them apart.
fn is_elsewhere<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, own: &str) -> bool {
    match error.raw_response().map(|reply| reply.status().as_u16()) {
        Some(300..400) => true,
        Some(400) => {
            error.code().is_none_or(|code| WRONG_REGION.contains(&code))
                && bucket_region(error).is_some_and(|region| region != own)
        }
        _ => false,
    }
}

/// Returns the region of the bucket, which S3 names in many of its replies.
fn bucket_region<E>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.raw_response()?.headers().get("x-amz-bucket-region")
}

/// Returns true if the connection was refused, the host is unknown or cannot be reached, or TLS failed. A timeout or a
/// connection that breaks may pass.
fn cannot_connect(error: &ConnectorError) -> bool {
    // The client knows of no reason to try again, as after a certificate that it does not trust or an invalid URL.
    if error.is_user() || (error.is_other() && error.as_other().is_none()) {
        return true;
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        let refused = error.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
            )
        });
        if refused || error.is::<ResolveDnsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::get_object::GetObjectError;

    use super::*;

    fn dispatch(error: ConnectorError) -> Option<Diagnosis> {
        diagnose(&SdkError::<GetObjectError, HttpResponse>::dispatch_failure(error), Some("us-east-1"))
    }

    #[test]
    fn a_refused_connection_needs_a_person_and_a_broken_one_does_not() {
        let io = |kind: io::ErrorKind| ConnectorError::io(io::Error::from(kind).into());
        assert_eq!(dispatch(io(io::ErrorKind::ConnectionRefused)), Some(Diagnosis::NoConnection));
        let unknown = ResolveDnsError::new("no such host");
        assert_eq!(dispatch(ConnectorError::io(unknown.into())), Some(Diagnosis::NoConnection));
        assert_eq!(dispatch(ConnectorError::other("bad certificate".into(), None)), Some(Diagnosis::NoConnection));
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::TimedOut, io::ErrorKind::UnexpectedEof] {
            assert_eq!(dispatch(io(kind)), None, "{kind}");
        }
        assert_eq!(dispatch(ConnectorError::timeout(io::Error::from(io::ErrorKind::TimedOut).into())), None);
    }
}
