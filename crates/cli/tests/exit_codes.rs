//! Every exit code of the table against what the emulator bills: no document contradicts the ledger.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[allow(dead_code, reason = "the table of the command, of which a test needs the rows")]
#[path = "../src/exit_codes.rs"]
mod exit_codes;
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command};

use serde_json::{Value, json};
use tokio::net::TcpSocket;
use vod_aigc_client::transport::Billed;

use crate::exit_codes::ROWS;
use crate::support::{Emulator, Ran, Workplace};

const KEY: [&str; 2] = ["--key", "k"];
/// Does not wait for a task that takes no time.
const AT_ONCE: [&str; 2] = ["--first-poll", "0s"];
const RESUME: [&str; 4] = ["resume", "--json", "--first-poll", "0s"];

/// A video of this prompt under the key `k`, with further arguments.
fn generate(place: &Workplace, prompt: &str, arguments: &[&str]) -> Ran {
    place.run(&[&["generate", prompt, "--model", "Kling:2.1", "--json"], &KEY[..], arguments].concat())
}

/// Submits a video and gives the id of its task.
fn submit(place: &Workplace) -> String {
    let submitted = generate(place, "a panda", &["--no-wait"]).succeeded().json();
    assert_eq!(submitted["key"], "k", "{submitted}");
    submitted["task_id"].as_str().unwrap().to_owned()
}

/// Runs a command on a task of the store.
fn task(place: &Workplace, verb: &str, id: &str, arguments: &[&str]) -> Ran {
    place.run(&[&["task", verb, id, "--json"], arguments].concat())
}

/// A workplace whose commands reach `emulator`.
fn at(emulator: &Emulator) -> Workplace {
    Workplace::new().to(&emulator.endpoint)
}

/// An emulator whose tasks take no time, and with which this goes wrong.
fn quick(faults: &Value) -> Emulator {
    Emulator::play(&json!({ "timing": { "waiting_seconds": 0, "processing_seconds": 0 }, "faults": faults }))
}

/// An error with this code in place of every reply to `action`.
fn refusing(action: &str, code: &str) -> Value {
    json!([{ "action": action, "every": 1, "fault": { "error": { "request": "discarded", "code": code } } }])
}

/// Holds how a command ended against the table and against what the emulator has billed, and gives the error.
#[track_caller]
fn check(ran: &Ran, emulator: Option<&Emulator>, code: u8, billed: &str) -> Value {
    assert_eq!(ran.code, i32::from(code), "{} {}", ran.stdout, ran.stderr);
    let error = ran.json()["error"].take();
    check_error(&error, emulator, code, billed);
    error
}

/// The same, of one job among those that `resume` has tried.
#[track_caller]
fn check_resume(ran: &Ran, emulator: &Emulator, code: u8, billed: &str) -> Value {
    assert_eq!(ran.code, i32::from(code), "{} {}", ran.stdout, ran.stderr);
    let documents = ran.json();
    assert_eq!((documents.as_array().unwrap().len(), &documents[0]["key"]), (1, &json!("k")), "{documents}");
    check_error(&documents[0]["error"], Some(emulator), code, billed);
    documents[0]["error"].clone()
}

