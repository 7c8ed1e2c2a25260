//! The progress on a terminal.

use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use label_lake::telemetry::Progress;

/// How often the numbers are looked at.
const PERIOD: Duration = Duration::from_millis(100);

const WITH_END: &str = "{spinner} [{bar:30}] {pos}/{len} pages, {msg}, {eta} left";
const WITHOUT_END: &str = "{spinner} {pos} pages, {msg}, {elapsed}";

/// A line on standard error that shows how far the work is, and goes away with its last owner. Without a terminal there
/// is none.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    begun: Instant,
}

impl ProgressLine {
    /// Begins the line; `pages` is how many there will be, if that is known.
    pub(crate) fn begin(pages: Option<u64>, hidden: bool) -> anyhow::Result<Self> {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let template = if pages.is_some() { WITH_END } else { WITHOUT_END };
        let style = ProgressStyle::with_template(template)?.progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(pages, target).with_style(style);
        Ok(Self { bar, begun: Instant::now() })
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
