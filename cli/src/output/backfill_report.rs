//! The report of a backfill: one line of JSON per finished job, from which another run resumes.

use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

use label_lake::handler::{JobAnswer, OutcomeName};
use label_lake::job_id::JobId;
use label_lake::table::rows::JobStatus;
use serde::{Deserialize, Serialize};

use super::report_file::ReportFile;
use super::text::timestamp;
use crate::account::function::ExportError;

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
    file: ReportFile,
    overwrite: bool,
    succeeded: HashSet<JobId>,
}

impl BackfillReport {
    /// Opens a report, or creates it, and reads which jobs have succeeded. With `overwrite`, only jobs that were exported
    /// with `--overwrite` count as succeeded.
    pub(crate) fn open(path: &Path, overwrite: bool) -> anyhow::Result<Self> {
        let (file, lines) = ReportFile::open::<Line>(path, "jobId")?;
        let succeeded = lines.into_iter().filter(|line| line.ok && (line.overwrite || !overwrite));
        Ok(Self { file, overwrite, succeeded: succeeded.map(|line| line.job_id).collect() })
    }

    /// Returns true if a job succeeded in an earlier run.
    pub(crate) fn has_succeeded(&self, job: &JobId) -> bool {
        self.succeeded.contains(job)
    }

    /// Appends the result of a job.
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
        self.file.add(&[line])
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
        drop(report);
        let report = BackfillReport::open(&path, false).unwrap();
        assert_eq!((report.has_succeeded(&job("a")), report.has_succeeded(&job("b"))), (true, false));
        drop(report);
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
        drop(report);
        let report = BackfillReport::open(&path, false).unwrap();
        assert!(report.has_succeeded(&job("a")) && report.has_succeeded(&job("b")));
        drop(report);
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
