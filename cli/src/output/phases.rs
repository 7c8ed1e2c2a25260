//! The phases of one thing in one line, with the time that each takes.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::progress::{PERIOD, target};
use super::text::video_time;

/// Layout of the line: the finished phases, then the current one.
const LINE: &str = "{spinner} {prefix}{msg} {elapsed}";

/// The phases so far. The line on the terminal is removed when they are dropped.
pub(crate) struct Phases {
    bar: ProgressBar,
    /// Finished phases with their durations.
    finished: String,
    current: &'static str,
    since: Instant,
}

impl Phases {
    /// Starts with the first phase.
    pub(crate) fn start(first: &'static str, hidden: bool) -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template(LINE)?;
        let bar = ProgressBar::with_draw_target(None, target(hidden)).with_style(style).with_message(first);
        bar.enable_steady_tick(PERIOD);
        Ok(Self { bar, finished: String::new(), current: first, since: Instant::now() })
    }

    /// Ends the current phase and begins another.
    pub(crate) fn next(&mut self, phase: &'static str) {
        self.finished = finished(&self.finished, self.current, self.since.elapsed());
        self.current = phase;
        self.since = Instant::now();
        self.bar.reset_elapsed();
        self.bar.set_prefix(self.finished.clone());
        self.bar.set_message(phase);
    }

    /// Prints lines to standard error, above the phases.
    pub(crate) fn notice(&self, lines: &str) {
        self.bar.suspend(|| eprintln!("{lines}"));
    }

    /// Ends the last phase. Returns the line with all phases and the final state.
    pub(crate) fn finish(mut self, state: &'static str) -> String {
        self.next(state);
        format!("{}{state}", self.finished)
    }
}

impl Drop for Phases {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn finished(before: &str, phase: &str, time: Duration) -> String {
    format!("{before}{phase} {} > ", video_time(time.as_millis() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_time_of_each_phase() {
        let waiting = finished("", "waiting", Duration::from_millis(4_900));
        assert_eq!(finished(&waiting, "started", Duration::from_secs(245)), "waiting 0:00:04 > started 0:04:05 > ");
    }
}
