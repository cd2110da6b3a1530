//! Progress for people, on standard error only: a bar on a terminal, plain lines elsewhere.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use vod_aigc_client::{Progress, TaskEvent};

/// Every bar of this process, because they share one terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
/// Whether nothing is shown.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Shows nothing from now on.
pub(crate) fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Writes to the terminal while no bar is drawn.
pub(crate) fn above_bars<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

/// Prints a line on standard error, above every bar. One that cannot be written, because its reader has gone away, ends nothing.
pub(crate) fn say(line: impl Display) {
    let _ = above_bars(|| writeln!(io::stderr(), "{line}"));
}

/// Shows how far a wait and a download are.
pub(crate) struct ProgressDisplay {
    /// None where standard error is no terminal.
    bar: Option<ProgressBar>,
    /// The last line that was printed, so that only changes are.
    last: String,
}

impl ProgressDisplay {
    pub(crate) fn new() -> Self {
        let bar = (std::io::stderr().is_terminal() && !QUIET.load(Ordering::Relaxed)).then(|| {
            let bar = BARS.add(ProgressBar::new(100));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_bar} {percent:>3} % {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, last: String::new() }
    }

    /// One event of a wait.
    pub(crate) fn show(&mut self, task_id: &str, event: &TaskEvent) {
        match event {
            TaskEvent::Progress(progress) => {
                if let (Some(bar), Progress::Processing(Some(percent))) = (&self.bar, progress) {
                    bar.set_position(u64::from(*percent));
                }
                self.line(format!("task {task_id}: {progress}"));
            }
            TaskEvent::PollFailed(error) => self.line(format!("task {task_id}: asking again after: {error}")),
            _ => {}
        }
    }

    /// How much of a file has come or gone.
    pub(crate) fn show_bytes(&mut self, doing: &str, bytes: u64, all: Option<u64>) {
        // Only where the picture can change in place: one line for each piece of a file is of no use.
        if let Some(bar) = &self.bar {
            bar.set_length(all.unwrap_or(bytes).max(1));
            bar.set_position(bytes);
            bar.set_message(doing.to_owned());
        }
    }

    /// A line that stays.
    pub(crate) fn line(&mut self, line: String) {
        if line == self.last {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(line.clone()),
            None if QUIET.load(Ordering::Relaxed) => {}
            None => say(&line),
        }
        self.last = line;
    }

    /// Clears the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        self.finish();
    }
}
