//! A paid request is never billed twice and never lost: schedules of faults and crashes, played on a virtual clock.
//!
//! The service is the emulator in process, so each schedule is the same every time. A process dies by never going on from
//! some step: a send, the arrival of a reply, a wait, or a write of the journal, before or after it.

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use vod_aigc_client::JobState;
use vod_aigc_emulator::{Behaviour, Burn, DuplicateCode, Fate, Fault, FaultRule, StatusBody, Target, When};
use vod_aigc_transport::Random as _;
use vod_aigc_transport::testing::SeededRandom;

use crate::support::report;
use world::{End, World};

/// What a set of schedules has come to.
#[derive(Default, Debug)]
struct Tally {
    schedules: u64,
    lives: u64,
    found: u64,
    refused: u64,
    held: u64,
    billed_twice: Vec<String>,
    lost: Vec<String>,
}

impl Tally {
    fn count(&mut self, name: impl Fn() -> String, end: &End) {
        self.schedules += 1;
        self.lives += end.lives;
        if end.billed > 1 {
            self.billed_twice.push(name());
        }
        match &end.state {
            Some(state) if state.task_id().is_some() => {
                self.found += 1;
                // A job that has a task has the one that is billed for it.
                if !end.ledger.iter().any(|task_id| state.task_id() == Some(task_id)) {
                    self.lost.push(name());
                }
            }
            // Held jobs are a state of their own: the person has been told, and `resume` goes on with them.
            Some(JobState::Held { .. }) => self.held += 1,
            _ if end.billed > 0 => self.lost.push(name()),
            _ => self.refused += 1,
        }
    }

    fn add(mut self, other: Self) -> Self {
        self.schedules += other.schedules;
        self.lives += other.lives;
        self.found += other.found;
        self.refused += other.refused;
        self.held += other.held;
        self.billed_twice.extend(other.billed_twice);
        self.lost.extend(other.lost);
        self
    }

    #[track_caller]
    fn judge(self, what: &str) {
        let Self { schedules, lives, found, refused, held, billed_twice, lost } = self;
        report(format_args!(
            "{what}: {schedules} schedules in {lives} lives: {found} tasks found, {refused} started nothing, {held} held, \
             {} billed twice, {} lost",
            billed_twice.len(),
            lost.len()
        ));
        let first = |names: &[String]| names.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
        assert!(billed_twice.is_empty(), "billed more than once:\n{}", first(&billed_twice));
        assert!(lost.is_empty(), "paid and lost:\n{}", first(&lost));
        assert!(found > schedules / 4, "most schedules end with a task");
    }
}

/// Every fault that can befall a create or the look for its task, by name.
fn faults() -> BTreeMap<String, Vec<FaultRule>> {
    let mut faults = BTreeMap::from([("none".to_owned(), Vec::new())]);
    let fates = [("taken", Fate::Taken), ("dropped", Fate::Dropped)];
    let mut on_create: Vec<(String, Fault)> = vec![
        ("refused".to_owned(), Fault::Refused),
        ("reset-before".to_owned(), Fault::ResetBefore),
        ("reset-in-request".to_owned(), Fault::ResetInRequest),
        ("gzip".to_owned(), Fault::Gzip),
        ("bad-gzip".to_owned(), Fault::BadGzip),
        ("huge".to_owned(), Fault::Huge { bytes: 11 << 20 }),
        ("deep".to_owned(), Fault::Deep { levels: 500 }),
        ("wrong-types".to_owned(), Fault::WrongTypes),
        ("null-members".to_owned(), Fault::NullMembers),
        ("missing-members".to_owned(), Fault::MissingMembers),
        ("duplicate-keys".to_owned(), Fault::DuplicateKeys),
        ("delayed-30".to_owned(), Fault::DelayedAcceptance { seconds: 30 }),
        ("delayed-290".to_owned(), Fault::DelayedAcceptance { seconds: 290 }),
        ("date-ahead".to_owned(), Fault::Date { offset_seconds: 40_000 }),
        ("no-date".to_owned(), Fault::NoDate),
    ];
    for (fate, request) in fates {
        on_create.push((format!("reset-{fate}"), Fault::Reset { request }));
        on_create.push((format!("hang-{fate}"), Fault::Hang { request, milliseconds: None }));
        on_create.push((format!("truncate-{fate}"), Fault::Truncate { request, bytes: 20 }));
        for status in [408, 429, 500, 502, 504] {
            let fault = Fault::Status { request, status, body: StatusBody::Html, retry_after: None };
            on_create.push((format!("http-{status}-{fate}"), fault));
        }
        for code in ["InternalError", "FailedOperation", "Brand.New"] {
            on_create.push((format!("{code}-{fate}"), Fault::Error { request, code: code.to_owned() }));
        }
    }
    // Codes that say that nothing was started are only sent where nothing was.
    for code in ["RequestLimitExceeded", "LimitExceeded.Quota", "InvalidParameterValue", "ResourceInsufficient"] {
        on_create.push((code.to_owned(), Fault::Error { request: Fate::Dropped, code: code.to_owned() }));
    }
    for (name, fault) in on_create {
        let on = |nth| FaultRule::new(Target::CreateAigcVideoTask, When::Nth(nth), fault.clone());
        faults.insert(format!("{name} first"), vec![on(1)]);
        if matches!(fault, Fault::Refused | Fault::Reset { .. } | Fault::Hang { .. } | Fault::DelayedAcceptance { .. })
        {
            faults.insert(format!("{name} twice"), vec![on(1), on(2)]);
        }
    }
    // The look goes wrong after the reply was lost.
    let lost = FaultRule::new(Target::CreateAigcVideoTask, When::Nth(1), Fault::Reset { request: Fate::Taken });
    for (name, fault) in [
        ("look-reset", Fault::Reset { request: Fate::Taken }),
        ("look-stale", Fault::StaleList { seconds: 3600 }),
        ("look-circle", Fault::RepeatedScrollToken),
        ("look-error", Fault::Error { request: Fate::Taken, code: "InternalError".to_owned() }),
    ] {
        let on_list = FaultRule::new(Target::DescribeTasks, When::Nth(1), fault);
        faults.insert(name.to_owned(), vec![lost.clone(), on_list]);
    }
    faults
}

