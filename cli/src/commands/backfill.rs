//! `label-lake backfill`: exports jobs through the deployed function.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use futures_util::stream::{self, StreamExt as _};
use label_lake::handler::JobAnswer;
use label_lake::job_id::JobId;
use label_lake::notification::Completion;

use crate::account::Account;
use crate::account::function::ExportError;
use crate::args::{BackfillArguments, each_once};
use crate::error::with_hint;
use crate::input::Input;
use crate::output::backfill_report::BackfillReport;
use crate::output::progress::counter;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::text::{answer_text, count, printable};
use crate::shutdown::INTERRUPTED;

/// Exports the jobs. Returns a failure code if a job failed.
pub(crate) async fn backfill(arguments: &BackfillArguments) -> anyhow::Result<ExitCode> {
    let jobs = read_jobs(arguments)?;
    let mut report = match &arguments.report {
        Some(path) => Some(BackfillReport::open(path, arguments.overwrite)?),
        None => None,
    };
    let total = jobs.len();
    let has_succeeded = |job: &JobId| report.as_ref().is_some_and(|report| report.has_succeeded(job));
    let jobs: Vec<_> = jobs.into_iter().filter(|job| !has_succeeded(job)).collect();
    let mut counts = Counts { skipped: total - jobs.len(), ..Counts::default() };

    let account = Account::open(&arguments.aws).await?;
    let function = match (&arguments.stack, &arguments.function) {
        (Some(name), _) => account.function(account.stack(name).await?.output("FunctionName")?),
        (None, Some(function)) => account.function(function),
        (None, None) => bail!("pass --stack or --function"),
    };
    let bar = counter(jobs.len() as u64, "jobs", arguments.quiet)?;
    let exports = jobs.into_iter().map(|job| {
        let completion = Completion { overwrite: arguments.overwrite, ..Completion::new(job.clone()) };
        let function = &function;
        async move { (job, function.export(&completion).await) }
    });
    let mut results = stream::iter(exports).buffer_unordered(usize::from(arguments.concurrency));
    let mut interrupted = false;
    loop {
        let next = tokio::select! {
            next = results.next() => next,
            signal = tokio::signal::ctrl_c() => {
                signal?;
                interrupted = true;
                break;
            }
        };
        let Some((job, result)) = next else { break };
        bar.inc(1);
        if let Some(report) = &mut report {
            report.add(&job, &result)?;
        }
        counts.add(&result);
        if let Err(error) = &result {
            bar.suspend(|| eprintln!("failed  {job}  {}", printable(&error.to_string())));
            if error.is_fatal {
                break;
            }
        }
    }
    drop(results);
    bar.finish_and_clear();
    print(&format!("{}\n", counts.text(total)))?;
    let advice = match arguments.report {
        Some(_) => "run the command again to resume",
        None => "run the command again to start over; a job that is already committed costs one request",
    };
    if interrupted {
        print_error(&with_hint(anyhow!("interrupted; running exports continue in the function"), advice));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if counts.failed > 0 {
        print_error(&with_hint(anyhow!("not all jobs were exported"), advice));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the jobs of the command line and of the file, each once, in this order.
fn read_jobs(arguments: &BackfillArguments) -> anyhow::Result<Vec<JobId>> {
    let mut jobs = arguments.jobs.clone();
    if let Some(path) = &arguments.file {
        let Input { name, bytes } = Input::read(path, "file")?;
        let text = String::from_utf8(bytes).with_context(|| format!("{name} is not text in UTF-8"))?;
        jobs.extend(parse(&text, &name)?);
    }
    if jobs.is_empty() {
        bail!("the file has no job IDs");
    }
    Ok(each_once(&jobs))
}

/// Parses one job ID per line. Ignores empty lines and comments.
fn parse(text: &str, name: &str) -> anyhow::Result<Vec<JobId>> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let ids = lines.map(|(number, line)| {
        JobId::try_from(line).with_context(|| format!("{name}, line {}: {line:?} is not a job ID", number + 1))
    });
    ids.collect()
}

/// Number of jobs by result.
#[derive(Default)]
struct Counts {
    by_answer: BTreeMap<String, usize>,
    failed: usize,
    /// Jobs that succeeded in an earlier run, according to the report.
    skipped: usize,
}

impl Counts {
    fn add(&mut self, result: &Result<JobAnswer, ExportError>) {
        match result {
            Ok(answer) => *self.by_answer.entry(answer_text(answer)).or_default() += 1,
            Err(_) => self.failed += 1,
        }
    }

    fn text(&self, total: usize) -> String {
        let mut parts: Vec<_> = self.by_answer.iter().map(|(answer, count)| format!("{count} {answer}")).collect();
        let finished = self.by_answer.values().sum::<usize>() + self.failed + self.skipped;
        let others = [(self.failed, "failed"), (self.skipped, "skipped"), (total - finished, "not finished")];
        parts.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, result)| format!("{count} {result}")));
        format!("{}: {}", count(total, "job"), parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_one_job_id_per_line() {
        let ids = parse("# last week\n job-1 \n\r\njob-2\r\n", "jobs.txt").unwrap();
        assert_eq!(ids.iter().map(JobId::as_str).collect::<Vec<_>>(), ["job-1", "job-2"]);
        let error = format!("{:#}", parse("job-1\n../x\n", "jobs.txt").unwrap_err());
        assert!(error.contains("jobs.txt, line 2") && error.contains("../x"), "{error}");
    }

    #[test]
    fn accounts_for_all_jobs() {
        let mut counts = Counts { skipped: 1, ..Counts::default() };
        for answer in [
            json!({"jobId": "a", "outcome": "EXPORTED"}),
            json!({"jobId": "b", "outcome": "EXPORTED", "status": "FAILED"}),
        ] {
            counts.add(&Ok(serde_json::from_value(answer).unwrap()));
        }
        counts.add(&Err(ExportError::new("JobNotFound", String::new())));
        let expected = "5 jobs: 1 EXPORTED, 1 EXPORTED (failed at Rekognition), 1 failed, 1 skipped, 1 not finished";
        assert_eq!(counts.text(5), expected);
    }
}
