//! The project's own chores: `cargo xtask codegen`, `sync`, `check-deps`, `circles`, `bench`, `ci`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod bench;
mod check_deps;
mod circles;
mod codegen;
mod mutants;
mod spec;
mod sync;
mod words;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND
  codegen            write everything that is generated from spec/
  codegen --check    write nothing; print what is stale and fail
  sync [--api FILE] [--check]
                     print the drift between spec/upstream and the rest of spec/; with --api write spec/upstream from
                     the official API description first; with --check write nothing and fail on drift that
                     spec/accepted-drift.yaml does not name
  check-deps         check which crate depends on which
  circles            check that the files of no crate import each other in a circle across its folders
  words              check that no file uses a word of tests/words.yaml
  soak --seeds N [--first SEED]
                     play N random schedules of faults and crashes against the submit protocol
  mutants            change the code that handles money in some hundred ways and fail where no test notices; needs
                     cargo-mutants and about an hour; --iterate leaves out what an earlier run has caught
  fuzz --seconds N   run each fuzz target for N seconds; needs nightly and cargo-fuzz, and says so where they are missing
  bench [--date DAY] measure us against the competitors and write the tables of PERFORMANCE.md; needs Python, npm and taskset
  ci                 run what CI runs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Printed here and not by returning it: a backtrace under a one-line sentence is of no use.
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
        ["sync"] => sync::sync(root, None, false),
        ["sync", "--check"] => sync::sync(root, None, true),
        ["sync", "--api", api] => sync::sync(root, Some(Path::new(api)), false),
        ["sync", "--api", api, "--check"] => sync::sync(root, Some(Path::new(api)), true),
        ["check-deps"] => check_deps::check(root),
        ["circles"] => circles::check(root),
        ["words"] => words::check(root),
        ["soak", "--seeds", seeds] => soak(root, seeds, "0"),
        ["soak", "--seeds", seeds, "--first", first] => soak(root, seeds, first),
        ["mutants"] => mutants::run(root, false),
        ["mutants", "--iterate"] => mutants::run(root, true),
        ["fuzz", "--seconds", seconds] => fuzz(root, seconds),
        ["bench"] => bench::run(root, None),
        ["bench", "--date", date] => bench::run(root, Some(date)),
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

/// Runs the targets of fuzz/, a workspace of its own, from the corpus of bad replies on.
fn fuzz(root: &Path, seconds: &str) -> Result<()> {
    let seconds: u32 = seconds.parse().context("--seconds takes a whole number")?;
    let answers = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    for (needed, command) in [
        ("the nightly toolchain (rustup toolchain install nightly)", ["+nightly", "--version"]),
        ("cargo-fuzz (cargo install cargo-fuzz)", ["fuzz", "--version"]),
    ] {
        // The name of the proxy, because the toolchain's own cargo takes no `+nightly`.
        if !answers(Command::new("cargo").args(command).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO")) {
            println!("SKIPPED: fuzzing needs {needed}");
            return Ok(());
        }
    }
    let mut targets: Vec<_> = std::fs::read_dir(root.join("fuzz/fuzz_targets"))
        .context("fuzz/fuzz_targets")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    targets.sort();
    for target in targets.iter().filter_map(|path| path.file_stem()?.to_str()) {
        println!("{target}: {seconds} s");
        let mut run = Command::new("cargo");
        run.args(["+nightly", "fuzz", "run", "--fuzz-dir", "fuzz", target])
            .args([&format!("fuzz/corpus/{target}"), "tests/corpus/replies", "--"])
            .args([&format!("-max_total_time={seconds}"), "-timeout=10"])
            .env_remove("RUSTUP_TOOLCHAIN")
            .current_dir(root);
        std::fs::create_dir_all(root.join("fuzz/corpus").join(target))?;
        run_or_fail(&mut run, "a fuzz target found something; it stands above and lies in fuzz/artifacts")?;
    }
    Ok(())
}

fn run_or_fail(command: &mut Command, failure: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("{failure}");
    }
    Ok(())
}
