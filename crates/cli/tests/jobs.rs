//! The store of jobs, as a person meets it: what is listed, pruned, cancelled and resumed, and what is said of a store that
//! cannot be used.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod support;

use std::fs;

use serde_json::json;
use support::{Emulator, Workplace};

fn submit<'a>(key: &'a str, label: &'a str) -> [&'a str; 10] {
    ["generate", "a panda", "--model", "Kling:2.1", "--no-wait", "--json", "--key", key, "--label", label]
}

fn keys(place: &Workplace, filter: &[&str]) -> Vec<String> {
    let listed = place.run(&[&["task", "list", "--json"], filter].concat()).succeeded().json();
    listed.as_array().unwrap().iter().map(|job| job["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn jobs_are_listed_by_label_state_and_model_and_the_latest_come_last() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    for (key, label) in [("one", "night"), ("two", "day"), ("three", "night")] {
        place.run(&submit(key, label)).succeeded();
    }
    assert_eq!(keys(&place, &["--label", "night"]), ["one", "three"]);
    assert_eq!(keys(&place, &["--state", "accepted", "--model", "Kling:2.1"]), ["one", "two", "three"]);
    assert_eq!(keys(&place, &["--state", "refused"]), [""; 0]);
    assert_eq!(keys(&place, &["--limit", "0"]), ["one", "two", "three"]);
    let latest = place.run(&["task", "list", "--limit", "2"]).succeeded();
    assert_eq!(latest.stdout.lines().count(), 2);
    assert!(latest.stderr.contains("--limit 0 lists all"), "{}", latest.stderr);
    place.run(&["task", "list", "--state", "sleeping"]).failed(2, "is no state of a job");
}

#[test]
fn only_jobs_that_ended_are_pruned() {
    let emulator = Emulator::play(&json!({ "clock": { "skewed_seconds": -3600 } }));
    let place = Workplace::new().to(&emulator.endpoint);
    place.run(&submit("ended", "a")).succeeded();
    emulator.advance(60);
    place.run(&["resume", "--first-poll", "0s"]).succeeded();
    place.run(&submit("open", "a")).succeeded();
    assert_eq!(place.run(&["task", "prune", "--json"]).succeeded().json(), json!({ "deleted": 0 }));
    // By the service's clock, which is the one of the records, it ended more than half an hour ago.
    let pruned = place.run(&["task", "prune", "--older-than", "30m", "--json"]).succeeded().json();
    assert_eq!(pruned, json!({ "deleted": 1 }));
    assert_eq!(keys(&place, &[]), ["open"]);
}

#[test]
fn a_task_is_cancelled_in_the_queue_and_not_after() {
    let emulator = Emulator::play(&json!({ "timing": { "waiting_seconds": 600 } }));
    let place = Workplace::new().to(&emulator.endpoint);
    let id = place.run(&submit("k", "a")).succeeded().json()["task_id"].as_str().unwrap().to_owned();
    let document = place.run(&["task", "cancel", &id, "--json"]).succeeded().json();
    assert_eq!((&document["status"], &document["key"]), (&json!("cancelled"), &json!("k")));
    let ran = place.run(&["task", "cancel", &id, "--json"]);
    let error = ran.json()["error"].clone();
    assert_eq!((ran.code, &error["task_id"]), (11, &json!(id)), "{error}");
}

#[test]
fn all_jobs_are_resumed_and_each_is_reported_in_its_order() {
    let emulator = Emulator::play(&json!({ "timing": { "waiting_seconds": 600, "processing_seconds": 3 } }));
    let place = Workplace::new().to(&emulator.endpoint);
    for key in ["one", "two", "three", "four", "five"] {
        place.run(&submit(key, "a")).succeeded();
    }
    let second = place.jobs()[1]["task_id"].as_str().unwrap().to_owned();
    place.run(&["task", "cancel", &second]).succeeded();
    emulator.advance(700);
    let ran = place.run(&["resume", "--first-poll", "0s", "--json"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let documents = ran.json();
    let documents = documents.as_array().unwrap();
    let keys: Vec<_> = documents.iter().map(|document| document["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["one", "two", "three", "four", "five"]);
    assert_eq!(documents[1]["error"]["kind"], "task_failed");
    for document in [&documents[0], &documents[4]] {
        assert_eq!(document["files"].as_array().unwrap().len(), 1, "{document}");
        assert_eq!(document["video"]["file"], document["files"][0]);
    }
    assert_eq!(place.names().len(), 4);
}

#[test]
fn a_store_that_cannot_be_used_is_named_before_anything_is_sent() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    place.write("text.txt", "this is no database, however long it may be, and it stays as it is");
    for (store, sentence) in [("missing/jobs.sqlite3", "missing/jobs.sqlite3"), ("text.txt", "is no job store")] {
        // The name of the first releases still works.
        for flag in ["--store", "--journal"] {
            let ran = place.run(&[&submit("k", "a")[..], &[flag, store]].concat());
            assert_eq!(ran.code, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains(sentence) && ran.stderr.contains("nothing was sent"), "{}", ran.stderr);
        }
    }
    assert!(fs::read_to_string(place.folder.path().join("text.txt")).unwrap().starts_with("this is no database"));
    assert!(emulator.ledger().is_empty());
}

#[test]
fn a_store_in_memory_leaves_nothing_behind_and_the_older_variable_names_a_file() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    place.run(&[&submit("k", "a")[..], &["--store", ":memory:"]].concat()).succeeded();
    assert!(place.store_files().is_empty() && place.names().is_empty());
    let mut older = place.command(&submit("k", "a"));
    older.env_remove("VOD_AIGC_STORE").env("VOD_AIGC_JOURNAL", place.folder.path().join("journal.sqlite3"));
    assert!(older.status().unwrap().success());
    assert!(place.names().contains(&"journal.sqlite3".to_owned()));
}

#[test]
fn a_quiet_command_says_nothing_but_errors() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    let quiet = place.run(&[&submit("k", "a")[..], &["--quiet"]].concat()).succeeded();
    assert_eq!(quiet.stderr, "");
    let verbose = place.run(&[&submit("another", "a")[..], &["-v"]].concat()).succeeded();
    assert!(verbose.stderr.contains("vod_aigc_client"), "{}", verbose.stderr);
    let failed = place.run(&["task", "get", "-q", "no-such-task"]);
    assert!(failed.stderr.starts_with("error: ") && failed.stderr.lines().count() <= 3, "{}", failed.stderr);
    let mut wrong = place.command(&["models"]);
    wrong.env("VOD_AIGC_LOG", "a=b=c");
    let output = wrong.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("VOD_AIGC_LOG"));
}

#[test]
fn a_closed_standard_error_ends_no_job() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    place.run(&submit("first", "a")).succeeded();
    emulator.advance(60);
    let commands: [&[&str]; 3] = [
        &["resume", "-vv", "--first-poll", "0s"],
        &["generate", "a panda", "--model", "Kling:2.1", "-vv", "--no-wait", "--key", "second"],
        &["task", "list", "--limit", "1"],
    ];
    for arguments in commands {
        let mut child = place.command(arguments).spawn().unwrap();
        drop(child.stderr.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", output.status);
    }
    assert_eq!(place.names().len(), 1, "the first video is there");
    // A failure has its exit code, whether or not its output is read.
    let mut child = place.command(&["task", "get", "no-such-task"]).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(11));
}
