//! The ID of a job, validated once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The ID of a Rekognition Video job: 1 to 64 of the characters `a-z A-Z 0-9 - _`.
///
/// The ID is therefore a single path segment, and needs no escaping in keys, URLs or expressions.
///
/// ```
/// use label_lake::job_id::JobId;
/// assert!(JobId::try_from("97285c8e-1").is_ok());
/// assert!(JobId::try_from("../97285c8e").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct JobId(String);

/// The error of a text that is not a valid job ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a job ID: 1 to 64 characters of a-z A-Z 0-9 - _")]
pub struct InvalidJobId;

impl JobId {
    /// Returns the ID as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JobId {
    type Error = InvalidJobId;

    fn try_from(id: String) -> Result<Self, InvalidJobId> {
        let is_valid = (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if is_valid { Ok(Self(id)) } else { Err(InvalidJobId) }
    }
}

impl TryFrom<&str> for JobId {
    type Error = InvalidJobId;

    fn try_from(id: &str) -> Result<Self, InvalidJobId> {
        Self::try_from(id.to_owned())
    }
}

impl FromStr for JobId {
    type Err = InvalidJobId;

    fn from_str(id: &str) -> Result<Self, InvalidJobId> {
        Self::try_from(id)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
