//! The report of a backfill: one line of JSON per finished job, from which another run resumes.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use label_lake::handler::{JobAnswer, OutcomeName};
use label_lake::job_id::JobId;
use label_lake::table::rows::JobStatus;
use serde::{Deserialize, Serialize};

use super::text::timestamp;
use crate::account::function::ExportError;
use crate::error::with_hint;

/// Start of every line.
const LINE_START: &str = "{\"jobId\"";

/// The result of one job.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    job_id: JobId,
    ok: bool,
    /// Outcome in the answer of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<JobStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// True if the backfill was run with `--overwrite`.
    #[serde(default)]
    overwrite: bool,
    at: String,
}

/// A report file that is open for appending.
#[derive(Debug)]
pub(crate) struct BackfillReport {
    path: PathBuf,
    file: File,
    overwrite: bool,
    succeeded: HashSet<JobId>,
}

impl BackfillReport {
    /// Opens a report, or creates it, and reads which jobs have succeeded. With `overwrite`, only jobs that were exported
    /// with `--overwrite` count as succeeded.
    pub(crate) fn open(path: &Path, overwrite: bool) -> anyhow::Result<Self> {
        let cannot_use = || format!("cannot use report {}", path.display());
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).with_context(cannot_use)?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(cannot_use)?;
        let (complete, rest) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
        let mut succeeded = HashSet::new();
        for (number, line) in complete.lines().enumerate() {
            let line: Line = serde_json::from_str(line)
                .with_context(|| format!("{}: line {} is not part of a report", cannot_use(), number + 1))?;
            if line.ok && (line.overwrite || !overwrite) {
                succeeded.insert(line.job_id);
            }
        }
        if !rest.is_empty() {
            // A killed run may have left an incomplete last line, which is removed. The complete lines before it prove that
            // the file is a report.
            let is_incomplete_line = rest.starts_with(LINE_START) || LINE_START.starts_with(rest);
            let is_report = !complete.is_empty() && is_incomplete_line;
            if !is_report {
                return Err(with_hint(anyhow!("{}: the file is not a report", cannot_use()), "choose another file"));
            }
            let truncated = file.set_len(complete.len() as u64).and_then(|()| file.seek(SeekFrom::End(0)));
            truncated.with_context(cannot_use)?;
        }
        Ok(Self { path: path.to_owned(), file, overwrite, succeeded })
    }

    /// Returns true if a job succeeded in an earlier run.
    pub(crate) fn has_succeeded(&self, job: &JobId) -> bool {
        self.succeeded.contains(job)
    }

    /// Appends the result of a job. The line is written at once, in a single write.
    pub(crate) fn add(&mut self, job: &JobId, result: &Result<JobAnswer, ExportError>) -> anyhow::Result<()> {
        let (answer, error) = (result.as_ref().ok(), result.as_ref().err());
        let line = Line {
            job_id: job.clone(),
            ok: answer.is_some(),
            outcome: answer.map(|answer| answer.outcome),
            status: answer.and_then(|answer| answer.status),
            error_type: error.map(|error| error.error_type.clone()),
            message: error.map(|error| error.message.clone()),
            overwrite: self.overwrite,
            at: timestamp(SystemTime::now()),
        };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        self.file.write_all(&line).with_context(|| format!("cannot write report {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    fn job(id: &str) -> JobId {
        JobId::try_from(id).unwrap()
    }

    fn exported(id: &str) -> JobAnswer {
        serde_json::from_value(json!({"jobId": id, "outcome": "EXPORTED"})).unwrap()
    }

    #[test]
    fn remembers_which_jobs_have_succeeded() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("report.jsonl");
        let mut report = BackfillReport::open(&path, false).unwrap();
        report.add(&job("a"), &Ok(exported("a"))).unwrap();
        report.add(&job("b"), &Err(ExportError::new("JobNotFound", "no job".to_owned()))).unwrap();
        let report = BackfillReport::open(&path, false).unwrap();
        assert_eq!((report.has_succeeded(&job("a")), report.has_succeeded(&job("b"))), (true, false));
        let overwriting = BackfillReport::open(&path, true).unwrap();
        assert!(!overwriting.has_succeeded(&job("a")), "the job was exported without --overwrite");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn replaces_an_incomplete_last_line_and_rejects_other_files() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("report.jsonl");
        BackfillReport::open(&path, false).unwrap().add(&job("a"), &Ok(exported("a"))).unwrap();
        let complete = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{complete}{}", &complete[..20])).unwrap();
        let mut report = BackfillReport::open(&path, false).unwrap();
        report.add(&job("b"), &Ok(exported("b"))).unwrap();
        let report = BackfillReport::open(&path, false).unwrap();
        assert!(report.has_succeeded(&job("a")) && report.has_succeeded(&job("b")));
        let others = [
            "job-1\njob-2\n",
            "one line without an end",
            "x",
            "[1]",
            "{",
            "{\"jobId\"",
            "{\"jobId\":\"a\"}",
            &format!("{complete}x"),
            &complete[..20],
        ];
        for other in others {
            fs::write(&path, other).unwrap();
            let error = format!("{:#}", BackfillReport::open(&path, false).unwrap_err());
            assert!(error.contains("not part of a report") || error.contains("not a report"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
    }
}