#[track_caller]
fn check_error(error: &Value, emulator: Option<&Emulator>, code: u8, billed: &str) {
    for member in ["exit_code", "kind", "message", "billed", "key", "task_id", "request_id", "hint"] {
        assert!(error.get(member).is_some(), "{member} is missing: {error}");
    }
    let row = ROWS.iter().find(|row| row.code == code).unwrap();
    assert_eq!((&error["exit_code"], &error["kind"]), (&json!(code), &json!(row.kind)), "{error}");
    assert_eq!(error["billed"], billed, "{error}");
    let value = match billed {
        "no" => Billed::No,
        "yes" => Billed::Yes,
        _ => Billed::Unknown,
    };
    assert!(row.billed.contains(&value), "the table does not allow it: {error}");
    let hint = error["hint"].as_str().unwrap();
    assert!(!hint.is_empty() && !hint.contains("TASK_ID"), "{error}");
    if matches!(code, 8 | 11) {
        let resume = format!("vod-aigc task wait {}", error["task_id"].as_str().unwrap());
        assert!(error["resume"].as_str().unwrap().starts_with(&resume) && hint.contains(&resume), "{error}");
    }

    let Some(emulator) = emulator else {
        return;
    };
    // A document that names neither is about a request that started nothing, or about all that there were.
    let names = |entry: &Value, member: &str| error[member].is_null() || entry[member] == error[member];
    let ledger = emulator.ledger();
    let is_billed = |entry: &&Value| entry["billed"] == true;
    let own = ledger.iter().filter(|entry| names(entry, "task_id") && names(entry, "session_id"));
    let billed_entries = own.filter(is_billed).count();
    assert!(billed != "no" || billed_entries == 0, "{error} beside {ledger:?}");
    assert!(billed != "yes" || billed_entries == 1, "{error} beside {ledger:?}");
    let bill = emulator.http("GET", "/_emulator/bill", "");
    assert_eq!(bill["billed"], json!(ledger.iter().filter(is_billed).count()), "{bill}");
    assert!(bill["by_session_id"].as_object().unwrap().values().all(|count| *count == 1), "billed twice: {bill}");
}

#[test]
fn code_0_done_names_the_job_in_every_document() {
    let emulator = Emulator::start();
    let place = at(&emulator);
    let id = submit(&place);
    assert_eq!(task(&place, "get", &id, &[]).succeeded().json()["key"], "k");
    emulator.advance(60);
    assert_eq!(task(&place, "wait", &id, &["--no-download"]).succeeded().json()["key"], "k");
    assert_eq!(task(&place, "download", &id, &[]).succeeded().json()["key"], "k");

    let other = Workplace::new().to(&emulator.endpoint);
    let document = task(&other, "download", &id, &[]).succeeded().json();
    assert_eq!(document.get("key"), Some(&Value::Null), "{document}");

    let second = at(&emulator);
    second.run(&["generate", "a bear", "--model", "Kling:2.1", "--key", "b", "--no-wait"]).succeeded();
    emulator.advance(60);
    assert_eq!(second.run(&RESUME).succeeded().json()[0]["key"], "b");
    assert_eq!(emulator.http("GET", "/_emulator/bill", "")["billed"], 2);
}

#[test]
fn code_2_usage_bills_nothing() {
    let emulator = Emulator::start();
    let place = at(&emulator);
    let refused = |ran: &Ran| check(ran, Some(&emulator), 2, "no");
    assert_eq!(refused(&generate(&place, "p", &["--resolution", "4K"]))["key"], "k");
    refused(&generate(&place, "p", &["--output", "no/such/folder.mp4"]));
    refused(&generate(&place, "p", &["--image", "missing.png"]));
    refused(&generate(&place, "p", &["--model-version", "9"]));
    let error = refused(&place.run(&["generate", "p", "--unchecked", "--model", "Kling:9", "--json"]));
    assert!(error["error_code"].is_string() && error["request_id"].is_string(), "{error}");
    place.write("body.json", "[]");
    refused(&place.run(&["call", "DescribeTasks", "--body", "body.json", "--json"]));
}

#[test]
fn code_3_authentication_bills_nothing() {
    let emulator = Emulator::start();
    check(&generate(&at(&emulator).with("TENCENTCLOUD_SECRET_KEY", ""), "p", &[]), Some(&emulator), 3, "no");
    check(&generate(&at(&emulator).with("TENCENTCLOUD_SECRET_KEY", "wrong"), "p", &[]), Some(&emulator), 3, "no");
    let emulator = quick(&refusing("CreateAigcVideoTask", "UnauthorizedOperation"));
    check(&generate(&at(&emulator), "p", &[]), Some(&emulator), 3, "no");
}

