//! Errors.

/// The service's words for what the store says.
pub(crate) fn error(error: StoreError) -> S3Error {
    match error {
        StoreError::Precondition => {
            s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
        }
        StoreError::Missing => s3_error!(NoSuchKey, "The specified key does not exist."),
        error @ StoreError::Refused(_) => s3_error!(InvalidRequest, "{error}"),
        error @ StoreError::Disturbed(_) => s3_error!(InternalError, "{error}"),
    }
}
