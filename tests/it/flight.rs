//! Thousands of tasks in flight at once, on a virtual clock that goes on whenever no task can do anything but wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use vod_aigc_client::{Client, Job, MemoryStore};
use vod_aigc_emulator::{Behaviour, Emulator, Fault, FaultRule, RequestEffect, Target, Timing, When};
use vod_aigc_transport::testing::SeededRandom;
use vod_aigc_transport::{Clock as _, RateLimiter, Rates};

use crate::simulation::Simulation;
use crate::support::*;

/// Longer than it takes to submit all of them at [`RATE`], so that all run at the same time.
const TIMING: Timing = Timing { waiting: Duration::from_secs(60), processing: Duration::from_secs(540) };
const SECOND: Duration = Duration::from_secs(1);
/// The documented limits, in calls a second.
const CREATES: usize = 20;
const READS: usize = 100;
/// The rate of creates: the highest that keeps within their limit, as a second may hold a tenth and one more.
const RATE: u32 = 18;

/// The most of some times, which are in order, that lie within any one second.
fn most_in_a_second(times: &[SystemTime]) -> usize {
    let within = |(first, time): (usize, &SystemTime)| times[first..].partition_point(|it| *it < *time + SECOND);
    times.iter().enumerate().map(within).max().unwrap_or_default()
}

/// The resident memory of this process in bytes, on systems that report it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// As many as `VOD_AIGC_TASKS` says, 10,000 in CI; 1,000 elsewhere.
#[test]
fn thousands_of_tasks_in_flight_stay_within_the_documented_rates_and_all_end() {
    let tasks = size("VOD_AIGC_TASKS").unwrap_or(1_000) as usize;
    let lost = Fault::Reset { request: RequestEffect::Applied };
    let behaviour = Behaviour {
        creates_a_second: Some(CREATES as u32),
        reads_a_second: Some(READS as u32),
        ..Behaviour::default()
    };
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
    let emulator = Emulator::builder()
        .clock(vod_aigc_emulator::Clock::manual(start))
        .credential(credential())
        .behaviour(behaviour)
        .timing(TIMING)
        // The reply of one create in five hundred is lost, and its task is looked for among all.
        .fault(FaultRule::new(Target::CreateAigcVideoTask, When::Every(500), lost))
        .in_process();
    let simulation = Simulation::new(emulator.clone());
    let http = simulation.clone();
    let rates = Rates { write: RATE, ..Rates::default() };
    let client = Client::builder(credential(), SUB_APP)
        .endpoint(emulator.endpoint().parse().unwrap())
        .clock(simulation.clone())
        .random(Arc::new(SeededRandom::new(7)))
        .store(Arc::new(MemoryStore::new()))
        // Creates use all that is documented, reads the default.
        .transport(|transport| transport.http(http).rate_limiter(RateLimiter::new(rates)))
        .build();

    let before = resident();
    let most_resident = Mutex::new(before);
    let ended = simulation.run((0..tasks).map(|number| {
        let (client, simulation, most_resident) = (&client, &simulation, &most_resident);
        async move {
            let task = client.submit(Job::new(panda()).key(format!("job-{number}"))).await.unwrap();
            let waited = task.wait().await;
            let at = simulation.now();
            if number % 100 == 0 {
                let mut most = most_resident.lock().unwrap();
                *most = (*most).max(resident());
            }
            (waited.unwrap().task().clone(), at)
        }
    }));

    let ledger: HashMap<_, _> = emulator.ledger().into_iter().map(|entry| (entry.task_id, entry.time)).collect();
    assert_eq!((ended.len(), ledger.len()), (tasks, tasks));
    let mut delays: Vec<_> = ended
        .iter()
        .map(|(task, at)| at.duration_since(ledger[&task.task_id] + TIMING.waiting + TIMING.processing).unwrap())
        .collect();
    delays.sort();
    for (task, _) in &ended {
        let submitted = SystemTime::UNIX_EPOCH + Duration::from_secs(task.submitted_at.unwrap());
        let late = ledger[&task.task_id].duration_since(submitted).unwrap();
        assert!(late < 2 * SECOND, "it is known when it was sent, however long it had to wait for its turn: {late:?}");
    }
    let first_end = *ledger.values().min().unwrap() + TIMING.waiting + TIMING.processing;
    assert!(ledger.values().all(|accepted| *accepted < first_end), "all run at the same time");

    assert_eq!(emulator.bill().calls_refused, 0);
    for (action, times) in simulation.sent() {
        let (most, limit) = (most_in_a_second(&times), if action.starts_with("Create") { CREATES } else { READS });
        report(format_args!("{action}: {} calls, at most {most} in any second", times.len()));
        assert!(most <= limit, "{action}: {most} in a second, {limit} are allowed");
        if action.starts_with("Create") {
            assert_eq!(times.len(), tasks, "what was lost was found, not sent again");
        }
    }
    let [p50, p99] = [50, 99].map(|percent| delays[delays.len() * percent / 100].as_secs_f64());
    report(format_args!("{tasks} tasks, known to have ended {p50:.1} s (p50) and {p99:.1} s (p99) after they had"));
    if let (Some(before), Some(most)) = (before, most_resident.into_inner().unwrap()) {
        report(format_args!("resident memory: {} MiB more at most", most.saturating_sub(before) >> 20));
    }
}