#[test]
fn code_4_limit_bills_nothing() {
    let emulator = Emulator::play(&json!({ "behaviour": { "quota_seconds": 1 } }));
    let error = check(&generate(&at(&emulator), "p", &[]), Some(&emulator), 4, "no");
    assert_eq!(error["error_code"], "LimitExceeded.Quota");
}

#[test]
fn code_5_network_bills_nothing() {
    // Held, so that nobody else gets the port, and never listened on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let place = Workplace::new().to(&format!("http://{}", socket.local_addr().unwrap()));
    check(&generate(&place, "p", &[]), None, 5, "no");
    // The same while the inputs are uploaded.
    let emulator = quick(&refusing("PutObject", "AccessDenied"));
    let place = at(&emulator);
    place.write("song.mp3", b"ID3\x04 and more");
    check(&generate(&place, "p", &["--sound", "song.mp3", "--upload"]), Some(&emulator), 5, "no");
}

#[test]
fn code_6_task_failed_says_what_is_known_of_the_bill() {
    let emulator = quick(&json!([]));
    let place = at(&emulator);
    let failing = "a panda [[emulator:fail=ModelGenerateFailed]]";
    let error = check(&generate(&place, failing, &AT_ONCE), Some(&emulator), 6, "unknown");
    assert_eq!((&error["key"], &error["error_code"]), (&json!("k"), &json!("ModelGenerateFailed")));
    // The same key is the same job.
    check(&generate(&place, failing, &AT_ONCE), Some(&emulator), 6, "unknown");
    let id = error["task_id"].as_str().unwrap();
    check(&task(&place, "wait", id, &[]), Some(&emulator), 6, "unknown");
    check(&task(&at(&emulator), "download", id, &[]), Some(&emulator), 6, "unknown");
}

#[test]
fn code_6_task_failed_for_lack_of_capacity_bills_nothing() {
    let emulator = Emulator::play(&json!({ "behaviour": { "concurrency": { "limit": 0, "overflow": "finish" } } }));
    let place = at(&emulator);
    let id = submit(&place);
    check_resume(&place.run(&RESUME), &emulator, 6, "no");
    check(&task(&place, "wait", &id, &[]), Some(&emulator), 6, "no");
    // The store no longer says why it failed, so that a failed read leaves the bill open.
    emulator.http("POST", "/_emulator/faults", &refusing("DescribeTaskDetail", "UnauthorizedOperation").to_string());
    check(&task(&place, "wait", &id, &[]), Some(&emulator), 11, "unknown");
}

#[test]
fn code_7_content_at_submit_bills_nothing() {
    let emulator = quick(&refusing("CreateAigcVideoTask", "ContentRiskDetected"));
    let error = check(&generate(&at(&emulator), "p", &[]), Some(&emulator), 7, "no");
    assert_eq!(error["task_id"], Value::Null);
}

#[test]
fn code_7_content_at_the_end_leaves_the_bill_open() {
    let emulator = quick(&json!([]));
    let prompt = "a panda [[emulator:fail=ContentModerationFailed]]";
    check(&generate(&at(&emulator), prompt, &AT_ONCE), Some(&emulator), 7, "unknown");
}

#[test]
fn code_8_deadline_leaves_a_billed_task() {
    let emulator = Emulator::play(&json!({ "timing": { "processing_seconds": 3600 } }));
    let place = at(&emulator);
    let arguments = ["--timeout", "0s", "--first-poll", "0s", "--output", "my panda.mp4"];
    let error = check(&generate(&place, "p", &arguments), Some(&emulator), 8, "yes");
    let id = error["task_id"].as_str().unwrap();
    assert_eq!(error["resume"], format!("vod-aigc task wait {id} --output 'my panda.mp4'"));
    check_resume(&place.run(&[&RESUME[..], &["--timeout", "0s"]].concat()), &emulator, 8, "yes");
    check(&task(&place, "download", id, &[]), Some(&emulator), 8, "yes");
    check(&task(&at(&emulator), "download", id, &[]), Some(&emulator), 8, "unknown");
}

