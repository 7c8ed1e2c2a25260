//! The checkpoint of a job: the saved state of an export in progress.

use super::LakeJob;
use super::requests::{Put, StoredObject};
use crate::aws::call::ErrorClass;
use crate::error::Error;

impl LakeJob<'_> {
    /// Writes the checkpoint, and replaces an existing one.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Checkpoint`.
    pub(crate) async fn put_checkpoint(&self, bytes: Vec<u8>) -> Result<(), Error> {
        let key = self.lake.layout.checkpoint_key(self.job)?;
        tracing::debug!(job = %self.job, size_bytes = bytes.len(), "saving checkpoint");
        self.put(ErrorClass::Checkpoint, &key, &bytes.into(), &Put::default()).await?;
        Ok(())
    }

    /// Returns the checkpoint, or `None` if the job has none.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Checkpoint`.
    pub async fn get_checkpoint(&self) -> Result<Option<StoredObject>, Error> {
        self.get(ErrorClass::Checkpoint, &self.lake.layout.checkpoint_key(self.job)?).await
    }

    /// Deletes the checkpoint. Succeeds if the job has none.
    ///
    /// # Errors
    /// `KeyTooLong`, `AccessDenied`, `Throttled`, `Checkpoint`.
    pub async fn delete_checkpoint(&self) -> Result<(), Error> {
        self.delete(ErrorClass::Checkpoint, &self.lake.layout.checkpoint_key(self.job)?).await
    }
}
