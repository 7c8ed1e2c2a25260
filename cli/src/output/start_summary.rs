//! The summary that `label-lake start` prints before it asks: the videos to start, and their costs.

use std::fmt::{self, Write as _};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

use super::text::{count, printable};
use crate::videos::choice::Choice;
use crate::videos::known::KnownVideos;
use crate::videos::obstacle::Obstacle;
use crate::videos::video::Video;

/// Price of Rekognition in most regions, in US dollars: <https://aws.amazon.com/rekognition/pricing/>.
const DOLLARS_PER_HOUR: f64 = 6.0;

/// Default quota of concurrent jobs.
const SLOTS: usize = 20;
/// Assumed time of a job, as in docs/ARCHITECTURE.md. S3 tells neither the length of a video nor how long its analysis takes.
const JOB_TIME: Duration = Duration::from_mins(8);
/// Time for which Rekognition returns the same job for the same token.
const TOKEN_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// The videos to start, and the numbers of those that are left out.
#[derive(Debug, Default)]
pub(crate) struct StartSummary {
    pub(crate) to_start: Vec<Video>,
    in_lake: usize,
    failed: usize,
    sent: usize,
    too_large: usize,
    empty: usize,
    archived: usize,
    other_suffix: usize,
    /// Total size of the videos whose duration the lake knows, in bytes.
    known_bytes: u64,
    known_duration: Duration,
}

impl StartSummary {
    /// Counts an object.
    pub(crate) fn add(&mut self, video: Video, choice: &Choice, known: &KnownVideos) {
        if let Some(duration) = known.job_of(&video).and_then(|job| job.duration) {
            self.known_bytes += video.size;
            self.known_duration += duration;
        }
        match choice {
            Choice::Start => self.to_start.push(video),
            Choice::InLake { .. } => self.in_lake += 1,
            Choice::Failed { .. } => self.failed += 1,
            Choice::Sent => self.sent += 1,
            Choice::Unusable(Obstacle::TooLarge) => self.too_large += 1,
            Choice::Unusable(Obstacle::Empty) => self.empty += 1,
            Choice::Unusable(Obstacle::Archived) => self.archived += 1,
            Choice::OtherSuffix => self.other_suffix += 1,
        }
    }

    /// Returns the lines of the summary. `suffixes` and `report` explain why videos are left out.
    pub(crate) fn as_text(&self, suffixes: &[String], report: &str) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut text, suffixes, report);
        text
    }

    fn write(&self, text: &mut String, suffixes: &[String], report: &str) -> fmt::Result {
        let bytes = self.to_start.iter().map(|video| video.size).sum();
        writeln!(text, "{} to start, {}", count(self.to_start.len(), "video"), HumanBytes(bytes))?;
        for (number, reason) in [
            (self.in_lake, "in the lake already".to_owned()),
            (self.failed, "in the lake already, as failed at Rekognition".to_owned()),
            (self.sent, format!("sent before; delete {report} to send them again")),
            (self.too_large, "over 10 GB, the limit of Rekognition".to_owned()),
            (self.empty, "empty".to_owned()),
            (self.archived, "archived; restore them first".to_owned()),
            (self.other_suffix, format!("without the suffix {}", suffixes.join(" or "))),
        ] {
            if number > 0 {
                writeln!(text, "  {} left out: {}", HumanCount(number as u64), printable(&reason))?;
            }
        }
        if self.to_start.is_empty() {
            return Ok(());
        }
        write!(text, "Rekognition charges about ${DOLLARS_PER_HOUR} per hour of video")?;
        match self.estimated_hours(bytes) {
            Some(hours) => {
                let dollars = HumanCount((hours * DOLLARS_PER_HOUR).ceil() as u64);
                writeln!(text, ": roughly ${dollars} for {hours:.1} hours, at the data rate of the videos in the lake")
            }
            None => writeln!(text, "; S3 does not tell how long the videos are"),
        }?;
        let time = JOB_TIME * u32::try_from(self.to_start.len().div_ceil(SLOTS)).unwrap_or(u32::MAX);
        if time <= TOKEN_LIFETIME {
            return Ok(());
        }
        let days = (time.as_secs_f64() / 86_400.0).round();
        writeln!(
            text,
            "warning: {SLOTS} concurrent jobs of {} minutes each take about {days} days for these videos; send them in \
             parts: SQS drops a message after 14 days, and Rekognition recognizes a repeated start for 7 days",
            JOB_TIME.as_secs() / 60
        )
    }

    /// Returns the duration of this many bytes at the data rate of the videos that the lake knows.
    fn estimated_hours(&self, bytes: u64) -> Option<f64> {
        let seconds_per_byte = self.known_duration.as_secs_f64() / self.known_bytes as f64;
        let hours = bytes as f64 * seconds_per_byte / 3600.0;
        (hours.is_finite() && hours > 0.0).then_some(hours)
    }
}

/// Returns the line for a video in a dry run, or `None` for an object that is no video.
pub(crate) fn dry_run_line(video: &Video, choice: &Choice) -> Option<String> {
    let url = video.url();
    let line = match choice {
        Choice::Start => format!("start     {url}  {}", HumanBytes(video.size)),
        Choice::InLake { job } => format!("left out  {url}  in the lake: job {job}"),
        Choice::Failed { job, reason } => format!("left out  {url}  failed at Rekognition: job {job}: {reason}"),
        Choice::Sent => format!("left out  {url}  sent before"),
        Choice::Unusable(Obstacle::TooLarge) => format!("left out  {url}  {}, over 10 GB", HumanBytes(video.size)),
        Choice::Unusable(Obstacle::Empty) => format!("left out  {url}  empty"),
        Choice::Unusable(Obstacle::Archived) => format!("left out  {url}  archived"),
        Choice::OtherSuffix => return None,
    };
    Some(printable(&line) + "\n")
}

#[cfg(test)]
mod tests {
    use label_lake::aws::names::BucketName;

    use super::*;

    fn summary(videos: usize) -> String {
        let bucket = BucketName::from_static("videos");
        let (key, etag) = ("a.mp4".to_owned(), "e".to_owned());
        let video = Video { bucket, key, version: None, etag, size: 1, modified: None, archived: false };
        StartSummary { to_start: vec![video; videos], ..StartSummary::default() }.as_text(&[], "r")
    }

    #[test]
    fn warns_of_a_backlog_that_takes_longer_than_a_token_is_valid() {
        // 20 slots run 25,200 jobs of 8 minutes in 7 days.
        assert!(!summary(25_200).contains("warning"));
        let text = summary(54_000);
        let warning = "warning: 20 concurrent jobs of 8 minutes each take about 15 days for these videos; send them in \
                       parts: SQS drops a message after 14 days, and Rekognition recognizes a repeated start for 7 days\n";
        assert!(text.ends_with(warning), "{text}");
    }
}
