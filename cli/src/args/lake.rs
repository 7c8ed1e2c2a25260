//! The location of a lake.

use std::path::PathBuf;
use std::str::FromStr;

use label_lake::aws::names::{BucketName, InvalidName, KeyPrefix};

/// Location of a lake: a directory, or a prefix in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LakeLocation {
    Directory(PathBuf),
    S3 { bucket: BucketName, prefix: KeyPrefix },
}

impl FromStr for LakeLocation {
    type Err = InvalidName;

    /// Parses `s3://bucket`, `s3://bucket/prefix`, or the path of a directory.
    fn from_str(given: &str) -> Result<Self, InvalidName> {
        let Some(url) = given.strip_prefix("s3://") else { return Ok(Self::Directory(given.into())) };
        let (bucket, prefix) = url.split_once('/').unwrap_or((url, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        Ok(Self::S3 { bucket: bucket.parse()?, prefix: prefix.parse()? })
    }
}