fn behaviours() -> Vec<(String, Behaviour)> {
    let mut behaviours = Vec::new();
    for burn in [Burn::Accept, Burn::Request] {
        for lag in [0, 60, 3600] {
            for list_shows_aigc in [true, false] {
                let duplicate_code = DuplicateCode::ALL[behaviours.len() % DuplicateCode::ALL.len()];
                let list_lag = Duration::from_secs(lag);
                let behaviour = Behaviour { burn, list_lag, list_shows_aigc, duplicate_code, ..Behaviour::default() };
                behaviours.push((format!("{burn:?}, lag {lag}, listed {list_shows_aigc}"), behaviour));
            }
        }
    }
    behaviours
}

/// Plays something for every fault, on all processors.
fn for_every_fault(play: impl Fn(&str, &[FaultRule], &mut Tally) + Sync) -> Tally {
    let faults: Vec<_> = faults().into_iter().collect();
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get());
    let tallies = std::thread::scope(|scope| {
        let play_some = |first: usize| {
            let mut tally = Tally::default();
            for (fault, rules) in faults.iter().skip(first).step_by(threads) {
                play(fault, rules, &mut tally);
            }
            tally
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || play_some(first))).collect();
        running.into_iter().map(|it| it.join().expect("no schedule panics")).collect::<Vec<_>>()
    });
    tallies.into_iter().fold(Tally::default(), Tally::add)
}

#[test]
fn no_crash_at_any_step_under_any_fault_bills_twice_or_loses_a_paid_task() {
    let tally = for_every_fault(|fault, rules, tally| {
        for (behaviour, settings) in behaviours() {
            let world = |crash| World::new(settings.clone(), rules, crash, 1);
            let name = |crash: &str| format!("{fault}; {behaviour}; crash {crash}");
            let end = world(None).play(true, false);
            let steps = end.steps_of_first_life;
            tally.count(|| name("none"), &end);
            for step in 0..steps {
                let end = world(Some(step)).play(true, false);
                tally.count(|| name(&step.to_string()), &end);
            }
        }
    });
    assert!(tally.schedules >= 5_000, "{} schedules", tally.schedules);
    tally.judge("crash at every step");
}

#[test]
fn no_crash_at_any_step_bills_a_job_without_a_key_twice() {
    let tally = for_every_fault(|fault, rules, tally| {
        for (behaviour, settings) in behaviours().into_iter().step_by(5) {
            let world = |crash| World::new(settings.clone(), rules, crash, 1);
            for step in 0..world(None).play(false, false).steps_of_first_life {
                let end = world(Some(step)).play(false, false);
                tally.count(|| format!("{fault}; {behaviour}; no key; crash {step}"), &end);
            }
        }
    });
    tally.judge("without a key");
}

