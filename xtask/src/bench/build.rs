//! What the user's build and start pay: packages, the processor time of clean builds, sizes, and the command's start.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::figures::Unit;
use super::limits::{BARE_REQWEST, OURS};
use crate::run_or_fail;

/// The programs of tests/bench/programs, each of which makes one call in `main`.
const PROGRAMS: [(&str, &str); 5] = [
    ("one-call-ours", OURS),
    ("one-call-reqwest", BARE_REQWEST),
    ("one-call-hyper", "hyper and rustls by hand"),
    ("one-call-tencentcloud", "tencentcloud 0.3.0"),
    ("one-call-tencentcloud-sdk", "tencentcloud-sdk 0.2.1"),
];

/// Takes a figure: of which work, which way, in which unit, and its value.
type Put<'a> = dyn FnMut(&str, &str, Unit, f64) + 'a;

/// Counts the packages of what is ours by the committed lock files, which takes no build.
pub(crate) fn packages_of_ours(root: &Path, put: &mut Put<'_>) -> Result<()> {
    put("one-call program", OURS, Unit::Packages, packages(&root.join("tests/bench"), "one-call-ours")?);
    put("signer alone", OURS, Unit::Packages, packages(root, "vod-aigc-signer")?);
    put("core alone", OURS, Unit::Packages, packages(root, "vod-aigc-core")?);
    put("command", OURS, Unit::Packages, packages(root, "vod-aigc-cli")?);
    Ok(())
}

/// Builds each program from nothing, in both profiles.
pub(crate) fn programs(root: &Path, target: &Path, put: &mut Put<'_>) -> Result<()> {
    let bench = root.join("tests/bench");
    let target = target.join("clean");
    for (program, way) in PROGRAMS {
        put("one-call program", way, Unit::Packages, packages(&bench, program)?);
    }
    for (profile, unit) in [("dev", Unit::DebugSeconds), ("release", Unit::ReleaseSeconds)] {
        for (program, way) in PROGRAMS {
            remove(&target)?;
            let build = format!("{} build --quiet --profile {profile} --package {program}", env!("CARGO"));
            println!("{program}, {profile}");
            put("one-call program", way, unit, processor_seconds(&build, &bench, &target)?);
            if unit == Unit::ReleaseSeconds {
                put("one-call program", way, Unit::Bytes, size(&target.join("release").join(program))?);
            }
        }
    }
    remove(&target)
}

/// Builds the command, and starts it.
pub(crate) fn command(root: &Path, target: &Path, put: &mut Put<'_>) -> Result<()> {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--release", "--package", "vod-aigc-cli", "--target-dir"]).arg(root.join("target"));
    run_or_fail(build.current_dir(root), "the command does not build")?;
    let binary = root.join("target/release/vod-aigc");
    put("command", OURS, Unit::Bytes, size(&binary)?);
    put("start", "ours: vod-aigc models", Unit::Nanoseconds, start(&format!("{} models", binary.display()), target)?);
    let python = target.join("python/bin/python");
    if python.exists() {
        let import = format!("{} -W ignore -c 'import tencentcloud.vod.v20180717.vod_client'", python.display());
        put("start", "Python, importing the official VOD module", Unit::Nanoseconds, start(&import, target)?);
    }
    Ok(())
}

/// How many packages a package is made of, itself included.
fn packages(workspace: &Path, package: &str) -> Result<f64> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--quiet", "--package", package, "--edges", "normal,build", "--prefix", "none"])
        .current_dir(workspace)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo tree of {package} has failed");
    let lines = String::from_utf8(output.stdout)?;
    // Those that have been listed already are marked.
    let packages: HashSet<&str> = lines.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok(packages.len() as f64)
}

/// The processor time of one start, of twenty.
fn start(command: &str, folder: &Path) -> Result<f64> {
    let times = 20;
    let all = format!("for _ in $(seq {times}); do {command} >/dev/null || exit 1; done");
    Ok(processor_seconds(&all, folder, folder)? / f64::from(times) * 1e9)
}

/// The processor time, of user and system, of a command and all that it starts. Bash measures it, because the standard library
/// does not.
fn processor_seconds(command: &str, folder: &Path, target: &Path) -> Result<f64> {
    let output = Command::new("bash")
        .args(["-c", &format!("TIMEFORMAT='%3U %3S'; time {{ {command}; }}")])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        // What a user would set who wants a small program; names of functions are for counting only.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command}: {said}");
    let times = said.lines().last().context("bash says the time")?;
    times.split(' ').map(|time| time.parse::<f64>().with_context(|| times.to_owned())).sum()
}

fn size(file: &Path) -> Result<f64> {
    Ok(std::fs::metadata(file).with_context(|| file.display().to_string())?.len() as f64)
}

fn remove(folder: &PathBuf) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
