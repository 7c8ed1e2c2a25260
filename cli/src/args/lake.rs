//! The location of a lake: a directory, or a prefix in a bucket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, ValueHint};
use label_lake::aws::names::{BucketName, KeyPrefix};

/// Scheme of the URL of a lake in S3.
const S3: &str = "s3://";

/// Location of a lake, as `--lake` takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LakeLocation {
    Directory(PathBuf),
    S3(S3Location),
}

/// Location of a lake in S3, written as `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct S3Location {
    pub(crate) bucket: BucketName,
    /// Empty if the lake is the whole bucket.
    pub(crate) prefix: KeyPrefix,
}

/// The lake of a command that only reads.
#[derive(Args, Clone, Debug)]
pub(crate) struct LakeToRead {
    /// Lake: a directory, `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "LAKE", default_value = "lake", value_hint = ValueHint::DirPath)]
    pub(crate) lake: LakeLocation,

    /// Name of a deployed stack, instead of --lake.
    #[arg(long, value_name = "NAME", conflicts_with = "lake", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stack: Option<String>,
}

impl FromStr for S3Location {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let location = given.strip_prefix(S3).filter(|location| !location.is_empty());
        let location = location.ok_or("expected s3://BUCKET or s3://BUCKET/PREFIX")?;
        let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
        // The AWS CLI prints the URL of a folder with a slash at the end.
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        Ok(Self {
            bucket: bucket.parse().map_err(|error| format!("bucket {bucket:?}: {error}"))?,
            prefix: prefix.parse().map_err(|error| format!("prefix {prefix:?}: {error}"))?,
        })
    }
}

impl FromStr for LakeLocation {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let lower_case = given.to_ascii_lowercase();
        if lower_case.starts_with("s3:") {
            return given.parse().map(Self::S3);
        }
        let is_elsewhere = lower_case.contains("://") || lower_case.starts_with("arn:");
        if given.is_empty() || is_elsewhere {
            return Err("expected a directory, s3://BUCKET or s3://BUCKET/PREFIX".to_owned());
        }
        Ok(Self::Directory(given.into()))
    }
}

/// Displays the URL. A prefix is followed by a slash.
impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.prefix.as_str().is_empty() { "" } else { "/" };
        write!(f, "{S3}{}/{}{separator}", self.bucket, self.prefix)
    }
}

/// Displays the directory, or the URL.
impl fmt::Display for LakeLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::S3(location) => location.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(bucket: &str, prefix: &str) -> LakeLocation {
        LakeLocation::S3(S3Location { bucket: bucket.parse().unwrap(), prefix: prefix.parse().unwrap() })
    }

    #[test]
    fn parses_directories_and_urls() {
        for (given, location, displayed) in [
            ("lake", LakeLocation::Directory("lake".into()), "lake"),
            ("./s3:x", LakeLocation::Directory("./s3:x".into()), "./s3:x"),
            ("C:\\lake", LakeLocation::Directory("C:\\lake".into()), "C:\\lake"),
            ("s3://my-lake", s3("my-lake", ""), "s3://my-lake/"),
            ("s3://my-lake/", s3("my-lake", ""), "s3://my-lake/"),
            ("s3://my-lake/video/v1", s3("my-lake", "video/v1"), "s3://my-lake/video/v1/"),
            ("s3://my-lake/video/v1/", s3("my-lake", "video/v1"), "s3://my-lake/video/v1/"),
        ] {
            let parsed: LakeLocation = given.parse().unwrap();
            assert_eq!(parsed.to_string(), displayed);
            assert_eq!(parsed, location);
        }
    }

    #[test]
    fn rejects_everything_else_with_the_expected_form() {
        for (given, words) in [
            ("s3:my-lake", "expected s3://BUCKET or s3://BUCKET/PREFIX"),
            ("s3:/my-lake", "expected s3://BUCKET or s3://BUCKET/PREFIX"),
            ("S3://my-lake", "expected s3://BUCKET or s3://BUCKET/PREFIX"),
            ("s3://", "expected s3://BUCKET or s3://BUCKET/PREFIX"),
            ("s3:///video", "bucket \"\": expected the name of a bucket"),
            ("s3://My_Lake/video", "bucket \"My_Lake\": expected the name of a bucket"),
            ("s3://my-lake//video", "prefix \"/video\": expected a prefix without /"),
            ("s3://my-lake/a/../b", "prefix \"a/../b\": expected a prefix without /"),
            ("", "expected a directory"),
            ("s3a://my-lake", "expected a directory"),
            ("https://my-lake.s3.amazonaws.com", "expected a directory"),
            ("arn:aws:s3:::my-lake", "expected a directory"),
        ] {
            let error = given.parse::<LakeLocation>().unwrap_err();
            assert!(error.contains(words), "{given}: {error}");
        }
        assert!("lake".parse::<S3Location>().unwrap_err().contains("s3://BUCKET/PREFIX"));
    }
}
