//! The drift that is known and has a reason.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec;

/// The file that holds it.
pub(crate) const FILE: &str = "spec/accepted-drift.yaml";

/// The drift from the official description that is meant, or not ours to fix.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct AcceptedDrift(pub(crate) Vec<Accepted>);

/// One line of drift.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accepted {
    /// The line as `cargo xtask sync` prints it.
    pub(crate) drift: String,
    /// Why it may stay.
    pub(crate) reason: String,
}

impl AcceptedDrift {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let accepted: Self = spec::read(root, FILE)?;
        accepted.judge()?;
        Ok(accepted)
    }

    fn judge(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for Accepted { drift, reason } in &self.0 {
            ensure!(!reason.trim().is_empty(), "{FILE}: {drift}: it needs a reason");
            ensure!(seen.insert(drift), "{FILE}: {drift}: it is there twice");
        }
        Ok(())
    }
}
