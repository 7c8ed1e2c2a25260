//! `label-lake run`: an event, from its file to the lake.

use std::io;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use label_lake::aws::deadline::Deadline;
use label_lake::export::Invocation;
use label_lake::handler::process;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::RunArguments;
use crate::event::Event;
use crate::progress::ProgressLine;
use crate::rehearsal::{pages, rehearse};
use crate::services::Services;
use crate::summary::Summary;
use crate::{print, text};

/// How long a run may take. It hands nothing over: there is no other invocation to go on.
const TIMEOUT: Duration = Duration::from_hours(24 * 7);
/// What shells say of a command that was interrupted: 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// Runs the event, and prints the summary. The code is that of a failure if any of its jobs failed.
pub(crate) async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let settings = arguments.settings()?;
    let event = Event::read(&arguments.event)?;
    let jobs = rehearse(arguments, &event, &settings.aggregations)?;
    let pages = pages(&jobs, &settings.aggregations);

    if arguments.verbose {
        let log = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
        tracing_subscriber::registry().with(label_lake::config::log_filter()?).with(log).init();
    }
    let services = Services::start(&arguments.out, &settings, jobs).await?;
    let progress = &services.exporter.progress;
    let deadline = Deadline::of_invocation(TIMEOUT).context("no time")?;
    let function_arn = services.simulator.function_arn();
    let invocation = Invocation { deadline, function_arn: &function_arn };
    let line = ProgressLine::begin(pages, arguments.quiet || arguments.verbose)?;
    let begun = Instant::now();
    let report = tokio::select! {
        report = process(&services.exporter, event.json.into(), invocation) => report,
        never = line.follow(progress) => match never {},
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            line.leave();
            let lake = arguments.out.display();
            eprintln!("error: interrupted; {lake} has no commit of the job under way, and a second run begins it again");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    drop(line);

    let pages = progress.pages.load(Relaxed);
    let summary = Summary::read(&arguments.out, &arguments.prefix, &report, pages, begun.elapsed())?;
    if arguments.json {
        let mut json = serde_json::to_string_pretty(&summary)?;
        json.push('\n');
        print(json.as_bytes())?;
    } else {
        print(text::write(&summary, &arguments.aggregate_by).as_bytes())?;
    }
    for failure in &summary.failures {
        eprintln!("error: {}", failure.message);
    }
    Ok(if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
