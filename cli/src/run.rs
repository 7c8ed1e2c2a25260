//! `label-lake run`: an event, from its file to the lake.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use label_lake::handler::{Event as Payload, handle};
use lambda_runtime::{Context, LambdaEvent};

use crate::args::RunArguments;
use crate::event::Event;
use crate::listener::Listener;
use crate::progress::ProgressLine;
use crate::rehearsal::rehearse;
use crate::services::Services;
use crate::summary::Summary;
use crate::{print, text};

/// How long an invocation may take: as long as Lambda lets it at most.
const TIMEOUT: Duration = Duration::from_mins(15);
/// What shells say of a command that was interrupted: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// Runs the event, and prints the summary. The code is that of a failure if any of its jobs failed.
pub(crate) async fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let settings = arguments.settings()?;
    let event = Event::read(&arguments.event)?;
    let jobs = rehearse(arguments, &event, &settings.aggregations)?;
    let pages = jobs.iter().map(|job| job.pages).sum();
    let lake = arguments.out.display();

    let mut listener = Listener::begin(arguments.verbose)?;
    let services = Services::start(&arguments.out, &settings, jobs).await?;
    let progress = &services.exporter.progress;
    let line = ProgressLine::begin(pages, arguments.quiet || arguments.verbose)?;
    let begun = Instant::now();
    tokio::select! {
        // What it answers is in its log, job by job.
        _ = handle(&services.exporter, invocation(&event)) => {}
        error = listener.trouble() => bail!(
            "the lake {lake} cannot be written: {}; without a commit nothing is lost: mend that and run again, or \
             choose another directory with --out",
            cause(&error)
        ),
        never = line.follow(progress) => match never {},
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            drop(line);
            eprintln!("error: interrupted; {lake} has no commit of the job under way, and a second run begins it again");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    }
    drop(line);

    let pages = progress.pages.load(Relaxed);
    let said = listener.end();
    let summary = Summary::read(&arguments.out, &arguments.prefix, &event.completions, said, pages, begun.elapsed())?;
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

/// What the store says. The SDK's error prints the reply of S3 for developers, with the message as a literal in it.
fn cause(error: &str) -> String {
    let message = error.rsplit_once("message: \"").and_then(|(_, message)| message.strip_suffix("\" }"));
    message.map_or_else(|| error.to_owned(), |message| message.replace("\\\"", "\""))
}

/// The event as the runtime hands it to the handler.
fn invocation(event: &Event) -> LambdaEvent<Payload> {
    let deadline = SystemTime::now() + TIMEOUT;
    let mut context = Context::default();
    context.deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    LambdaEvent::new(Payload::from(event.json.clone()), context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_what_the_store_says() {
        let error = r#"job j: s3:PutObject failed: InternalError: Error { code: "InternalError", message: "key \"a\" is bad" }"#;
        assert_eq!(cause(error), r#"key "a" is bad"#);
        assert_eq!(cause("no connection"), "no connection");
    }
}
