//! The progress on a terminal.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use label_lake::telemetry::Progress;

/// How often the numbers are looked at.
const PERIOD: Duration = Duration::from_millis(100);

const TEMPLATE: &str = "{spinner} [{bar:30}] {pos}/{len} pages, {msg}, {eta} left";
const COUNTED: &str = "{spinner} [{bar:30}] {pos}/{len} {msg}{left}";

/// A line that counts up to `of` things, moved by its owner. Without a terminal there is none.
pub(crate) fn counted(of: u64, things: &'static str, hidden: bool) -> anyhow::Result<ProgressBar> {
    let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    // Before the first is done there is nothing to estimate by.
    let left = |state: &ProgressState, line: &mut dyn fmt::Write| {
        if state.pos() > 0 {
            // Writing to a terminal's line does not fail.
            let _ = write!(line, ", {:#} left", HumanDuration(state.eta()));
        }
    };
    let style = ProgressStyle::with_template(COUNTED)?.with_key("left", left).progress_chars("=> ");
    let bar = ProgressBar::with_draw_target(Some(of), target).with_style(style).with_message(things);
    // Jobs may take minutes, and a line that stands still looks dead.
    bar.enable_steady_tick(PERIOD);
    Ok(bar)
}

/// A line on standard error that shows how far the work is, and goes away with its last owner. Without a terminal there
/// is none.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    begun: Instant,
}

impl ProgressLine {
    /// Begins the line; `pages` is how many there will be.
    pub(crate) fn begin(pages: u64, hidden: bool) -> anyhow::Result<Self> {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template(TEMPLATE)?.progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(pages), target).with_style(style);
        Ok(Self { bar, begun: Instant::now() })
    }

    /// Leaves the line as it is, and goes to the next. After `^C`, which terminals write behind it, it would not be
    /// found any more to be removed.
    pub(crate) fn leave(self) {
        if !self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::hidden());
            eprintln!();
        }
    }

    /// Follows the numbers, until it is dropped.
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
        let rate = HumanCount((labels as f64 / self.begun.elapsed().as_secs_f64()) as u64);
        // A job whose pages turn out not to be grouped by label is fetched twice.
        if self.bar.length().is_some_and(|length| length < pages) {
            self.bar.set_length(pages);
        }
        self.bar.set_message(format!("{rows} rows, {files} files, {rate} labels/s"));
        self.bar.set_position(pages);
        self.bar.tick();
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
