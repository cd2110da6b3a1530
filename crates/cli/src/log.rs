//! What is logged, and where to: standard error, without breaking a progress bar.

use std::io;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::failure::Failure;
use crate::progress;

/// How much the command says on standard error.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Verbosity {
    /// Log every step on standard error; twice for every call [env: VOD_AIGC_LOG, for example vod_aigc_client=debug]
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Show no progress and log nothing: standard error has errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

impl Verbosity {
    /// Begins to log. `variable` is what `VOD_AIGC_LOG` holds, which flags overrule.
    pub(crate) fn apply(self, variable: Option<String>) -> Result<(), Failure> {
        progress::set_quiet(self.quiet);
        let filter = self.filter(variable)?;
        // What cannot be logged ends nothing: its own report would panic.
        let layer = tracing_subscriber::fmt::layer().with_writer(Stderr).log_internal_errors(false).with_filter(filter);
        // Only a second call fails, and there is one.
        let _ = tracing_subscriber::registry().with(layer).try_init();
        Ok(())
    }

    fn filter(self, variable: Option<String>) -> Result<Targets, Failure> {
        let level = match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::OFF,
            (false, 1) => LevelFilter::DEBUG,
            (false, 2..) => LevelFilter::TRACE,
            (false, 0) => match variable.filter(|text| !text.trim().is_empty()) {
                Some(text) => {
                    return text.parse().map_err(|error| {
                        Failure::usage(format!("VOD_AIGC_LOG is {text:?}: {error}; nothing was sent"))
                    });
                }
                None => LevelFilter::WARN,
            },
        };
        let crates = ["vod_aigc_client", "vod_aigc_store", "vod_aigc_transport"];
        Ok(Targets::new().with_targets(crates.map(|name| (name, level))))
    }
}

/// Standard error, with every progress bar out of the way while a line is written.
#[derive(Debug, Clone, Copy)]
struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        progress::above_bars(|| io::stderr().write_all(line)).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for Stderr {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn logs(verbosity: Verbosity, variable: Option<&str>, level: Level) -> bool {
        let filter = verbosity.filter(variable.map(str::to_owned)).expect("it can be parsed");
        filter.would_enable("vod_aigc_client::submit", &level)
    }

    #[test]
    fn a_flag_overrules_the_variable_and_a_warning_is_logged_without_either() {
        let of = |verbose, quiet| Verbosity { verbose, quiet };
        for (verbosity, variable, most) in [
            (of(0, false), None, Some(Level::WARN)),
            (of(0, false), Some(""), Some(Level::WARN)),
            (of(0, false), Some("vod_aigc_client=info"), Some(Level::INFO)),
            (of(1, false), Some("error"), Some(Level::DEBUG)),
            (of(2, false), None, Some(Level::TRACE)),
            (of(0, true), Some("trace"), None),
        ] {
            for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                let expected = most.is_some_and(|most| level <= most);
                assert_eq!(logs(verbosity, variable, level), expected, "{verbosity:?} {variable:?} {level}");
            }
        }
        assert!(of(0, false).filter(Some("a=b=c".to_owned())).is_err());
    }
}