#[test]
fn no_lost_journal_bills_a_job_with_a_key_twice() {
    let tally = for_every_fault(|fault, rules, tally| {
        for (behaviour, settings) in behaviours().into_iter().step_by(5) {
            let world = |crash| World::new(settings.clone(), rules, crash, 1);
            for step in 0..world(None).play(true, false).steps_of_first_life {
                let end = world(Some(step)).play(true, true);
                tally.count(|| format!("{fault}; {behaviour}; journal lost at crash {step}"), &end);
            }
        }
    });
    tally.judge("journal lost");
}

#[test]
fn a_job_whose_journal_was_lost_is_found_the_next_day() {
    let (_, settings) = behaviours().swap_remove(0);
    let world = |crash| World::new(settings.clone(), &[], crash, 1);
    let last = world(None).play(true, false).steps_of_first_life - 1;
    let end = world(Some(last)).play(true, true);
    assert_eq!((end.lives, end.billed), (2, 1));
    assert_eq!(end.state.as_ref().and_then(JobState::task_id), Some(end.ledger[0].as_str()));
}

#[test]
fn a_wrong_clock_of_the_client_changes_nothing() {
    let tally = for_every_fault(|fault, rules, tally| {
        let (_, settings) = behaviours().swap_remove(0);
        for ahead in [-36_000, -240, 240, 36_000] {
            let world = |crash| World::new(settings.clone(), rules, crash, 1).with_clock_ahead(ahead);
            let end = world(None).play(true, false);
            // Whoever has one clock finds in the end what whoever has another does.
            let right = World::new(settings.clone(), rules, None, 1).play(true, false);
            assert_eq!(
                end.state.as_ref().map(|state| state.task_id().is_some()),
                right.state.as_ref().map(|state| state.task_id().is_some()),
                "{fault}; {ahead} s ahead"
            );
            for step in 0..end.steps_of_first_life {
                let end = world(Some(step)).play(true, false);
                tally.count(|| format!("{fault}; {ahead} s ahead; crash {step}"), &end);
            }
        }
    });
    tally.judge("wrong clock");
}

#[test]
fn two_hosts_with_one_key_get_one_task() {
    let tally = for_every_fault(|fault, rules, tally| {
        for (behaviour, settings) in behaviours() {
            let end = World::new(settings.clone(), rules, None, 1).play_on_two_hosts();
            tally.count(|| format!("{fault}; {behaviour}; two hosts"), &end);
        }
    });
    tally.judge("two hosts");
}

/// How many seeds are played, from which on: `cargo xtask soak` sets both.
#[expect(clippy::disallowed_methods, reason = "a test is told its size by whoever runs it")]
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("VOD_AIGC_FIRST_SEED").unwrap_or(0);
    first..first + number("VOD_AIGC_SEEDS").unwrap_or(20_000)
}

#[test]
fn no_random_schedule_bills_twice_or_loses_a_paid_task() {
    let seeds = seeds();
    let middle = seeds.start + (seeds.end - seeds.start) / 2;
    let tallies = std::thread::scope(|scope| {
        let halves = [seeds.start..middle, middle..seeds.end].map(|seeds| scope.spawn(move || play_seeds(seeds)));
        halves.map(|half| half.join().expect("no schedule panics"))
    });
    tallies.into_iter().fold(Tally::default(), Tally::add).judge("random");
}

fn play_seeds(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let random = SeededRandom::new(seed);
        let below = |bound: u64| random.next_u64() % bound;
        let behaviours = behaviours();
        let (_, settings) = &behaviours[below(behaviours.len() as u64) as usize];
        let all: Vec<_> = faults().into_values().collect();
        let mut rules = all[below(all.len() as u64) as usize].clone();
        if below(2) == 0 {
            // The same fault twice on one reply would undo itself, and a forged TaskId is beyond what a client can tell.
            let others = &all[below(all.len() as u64) as usize];
            rules.extend(others.iter().filter(|rule| !rules.contains(rule)).cloned().collect::<Vec<_>>());
        }
        let lost = Fault::Reset { request: if below(2) == 0 { Fate::Taken } else { Fate::Dropped } };
        rules.push(FaultRule::any(When::Probability(0.1), lost));
        let crash = (below(3) > 0).then(|| below(24));
        let world = World::new(settings.clone(), &rules, crash, seed);
        let end = match below(4) {
            0 => world.play_on_two_hosts(),
            1 => world.play(true, true),
            2 => world.play(true, false),
            _ => world.play(false, false),
        };
        tally.count(|| format!("VOD_AIGC_FIRST_SEED={seed} VOD_AIGC_SEEDS=1"), &end);
    }
    tally
}
