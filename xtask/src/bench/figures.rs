//! What has been measured, by area, work, way and unit, and the file that keeps it.

use std::path::Path;

use anyhow::{Context, Result};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::limits::WORKS;

/// What a figure counts, of one repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Processor time in nanoseconds.
    Nanoseconds,
    /// Instructions in user space outside SHA-256's compression function.
    Instructions,
    /// Blocks of SHA-256.
    Compressions,
    Allocations,
    /// Processor time in seconds, of a whole build.
    DebugSeconds,
    ReleaseSeconds,
    Packages,
    Bytes,
    /// Requests a second.
    Rate,
    /// A part of one processor, in percent.
    Percent,
    /// How long after a task's end its wait ends, in sweeps, at the 99th percentile.
    Sweeps,
}

impl Unit {
    /// Whether it is the same at each count, whatever the machine is busy with.
    pub(crate) fn is_counted(self) -> bool {
        matches!(self, Self::Instructions | Self::Compressions | Self::Allocations | Self::Packages | Self::Bytes)
    }

    /// The head of its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "CPU",
            Self::Instructions => "instructions",
            Self::Compressions => "SHA-256 blocks",
            Self::Allocations => "allocations",
            Self::DebugSeconds => "CPU of a debug build",
            Self::ReleaseSeconds => "CPU of a release build",
            Self::Packages => "packages",
            Self::Bytes => "bytes",
            Self::Rate => "requests a second",
            Self::Percent => "of one core",
            Self::Sweeps => "noticed after, in sweeps",
        }
    }

    /// A figure as people read it.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Nanoseconds if value >= 1e6 => format!("{:.1} ms", value / 1e6),
            Self::Nanoseconds if value >= 1e4 => format!("{:.1} us", value / 1e3),
            Self::Nanoseconds => format!("{value:.0} ns"),
            Self::DebugSeconds | Self::ReleaseSeconds => format!("{value:.0} s"),
            Self::Instructions | Self::Bytes => thousands(value),
            Self::Compressions | Self::Allocations | Self::Packages => format!("{value:.0}"),
            Self::Rate | Self::Sweeps => format!("{value:.2}"),
            Self::Percent => format!("{value:.2} %"),
        }
    }
}

/// `1234567` as `1,234,567`.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The figures of one way of doing one work.
pub(crate) type Figures = IndexMap<Unit, f64>;
/// The ways of doing one work.
pub(crate) type Ways = IndexMap<String, Figures>;

/// What one run has measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Area {
    /// The day, as `2026-11-23`.
    pub(crate) date: String,
    /// The kind of machine.
    pub(crate) machine: String,
    pub(crate) works: IndexMap<String, Ways>,
}

impl Area {
    pub(crate) fn put(&mut self, work: &str, way: &str, unit: Unit, value: f64) {
        let ways = self.works.entry(work.to_owned()).or_default();
        ways.entry(way.to_owned()).or_default().insert(unit, value);
    }

    /// Puts the works into the order of the table.
    pub(crate) fn sort(&mut self) {
        self.works.sort_by_cached_key(|name, _| WORKS.iter().position(|work| work.name == name));
    }
}

/// All areas by their names.
pub(crate) type Areas = IndexMap<String, Area>;

/// Reads a file of figures.
pub(crate) fn read<T: serde::de::DeserializeOwned + Default>(path: &Path) -> Result<T> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Writes it.
pub(crate) fn write<T: Serialize>(path: &Path, figures: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(figures)?;
    std::fs::write(path, text + "\n").with_context(|| path.display().to_string())
}
