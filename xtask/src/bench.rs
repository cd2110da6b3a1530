//! `cargo xtask bench`: measures us against the rivals and the floors, counts what noise cannot blur, and writes
//! PERFORMANCE.md.

mod build;
mod callgrind;
mod figures;
mod limits;
mod others;
mod page;
mod worker;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use indexmap::IndexMap;

use self::callgrind::Counted;
use self::figures::{Area, Areas, Figures, Unit};
use self::limits::{LIMITS, ON_REQWEST, OURS, WORKS};
use self::worker::{Server, Worker, interleaved};

/// What `bench` is asked for.
pub(crate) struct Options<'a> {
    /// Only these areas; all where it is empty.
    pub(crate) only: Vec<&'a str>,
    /// How many rounds are timed.
    pub(crate) rounds: usize,
    /// The day that is written down.
    pub(crate) date: Option<String>,
}

impl<'a> Options<'a> {
    /// Reads the command line; `None` where it makes no sense.
    pub(crate) fn read(arguments: &[&'a str]) -> Option<Self> {
        let mut options = Self { only: Vec::new(), rounds: 31, date: None };
        let (pairs, rest) = arguments.as_chunks::<2>();
        for [name, value] in pairs {
            match *name {
                "--only" => options.only = value.split(',').collect(),
                "--rounds" => options.rounds = value.parse().ok().filter(|rounds| *rounds > 0)?,
                "--date" => options.date = Some((*value).to_owned()),
                _ => return None,
            }
        }
        rest.is_empty().then_some(options)
    }
}

/// Ours and the floors by work: what is committed, and checked.
type Counts = IndexMap<String, IndexMap<String, Figures>>;

/// The ways whose counts are committed: they need none of the rivals.
const GUARDED: [&str; 2] = [OURS, ON_REQWEST];

/// The areas whose works are done by workers.
const WORKERS: [&str; 5] = ["sign", "encode", "decode", "call", "payload"];

const NEEDS_VALGRIND: &str = "counting instructions and allocations needs valgrind (apt-get install valgrind)";

/// How far a count may be from the committed one.
const TOLERANCE: f64 = 0.03;

/// Measures, and writes the figures, the counts and PERFORMANCE.md.
pub(crate) fn run(root: &Path, options: &Options<'_>) -> Result<()> {
    let bench = Bench::new(root)?;
    let known: Vec<&str> = WORKS.iter().map(|work| work.area).collect();
    for area in &options.only {
        ensure!(known.contains(area), "there is no area {area}");
    }
    let date = options.date.clone().map_or_else(today, Ok)?;
    let machine = machine()?;
    let mut areas: Areas = figures::read(&bench.file("figures.json"))?;
    let wanted = |area: &str| options.only.is_empty() || options.only.contains(&area);
    let works: HashSet<&str> = WORKS.iter().filter(|work| wanted(work.area)).map(|work| work.name).collect();

    let mut measured = Areas::new();
    let mut put = |work: &str, way: &str, unit: Unit, value: f64| {
        let area =
            WORKS.iter().find(|it| it.name == work).map(|it| it.area).expect("only works of the table are measured");
        let area = measured.entry(area.to_owned()).or_insert_with(|| Area {
            date: date.clone(),
            machine: machine.clone(),
            ..Area::default()
        });
        area.put(work, way, unit, value);
    };
    if WORKERS.into_iter().any(wanted) {
        bench.build("vod-aigc-bench")?;
        bench.build("vod-aigc-bench-rivals")?;
        let server = bench.server()?;
        let mut workers = bench.workers(&server)?;
        for timed in interleaved(&mut workers, &works, options.rounds)? {
            put(&timed.work.clone(), &timed.way.clone(), Unit::Nanoseconds, timed.median());
        }
        drop(workers);
        for program in ["vod-aigc-bench", "vod-aigc-bench-rivals"] {
            bench.counts(&bench.program(program), &server, &works, &mut put)?;
        }
    }
    if wanted("waiting") {
        bench.build("vod-aigc-bench-waiting")?;
        for what in ["memory", "timers", "flow"] {
            let output =
                Command::new(bench.program("vod-aigc-bench-waiting")).arg(what).stderr(Stdio::inherit()).output()?;
            ensure!(output.status.success(), "waiting {what} has ended with {}", output.status);
            for line in String::from_utf8(output.stdout)?.lines() {
                let [work, way, unit, value] = line.split('\t').collect::<Vec<_>>()[..] else {
                    bail!("WORK, WAY, UNIT and VALUE, not {line:?}");
                };
                put(work, way, serde_json::from_value(unit.into())?, value.parse()?);
            }
        }
    }
    if wanted("build") || wanted("command") {
        build::packages_of_ours(root, &mut put)?;
    }
    if wanted("build") {
        build::programs(root, &bench.target, &mut put)?;
    }
    if wanted("command") {
        build::command(root, &bench.target, &mut put)?;
    }
    measured.retain(|area, _| wanted(area));
    for area in measured.values_mut() {
        area.sort();
    }
    areas.extend(measured);
    areas.sort_by_cached_key(|name, _| known.iter().position(|it| it == name));
    figures::write(&bench.file("figures.json"), &areas)?;
    bench.write_counts(&areas, &works)?;
    let notes = std::fs::read_to_string(bench.file("notes.md")).context("tests/bench/notes.md")?;
    let page = page::page(&notes, &areas)?;
    std::fs::write(root.join("PERFORMANCE.md"), page)?;
    let readme = root.join("README.md");
    std::fs::write(&readme, page::readme(&std::fs::read_to_string(&readme)?, &areas)?)?;
    print!("{}", page::tables(&areas, &options.only));
    Ok(())
}

/// Counts again what needs neither a rival nor the release builds of whole programs, and fails where a count has left its
/// committed figure or a limit. A count that has shrunk fails too, and a limit that is met again: what is not lowered guards
/// nothing.
pub(crate) fn check(root: &Path) -> Result<()> {
    let bench = Bench::new(root)?;
    let mut area = Area::default();
    build::packages_of_ours(root, &mut |work, way, unit, value| area.put(work, way, unit, value))?;
    if callgrind::is_there() {
        bench.build("vod-aigc-bench")?;
        let works = WORKS.iter().map(|work| work.name).collect();
        let program = bench.program("vod-aigc-bench");
        bench.counts(&program, &bench.server()?, &works, &mut |work, way, unit, value| {
            area.put(work, way, unit, value)
        })?;
    } else {
        println!("SKIPPED: {NEEDS_VALGRIND}");
    }
    let committed: Counts = figures::read(&bench.file("counts.json"))?;
    let counts = |unit| unit == Unit::Packages || (unit != Unit::Bytes && callgrind::is_there());
    let mut wrong = moved(&committed, &area, counts);
    let areas = Areas::from_iter([(String::new(), area)]);
    let broken = LIMITS
        .iter()
        .filter_map(|limit| Some((limit, limit.judge(&areas)?)))
        .filter(|(limit, judged)| judged.met == limit.is_missed);
    wrong.extend(broken.map(|(limit, judged)| page::sentence(limit, &judged)));
    if !wrong.is_empty() {
        bail!("counts have left their bounds:\n  {}", wrong.join("\n  "));
    }
    let areas = figures::read(&bench.file("figures.json"))?;
    let readme = std::fs::read_to_string(root.join("README.md"))?;
    ensure!(page::readme(&readme, &areas)? == readme, "the README's lines are not those of PERFORMANCE.md");
    println!("every count stands where it was committed, and below its limit");
    Ok(())
}

/// Says of each committed count in these units by how much it has moved, where that is more than the tolerance.
fn moved(committed: &Counts, now: &Area, counts: impl Fn(Unit) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for (work, ways) in committed {
        for (way, figures) in ways {
            for (unit, &before) in figures.iter().filter(|(unit, _)| counts(**unit)) {
                let Some(&now) = now.works.get(work).and_then(|ways| ways.get(way)?.get(unit)) else {
                    lines.push(format!("{work}, {way}: {} are counted no more", unit.name()));
                    continue;
                };
                if (now - before).abs() > before * TOLERANCE {
                    let next = if now > before {
                        "find out why, or commit the new figure with the reason"
                    } else {
                        "write the better figure down with `cargo xtask bench`"
                    };
                    let (before, now) = (unit.show(before), unit.show(now));
                    lines.push(format!("{work}, {way}: {} from {before} to {now}; {next}", unit.name()));
                }
            }
        }
    }
    lines
}

/// Prints what one poll spends its instructions on.
pub(crate) fn listing(root: &Path) -> Result<()> {
    let bench = Bench::new(root)?;
    bench.build("vod-aigc-bench")?;
    let server = bench.server()?;
    let profile = bench.profile("poll");
    callgrind::count(&bench.program("vod-aigc-bench"), &server.address, "poll", OURS, &profile)?;
    print!("{}", page::listing(&callgrind::functions(&std::fs::read_to_string(profile)?)?));
    Ok(())
}

/// Where everything lies.
struct Bench {
    folder: PathBuf,
    target: PathBuf,
}

impl Bench {
    fn new(root: &Path) -> Result<Self> {
        let folder = root.join("tests/bench");
        let target = folder.join("target");
        std::fs::create_dir_all(&target)?;
        Ok(Self { folder, target })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    fn profile(&self, name: &str) -> PathBuf {
        self.target.join(format!("callgrind.{name}"))
    }

    /// Builds a package by itself, so that no other one's features change what is counted.
    fn build(&self, package: &str) -> Result<()> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--quiet", "--package", package]).current_dir(&self.folder);
        cargo.arg("--target-dir").arg(&self.target);
        crate::run_or_fail(&mut cargo, "tests/bench does not build")
    }

