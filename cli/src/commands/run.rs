//! `label-lake run`: processes an event on this machine.

use std::io;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use anyhow::{anyhow, bail};
use label_lake::export::Invocation;
use label_lake::handler::process;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::RunArguments;
use crate::error::with_hint;
use crate::local::event::Event;
use crate::local::recording::Recording;
use crate::local::simulated_aws::SimulatedAws;
use crate::local::simulated_jobs::{count_pages, simulated_jobs};
use crate::output::progress::ExportProgress;
use crate::output::stderr::print_error;
use crate::output::stdout::print;
use crate::output::summary::Summary;
use crate::output::summary_text::summary_text;
use crate::own_export;
use crate::shutdown::INTERRUPTED;

/// Processes the event and prints the summary. Returns a failure code if the export of a job failed.
pub(crate) async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let settings = arguments.settings();
    if arguments.event.as_deref().is_some_and(|path| path == "-") && arguments.recorded.iter().any(|path| path == "-") {
        bail!("EVENT and --recorded cannot both be standard input");
    }
    let recording = match &*arguments.recorded {
        [] => None,
        files => Some(Recording::read(files)?),
    };
    let event = match (&arguments.event, &recording) {
        (Some(path), _) => Event::read(path)?,
        (None, Some(recording)) => Event::for_job(recording.job_id(arguments.job_id.as_ref())?, arguments.overwrite),
        (None, None) => Event::sample()?,
    };
    let is_recorded = recording.is_some();
    let jobs = simulated_jobs(arguments, &event, recording, &settings.aggregations)?;
    let pages = count_pages(&jobs, &settings.aggregations);

    if arguments.verbose {
        let log = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
        tracing_subscriber::registry().with(label_lake::config::log_filter()?).with(log).init();
    }
    let aws = SimulatedAws::start(&arguments.out, jobs).await?;
    let exporter = aws.exporter(&settings);
    let progress = &exporter.progress;
    let function_arn = aws.simulator.function_arn();
    let invocation = Invocation { deadline: own_export::deadline()?, function_arn: &function_arn };
    let bar = ExportProgress::start(pages, arguments.quiet || arguments.verbose)?;
    let started = Instant::now();
    let export = process(&exporter, event.json.into(), invocation);
    let Some(report) = own_export::follow(export, progress, bar).await? else {
        let error = anyhow!("interrupted; the job in progress was not committed to {}", arguments.out.display());
        print_error(&with_hint(error, "run the command again to start over"));
        return Ok(ExitCode::from(INTERRUPTED));
    };

    let pages = progress.pages.load(Relaxed);
    let failures = report.errors.iter().map(|error| aws.failure(error)).collect();
    let summary = Summary::read(&arguments.out, &arguments.prefix, &report, failures, pages, started.elapsed())?;
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&summary)?))?;
    } else {
        print(&summary_text(&summary, &arguments.aggregate_by))?;
    }
    for failure in &summary.failures {
        print_error(&failure.error());
    }
    let in_the_way = summary.jobs.iter().find(|job| is_recorded && job.generated);
    if let Some(job) = in_the_way {
        let (job, lake) = (&job.row.job_id, &summary.lake);
        let error = anyhow!("job {job}: not converted: {lake} has a generated sample with this ID");
        return Err(with_hint(error, "choose another directory with --out"));
    }
    Ok(if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
