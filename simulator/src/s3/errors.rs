//! S3's errors for the errors of a store.

use s3s::{S3Error, s3_error};

use crate::s3::object::StoreError;

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Precondition => {
                s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
            }
            StoreError::Missing => s3_error!(NoSuchKey, "The specified key does not exist."),
            error @ StoreError::Refused(_) => s3_error!(InvalidRequest, "{error}"),
            error @ StoreError::Changed(_) => s3_error!(InternalError, "{error}"),
        }
    }
}
