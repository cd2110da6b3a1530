//! `cargo xtask bench`: runs the benchmarks of tests/bench, and writes the tables of PERFORMANCE.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::run_or_fail;

/// The official SDKs, from their languages' own registries.
const NODE: &str = "tencentcloud-sdk-nodejs-vod@4.1.287";
const PYTHON: &str = "tencentcloud-sdk-python-vod==3.1.194";
const TCCLI: &str = "tccli==3.1.189.1";

/// The groups of the benchmarks and what one repetition of each is.
const WORKS: [(&str, &str); 4] = [
    ("sign", "A body of 619 bytes to the Authorization header"),
    ("call", "A call on loopback, one at a time"),
    ("64 calls at once", "64 calls on loopback, all in flight"),
    ("64 calls at once over TLS", "64 calls over TLS, all in flight, answered after 50 ms"),
];

const OURS: &str = "ours";
/// How the ways begin that do a part of the work only.
const BARE: &str = "bare ";

/// The works and peers where ours is known to be slower; PERFORMANCE.md says why.
const ACCEPTED: [(&str, &str); 2] =
    [("call", "tencentcloud 0.3.0, its steps"), ("64 calls at once", "tencentcloud 0.3.0, its steps")];

/// Measures, and writes the tables; fails where another way of the whole work is faster than ours, unless that is accepted.
pub(crate) fn run(root: &Path, date: Option<&str>) -> Result<()> {
    let folder = root.join("tests/bench");
    #[expect(clippy::disallowed_methods, reason = "cargo itself is told by this variable where to build")]
    let target = root.join(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("target"), PathBuf::from));
    let (python, modules) = (python(&target.join("python"))?, node(&target.join("node"))?);
    let results = target.join("criterion");
    if results.exists() {
        // Results of ways that are gone.
        fs::remove_dir_all(&results)?;
    }

    let mut build = in_bench("cargo", &folder, &target);
    run_or_fail(build.args(["bench", "--quiet", "--no-run"]), "the benchmarks do not build")?;
    // All on one core: where the two sides of a call lie on two, waking the other one costs next to nothing or more than
    // the call, for as long as the system leaves them there.
    let mut bench = in_bench("taskset", &folder, &target);
    bench.args(["--cpu-list", "0", "cargo", "bench", "--quiet"]).env("CRITERION_HOME", &results);
    bench.env("BENCH_PYTHON", &python).env("BENCH_NODE_MODULES", modules);
    run_or_fail(&mut bench, "a benchmark has failed")?;
    let mut waiting = in_bench("cargo", &folder, &target);
    waiting.args(["run", "--quiet", "--release", "--package", "vod-aigc-bench-waiting"]);
    let waiting = output(&mut waiting)?;
    let user = user(root, &folder, &target, &python)?;

    let date = match date {
        Some(date) => date.to_owned(),
        None => output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?,
    };
    let works = read(&results)?;
    let cores = std::thread::available_parallelism()?;
    let mut text = format!("Measured {} on one of {cores} cores.\n", date.trim());
    let mut faster = String::new();
    for (group, title) in WORKS {
        let ways = works.get(group).with_context(|| format!("{group} was not measured"))?;
        let ours = ways.iter().find(|way| way.name == OURS).context("ours was not measured")?;
        let _ = write!(text, "\n{title}:\n\n| way | median | ratio to ours |\n|---|---:|---:|\n");
        for way in ways {
            let (time, ratio) = (time(way.median.point_estimate), way.ratio(ours));
            let _ = writeln!(text, "| {} | {time} | {ratio:.2} |", way.name);
            if way.is_peer() && !ACCEPTED.contains(&(group, &way.name)) && way.is_faster_than(ours) {
                let _ = write!(faster, "\n  {title}: {} takes {ratio:.2} of ours", way.name);
            }
        }
    }
    let _ = write!(text, "\nWaiting:\n\n| | |\n|---|---:|\n{waiting}");
    text =
        format!("What a person waits for:\n\n| what | ours | limit | official |\n|---|---:|---:|---:|\n{user}\n{text}");
    write_tables(&root.join("PERFORMANCE.md"), &text)?;
    ensure!(faster.is_empty(), "faster than ours:{faster}");
    Ok(())
}

