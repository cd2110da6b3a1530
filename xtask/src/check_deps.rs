//! Which crate may depend on which: the only list of the allowed dependencies, and its check.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// A crate, what it needs of ours, and what its examples and tests may use besides.
const ARROWS: [(&str, &[&str], &[&str]); 11] = [
    ("vod-aigc-core", &[], &[]),
    ("vod-aigc-signer", &[], &[]),
    ("vod-aigc-transport", &["vod-aigc-core", "vod-aigc-signer"], &[]),
    ("vod-aigc-store", &["vod-aigc-core"], &[]),
    ("vod-aigc-client", &["vod-aigc-core", "vod-aigc-transport", "vod-aigc-store"], &["vod-aigc-emulator"]),
    ("vod-aigc-emulator", &["vod-aigc-core", "vod-aigc-signer"], &[]),
    ("vod-aigc-testing", &["vod-aigc-client", "vod-aigc-emulator"], &[]),
    ("vod-aigc-cli", &["vod-aigc-client", "vod-aigc-emulator"], &[]),
    ("vod-aigc-studio", &["vod-aigc-client", "vod-aigc-emulator"], &["vod-aigc-testing"]),
    (
        "vod-aigc-tests",
        &[],
        &[
            "vod-aigc-core",
            "vod-aigc-signer",
            "vod-aigc-transport",
            "vod-aigc-store",
            "vod-aigc-client",
            "vod-aigc-emulator",
            "vod-aigc-testing",
            "vod-aigc-cli",
        ],
    ),
    ("xtask", &[], &[]),
];

/// The only crate that may name the HTTP client.
const NAMES_REQWEST: &str = "vod-aigc-transport";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for an ordinary one, else `dev` or `build`.
    kind: Option<String>,
}

/// Fails where a crate depends on one that it may not.
pub(crate) fn check(root: &Path) -> Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    judge(&serde_json::from_slice(&output.stdout).context("cargo metadata")?)?;
    check_sources(&root.join("crates/transport/src"))
}

/// The transport carries the actions of any service, so it may name only what every service has.
const OF_EVERY_SERVICE: &str = "api";

/// Fails where a source of the transport names more of core than its module [`OF_EVERY_SERVICE`].
fn check_sources(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            check_sources(&path)?;
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        ensure!(names_only_the_api(&text), "{} must use vod_aigc_core::{OF_EVERY_SERVICE} only", path.display());
    }
    Ok(())
}

fn names_only_the_api(text: &str) -> bool {
    let mut named = text.split("vod_aigc_core").skip(1);
    named.all(|rest| rest.strip_prefix("::").is_some_and(|rest| rest.starts_with("api::")))
}

fn judge(metadata: &Metadata) -> Result<()> {
    for package in &metadata.packages {
        let Some((_, needs, uses)) = ARROWS.iter().find(|(name, ..)| *name == package.name) else {
            bail!("{} is new: say in xtask/src/check_deps.rs what it may depend on", package.name);
        };
        for Dependency { name, kind } in &package.dependencies {
            let ours = ARROWS.iter().any(|(ours, ..)| ours == name);
            let allowed = needs.contains(&name.as_str()) || (kind.is_some() && uses.contains(&name.as_str()));
            ensure!(
                !ours || allowed,
                "{} must not depend on {name}; the allowed dependencies are in xtask/src/check_deps.rs",
                package.name
            );
            ensure!(
                name != "reqwest" || package.name == NAMES_REQWEST,
                "{} must not depend on reqwest; only {NAMES_REQWEST} does",
                package.name
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depends(name: &str, on: &str, kind: Option<&str>) -> Result<()> {
        judge(&Metadata {
            packages: vec![Package {
                name: name.to_owned(),
                dependencies: vec![Dependency { name: on.to_owned(), kind: kind.map(str::to_owned) }],
            }],
        })
    }

    #[test]
    fn the_workspace_has_only_the_allowed_dependencies() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
        check(root).expect("every dependency is an allowed arrow");
    }

    #[test]
    fn the_transport_names_no_table_of_a_product() {
        assert!(names_only_the_api("use vod_aigc_core::api::{Action, Effect};"));
        for text in ["use vod_aigc_core::Kling;", "use vod_aigc_core::{Action};", "use vod_aigc_core as core;"] {
            assert!(!names_only_the_api(text), "{text}");
        }
    }

    #[test]
    fn an_arrow_that_is_not_listed_is_refused() {
        assert!(depends("vod-aigc-client", "vod-aigc-transport", None).is_ok());
        assert!(depends("vod-aigc-core", "vod-aigc-transport", None).is_err());
        assert!(depends("vod-aigc-client", "vod-aigc-emulator", Some("dev")).is_ok());
        assert!(depends("vod-aigc-client", "vod-aigc-emulator", None).is_err());
        assert!(depends("vod-aigc-client", "vod-aigc-store", None).is_ok());
        assert!(depends("vod-aigc-store", "vod-aigc-client", Some("dev")).is_err());
        assert!(depends("vod-aigc-client", "reqwest", None).is_err());
        assert!(depends("vod-aigc-new", "serde", None).is_err());
    }
}
