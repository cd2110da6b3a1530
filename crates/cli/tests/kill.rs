//! SIGKILL of the command at random moments: whatever it was at, the job is billed once and its video is whole.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod support;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Emulator, Ran, Workplace};

/// How many are killed unless `VOD_AIGC_KILLS` says it.
const KILLS: u64 = 20;
/// So many are killed at every stage that matters.
const EVERY_STAGE: u64 = 200;
/// How many rounds run at a time. Most of a round is waiting.
const WORKERS: usize = 16;
const FILE: &str = "video.mp4";

/// How far killed commands were, and how many of them.
type Stages = BTreeMap<String, usize>;

#[test]
fn a_killed_command_is_billed_once_and_leaves_no_half_file() {
    let wanted = variable("VOD_AIGC_KILLS").unwrap_or(KILLS);
    let seed = variable("VOD_AIGC_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    report(format_args!("VOD_AIGC_SEED={seed} (the moments follow from it; what happens in them does not)"));

    // Each stage takes long enough to be hit: the answer to a create is late, the video drips.
    let emulator = Emulator::play(&json!({
        "timing": { "waiting_seconds": 0.05, "processing_seconds": 0.2 },
        "faults": [
            { "action": "CreateAigcVideoTask", "every": 1, "fault": { "slow_first_byte": { "milliseconds": 300 } } },
            { "action": "Video", "probability": 0.8, "fault": { "slow_drip": { "bytes": 2048, "milliseconds": 10 } } },
        ],
    }));
    let trial = Round::new(&emulator, 0);
    let begun = Instant::now();
    assert_eq!(trial.next_command().status().unwrap().code(), Some(0));
    let whole = begun.elapsed();

    let (kills, rounds) = (AtomicU64::new(0), AtomicU64::new(1));
    let stages = Mutex::new(Stages::new());
    let known = Mutex::new(vec![(trial.name.clone(), trial.complete())]);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while kills.load(Ordering::Relaxed) < wanted {
                    let number = rounds.fetch_add(1, Ordering::Relaxed);
                    let mut dice = Dice(seed ^ number.rotate_left(32));
                    let round = Round::new(&emulator, number);
                    for stage in round.kill(&mut dice, whole) {
                        kills.fetch_add(1, Ordering::Relaxed);
                        *stages.lock().unwrap().entry(stage).or_default() += 1;
                    }
                    let task_id = round.complete();
                    known.lock().unwrap().push((round.name, task_id));
                }
            });
        }
    });

    let (kills, rounds, stages) = (kills.into_inner(), rounds.into_inner(), stages.into_inner().unwrap());
    let text = |entry: &Value, member: &str| entry[member].as_str().unwrap().to_owned();
    let mut billed: Vec<_> =
        emulator.ledger().iter().map(|it| (text(it, "session_context"), text(it, "task_id"))).collect();
    billed.sort();
    let mut known = known.into_inner().unwrap();
    known.sort();
    assert_eq!(billed, known, "each round is billed for the one task that it knows");
    report(format_args!("{kills} kills in {rounds} rounds, 0 billed twice, 0 lost, 0 half files; found as {stages:?}"));
    if kills >= EVERY_STAGE {
        for stage in ["unknown", "accepted", "downloading"] {
            assert!(stages.contains_key(stage), "none was killed while it was {stage:?}: {stages:?}");
        }
    }
}

/// One job, with a working directory and a store of its own.
struct Round<'a> {
    emulator: &'a Emulator,
    place: Workplace,
    name: String,
    keyed: bool,
}

impl<'a> Round<'a> {
    fn new(emulator: &'a Emulator, number: u64) -> Self {
        let place = Workplace::new().to(&emulator.endpoint);
        Self { emulator, place, name: format!("round {number}"), keyed: number.is_multiple_of(2) }
    }

    /// Kills it on the way, perhaps more than once, and says how far it was each time.
    fn kill(&self, dice: &mut Dice, whole: Duration) -> Vec<String> {
        let mut stages = Vec::new();
        loop {
            let after = whole.mul_f64(dice.fraction());
            let mut process = self.next_command().spawn().unwrap();
            thread::sleep(after);
            process.kill().unwrap();
            let killed = process.wait().unwrap().signal() == Some(9);
            let job = self.job();
            self.check_file(&job);
            if killed {
                stages.push(self.stage(&job).to_owned());
            }
            // Some are killed again while they resume.
            if !killed || dice.fraction() < 0.5 {
                break;
            }
        }
        stages
    }

    /// How far the command was when it was killed.
    fn stage<'j>(&self, job: &'j Value) -> &'j str {
        match job["state"].as_str() {
            Some("done") if self.place.names() == [".video.mp4.part"] => "downloading",
            state => state.unwrap_or("nothing"),
        }
    }

    /// Lets it finish, and returns the id of its task.
    fn complete(&self) -> String {
        self.next_command().output().map(Ran::new).unwrap().succeeded();
        let job = self.job();
        assert_eq!(job["state"], "downloaded", "{}: {job}", self.name);
        self.check_file(&job);
        assert_eq!(self.place.names(), [FILE], "{}", self.name);
        job["task_id"].as_str().unwrap().to_owned()
    }

    /// What a person does next: resume what the store holds, or begin.
    fn next_command(&self) -> Command {
        let patience = ["--first-poll", "300ms"];
        if self.job().is_null() {
            let job =
                ["generate", "a panda", "--model", "Kling:2.1", "--output", FILE, "--session-context", &self.name];
            // Without a key, nothing but the store keeps a second request from being another job.
            let key: &[&str] = if self.keyed { &["--key", "k"] } else { &[] };
            return self.place.command(&[job.as_slice(), key, &patience].concat());
        }
        self.place.command(&[["resume"].as_slice(), &patience].concat())
    }

    fn job(&self) -> Value {
        let jobs = self.place.jobs();
        assert!(jobs.len() <= 1, "{}: {jobs:?}", self.name);
        jobs.into_iter().next().unwrap_or_default()
    }

    /// There is no file, or it is the service's to the last byte.
    fn check_file(&self, job: &Value) {
        match std::fs::read(self.place.folder.path().join(FILE)) {
            Ok(found) => {
                let task_id = job["task_id"].as_str().unwrap();
                let exact = self.emulator.bytes("GET", &format!("/files/{task_id}/video.mp4"), "");
                assert!(found == exact, "{}: {} bytes of {}", self.name, found.len(), exact.len());
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{}: {error}", self.name),
        }
    }
}

/// Random numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    /// From 0 to 1 (splitmix64).
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[expect(clippy::disallowed_methods, reason = "a variable sets how long the test runs")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Says what was counted, also where the test passes: straight to standard error, which the harness does not keep back.
fn report(counted: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{counted}");
}
