//! The video of a report: a file beside it, or a presigned URL of S3.

use std::convert::Infallible;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Serialize;

use super::html_file::HtmlFile;
use crate::account::Account;
use crate::error::with_hint;
use crate::job_row::JobRow;
use crate::output::file::directory_of;

/// Value of `--video` that asks for a presigned URL.
const PRESIGN: &str = "presign";
/// Bytes that stay as they are in a path of a URL.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Validity of a presigned URL: a day of work.
const VALIDITY: Duration = Duration::from_hours(12);

/// Value of `--video`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VideoSource {
    File(PathBuf),
    Presign,
}

impl FromStr for VideoSource {
    type Err = Infallible;

    fn from_str(given: &str) -> Result<Self, Infallible> {
        Ok(if given == PRESIGN { Self::Presign } else { Self::File(given.into()) })
    }
}

/// The video that a page plays.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Video {
    src: String,
    presigned: bool,
    /// Time at which the URL expires, in Unix milliseconds.
    expires_at_ms: Option<u64>,
}

impl Video {
    /// Returns a link from a page to a file.
    pub(crate) fn file(video: &Path, page: &HtmlFile) -> anyhow::Result<Self> {
        let link = || -> anyhow::Result<String> {
            let directory = fs::canonicalize(directory_of(video))?;
            let name = video.file_name().context("no name of a file")?;
            relative_url(&directory.join(name), &fs::canonicalize(directory_of(page.path()))?)
        };
        let src = link().with_context(|| format!("cannot link to the video {}", video.display()))?;
        Ok(Self { src, presigned: false, expires_at_ms: None })
    }

    /// Returns a URL with which everyone can read the job's video until it expires.
    pub(crate) async fn presigned(account: &Account, row: &JobRow) -> anyhow::Result<Self> {
        let id = &row.job_id;
        let Some((bucket, key)) = row.video_bucket.as_ref().zip(row.video_key.as_ref()) else {
            let error = anyhow!("job {id}: its row does not have the bucket and the key of the video");
            return Err(with_hint(error, "pass the file of the video with --video FILE"));
        };
        let presigned = account.presign_get(bucket, key, row.video_version.as_deref(), VALIDITY).await;
        let (src, expires_at) = presigned.with_context(|| format!("job {id}: cannot presign a URL of the video"))?;
        let expires_at = expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { src, presigned: true, expires_at_ms: Some(expires_at.as_millis() as u64) })
    }

    /// Returns the time at which the URL expires.
    pub(crate) fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at_ms.map(|ms| UNIX_EPOCH + Duration::from_millis(ms))
    }

    /// Returns the sources in the policy of the page from which the video may be loaded.
    pub(super) fn policy(&self) -> Vec<&str> {
        if self.presigned {
            // Scheme and host, up to the path.
            let host = self.src.match_indices('/').nth(2).map_or(self.src.len(), |(index, _)| index);
            vec![&self.src[..host]]
        } else {
            // A page that is opened as a file is of no origin, so that 'self' is not enough in every browser.
            vec!["'self'", "file:"]
        }
    }
}

/// Checks that a video is a file.
pub(crate) fn check_file(video: &Path) -> anyhow::Result<()> {
    let checked = fs::metadata(video)
        .context("cannot read it")
        .and_then(|metadata| if metadata.is_dir() { Err(anyhow!("it is a directory")) } else { Ok(()) });
    checked.map_err(|error| {
        let error = error.context(format!("no video {}", video.display()));
        with_hint(error, "pass the file of the video, or `--video presign` for a URL of the video in S3")
    })
}

/// Returns the relative URL of a file from a directory. Both paths are absolute.
fn relative_url(file: &Path, directory: &Path) -> anyhow::Result<String> {
    let (file, directory): (Vec<_>, Vec<_>) = (file.components().collect(), directory.components().collect());
    let common = file.iter().zip(&directory).take_while(|(a, b)| a == b).count();
    let names = file[common..].iter().map(|component| match component {
        Component::Normal(name) => Ok(percent_encode(name.as_encoded_bytes(), IN_PATHS).to_string()),
        _ => Err(anyhow!("it is not on the drive of the page")),
    });
    let names = names.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(format!("{}{}", "../".repeat(directory.len() - common), names.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn links_are_relative_and_encoded() {
        for (file, directory, url) in [
            ("/a/b/beach day.mp4", "/a/b", "beach%20day.mp4"),
            ("/a/v/x#1?.mp4", "/a/b/c", "../../v/x%231%3F.mp4"),
            ("/a/b/javascript:1.mp4", "/a/b", "javascript%3A1.mp4"),
            ("/海.mp4", "/a", "../%E6%B5%B7.mp4"),
            ("/x.mp4", "/", "x.mp4"),
        ] {
            assert_eq!(relative_url(Path::new(file), Path::new(directory)).unwrap(), url);
        }
    }

    #[test]
    fn the_policy_names_the_host_of_the_url_only() {
        let video = |src: &str, presigned| Video { src: src.to_owned(), presigned, expires_at_ms: None };
        let url = video("https://videos.s3.us-east-1.amazonaws.com/a/b.mp4?X-Amz-Expires=1", true);
        assert_eq!(url.policy(), ["https://videos.s3.us-east-1.amazonaws.com"]);
        assert_eq!(video("http://127.0.0.1:1", true).policy(), ["http://127.0.0.1:1"]);
        assert_eq!(video("a.mp4", false).policy(), ["'self'", "file:"]);
    }

    #[test]
    fn presign_is_a_word_and_every_other_value_a_file() {
        assert_eq!("presign".parse(), Ok(VideoSource::Presign));
        assert_eq!("./presign".parse(), Ok(VideoSource::File("./presign".into())));
    }
}
