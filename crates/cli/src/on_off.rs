//! A flag that takes `on` or `off`.

use clap::ValueEnum;
use vod_aigc_client::core::Switch;

/// Whether something is on.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum OnOff {
    On,
    Off,
}

impl From<OnOff> for Switch {
    fn from(whether: OnOff) -> Self {
        Self::from(whether == OnOff::On)
    }
}
