//! `cargo xtask mutants`: which changes of the code that handles money no test notices.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The survivors that change nothing that can be observed.
const ACCEPTED: &str = "tests/mutants.yaml";

/// The code that is mutated, and the tests that run against each mutant.
struct Area {
    name: &'static str,
    files: &'static [&'static str],
    packages: &'static str,
    /// The test targets that are built, as arguments of cargo.
    targets: &'static [&'static str],
    /// The names of the tests that run against each mutant.
    tests: &'static [&'static str],
}

const AREAS: [Area; 3] = [
    Area {
        name: "limits",
        files: &["crates/transport/src/limits.rs"],
        packages: "vod-aigc-transport",
        targets: &["--lib"],
        tests: &["limits"],
    },
    Area {
        name: "client",
        files: &[
            "crates/client/src/submit.rs",
            "crates/client/src/job.rs",
            "crates/client/src/download.rs",
            "crates/client/src/wait.rs",
            "crates/client/src/resume.rs",
        ],
        packages: "vod-aigc-client,vod-aigc-tests",
        targets: &["--lib", "--test", "it"],
        #[rustfmt::skip]
        tests: &[
            "codes", "kinds", "flow::paid", "flow::recovery", "flow::waiting", "flow::download", "flow::bad_input",
            "properties::identity", "properties::job_record", "properties::patience", "submit::",
            "wait::", "poller::", "crowd::a_wait_among_many", "download::", "job::", "resume", "errors::",
        ],
    },
    Area {
        name: "store",
        files: &[
            "crates/store/src/record.rs",
            "crates/store/src/state.rs",
            "crates/store/src/forget.rs",
            "crates/store/src/memory.rs",
            "crates/store/src/sqlite/write.rs",
        ],
        packages: "vod-aigc-store",
        targets: &["--lib", "--test", "it"],
        tests: &[],
    },
];

/// A mutant that no test notices, as cargo-mutants names it, without its line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    mutant: String,
    #[serde(rename = "why")]
    _why: String,
}

/// Runs cargo-mutants over each area, and fails where a survivor is not in the list of accepted ones, or the list names one
/// that does not survive. An iteration leaves out what an earlier run has caught.
pub(crate) fn run(root: &Path, iterate: bool) -> Result<()> {
    let text = fs::read_to_string(root.join(ACCEPTED)).context(ACCEPTED)?;
    let accepted: Vec<Accepted> = serde_yaml::from_str(&text).context(ACCEPTED)?;
    let accepted: BTreeSet<_> = accepted.into_iter().map(|accepted| accepted.mutant).collect();
    let mut missed = BTreeSet::new();
    for area in &AREAS {
        missed.extend(missed_in(root, area, iterate)?);
    }
    let new: Vec<_> = missed.difference(&accepted).map(String::as_str).collect();
    let stale: Vec<_> = accepted.difference(&missed).map(String::as_str).collect();
    println!("{} survivors, {} of them accepted", missed.len(), missed.len() - new.len());
    if !new.is_empty() || !stale.is_empty() {
        bail!(
            "no test notices these:\n{}\n{ACCEPTED} names these, and they do not survive:\n{}",
            new.join("\n"),
            stale.join("\n")
        );
    }
    Ok(())
}

fn missed_in(root: &Path, area: &Area, iterate: bool) -> Result<BTreeSet<String>> {
    let output = root.join("target/mutants-run").join(area.name);
    fs::create_dir_all(&output)?;
    // An area that was not run yet is run whole.
    let iterate = iterate && output.join("mutants.out/caught.txt").exists();
    if iterate {
        count_timeouts_as_caught(&output)?;
    }
    mutate(root, area, &output, iterate)?;
    let missed = fs::read_to_string(output.join("mutants.out/missed.txt")).context("missed.txt")?;
    Ok(missed.lines().map(without_line).collect())
}

/// cargo-mutants would run a mutant that never ends again in each iteration, for as long as it may take.
fn count_timeouts_as_caught(output: &Path) -> Result<()> {
    let [caught, timeouts] = ["caught.txt", "timeout.txt"].map(|name| output.join("mutants.out").join(name));
    let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    fs::write(&caught, read(&caught)? + &read(&timeouts)?).with_context(|| caught.display().to_string())
}

fn mutate(root: &Path, area: &Area, output: &Path, iterate: bool) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["mutants", "--profile", "mutants", "--all-features", "--colors", "never"]);
    command.args(["--baseline", "skip", "--jobs", "2", "--timeout", "60"]).args(iterate.then_some("--iterate"));
    command.args(["--test-package", area.packages, "--output"]).arg(output);
    command.args(area.files.iter().flat_map(|file| ["--file", file]));
    command.args(area.targets.iter().map(|target| format!("--cargo-arg={target}")));
    // Behind the first `--` are arguments of `cargo test`, behind the second those of the tests.
    command.args(["--", "--"]).args(area.tests).current_dir(root);
    let status = command.status().context("cargo-mutants cannot be run: cargo install --locked cargo-mutants")?;
    // 2: some mutants survived; 3: some took too long, which a test notices too.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo mutants failed over {}: {status}", area.name);
    }
    Ok(())
}

/// `file.rs:12:3: replace …` as `file.rs: replace …`.
fn without_line(mutant: &str) -> String {
    let (place, change) = mutant.split_once(": ").unwrap_or((mutant, ""));
    format!("{}: {change}", place.split(':').next().unwrap_or(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_known_without_its_line() {
        assert_eq!(without_line("a/b.rs:12:3: replace f -> X with Y"), "a/b.rs: replace f -> X with Y");
    }

    #[test]
    fn every_area_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
        for file in AREAS.iter().flat_map(|area| area.files) {
            assert!(root.join(file).exists(), "{file}");
        }
    }
}
