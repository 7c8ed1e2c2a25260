//! The location of videos: a bucket, a folder, or one object.

use std::fmt;
use std::str::FromStr;

use label_lake::aws::names::BucketName;

/// Location of videos, written as `s3://bucket/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VideoLocation {
    pub(crate) bucket: BucketName,
    /// Key of an object, or of a folder with or without the slash at its end. Empty for the whole bucket.
    pub(crate) path: String,
}

impl FromStr for VideoLocation {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let location = given.strip_prefix("s3://").filter(|location| !location.is_empty());
        let location = location.ok_or("expected s3://BUCKET, s3://BUCKET/PREFIX/ or s3://BUCKET/KEY")?;
        let (bucket, path) = location.split_once('/').unwrap_or((location, ""));
        let bucket = bucket.parse().map_err(|error| format!("bucket {bucket:?}: {error}"))?;
        Ok(Self { bucket, path: path.to_owned() })
    }
}

impl fmt::Display for VideoLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_be_any_key() {
        for (given, bucket, path) in [
            ("s3://videos", "videos", ""),
            ("s3://videos/", "videos", ""),
            ("s3://videos/2026/", "videos", "2026/"),
            ("s3://videos//a b?#%20.mp4", "videos", "/a b?#%20.mp4"),
        ] {
            let location: VideoLocation = given.parse().unwrap();
            assert_eq!((location.bucket.as_str(), &*location.path), (bucket, path));
        }
        for (given, words) in
            [("videos/a.mp4", "expected s3://"), ("s3://", "expected s3://"), ("s3://A/b", "bucket \"A\"")]
        {
            assert!(given.parse::<VideoLocation>().unwrap_err().contains(words), "{given}");
        }
    }
}
