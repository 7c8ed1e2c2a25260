//! The report of sent videos: one line of JSON per video, from which another run resumes.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::video::Video;
use crate::output::report_file::ReportFile;
use crate::output::text::timestamp;

/// Time for which a video counts as sent: as long as the queue keeps its message. After that, the video is in the lake, or
/// its message is in the queue of failures or lost.
const RETENTION: Duration = Duration::from_hours(14 * 24);

/// Name with which every line begins.
const FIRST_FIELD: &str = "video";

/// A sent video.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    /// URL.
    video: String,
    /// Version or `ETag`.
    content: String,
    queue_url: String,
    at: String,
}

/// The videos that a report lists for one queue.
#[derive(Debug, Default)]
pub(crate) struct SentVideos {
    /// URLs and contents.
    sent: HashSet<(String, String)>,
}

/// A report that is open for appending.
#[derive(Debug)]
pub(crate) struct SentReport {
    file: ReportFile,
    queue_url: String,
}

impl SentVideos {
    /// Reads a report, which another run may be using.
    pub(crate) fn read(path: &Path, queue_url: &str) -> anyhow::Result<Self> {
        Ok(Self::of(ReportFile::read(path, FIRST_FIELD)?, queue_url))
    }

    fn of(lines: Vec<Line>, queue_url: &str) -> Self {
        // Timestamps have one form, so their order as text is that in time.
        let oldest = timestamp(SystemTime::now() - RETENTION);
        let lines = lines.into_iter().filter(|line| line.queue_url == queue_url && line.at >= oldest);
        Self { sent: lines.map(|line| (line.video, line.content)).collect() }
    }

    /// Returns true if an earlier run has sent this content of the object.
    pub(crate) fn contains(&self, video: &Video) -> bool {
        self.sent.contains(&(video.url(), video.content().to_owned()))
    }
}

impl SentReport {
    /// Opens a report, or creates it, and returns the videos that it lists.
    pub(crate) fn open(path: &Path, queue_url: &str) -> anyhow::Result<(Self, SentVideos)> {
        let (file, lines) = ReportFile::open(path, FIRST_FIELD)?;
        Ok((Self { file, queue_url: queue_url.to_owned() }, SentVideos::of(lines, queue_url)))
    }

    /// Appends videos in a single write.
    pub(crate) fn add(&mut self, videos: &[Video]) -> anyhow::Result<()> {
        let at = timestamp(SystemTime::now());
        let lines = videos.iter().map(|video| Line {
            video: video.url(),
            content: video.content().to_owned(),
            queue_url: self.queue_url.clone(),
            at: at.clone(),
        });
        self.file.add(&lines.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use label_lake::aws::names::BucketName;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_video_counts_as_sent_by_its_content_and_queue_until_the_queue_has_lost_its_message() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("sent.jsonl");
        let video = Video {
            bucket: BucketName::from_static("videos"),
            key: "a.mp4".to_owned(),
            version: None,
            etag: "e1".to_owned(),
            size: 1,
            modified: None,
            archived: false,
        };
        SentReport::open(&path, "q1").unwrap().0.add(std::slice::from_ref(&video)).unwrap();
        let (report, sent) = SentReport::open(&path, "q1").unwrap();
        assert!(sent.contains(&video));
        assert!(!sent.contains(&Video { etag: "e2".to_owned(), ..video.clone() }));
        assert!(!sent.contains(&Video { version: Some("v".to_owned()), ..video.clone() }));
        drop(report);
        assert!(!SentVideos::read(&path, "q2").unwrap().contains(&video));
        let line = fs::read_to_string(&path).unwrap();
        let (start, _) = line.split_once("\"at\":").unwrap();
        fs::write(&path, format!("{start}\"at\":\"2026-01-01T00:00:00Z\"}}\n")).unwrap();
        assert!(!SentVideos::read(&path, "q1").unwrap().contains(&video));
    }
}