    fn server(&self) -> Result<Server> {
        Server::start(on_one_core(&self.program("server")))
    }

    fn workers(&self, server: &Server) -> Result<Vec<Worker>> {
        let mut workers = Vec::new();
        for program in ["vod-aigc-bench", "vod-aigc-bench-rivals"] {
            let mut command = on_one_core(&self.program(program));
            command.arg(&server.address);
            workers.push(Worker::start(command)?);
        }
        workers.extend(others::workers(&self.folder, &self.target, &server.address)?);
        Ok(workers)
    }

    /// Counts the ways of a program that are counted at all.
    fn counts(
        &self,
        program: &Path,
        server: &Server,
        works: &HashSet<&str>,
        put: &mut dyn FnMut(&str, &str, Unit, f64),
    ) -> Result<()> {
        if !callgrind::is_there() {
            println!("SKIPPED: {NEEDS_VALGRIND}");
            return Ok(());
        }
        let profile = self.profile("count");
        let (work, way, blocks) = ("sign again", "3 bare compressions", 3.0);
        let ours = self.program("vod-aigc-bench");
        let block = callgrind::count(&ours, &server.address, work, way, &profile)?.compression / blocks;
        let mut command = Command::new(program);
        command.arg(&server.address);
        let ways = Worker::start(command)?.ways.clone();
        let counted = |name: &str| works.contains(name) && WORKS.iter().any(|work| work.name == name && work.counted);
        for (work, way) in ways.iter().filter(|(work, _)| counted(work)) {
            let Counted { instructions, compression, allocations } =
                callgrind::count(program, &server.address, work, way, &profile)?;
            // To whole numbers: what is done once in many repetitions, such as a table that grows, is no part of one.
            put(work, way, Unit::Instructions, instructions.round());
            put(work, way, Unit::Compressions, (compression / block).round());
            put(work, way, Unit::Allocations, allocations.round());
        }
        Ok(())
    }

