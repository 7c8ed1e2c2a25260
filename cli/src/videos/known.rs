//! The videos that a lake has: the jobs of its table `jobs` by video.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use label_lake::starter::message::version;

use super::video::Video;
use crate::account::job_report::UNREADABLE_ROW_HINT;
use crate::error::with_hint;
use crate::job_row::JobRow;
use crate::lake::Lake;
use crate::lake::rows::{JobRows, ReadRow};

/// The jobs of a lake by bucket and key of their video.
#[derive(Debug, Default)]
pub(crate) struct KnownVideos {
    jobs: HashMap<(String, String), Vec<KnownJob>>,
}

/// A committed job, without its labels.
#[derive(Clone, Debug)]
pub(crate) struct KnownJob {
    pub(crate) id: String,
    /// Reason for which the job failed at Rekognition. `None` if it succeeded.
    pub(crate) failure: Option<String>,
    /// Duration of the video. `None` if Rekognition did not return it.
    pub(crate) duration: Option<Duration>,
    version: Option<String>,
    /// Time at which the job ended at Rekognition, or at which its row was written if the row does not have that time.
    ended: Option<SystemTime>,
}

impl KnownVideos {
    /// Reads the jobs of a lake.
    ///
    /// # Errors
    /// A row cannot be read: its video may be any, and would be analyzed and billed once more.
    pub(crate) async fn read(lake: &Lake, quiet: bool) -> anyhow::Result<Self> {
        let ids = lake.job_files().await?.jobs;
        let JobRows { rows, mut errors } = lake.job_rows(&ids, quiet).await?;
        errors.sort();
        if let Some(first) = errors.first() {
            let error = anyhow!("cannot tell which videos the lake has ({} unreadable): {first}", errors.len());
            return Err(with_hint(error, UNREADABLE_ROW_HINT));
        }
        Ok(rows.into_iter().collect())
    }

    /// Returns the job that analyzed a video, the newest if there are several. A job that succeeded is preferred.
    pub(crate) fn job_of(&self, video: &Video) -> Option<&KnownJob> {
        let jobs = self.jobs_of_object(video).iter().filter(|job| job.is_of(video));
        jobs.max_by_key(|job| (job.failure.is_none(), job.ended))
    }

    /// Returns the job of the object that has this ID, whatever content of the object it analyzed.
    pub(crate) fn with_id(&self, video: &Video, id: &str) -> Option<&KnownJob> {
        self.jobs_of_object(video).iter().find(|job| job.id == id)
    }

    fn jobs_of_object(&self, video: &Video) -> &[KnownJob] {
        let jobs = self.jobs.get(&(video.bucket.to_string(), video.key.clone()));
        jobs.map(Vec::as_slice).unwrap_or_default()
    }
}

impl FromIterator<ReadRow> for KnownVideos {
    fn from_iter<I: IntoIterator<Item = ReadRow>>(rows: I) -> Self {
        let mut known = Self::default();
        for ReadRow { row, committed_at } in rows {
            if let (Some(bucket), Some(key)) = (row.video_bucket.clone(), row.video_key.clone()) {
                known.jobs.entry((bucket, key)).or_default().push(KnownJob::new(row, committed_at));
            }
        }
        known
    }
}

impl KnownJob {
    fn new(row: JobRow, committed_at: Option<SystemTime>) -> Self {
        let failure = row.failure().map(str::to_owned);
        let duration = row.video_duration_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        let ended = row.completed_at().or(committed_at);
        let version = row.video_version.and_then(version);
        Self { id: row.job_id, failure, duration, version, ended }
    }

    /// Returns true if the job analyzed this content of the object. Bucket and key are the same already.
    ///
    /// A job that was started without a version analyzed what the key had at that time. That is the content of today if the
    /// object was not written after the job ended. An object that was overwritten while its job ran is not recognized.
    fn is_of(&self, video: &Video) -> bool {
        match (&self.version, &video.version) {
            (Some(analyzed), version) => version.as_ref() == Some(analyzed),
            (None, _) => video.modified.is_some_and(|modified| self.ended >= Some(modified)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use label_lake::aws::names::BucketName;
    use serde_json::json;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn job(id: &str, version: Option<&str>, ended: u64, failed: bool) -> KnownJob {
        let failure = failed.then(|| "no video".to_owned());
        KnownJob {
            id: id.to_owned(),
            failure,
            duration: None,
            version: version.map(str::to_owned),
            ended: Some(at(ended)),
        }
    }

    /// Returns the job of an object with this version, written at this second.
    fn found(jobs: Vec<KnownJob>, version: Option<&str>, modified: u64) -> Option<String> {
        let known = KnownVideos { jobs: HashMap::from([(("videos".to_owned(), "a.mp4".to_owned()), jobs)]) };
        let video = Video {
            bucket: BucketName::from_static("videos"),
            key: "a.mp4".to_owned(),
            version: version.map(str::to_owned),
            etag: "e".to_owned(),
            size: 1,
            modified: Some(at(modified)),
            archived: false,
        };
        let other = Video { key: "b.mp4".to_owned(), ..video.clone() };
        assert!(known.job_of(&other).is_none());
        known.job_of(&video).map(|job| job.id.clone())
    }

    #[test]
    fn versions_are_compared_if_the_job_has_one() {
        let jobs = || vec![job("old", Some("v1"), 20, false)];
        assert_eq!(found(jobs(), Some("v1"), 30).as_deref(), Some("old"));
        assert_eq!(found(jobs(), Some("v2"), 10), None);
        assert_eq!(found(jobs(), None, 10), None);
    }

    #[test]
    fn times_are_compared_if_the_job_has_no_version() {
        for version in [None, Some("v1")] {
            let jobs = || vec![job("a", None, 20, false)];
            assert_eq!(found(jobs(), version, 20).as_deref(), Some("a"));
            assert_eq!(found(jobs(), version, 21), None, "the object was overwritten after the job");
        }
    }

    #[test]
    fn a_job_of_the_null_version_has_no_version() {
        let row = json!({ "job_id": "a", "status": "SUCCEEDED", "video_version": "null", "aggregate_by": [] });
        let of_null = KnownJob::new(serde_json::from_value(row).unwrap(), Some(at(20)));
        assert_eq!(found(vec![of_null.clone()], None, 20).as_deref(), Some("a"));
        assert_eq!(found(vec![of_null], None, 21), None);
    }

    #[test]
    fn the_newest_job_that_succeeded_is_found() {
        let jobs = vec![job("a", None, 20, false), job("b", None, 40, false), job("c", None, 60, true)];
        assert_eq!(found(jobs, None, 10).as_deref(), Some("b"));
        assert_eq!(found(vec![job("c", None, 60, true)], None, 10).as_deref(), Some("c"));
    }
}
