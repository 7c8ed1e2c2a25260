//! The id of a job, checked once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a Rekognition Video job.
///
/// - 1 to 64 characters,
/// - each of `a-z A-Z 0-9 - _`,
///
/// so it is a whole path segment and needs no escaping anywhere.
///
/// ```
/// use label_lake::job_id::JobId;
/// assert!(JobId::try_from("97285c8e-1").is_ok());
/// assert!(JobId::try_from("../97285c8e").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct JobId(String);

/// The text is not the id of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job id has 1 to 64 characters of a-z A-Z 0-9 - _")]
pub struct NotAJobId;

impl JobId {
    /// The id as Rekognition spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JobId {
    type Error = NotAJobId;

    fn try_from(id: String) -> Result<Self, NotAJobId> {
        let valid = (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if valid { Ok(Self(id)) } else { Err(NotAJobId) }
    }
}

impl TryFrom<&str> for JobId {
    type Error = NotAJobId;

    fn try_from(id: &str) -> Result<Self, NotAJobId> {
        Self::try_from(id.to_owned())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
