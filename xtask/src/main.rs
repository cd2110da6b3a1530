//! The project's own chores: `cargo xtask codegen [--check]`, `cargo xtask arrows`, `cargo xtask ci`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod arrows;
mod codegen;
mod spec;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND
  codegen            write everything that is generated from spec/
  codegen --check    write nothing; print what is stale and fail
  arrows             check which crate depends on which
  soak --seeds N [--first SEED]
                     play N random schedules of faults and crashes against the submit protocol
  ci                 run what CI runs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Printed here and not by returning it: a backtrace under a one-line sentence helps nobody.
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies inside the workspace")?;
    match arguments {
        ["codegen"] => codegen::write(root),
        ["codegen", "--check"] => codegen::check(root),
        ["arrows"] => arrows::check(root),
        ["soak", "--seeds", seeds] => soak(root, seeds, "0"),
        ["soak", "--seeds", seeds, "--first", first] => soak(root, seeds, first),
        ["ci"] => ci(root),
        _ => bail!("{USAGE}"),
    }
}

fn ci(root: &Path) -> Result<()> {
    run_or_fail(Command::new("bash").arg(root.join(".ci/run")).current_dir(root), "a step of .ci/run failed")
}

fn soak(root: &Path, seeds: &str, first: &str) -> Result<()> {
    let mut test = Command::new(env!("CARGO"));
    test.args(["test", "--release", "--package", "vod-aigc-tests", "--test", "it"])
        .args(["--", "schedules::no_random", "--nocapture"])
        .env("VOD_AIGC_SEEDS", seeds)
        .env("VOD_AIGC_FIRST_SEED", first)
        .current_dir(root);
    run_or_fail(&mut test, "a schedule failed; its seed stands above")
}

fn run_or_fail(command: &mut Command, failure: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("{failure}");
    }
    Ok(())
}