/// What a person waits for: the command as it is released, and a store of a million jobs.
fn user(root: &Path, folder: &Path, target: &Path, python: &Path) -> Result<String> {
    let mut build = in_bench("cargo", root, target);
    build.args(["build", "--quiet", "--release", "--bin", "vod-aigc", "--example", "million"]);
    run_or_fail(
        build.args(["--package", "vod-aigc-cli", "--package", "vod-aigc-store"]),
        "the command does not build",
    )?;
    let store = target.join("million.sqlite3");
    if !store.exists() {
        let mut fill = Command::new(target.join("release/examples/million"));
        run_or_fail(fill.arg("fill").arg(&store).arg("1000000"), "the store cannot be filled")?;
    }
    let mut user = in_bench("cargo", folder, target);
    user.args(["run", "--quiet", "--release", "--package", "vod-aigc-bench-user", "--"]);
    let tccli = python.with_file_name("tccli");
    output(user.arg(target.join("release/vod-aigc")).arg(store).arg(python).arg(tccli))
}

fn in_bench(program: &str, folder: &Path, target: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("CARGO_TARGET_DIR", target);
    command
}

/// The interpreter of an environment that has the SDK.
fn python(folder: &Path) -> Result<PathBuf> {
    let interpreter = folder.join("bin/python");
    let failure = "Python's official SDK cannot be installed";
    run_or_fail(Command::new("python3").args(["-m", "venv"]).arg(folder), failure)?;
    let mut install = Command::new(&interpreter);
    run_or_fail(
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTHON, TCCLI]),
        failure,
    )?;
    Ok(interpreter)
}

/// The folder whose `node_modules` have the SDK.
fn node(folder: &Path) -> Result<PathBuf> {
    let mut install = Command::new("npm");
    install.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
    run_or_fail(install.arg(folder).arg(NODE), "Node's official SDK cannot be installed")?;
    Ok(folder.to_owned())
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?} has ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

struct Measurement {
    name: String,
    median: Estimate,
}

/// In nanoseconds.
#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

impl Measurement {
    fn is_peer(&self) -> bool {
        !self.name.starts_with(OURS) && !self.name.starts_with(BARE)
    }

    fn ratio(&self, ours: &Self) -> f64 {
        self.median.point_estimate / ours.median.point_estimate
    }

    /// Beyond what the confidence intervals of the medians leave open.
    fn is_faster_than(&self, other: &Self) -> bool {
        self.median.confidence_interval.upper_bound < other.median.confidence_interval.lower_bound
    }
}

/// What criterion has written, by group and ordered by time.
fn read(results: &Path) -> Result<BTreeMap<String, Vec<Measurement>>> {
    #[derive(Deserialize)]
    struct Benchmark {
        group_id: String,
        function_id: String,
    }
    #[derive(Deserialize)]
    struct Estimates {
        median: Estimate,
    }

    let mut works: BTreeMap<String, Vec<Measurement>> = BTreeMap::new();
    for group in fs::read_dir(results).with_context(|| results.display().to_string())? {
        for way in fs::read_dir(group?.path())? {
            let folder = way?.path().join("new");
            let Benchmark { group_id, function_id } = json(&folder.join("benchmark.json"))?;
            let Estimates { median } = json(&folder.join("estimates.json"))?;
            works.entry(group_id).or_default().push(Measurement { name: function_id, median });
        }
    }
    for ways in works.values_mut() {
        ways.sort_by(|one, other| one.median.point_estimate.total_cmp(&other.median.point_estimate));
    }
    Ok(works)
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| file.display().to_string())
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..1e4 => format!("{nanoseconds:.0} ns"),
        ..1e6 => format!("{:.1} us", nanoseconds / 1e3),
        _ => format!("{:.2} ms", nanoseconds / 1e6),
    }
}

/// Puts the tables between their markers.
fn write_tables(file: &Path, tables: &str) -> Result<()> {
    const START: &str = "<!-- bench:start -->\n";
    const END: &str = "<!-- bench:end -->";
    let page = fs::read_to_string(file)?;
    let Some((before, after)) =
        page.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)))
    else {
        bail!("{} needs {START:?} and {END:?}", file.display());
    };
    Ok(fs::write(file, format!("{before}{START}{tables}{END}{after}"))?)
}
