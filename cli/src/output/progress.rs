//! Progress bars on standard error, and lines above them. Bars are never shown if it is not a terminal.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, WeakProgressBar,
};
use label_lake::telemetry::Progress;

/// Time between two updates.
const PERIOD: Duration = Duration::from_millis(100);

/// Layout of the progress bar of an export.
const EXPORT: &str = "{spinner} [{bar:30}] {pos}/{len} pages, {msg}, {eta} left";
/// Layout of the progress of an export whose number of pages is unknown.
const EXPORT_OF_UNKNOWN_LENGTH: &str = "{spinner} {prefix}: {pos} pages, {msg}";
/// Layout of a progress bar that counts things.
const COUNTER: &str = "{spinner} [{bar:30}] {pos}/{len} {msg}{left}";

/// The counter on the terminal. A command has at most one.
static COUNTER_BAR: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// Prints a line to standard error, above the counter if one is shown.
pub(crate) fn notice(line: &str) {
    let counter = COUNTER_BAR.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match counter.and_then(|counter| counter.upgrade()) {
        Some(bar) => bar.suspend(|| eprintln!("{line}")),
        None => eprintln!("{line}"),
    }
}

/// Returns a progress bar that counts `total` things. The caller advances it.
pub(crate) fn counter(total: u64, things: &'static str, hidden: bool) -> anyhow::Result<ProgressBar> {
    // The remaining time is unknown until the first thing is done.
    let left = |state: &ProgressState, line: &mut dyn fmt::Write| {
        if state.pos() > 0 {
            // Writing to this buffer does not fail.
            let _ = write!(line, ", {:#} left", HumanDuration(state.eta()));
        }
    };
    let style = ProgressStyle::with_template(COUNTER)?.with_key("left", left).progress_chars("=> ");
    let bar = ProgressBar::with_draw_target(Some(total), target(hidden)).with_style(style).with_message(things);
    // A job may take minutes, and a bar that does not move looks dead.
    bar.enable_steady_tick(PERIOD);
    *COUNTER_BAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.downgrade());
    Ok(bar)
}

fn target(hidden: bool) -> ProgressDrawTarget {
    if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
}

/// Progress bar of an export. Removed from the terminal when it is dropped.
pub(crate) struct ExportProgress {
    bar: ProgressBar,
    started: Instant,
}

impl ExportProgress {
    /// Starts the progress bar of an export of `pages` pages.
    pub(crate) fn start(pages: u64, hidden: bool) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(EXPORT)?.progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(pages), target(hidden)).with_style(style);
        Ok(Self { bar, started: Instant::now() })
    }

    /// Starts to show the progress of an export whose number of pages is unknown.
    pub(crate) fn start_unknown(job: &str, hidden: bool) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(EXPORT_OF_UNKNOWN_LENGTH)?;
        let bar = ProgressBar::with_draw_target(None, target(hidden)).with_style(style).with_prefix(job.to_owned());
        Ok(Self { bar, started: Instant::now() })
    }

    /// Keeps the progress bar on the terminal, and starts a new line.
    ///
    /// For Ctrl-C: the terminal prints `^C` behind the bar, which then cannot be removed cleanly.
    pub(crate) fn keep(self) {
        if !self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::hidden());
            eprintln!();
        }
    }

    /// Updates the progress bar until the future is dropped.
    pub(crate) async fn follow(&self, progress: &Progress) -> Infallible {
        let mut ticks = tokio::time::interval(PERIOD);
        loop {
            ticks.tick().await;
            self.show(progress);
        }
    }

    fn show(&self, progress: &Progress) {
        let pages = progress.pages.load(Relaxed);
        let labels = progress.labels.load(Relaxed);
        let rows = HumanCount(progress.rows.load(Relaxed));
        let files = HumanCount(progress.files.load(Relaxed));
        let rate = HumanCount((labels as f64 / self.started.elapsed().as_secs_f64()) as u64);
        // A job is fetched a second time if its pages turn out not to be grouped by label.
        if self.bar.length().is_some_and(|length| length < pages) {
            self.bar.set_length(pages);
        }
        self.bar.set_message(format!("{rows} rows, {files} files, {rate} labels/s"));
        self.bar.set_position(pages);
        self.bar.tick();
    }
}

impl Drop for ExportProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
