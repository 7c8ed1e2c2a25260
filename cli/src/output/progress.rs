//! Progress bars on standard error, and lines above them. Bars are never shown if it is not a terminal.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, WeakProgressBar};
use label_lake::telemetry::Progress;

use super::text::count;

/// Time between two updates.
pub(super) const PERIOD: Duration = Duration::from_millis(100);

/// Layout of the progress bar of an export. The bar takes what the numbers leave of the terminal's width: at 80 columns at
/// least ten, even for the largest job.
const EXPORT: &str = "{spinner} [{wide_bar}] {pos}/{len} pages, {msg}, {eta} left";
/// Layout of the progress of an export whose number of pages is unknown.
const EXPORT_OF_UNKNOWN_LENGTH: &str = "{spinner} {prefix}: {msg}";
/// Length to which the ID of a job is shortened. Rekognition's IDs have 64 characters, which leave no room for the numbers.
const SHORT_ID: usize = 16;
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

pub(super) fn target(hidden: bool) -> ProgressDrawTarget {
    if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
}

/// Progress bar of an export. Removed from the terminal when it is dropped.
pub(crate) struct ExportProgress {
    bar: ProgressBar,
}

impl ExportProgress {
    /// Starts the progress bar of an export of `pages` pages.
    pub(crate) fn start(pages: u64, hidden: bool) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(EXPORT)?.progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(pages), target(hidden)).with_style(style);
        Ok(Self { bar })
    }

    /// Starts to show the progress of an export whose number of pages is unknown.
    pub(crate) fn start_unknown(job: &str, hidden: bool) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(EXPORT_OF_UNKNOWN_LENGTH)?;
        let bar = ProgressBar::with_draw_target(None, target(hidden)).with_style(style).with_prefix(shortened(job));
        Ok(Self { bar })
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
        let rows = count(progress.rows.load(Relaxed) as usize, "row");
        let files = count(progress.files.load(Relaxed) as usize, "file");
        let Some(length) = self.bar.length() else {
            self.bar.set_message(format!("{}, {rows}, {files}", count(pages as usize, "page")));
            self.bar.tick();
            return;
        };
        // A job is fetched a second time if its pages turn out not to be grouped by label.
        if length < pages {
            self.bar.set_length(pages);
        }
        self.bar.set_message(format!("{rows}, {files}"));
        self.bar.set_position(pages);
        self.bar.tick();
    }
}

/// Returns the beginning of an ID, or all of it if it is short.
fn shortened(id: &str) -> String {
    match id.char_indices().nth(SHORT_ID) {
        Some((end, _)) => format!("{}…", &id[..end]),
        None => id.to_owned(),
    }
}

impl Drop for ExportProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
