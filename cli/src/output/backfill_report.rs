//! The report of a backfill: a line of JSON for each job that ended, which says where another run goes on.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use label_lake::job_id::JobId;
use serde::{Deserialize, Serialize};

use crate::function::{Done, Failed};

/// The beginning of each line.
const BEGIN: &str = "{\"jobId\"";

/// What became of a job.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    job_id: JobId,
    ok: bool,
    /// What the function answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Whether it was to replace what was committed.
    #[serde(default)]
    overwrite: bool,
    at: String,
}

/// A report that grows.
#[derive(Debug)]
pub(crate) struct Report {
    path: PathBuf,
    file: File,
    overwrite: bool,
    done: HashSet<JobId>,
}

impl Report {
    /// Opens a report, made if need be, and reads what has succeeded by it. With `overwrite` only what was replaced
    /// has.
    pub(crate) fn open(path: &Path, overwrite: bool) -> anyhow::Result<Self> {
        let name = || format!("the report {} cannot be used", path.display());
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).with_context(name)?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(name)?;
        let (whole, rest) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
        let mut done = HashSet::new();
        for (number, line) in whole.lines().enumerate() {
            let line: Line = serde_json::from_str(line)
                .with_context(|| format!("{}: line {} is not of a report", name(), number + 1))?;
            if line.ok && (line.overwrite || !overwrite) {
                done.insert(line.job_id);
            }
        }
        if !rest.is_empty() {
            // A run that was killed may have left a part of a line. Only whole lines before it show that the file is a
            // report, and may be cut.
            let is_cut_line = rest.starts_with(BEGIN) || BEGIN.starts_with(rest);
            let is_report = !whole.is_empty() && is_cut_line;
            anyhow::ensure!(is_report, "{}: it is not of a report; name another file", name());
            file.set_len(whole.len() as u64).and_then(|()| file.seek(SeekFrom::End(0))).with_context(name)?;
        }
        Ok(Self { path: path.to_owned(), file, overwrite, done })
    }

    /// Whether a job has succeeded by the report.
    pub(crate) fn has(&self, job: &JobId) -> bool {
        self.done.contains(job)
    }

    /// Adds what became of a job. The line goes to the file whole and at once.
    pub(crate) fn add(&mut self, job: &JobId, result: &Result<Done, Failed>) -> anyhow::Result<()> {
        let (done, failed) = (result.as_ref().ok(), result.as_ref().err());
        let line = Line {
            job_id: job.clone(),
            ok: done.is_some(),
            outcome: done.map(|done| done.outcome.clone()),
            status: done.and_then(|done| done.status.clone()),
            error_type: failed.map(|failed| failed.error_type.clone()),
            message: failed.map(|failed| failed.message.clone()),
            overwrite: self.overwrite,
            at: timestamp(SystemTime::now()),
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        self.file.write_all(&line).with_context(|| format!("the report {} cannot be written", self.path.display()))
    }
}

/// A time in UTC, to the second.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let seconds = DateTime::from_secs(DateTime::from(time).secs());
    // Only years that take more than four digits cannot be written.
    seconds.fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    use tempfile::TempDir;

    use super::*;

    fn job(id: &str) -> JobId {
        JobId::try_from(id).unwrap()
    }

    fn exported() -> Done {
        Done { outcome: "EXPORTED".to_owned(), status: None }
    }

    #[test]
    fn what_has_succeeded_is_known_to_the_next_run() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("report.jsonl");
        let mut report = Report::open(&path, false).unwrap();
        report.add(&job("a"), &Ok(exported())).unwrap();
        report.add(&job("b"), &Err(Failed::new("JobNotFound", "no job".to_owned()))).unwrap();
        let report = Report::open(&path, false).unwrap();
        assert_eq!((report.has(&job("a")), report.has(&job("b"))), (true, false));
        assert!(!Report::open(&path, true).unwrap().has(&job("a")), "it was not replaced");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_line_that_was_cut_off_is_written_over_and_another_file_is_refused() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("report.jsonl");
        Report::open(&path, false).unwrap().add(&job("a"), &Ok(exported())).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
        let mut report = Report::open(&path, false).unwrap();
        report.add(&job("b"), &Ok(exported())).unwrap();
        let report = Report::open(&path, false).unwrap();
        assert!(report.has(&job("a")) && report.has(&job("b")));
        let others = [
            "job-1\njob-2\n",
            "one line without an end",
            "x",
            "[1]",
            "{",
            "{\"jobId\"",
            "{\"jobId\":\"a\"}",
            &format!("{whole}x"),
            &whole[..20],
        ];
        for other in others {
            fs::write(&path, other).unwrap();
            let error = format!("{:#}", Report::open(&path, false).unwrap_err());
            assert!(error.contains("not of a report"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
    }

    #[test]
    fn a_time_is_written_to_the_second() {
        assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(1_748_793_725_418)), "2025-06-01T16:02:05Z");
    }
}
