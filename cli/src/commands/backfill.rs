//! `label-lake backfill`: many jobs through the deployed function.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use futures_util::stream::{self, StreamExt as _};
use label_lake::job_id::JobId;
use label_lake::notification::Completion;

use crate::account::Account;
use crate::args::BackfillArguments;
use crate::function::{Done, Failed};
use crate::progress::counted;
use crate::report::Report;
use crate::run::INTERRUPTED;
use crate::{print, text};

/// Exports the jobs. The code is that of a failure if any of them failed.
pub(crate) async fn backfill(arguments: &BackfillArguments) -> anyhow::Result<ExitCode> {
    let jobs = jobs(arguments)?;
    let mut report = match &arguments.report {
        Some(path) => Some(Report::open(path, arguments.overwrite)?),
        None => None,
    };
    let all = jobs.len();
    let left = jobs.into_iter().filter(|job| !report.as_ref().is_some_and(|report| report.has(job)));
    let left: Vec<_> = left.collect();
    let mut counts = Counts { skipped: all - left.len(), ..Counts::default() };

    let account = Account::open().await?;
    let function = account.function(&arguments.function);
    let bar = counted(left.len() as u64, "jobs", arguments.quiet)?;
    let invocations = left.into_iter().map(|job| {
        let (function, completion) = (&function, completion(&job, arguments.overwrite));
        async move { (job, function.export(&completion).await) }
    });
    let mut ended = stream::iter(invocations).buffer_unordered(usize::from(arguments.concurrency));
    let mut interrupted = false;
    loop {
        let next = tokio::select! {
            next = ended.next() => next,
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
        if let Err(failed) = &result {
            bar.suspend(|| eprintln!("failed  {job}  {}", text::printable(&failed.text())));
            if failed.for_all {
                break;
            }
        }
    }
    drop(ended);
    bar.finish_and_clear();
    print(format!("{}\n", counts.text(all)).as_bytes())?;
    if interrupted {
        eprintln!("error: interrupted; what was under way goes on in the function, and {}", again(arguments));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if counts.failed > 0 {
        eprintln!("error: not all jobs are done; {}", again(arguments));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn again(arguments: &BackfillArguments) -> &'static str {
    match arguments.report {
        Some(_) => "the same command goes on with what is not done",
        None => "the same command begins again; what is committed already costs one request each",
    }
}

fn completion(job: &JobId, overwrite: bool) -> Completion {
    Completion {
        job_id: job.clone(),
        timestamp: None,
        job_tag: None,
        video: None,
        overwrite,
        replaces: false,
        continuation: 0,
    }
}

/// The jobs of the command line and of the file, each once, in their order.
fn jobs(arguments: &BackfillArguments) -> anyhow::Result<Vec<JobId>> {
    let mut jobs = arguments.jobs.clone();
    if let Some(path) = &arguments.file {
        let (text, name) = read(path)?;
        jobs.extend(parse(&text, &name)?);
    }
    if jobs.is_empty() {
        bail!("there is no job id in the file");
    }
    let mut seen = HashSet::new();
    jobs.retain(|job| seen.insert(job.clone()));
    Ok(jobs)
}

fn read(path: &Path) -> anyhow::Result<(String, String)> {
    if path == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok((text, "standard input".to_owned()));
    }
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("the file {name} cannot be read"))?;
    Ok((text, name))
}

fn parse(text: &str, name: &str) -> anyhow::Result<Vec<JobId>> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let ids = lines.map(|(number, line)| {
        JobId::try_from(line).with_context(|| format!("{name}, line {}: {line:?} is not a job id", number + 1))
    });
    ids.collect()
}

/// How many jobs ended how.
#[derive(Default)]
struct Counts {
    by_outcome: BTreeMap<String, usize>,
    failed: usize,
    /// By the report.
    skipped: usize,
}

impl Counts {
    fn add(&mut self, result: &Result<Done, Failed>) {
        match result {
            Ok(done) => *self.by_outcome.entry(done.text()).or_default() += 1,
            Err(_) => self.failed += 1,
        }
    }

    fn text(&self, all: usize) -> String {
        let mut parts: Vec<_> = self.by_outcome.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let ended = self.by_outcome.values().sum::<usize>() + self.failed + self.skipped;
        let others = [(self.failed, "failed"), (self.skipped, "done before"), (all - ended, "not tried")];
        parts.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
        format!("{all} {}: {}", if all == 1 { "job" } else { "jobs" }, parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_an_id_on_each_line() {
        let ids = parse("# last week\n job-1 \n\r\njob-2\r\n", "jobs.txt").unwrap();
        assert_eq!(ids.iter().map(JobId::as_str).collect::<Vec<_>>(), ["job-1", "job-2"]);
        let error = format!("{:#}", parse("job-1\n../x\n", "jobs.txt").unwrap_err());
        assert!(error.contains("jobs.txt, line 2") && error.contains("../x"), "{error}");
    }

    #[test]
    fn all_jobs_are_accounted_for() {
        let mut counts = Counts { skipped: 1, ..Counts::default() };
        counts.add(&Ok(Done { outcome: "EXPORTED".to_owned(), status: None }));
        counts.add(&Ok(Done { outcome: "EXPORTED".to_owned(), status: Some("FAILED".to_owned()) }));
        counts.add(&Err(Failed::new("JobNotFound", String::new())));
        let expected = "5 jobs: 1 EXPORTED, 1 EXPORTED, failed at Rekognition, 1 failed, 1 done before, 1 not tried";
        assert_eq!(counts.text(5), expected);
    }
}