    /// Writes the counts of the areas that were measured.
    fn write_counts(&self, areas: &Areas, works: &HashSet<&str>) -> Result<()> {
        let file = self.file("counts.json");
        let mut counts: Counts = figures::read(&file)?;
        for (work, ways) in areas.values().flat_map(|area| &area.works).filter(|(work, _)| works.contains(&***work)) {
            for (way, figures) in ways.iter().filter(|(way, _)| GUARDED.contains(&&***way)) {
                let mut figures = figures.clone();
                figures.retain(|unit, _| unit.is_counted());
                if !figures.is_empty() {
                    counts.entry(work.clone()).or_default().insert(way.clone(), figures);
                }
            }
        }
        figures::write(&file, &counts)
    }
}

/// A program that shares one core with all others: where a call's two sides lie on two, waking the other one costs either of
/// them next to nothing or more than the call, for as long as the system leaves them there.
fn on_one_core(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(program);
    command
}

/// The kind of this machine, without a name.
fn machine() -> Result<String> {
    let processors = std::thread::available_parallelism()?;
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let sha = if flags.split_whitespace().any(|word| word == "sha_ni") { "with" } else { "without" };
    Ok(format!("{processors} cores, {}, {sha} SHA extensions", std::env::consts::ARCH))
}

fn today() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().context("date; --date says the day")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