/// Starts a command, reads its standard error until it says `word`, does `then`, and waits for its end.
fn until_it_says(place: &Workplace, arguments: &[&str], word: &str, then: impl FnOnce(&Child)) -> Ran {
    let mut process = place.command(arguments).spawn().unwrap();
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(word) {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    then(&process);
    stderr.read_to_string(&mut said).unwrap();
    Ran { stderr: said, ..Ran::new(process.wait_with_output().unwrap()) }
}

#[cfg(unix)]
fn interrupt(process: &Child) {
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", process.id())]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn code_9_interrupted_is_billed_once_a_task_is_waited_for() {
    let emulator = Emulator::play(&json!({ "timing": { "waiting_seconds": 0, "processing_seconds": 3600 } }));
    let place = at(&emulator);
    let arguments = ["generate", "p", "--model", "Kling:2.1", "--json", "--key", "k", "--first-poll", "0s"];
    let ran = until_it_says(&place, &arguments, "processing", interrupt);
    let error = check(&ran, Some(&emulator), 9, "yes");
    let id = error["task_id"].as_str().unwrap();
    assert_eq!(error["resume"], format!("vod-aigc task wait {id}"));

    let arguments = ["task", "wait", id, "--json"];
    check(&until_it_says(&place, &arguments, "processing", interrupt), Some(&emulator), 9, "yes");
    check(&until_it_says(&at(&emulator), &arguments, "processing", interrupt), Some(&emulator), 9, "unknown");
}

#[cfg(unix)]
#[test]
fn code_9_interrupted_before_the_submit_bills_nothing() {
    let hang = json!([{ "action": "PutObject", "every": 1, "fault": { "hang": { "request": "discarded" } } }]);
    let emulator = quick(&hang);
    let place = at(&emulator);
    place.write("song.mp3", b"ID3\x04 and more");
    let arguments =
        ["generate", "p", "--model", "Kling:2.1", "--json", "--key", "k", "--sound", "song.mp3", "--upload"];
    let ran = until_it_says(&place, &arguments, "uploading", interrupt);
    assert_eq!(check(&ran, Some(&emulator), 9, "no")["key"], "k");
}

#[test]
fn code_10_unresolved_until_the_outcome_is_known() {
    let emulator = Emulator::play(&json!({
        "behaviour": { "list_shows_aigc": false },
        "faults": [{ "action": "CreateAigcVideoTask", "nth": 1, "fault": { "reset": { "request": "applied" } } }],
    }));
    let place = at(&emulator);
    let error = check(&generate(&place, "p", &["--look-for", "0s"]), Some(&emulator), 10, "unknown");
    assert_eq!((&error["key"], &error["resume"]), (&json!("k"), &json!("vod-aigc resume")));
    assert!(error["session_id"].is_string(), "{error}");
    check_resume(&place.run(&[&RESUME[..], &["--look-for", "0s"]].concat()), &emulator, 10, "unknown");

    // What fails before anything is asked for says no more than the store does.
    let place = place.with("TENCENTCLOUD_SECRET_KEY", "");
    assert_eq!(check(&place.run(&RESUME), Some(&emulator), 10, "unknown")["key"], "k");
    check(&generate(&place, "p", &[]), Some(&emulator), 10, "unknown");
    let place = place.with("VOD_AIGC_STORE", ".");
    check(&place.run(&RESUME), Some(&emulator), 10, "unknown");
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn code_11_not_fetched_where_a_poll_is_refused() {
    let emulator = quick(&refusing("DescribeTaskDetail", "UnauthorizedOperation"));
    let place = at(&emulator);
    let error = check(&generate(&place, "p", &AT_ONCE), Some(&emulator), 11, "yes");
    assert_eq!((&error["key"], &error["error_code"]), (&json!("k"), &json!("UnauthorizedOperation")));
    check_resume(&place.run(&RESUME), &emulator, 11, "yes");
    let id = error["task_id"].as_str().unwrap();
    for verb in ["get", "wait", "download"] {
        check(&task(&place, verb, id, &[]), Some(&emulator), 11, "yes");
        check(&task(&at(&emulator), verb, id, &[]), Some(&emulator), 11, "unknown");
    }
}

#[test]
fn code_11_not_fetched_whatever_a_read_is_refused_with() {
    let emulator = quick(&json!([]));
    let place = at(&emulator);
    let id = submit(&place);
    for code in ["LimitExceeded.Quota", "ContentRiskDetected", "InvalidParameterValue", "FailedOperation.TaskDuplicate"]
    {
        emulator.http("DELETE", "/_emulator/faults", "");
        emulator.http("POST", "/_emulator/faults", &refusing("DescribeTaskDetail", code).to_string());
        assert_eq!(check(&task(&place, "get", &id, &[]), Some(&emulator), 11, "yes")["error_code"], code);
    }
}

#[test]
fn code_11_not_fetched_where_the_keys_are_gone_or_wrong() {
    let emulator = quick(&json!([]));
    let mut place = at(&emulator);
    let id = submit(&place);
    for key in ["wrong", ""] {
        place = place.with("TENCENTCLOUD_SECRET_KEY", key);
        for verb in ["get", "wait", "download"] {
            check(&task(&place, verb, &id, &[]), Some(&emulator), 11, "yes");
        }
        let resumed = place.run(&RESUME);
        let error = match key {
            "wrong" => check_resume(&resumed, &emulator, 11, "yes"),
            // Nothing was tried, so that there is one document of the whole command.
            _ => check(&resumed, Some(&emulator), 11, "yes"),
        };
        assert_eq!(error["task_id"], *id);
        // The job is paid for, whatever the run fails at that was to submit it again.
        assert_eq!(check(&generate(&place, "a panda", &AT_ONCE), Some(&emulator), 11, "yes")["task_id"], *id);
    }
    check(&task(&place.with("VOD_AIGC_STORE", "."), "wait", &id, &[]), Some(&emulator), 11, "unknown");
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn code_11_not_fetched_where_the_service_does_not_know_the_task() {
    let emulator = Emulator::play(&json!({ "behaviour": { "visible_hours": 1 } }));
    let place = at(&emulator);
    let id = submit(&place);
    emulator.advance(2 * 3600);
    check(&task(&place, "get", &id, &[]), Some(&emulator), 11, "yes");
    check_resume(&place.run(&RESUME), &emulator, 11, "yes");

    let emulator = Emulator::play(&json!({ "behaviour": { "detail_lag_seconds": 600 } }));
    let place = at(&emulator);
    let id = submit(&place);
    check(&task(&place, "get", &id, &[]), Some(&emulator), 11, "yes");
    check(&task(&place, "get", "no-such-task", &[]), None, 11, "unknown");
}

#[test]
fn code_11_not_fetched_where_the_task_is_too_old() {
    let emulator = Emulator::play(&json!({
        "behaviour": { "visible_hours": 200 },
        "timing": { "processing_seconds": 1_000_000 },
    }));
    let place = at(&emulator);
    submit(&place);
    emulator.advance(100 * 3600);
    check_resume(&place.run(&RESUME), &emulator, 11, "yes");
}

#[test]
fn code_11_not_fetched_where_the_target_cannot_be_written() {
    let emulator = Emulator::play(&json!({ "timing": { "processing_seconds": 3600 } }));
    let place = at(&emulator);
    let folder = place.folder.path().join("videos");
    fs::create_dir(&folder).unwrap();
    let arguments = ["--timeout", "0s", "--first-poll", "0s", "--output", "videos/panda.mp4"];
    let error = check(&generate(&place, "a panda", &arguments), Some(&emulator), 8, "yes");
    let id = error["task_id"].as_str().unwrap();
    emulator.advance(2 * 3600);
    fs::create_dir(folder.join("panda.mp4")).unwrap();
    check_resume(&place.run(&RESUME), &emulator, 11, "yes");
    fs::remove_dir_all(&folder).unwrap();
    let error = check_resume(&place.run(&RESUME), &emulator, 11, "yes");
    assert_eq!(error["task_id"], id);
    for verb in ["wait", "download"] {
        check(&task(&place, verb, id, &["--output", "videos/panda.mp4"]), Some(&emulator), 11, "yes");
    }
    // The same request under the same key is the same job, and it is paid for.
    check(&generate(&place, "a panda", &["--output", "videos/panda.mp4"]), Some(&emulator), 11, "yes");
    task(&place, "wait", id, &["--output", "panda.mp4"]).succeeded();
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn code_11_not_fetched_where_the_target_goes_away_while_generate_waits() {
    let emulator = Emulator::play(&json!({ "timing": { "processing_seconds": 3600 } }));
    let place = at(&emulator);
    fs::create_dir(place.folder.path().join("videos")).unwrap();
    let generate = ["generate", "p", "--model", "Kling:2.1", "--json", "--key", "k", "--first-poll", "0s"];
    let arguments = [&generate[..], &["--output", "videos/panda.mp4"]].concat();
    let ran = until_it_says(&place, &arguments, "submitted", |_| {
        fs::remove_dir(place.folder.path().join("videos")).unwrap();
        emulator.advance(2 * 3600);
    });
    let error = check(&ran, Some(&emulator), 11, "yes");
    assert!(error["resume"].as_str().unwrap().ends_with(" --output videos/panda.mp4"), "{error}");
}

#[test]
fn code_11_not_fetched_where_the_download_fails() {
    let missing = json!({ "status": { "request": "discarded", "status": 404 } });
    let emulator = quick(&json!([{ "action": "Video", "every": 1, "fault": missing }]));
    let place = at(&emulator);
    let error = check(&generate(&place, "p", &AT_ONCE), Some(&emulator), 11, "yes");
    check_resume(&place.run(&RESUME), &emulator, 11, "yes");
    check(&task(&place, "download", error["task_id"].as_str().unwrap(), &[]), Some(&emulator), 11, "yes");
}

#[test]
fn code_11_not_fetched_where_the_network_fails_after_the_submit() {
    let emulator = quick(&json!([]));
    let place = at(&emulator);
    let id = submit(&place);
    drop(emulator);
    check(&task(&place, "get", &id, &[]), None, 11, "yes");
}

#[test]
fn resume_ends_with_the_code_of_the_job_whose_bill_is_the_least_certain() {
    let emulator = quick(&json!([]));
    let place = at(&emulator);
    let panda = |key: &'static str| ["generate", "a panda", "--model", "Kling:2.1", "--json", "--key", key];
    place.run(&[&panda("paid")[..], &["--no-wait"]].concat()).succeeded();
    let lost = json!([
        { "action": "CreateAigcVideoTask", "nth": 1, "fault": { "reset": { "request": "applied" } } },
        { "action": "DescribeTasks", "every": 1, "fault": { "error": { "request": "discarded", "code": "UnauthorizedOperation" } } },
        { "action": "Video", "every": 1, "fault": { "status": { "request": "discarded", "status": 404 } } },
    ]);
    emulator.http("POST", "/_emulator/faults", &lost.to_string());
    check(&place.run(&[&panda("lost")[..], &["--look-for", "0s"]].concat()), Some(&emulator), 10, "unknown");
    let ran = place.run(&[&RESUME[..], &["--look-for", "0s"]].concat());
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let documents = ran.json();
    check_error(&documents[0]["error"], Some(&emulator), 11, "yes");
    check_error(&documents[1]["error"], Some(&emulator), 10, "unknown");
    assert_eq!((&documents[0]["key"], &documents[1]["key"]), (&json!("paid"), &json!("lost")));
}
