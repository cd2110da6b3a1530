//! What valgrind counts of one way: instructions, blocks of SHA-256 and allocations. It has no SHA extensions, so that SHA-256
//! runs in software there; its part is told by name and taken off.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::worker::Worker;

/// The function whose calls are collected.
const MEASURED: &str = "vod_aigc_bench::worker::measured";

/// What one repetition of a way takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// Instructions in user space outside the compression function of SHA-256.
    pub(crate) instructions: f64,
    /// Instructions of that function.
    pub(crate) compression: f64,
    /// Calls of the C library for memory.
    pub(crate) allocations: f64,
}

/// Whether there is a valgrind.
pub(crate) fn is_there() -> bool {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Counts a way of a worker; the profile of many repetitions is left at `profile`.
pub(crate) fn count(program: &Path, server: &str, work: &str, way: &str, profile: &Path) -> Result<Counted> {
    const REPETITIONS: u32 = 257;
    // One repetition alone has all that surrounds the repetitions, and the calls of the program up to there, which are counted
    // although their costs are not.
    let one = Sums::of(&profile_of(program, server, work, way, 1, profile)?);
    let all = Sums::of(&profile_of(program, server, work, way, REPETITIONS, profile)?);
    ensure!(all.instructions > one.instructions, "valgrind has collected nothing: is {MEASURED} gone?");
    let each = |all: u64, one: u64| all.saturating_sub(one) as f64 / f64::from(REPETITIONS - 1);
    Ok(Counted {
        instructions: each(all.instructions, one.instructions),
        compression: each(all.compression, one.compression),
        allocations: each(all.allocations, one.allocations),
    })
}

/// What a profile comes to.
struct Sums {
    instructions: u64,
    compression: u64,
    allocations: u64,
}

impl Sums {
    fn of(functions: &[Function]) -> Self {
        let compression = functions.iter().filter(|it| is_compression(&it.name)).map(|it| it.own).sum();
        let all: u64 = functions.iter().map(|it| it.own).sum();
        let allocations = functions.iter().filter(|it| is_allocation(&it.name)).map(|it| it.calls).sum();
        Self { instructions: all - compression, compression, allocations }
    }
}

/// The profile of so many repetitions.
fn profile_of(
    program: &Path,
    server: &str,
    work: &str,
    way: &str,
    repetitions: u32,
    profile: &Path,
) -> Result<Vec<Function>> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet", &format!("--toggle-collect={MEASURED}")])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .arg(server);
    let mut worker = Worker::start(command)?;
    worker.run(work, way, repetitions).with_context(|| format!("{work}, {way} under valgrind"))?;
    worker.finish()?;
    functions(&std::fs::read_to_string(profile)?)
}

/// A function in a profile.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Instructions of its own.
    pub(crate) own: u64,
    /// With those of what it calls. Where it calls itself, on the way or at once, those count more than once.
    pub(crate) all: u64,
    /// How often others call it.
    calls: u64,
}

/// The blocks of SHA-256 in software, of the crate and of the rivals' C libraries.
fn is_compression(name: &str) -> bool {
    (name.starts_with("sha2::sha256") && name.contains("compress")) || name.contains("sha256_block_data_order")
}

/// What the allocator of Rust calls in the C library.
fn is_allocation(name: &str) -> bool {
    ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"].contains(&name)
}

/// Reads a profile. A name is written once, and after that its number stands for it; a line of costs is `LINE COST`; the
/// one after `calls=` is the whole cost of the calls.
pub(crate) fn functions(profile: &str) -> Result<Vec<Function>> {
    let mut names = HashMap::new();
    let mut functions: HashMap<&str, Function> = HashMap::new();
    let (mut caller, mut callee, mut calls) = ("", "", None);
    for line in profile.lines() {
        if let Some(text) = line.strip_prefix("fn=") {
            caller = name(&mut names, text)?;
        } else if let Some(text) = line.strip_prefix("cfn=") {
            callee = name(&mut names, text)?;
        } else if let Some(text) = line.strip_prefix("calls=") {
            calls = Some(text.split(' ').next().unwrap_or_default().parse::<u64>()?);
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: u64 = line.split(' ').nth(1).context("a line of costs has two columns")?.parse()?;
            let function = functions.entry(caller).or_default();
            function.all += cost;
            match calls.take() {
                // From realloc to malloc, or from a function to itself, is no call of another's.
                Some(calls) if callee != caller && !is_allocation(caller) => {
                    functions.entry(callee).or_default().calls += calls;
                }
                Some(_) => {}
                None => function.own += cost,
            }
        }
    }
    Ok(functions.into_iter().map(|(name, function)| Function { name: name.to_owned(), ..function }).collect())
}

/// `(12) a::b` says what 12 stands for, and is `a::b`; `(12)` is what 12 stands for.
fn name<'a>(names: &mut HashMap<&'a str, &'a str>, text: &'a str) -> Result<&'a str> {
    match text.split_once(' ') {
        Some((number, name)) => {
            // `a::b'2` is `a::b` called by itself.
            let name = name.trim_end_matches(|last: char| last.is_ascii_digit()).strip_suffix('\'').unwrap_or(name);
            names.insert(number, name);
            Ok(name)
        }
        None => names.get(text).copied().with_context(|| format!("{text} has no name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_tells_own_costs_whole_costs_and_calls() {
        let profile = "\
events: Ir
fn=(1) a::run
10 5
+1 3
cfn=(2) malloc
calls=4 0
* 40
cfn=(3) sha2::sha256::soft::compress
calls=1 0
12 100
fn=(2)
0 40
fn=(3)
0 60
cfn=(3)
calls=1 0
0 40
";
        let functions = functions(profile).expect("a profile");
        let of = |name: &str| {
            let function = functions.iter().find(|it| it.name == name).expect(name);
            (function.own, function.all, function.calls)
        };
        assert_eq!(of("a::run"), (8, 148, 0));
        assert_eq!(of("malloc"), (40, 40, 4));
        assert_eq!(of("sha2::sha256::soft::compress"), (60, 100, 1));
    }
}
