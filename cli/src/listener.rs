//! What the function says in its log while it works.
//!
//! Its answer to a queue names only the items that failed, and its error is one text for all jobs. The log has a line
//! for each job, with fields: what became of it, or why it failed.

use std::fmt::{Debug, Write as _};

use label_lake::config;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// What became of a job.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) job: String,
    /// `EXPORTED`, `ALREADY_COMMITTED` or `COMMITTED_BY_ANOTHER`.
    pub(crate) outcome: String,
}

/// Why a job or a message failed.
#[derive(Debug)]
pub(crate) struct Failed {
    /// Absent if the message has no job that can be named.
    pub(crate) job: Option<String>,
    pub(crate) error_type: String,
    pub(crate) error: String,
}

#[derive(Debug)]
enum Said {
    Done(Done),
    Failed(Failed),
    Retries(String),
}

/// Hears the function.
#[derive(Debug)]
pub(crate) struct Listener {
    lines: UnboundedReceiver<Said>,
    done: Vec<Done>,
    failed: Vec<Failed>,
}

impl Listener {
    /// Begins to listen; `verbose` also writes the log to standard error, for people.
    pub(crate) fn begin(verbose: bool) -> anyhow::Result<Self> {
        let (sender, lines) = unbounded_channel();
        let log = if verbose {
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
            Some(lines.with_filter(config::log_filter()?))
        } else {
            None
        };
        let ear = Ear { sender }.with_filter(Targets::new().with_target("label_lake", Level::DEBUG));
        tracing_subscriber::registry().with(ear).with(log).init();
        Ok(Self { lines, done: Vec::new(), failed: Vec::new() })
    }

    /// Waits until the function tries something again, and returns why. It would go on for minutes, as it should when
    /// a service is busy; here the services are in this process, and only the file system fails.
    pub(crate) async fn trouble(&mut self) -> String {
        loop {
            match self.lines.recv().await {
                Some(Said::Retries(error)) => return error,
                Some(said) => self.note(said),
                None => return std::future::pending().await,
            }
        }
    }

    /// What it said of each job, after it has answered.
    pub(crate) fn end(mut self) -> (Vec<Done>, Vec<Failed>) {
        while let Ok(said) = self.lines.try_recv() {
            self.note(said);
        }
        (self.done, self.failed)
    }

    fn note(&mut self, said: Said) {
        match said {
            Said::Done(done) => self.done.push(done),
            Said::Failed(failed) => self.failed.push(failed),
            Said::Retries(_) => {}
        }
    }
}

/// Sends on the lines that say something of a job.
struct Ear {
    sender: UnboundedSender<Said>,
}

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let Line { message, job, outcome, error_type, error } = line;
        let said = match &*message {
            "done" => Said::Done(Done { job, outcome }),
            "not exported" => Said::Failed(Failed { job: Some(job).filter(|job| !job.is_empty()), error_type, error }),
            "trying again after a pause" => Said::Retries(error),
            _ => return,
        };
        // Nobody listens any more when the run was interrupted.
        let _ = self.sender.send(said);
    }
}

/// The fields of a log line that are of use here; empty if absent.
#[derive(Default)]
struct Line {
    message: String,
    job: String,
    outcome: String,
    error_type: String,
    error: String,
}

impl Line {
    fn field(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "message" => Some(&mut self.message),
            "job" => Some(&mut self.job),
            "outcome" => Some(&mut self.outcome),
            "error_type" => Some(&mut self.error_type),
            "error" => Some(&mut self.error),
            _ => None,
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(text) = self.field(field.name()) {
            text.push_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if let Some(text) = self.field(field.name()) {
            // Writing to a String does not fail.
            let _ = write!(text, "{value:?}");
        }
    }
}
