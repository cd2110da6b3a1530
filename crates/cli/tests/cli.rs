//! The contracts that scripts rely on: what is on standard output, what on standard error, and the exit codes.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::support::{Emulator, Ran, SECRET_KEY, Workplace, api_error, server};

const GENERATE: &[&str] = &["generate", "a panda in a bamboo forest", "--model", "Kling:2.1"];

fn generate<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [GENERATE, arguments].concat()
}

/// Without the wait that is meant for a task that has just been submitted.
const RESUME: &[&str] = &["resume", "--first-poll", "0s"];

/// A rule that injects a fault into the first create.
fn on_create(fault: Value) -> Value {
    json!({ "action": "CreateAigcVideoTask", "nth": 1, "fault": fault })
}

/// Width and height in pixels of an MP4 file.
fn size(path: &Path) -> (u32, u32) {
    let file = std::fs::read(path).unwrap();
    assert_eq!(&file[4..8], b"ftyp");
    let track = file.windows(4).position(|bytes| bytes == b"tkhd").unwrap();
    let length = u32::from_be_bytes(file[track - 4..track].try_into().unwrap()) as usize;
    // Both sides are last in the box, as 16.16 fixed-point numbers.
    let end = track - 4 + length;
    let side = |start: usize| u32::from_be_bytes(file[start..start + 4].try_into().unwrap()) >> 16;
    (side(end - 8), side(end - 4))
}

#[test]
fn models_lists_every_row_with_its_contracted_members() {
    let models = Workplace::bare().run(&["models", "--json"]).succeeded().json();
    let models = models.as_array().unwrap();
    assert_eq!(models.len(), vod_aigc_client::core::Model::ALL.len());
    for row in models {
        assert!(row["model"].is_string() && row["name"].is_string() && row["version"].is_string(), "{row}");
        assert_eq!(row["model"], format!("{}:{}", row["name"].as_str().unwrap(), row["version"].as_str().unwrap()));
        // A cell that the table does not state is null.
        let cell = |name: &str, is: fn(&Value) -> bool| row.get(name).is_some_and(|cell| cell.is_null() || is(cell));
        assert!(cell("text_to_video", Value::is_boolean) && cell("image_to_video", Value::is_boolean), "{row}");
        assert!(cell("max_images", Value::is_u64) && cell("last_frame", Value::is_boolean), "{row}");
        let words = |cell: &Value| cell.as_array().is_some_and(|words| words.iter().all(Value::is_string));
        assert!(cell("resolutions", words) && cell("size_in_ext_info", words), "{row}");
        let range = |cell: &Value| cell["from"].as_u64() < cell["to"].as_u64() && cell["whole"].is_boolean();
        let numbers = |cell: &Value| cell.as_array().is_some_and(|numbers| numbers.iter().all(Value::is_u64));
        assert!(cell("durations", numbers) && cell("duration_range", range), "{row}");
        assert!(cell("default_duration", Value::is_u64) && cell("audio", Value::is_boolean), "{row}");
        assert!(cell("ratios_from_text", words) && cell("ratios_from_references", words), "{row}");
        assert!(cell("ratios_otherwise", words) && cell("scene_types", words) && cell("storage_modes", words), "{row}");
        assert!(cell("references_only", Value::is_boolean) && row["wire_version"].is_string(), "{row}");
    }
    let kling = models.iter().find(|row| row["model"] == "Kling:2.1").unwrap();
    assert_eq!((&kling["max_images"], &kling["last_frame"]), (&json!(1), &json!(true)));
    assert_eq!(kling["resolutions"], json!(["720P", "1080P", "2K"]));
    let os = models.iter().find(|row| row["model"] == "OS:2.0").unwrap();
    assert_eq!(
        (&os["image_to_video"], &os["max_images"], &os["last_frame"]),
        (&json!(false), &json!(0), &json!(false))
    );

    let table = Workplace::bare().run(&["models"]).succeeded().stdout;
    assert!(models.iter().all(|row| table.contains(row["model"].as_str().unwrap())), "{table}");
}

/// The values were computed from the published example with another implementation; it differs from the documentation
/// in its content type only.
#[test]
fn sign_shows_every_stage_of_the_published_example() {
    let place = Workplace::bare()
        .with("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")
        .with("TENCENTCLOUD_SECRET_KEY", "Gu5t9xGARNpq86cd98joQYCN3*******");
    place.write(
        "body.json",
        r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#,
    );
    let arguments = ["sign", "--action", "DescribeInstances", "--service", "cvm", "--host", "cvm.tencentcloudapi.com"];
    let arguments = [
        arguments.as_slice(),
        &["--timestamp", "1551113065", "--body", "body.json", "--signed-headers", "content-type;host;x-tc-action"],
    ]
    .concat();
    let signature = "527d303c0ef40d8add96616ed2ece4900ad4494ff07c2603f112a63b4ca1e0a8";
    let document = place.run(&[arguments.as_slice(), &["--json"]].concat()).succeeded().json();
    assert_eq!(
        document,
        json!({
            "canonical_request": "POST\n/\n\ncontent-type:application/json\nhost:cvm.tencentcloudapi.com\n\
                x-tc-action:describeinstances\n\ncontent-type;host;x-tc-action\n\
                35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064",
            "hashed_canonical_request": "14e57b4f1ac46d2c75350de54c88933cd15633435a94eedbdce375bb4191e7c2",
            "string_to_sign": "TC3-HMAC-SHA256\n1551113065\n2019-02-25/cvm/tc3_request\n\
                14e57b4f1ac46d2c75350de54c88933cd15633435a94eedbdce375bb4191e7c2",
            "signature": signature,
            "authorization": format!(
                "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request, \
                 SignedHeaders=content-type;host;x-tc-action, Signature={signature}"
            ),
        })
    );

    let explained = place.run(&[arguments.as_slice(), &["--explain"]].concat()).succeeded().stdout;
    for stage in document.as_object().unwrap().values() {
        assert!(explained.contains(stage.as_str().unwrap()), "{explained}");
    }
    assert!(!explained.contains("Gu5t9xGARNpq86cd98joQYCN3"), "{explained}");
}

#[test]
fn emulate_says_where_it_listens_and_is_there() {
    let emulator = Emulator::start();
    assert_eq!(emulator.http("GET", "/_emulator/health", "")["status"], "ok");
    assert!(emulator.ledger().is_empty());
}

#[test]
fn generate_leaves_a_video_of_the_asked_size_and_one_document_with_no_account_at_all() {
    let place = Workplace::bare();
    let asked = ["--emulator", "--resolution", "1080P", "--aspect-ratio", "9:16", "--output", "panda.mp4", "--json"];
    let ran = place.run(&generate(&asked)).succeeded();
    let document = ran.json();
    assert!(document["task_id"].is_string() && document["session_id"].is_string(), "{document}");
    assert_eq!(document["status"], "succeeded");
    let video = &document["video"];
    assert_eq!((&video["width"], &video["height"], &video["duration"]), (&json!(1080), &json!(1920), &json!(5.0)));
    assert!(video["url"].is_string() && video["cover_url"].is_string(), "{document}");
    assert_eq!(video["file"], "panda.mp4");
    assert_eq!(size(&place.folder.path().join("panda.mp4")), (1080, 1920));
    assert_eq!(place.names(), ["panda.mp4"]);
    assert!(ran.stderr.contains("submitted"), "progress is on standard error: {}", ran.stderr);
}

#[test]
fn generate_without_json_prints_the_file_alone() {
    let place = Workplace::bare();
    let ran = place.run(&generate(&["--emulator", "--output", "panda.mp4"])).succeeded();
    assert_eq!(ran.stdout, "panda.mp4\n");
    assert_eq!(size(&place.folder.path().join("panda.mp4")), (1280, 720));
}

#[test]
fn a_dry_run_prints_the_body_and_sends_nothing() {
    let (endpoint, requests) = server("");
    let place = Workplace::new().to(&endpoint);
    place.write("first.png", png(33));
    let arguments = ["--image", "first.png", "--resolution", "2K", "--session-id", "s-1", "--dry-run"];
    let body = place.run(&generate(&arguments)).succeeded().json();
    assert_eq!(
        body,
        json!({
            "SubAppId": 7,
            "ModelName": "Kling",
            "ModelVersion": "2.1",
            "Prompt": "a panda in a bamboo forest",
            "FileInfos": [{ "Type": "Base64", "Base64": "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgAAAAAAAAAAAA" }],
            "OutputConfig": { "StorageMode": "Temporary", "Resolution": "2K" },
            "SessionId": "s-1",
        })
    );
    // It needs no key, and what the table refuses it refuses too.
    Workplace::bare().with("VOD_SUB_APP_ID", "7").run(&generate(&["--dry-run"])).succeeded();
    place.run(&generate(&["--resolution", "4K", "--dry-run"])).failed(2, "choose 720P, 1080P or 2K");
    place.write("large.png", png(8_000_000));
    place.run(&generate(&["--image", "large.png", "--dry-run"])).failed(2, "must be uploaded");
    place.run(&generate(&["--image", "first.png", "--upload", "--dry-run"])).failed(2, "must be uploaded");
    assert!(requests.try_recv().is_err());
}

/// A PNG of 640 × 480 pixels, as far as its header says, with so many bytes.
fn png(bytes: usize) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0".to_vec();
    file.resize(bytes, 0);
    file
}

#[test]
fn a_file_is_uploaded_where_it_does_not_fit_or_is_told_to() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    place.write("large.png", png(8_000_000));
    place.write("song.bin", b"ID3\x04 and more");
    let ran = place.run(&generate(&["--image", "large.png", "--no-wait"])).succeeded();
    assert!(ran.stderr.contains("uploading large.png"), "{}", ran.stderr);
    place.write("small.png", png(100));
    let upload = ["--image", "small.png", "--sound", "song.bin", "--upload", "--no-wait"];
    let ran = place.run(&generate(&upload)).succeeded();
    assert!(ran.stderr.contains("uploading small.png") && ran.stderr.contains("uploading song.bin"), "{}", ran.stderr);
    let ran = place.run(&generate(&["--image", "small.png", "--no-wait"])).succeeded();
    assert!(!ran.stderr.contains("uploading"), "{}", ran.stderr);
    assert_eq!(emulator.ledger().len(), 3);

    let fault = r#"[{"action": "PutObject", "every": 1, "fault": {"error": {"request": "discarded", "code": "AccessDenied"}}}]"#;
    emulator.http("POST", "/_emulator/faults", fault);
    place.run(&generate(&["--image", "large.png"])).failed(5, "HTTP status 403 and AccessDenied");
    assert_eq!(emulator.ledger().len(), 3);
}

#[test]
fn a_task_is_submitted_asked_for_and_downloaded_by_one_command_each() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    let submitted = place.run(&generate(&["--no-wait", "--json"])).succeeded().json();
    assert_eq!(submitted["status"], "submitted");
    let id = submitted["task_id"].as_str().unwrap();
    assert_eq!(emulator.ledger()[0]["session_id"], submitted["session_id"]);

    let asked = place.run(&["task", "get", id, "--json"]).succeeded().json();
    assert_eq!((asked["task_id"].as_str(), asked["status"].as_str()), (Some(id), Some("waiting")));
    emulator.advance(60);
    assert!(place.run(&["task", "get", id]).succeeded().stdout.starts_with("succeeded http://"));

    let downloaded = place.run(&["task", "download", id, "--json"]).succeeded().json();
    assert_eq!(downloaded["video"]["file"], format!("{id}.mp4"));
    assert_eq!(size(&place.folder.path().join(format!("{id}.mp4"))), (1280, 720));

    let waited = place.run(&["task", "wait", id, "--timeout", "1s", "--output", "again.mp4"]).succeeded();
    assert_eq!(waited.stdout, "again.mp4\n");
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn what_cannot_work_is_refused_with_2_before_anything_is_sent() {
    let (endpoint, requests) = server("");
    let place = Workplace::new().to(&endpoint);
    let refused = |arguments: &[&str], sentence: &str| drop(place.run(arguments).failed(2, sentence));
    refused(&generate(&["--resolution", "4K"]), "Kling 2.1 does not output 4K; choose 720P, 1080P or 2K");
    refused(&generate(&["--resolution", "8K"]), "known: 540P 720P 768P 1080P 2K 4K");
    refused(&["generate", "p", "--model", "Kling:2.2"], "the nearest known: Kling:1.6");
    refused(&["generate", "p", "--model", "Klimg:2.1"], "the nearest known: Kling:2.1");
    refused(&["generate", "p", "--model", "Kling", "--model-version", "9"], "the nearest known: Kling:1.6");
    refused(&["generate", "--model", "Kling:2.1"], "needs a prompt");
    refused(&["generate", "--model", "OS:2.0", "--image", "https://a/b.png"], "takes no image");
    refused(&generate(&["--output", "."]), "it is a directory");
    refused(&generate(&["--output", "no/such/folder.mp4"]), "cannot be written");
    refused(&generate(&["--image", "missing.png"]), "missing.png cannot be read");
    place.write("page.png", "<html>");
    refused(&generate(&["--image", "page.png"]), "page.png looks like an HTML page; give a JPEG, PNG");
    std::fs::remove_file(place.folder.path().join("page.png")).unwrap();
    refused(&generate(&["--last-frame", "https://a/b.png", "--resolution", "1080P"]), "needs a first image");
    refused(&generate(&["--session-id", &"s".repeat(51)]), "SessionId has 51 characters");
    refused(&generate(&["--no-such-flag"]), "--no-such-flag");
    refused(&generate(&["--endpoint", "http://example.com"]), "use https");
    refused(&["sign", "--action", "A", "--host", "h", "--timestamp", "1", "--body", "missing.json"], "missing.json");
    assert!(requests.try_recv().is_err(), "something was sent");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_failure_is_one_document_where_json_is_asked_for() {
    let ran = Workplace::new().run(&generate(&["--resolution", "4K", "--json"]));
    assert_eq!(ran.code, 2);
    let error = &ran.json()["error"];
    assert_eq!((&error["exit_code"], &error["billed"]), (&json!(2), &json!("no")));
    assert!(error["message"].as_str().unwrap().contains("choose 720P"), "{error}");
}

#[test]
fn no_credentials_half_of_them_and_wrong_ones_end_with_3() {
    Workplace::bare()
        .with("VOD_SUB_APP_ID", "7")
        .run(GENERATE)
        .failed(3, "set VITE_VOD_SECRET_ID and VITE_VOD_SECRET_KEY");
    Workplace::bare()
        .with("VOD_SUB_APP_ID", "7")
        .with("VITE_VOD_SECRET_KEY", SECRET_KEY)
        .with("TENCENTCLOUD_SECRET_ID", "id")
        .run(GENERATE)
        .failed(3, "VITE_VOD_SECRET_ID");

    let emulator = Emulator::start();
    let wrong = Workplace::bare()
        .with("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")
        .with("TENCENTCLOUD_SECRET_KEY", "wrong")
        .with("VOD_SUB_APP_ID", "7")
        .to(&emulator.endpoint);
    wrong.run(GENERATE).failed(3, "AuthFailure.SignatureFailure");
    assert!(emulator.ledger().is_empty());
}

#[test]
fn a_missing_sub_application_ends_with_2() {
    Workplace::bare()
        .with("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")
        .with("TENCENTCLOUD_SECRET_KEY", SECRET_KEY)
        .run(GENERATE)
        .failed(2, "VOD_SUB_APP_ID");
}

#[test]
fn a_used_up_quota_ends_with_4() {
    let (endpoint, _requests) = server(&api_error("LimitExceeded.Quota"));
    let ran = Workplace::new().to(&endpoint).run(GENERATE).failed(4, "LimitExceeded.Quota");
    assert!(ran.stderr.contains("r-1") && ran.stderr.contains("nothing was billed"), "{}", ran.stderr);
}

#[test]
fn a_server_that_is_not_there_ends_with_5_before_a_submit_and_with_11_after_it() {
    // Bound, so that no other process gets the port, and never listened on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let place = Workplace::new().to(&endpoint);
    place.write("body.json", "{}");
    place.run(&["call", "DescribeTasks", "--body", "body.json"]).failed(5, "nothing was sent");
    place.run(&["task", "get", "t-1"]).failed(11, "nothing was sent");
}

#[test]
fn a_task_that_fails_ends_with_6_and_refused_content_with_7() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    for (word, code) in [("ModelGenerateFailed", 6), ("ContentModerationFailed", 7)] {
        let prompt = format!("a panda [[emulator:fail={word}]]");
        let submitted = place.run(&["generate", &prompt, "--model", "Kling:2.1", "--no-wait"]).succeeded();
        emulator.advance(60);
        let id = submitted.stdout.trim();
        let ran = place.run(&["task", "download", id]).failed(code, word);
        assert!(ran.stderr.contains(id), "{}", ran.stderr);
    }
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_deadline_ends_with_8_and_says_how_to_go_on() {
    let ran = Workplace::bare().run(&generate(&["--emulator", "--timeout", "1s"])).failed(8, "is not done after");
    assert!(ran.stderr.contains("vod-aigc task wait "), "{}", ran.stderr);
}

/// Sends the signal of Ctrl-C, and reads on until the process ends.
#[cfg(unix)]
fn interrupt(process: Child) -> Ran {
    let signalled = Command::new("sh").args(["-c", &format!("kill -INT {}", process.id())]).status().unwrap();
    assert!(signalled.success());
    Ran::new(process.wait_with_output().unwrap())
}

/// Other systems have no signal that one process can send another alone.
#[cfg(unix)]
#[test]
fn an_interrupted_wait_ends_with_9_and_is_resumed() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    let mut process =
        place.command(&generate(&["--key", "k", "--output", "panda.mp4", "--first-poll", "0s"])).spawn().unwrap();
    // The first poll has been answered, so the wait is on.
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("waiting") && !said.contains("processing") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let ran = interrupt(process);
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (9, ""), "{said}");
    assert!(said.contains("resume with: vod-aigc task wait "), "{said}");
    assert_eq!((place.names(), &place.jobs()[0]["state"]), (vec![], &json!("accepted")));

    emulator.advance(60);
    place.run(RESUME).succeeded();
    assert_eq!((place.names(), &place.jobs()[0]["state"]), (vec!["panda.mp4".to_owned()], &json!("downloaded")));
    assert_eq!(size(&place.folder.path().join("panda.mp4")), (1280, 720));
    assert_eq!(place.run(RESUME).succeeded().stdout, "", "nothing is left to do");
    assert_eq!(emulator.ledger().len(), 1);
}

#[cfg(unix)]
#[test]
fn an_interrupted_submit_ends_with_10_and_is_resumed() {
    let emulator = Emulator::play(&json!({ "faults": [on_create(json!({ "hang": { "request": "applied" } }))] }));
    let place = Workplace::new().to(&emulator.endpoint);
    let process = place.command(&generate(&["--output", "panda.mp4"])).spawn().unwrap();
    // The request has arrived, and its answer never will.
    while emulator.ledger().is_empty() {
        thread::yield_now();
    }
    let ran = interrupt(process).failed(10, "money may have been spent");
    assert!(ran.stderr.contains("resume with: vod-aigc resume"), "{}", ran.stderr);
    assert_eq!(place.jobs()[0]["state"], "unknown");

    emulator.advance(60);
    place.run(RESUME).succeeded();
    assert_eq!(size(&place.folder.path().join("panda.mp4")), (1280, 720));
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn a_lost_reply_is_not_billed_twice() {
    let emulator = Emulator::play(&json!({ "faults": [on_create(json!({ "reset": { "request": "applied" } }))] }));
    let place = Workplace::new().to(&emulator.endpoint);
    let submitted = place.run(&generate(&["--no-wait"])).succeeded();
    let ledger = emulator.ledger();
    assert_eq!((ledger.len(), &ledger[0]["task_id"]), (1, &json!(submitted.stdout.trim())));
}

#[test]
fn an_outcome_that_stays_unknown_ends_with_10_and_is_held_until_it_is_known() {
    let emulator = Emulator::play(&json!({
        "behaviour": { "list_lag_seconds": 60 },
        "faults": [on_create(json!({ "reset": { "request": "applied" } }))],
    }));
    let place = Workplace::new().to(&emulator.endpoint);
    let arguments = generate(&["--session-id", "panda-1", "--output", "panda.mp4", "--look-for", "0s"]);
    let ran = place.run(&arguments).failed(10, "money may have been spent");
    assert!(ran.stderr.contains("SessionId panda-1") && ran.stderr.contains("vod-aigc resume"), "{}", ran.stderr);
    assert_eq!(place.jobs()[0]["state"], "held");
    assert!(place.run(&["task", "list"]).succeeded().stdout.contains("held: "));

    emulator.advance(60);
    place.run(RESUME).succeeded();
    assert_eq!((place.names(), &place.jobs()[0]["state"]), (vec!["panda.mp4".to_owned()], &json!("downloaded")));
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn a_download_that_was_cut_is_resumed() {
    let emulator = Emulator::play(&json!({ "faults": [{ "action": "Video", "every": 1, "fault": {
            "status": { "request": "discarded", "status": 404 }
        } }] }));
    let place = Workplace::new().to(&emulator.endpoint);
    let id = place.run(&generate(&["--no-wait"])).succeeded().stdout.trim().to_owned();
    emulator.advance(60);
    place.run(&["task", "download", &id, "--output", "panda.mp4"]).failed(11, "404");
    assert_eq!((place.names(), &place.jobs()[0]["state"]), (vec![], &json!("done")));

    emulator.http("DELETE", "/_emulator/faults", "");
    let resumed = place.run(&[RESUME, &["--json"]].concat()).succeeded().json();
    assert_eq!((&resumed[0]["task_id"], &resumed[0]["status"]), (&json!(id), &json!("succeeded")));
    assert_eq!(size(&place.folder.path().join(format!("{id}.mp4"))), (1280, 720));
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn a_key_is_billed_once_from_any_host_and_stands_for_one_request() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    let other_host = Workplace::new().to(&emulator.endpoint);
    for identity in [["--key", "k"], ["--session-id", "panda-1"]] {
        let arguments = generate(&[identity[0], identity[1], "--no-wait"]);
        let first = place.run(&arguments).succeeded().stdout;
        assert_eq!(place.run(&arguments).succeeded().stdout, first);
        assert_eq!(other_host.run(&arguments).succeeded().stdout, first);
    }
    assert_eq!(emulator.ledger().len(), 2);

    let seen = emulator.http("GET", "/_emulator/bill", "");
    let another = ["generate", "a bear", "--model", "Kling:2.1", "--key", "k"];
    place.run(&another).failed(2, "another request has the key");
    assert_eq!(emulator.http("GET", "/_emulator/bill", ""), seen, "something was sent");
}

#[test]
fn task_list_shows_each_job_and_where_it_stands() {
    let place = Workplace::bare();
    assert_eq!(place.run(&["task", "list"]).succeeded().stdout, "");
    assert_eq!(place.jobs(), [Value::Null; 0]);

    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    let submitted = place.run(&generate(&["--key", "first", "--no-wait", "--json"])).succeeded().json();
    let refused = ["generate", "p", "--unchecked", "--model", "Kling:9", "--key", "second"];
    place.run(&refused).failed(2, "InvalidParameterValue");

    let jobs = place.jobs();
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    for (job, key, state, model) in
        [(&jobs[0], "first", "accepted", "Kling:2.1"), (&jobs[1], "second", "refused", "Kling:9")]
    {
        let member = |name: &str| job[name].as_str().unwrap_or_default();
        assert_eq!([member("key"), member("state"), member("model")], [key, state, model], "{job}");
        assert_eq!((member("endpoint"), &job["sub_app_id"]), (emulator.endpoint.as_str(), &json!(7)));
        assert!(job["first_sent"].is_u64() && job["request_id"].is_string(), "{job}");
    }
    assert_eq!((&jobs[0]["task_id"], &jobs[0]["session_id"]), (&submitted["task_id"], &submitted["session_id"]));
    assert_eq!(jobs[1]["task_id"], Value::Null);

    let text = place.run(&["task", "list"]).succeeded().stdout;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], format!("first  {}  Kling:2.1  accepted", submitted["task_id"].as_str().unwrap()));
    assert_eq!(lines[1], "second  -  Kling:9  refused: InvalidParameterValue");
}

#[test]
fn the_store_is_private_and_holds_neither_a_secret_nor_a_presigned_url() {
    let emulator = Emulator::start();
    let place = Workplace::new().with("TENCENTCLOUD_TOKEN", "canary-token").to(&emulator.endpoint);
    let image = "https://cos.example.com/panda.png?q-signature=canary-signature";
    place.run(&generate(&["--image", image, "--key", "k", "--no-wait"])).succeeded();
    emulator.advance(60);
    place.run(RESUME).succeeded();

    let files = place.store_files();
    assert!(files.contains(&place.store()), "{files:?}");
    for file in files {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
        let content = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(!content.contains("canary"), "{}", file.display());
    }
}

#[test]
fn the_file_dot_env_is_read_and_stands_below_the_environment_and_the_flags() {
    let dry_run = generate(&["--dry-run"]);
    let place = Workplace::bare();
    place.write(".env", "VITE_VOD_SUB_APP_ID=1\n");
    assert_eq!(place.run(&dry_run).succeeded().json()["SubAppId"], 1);
    let place = place.with("VITE_VOD_SUB_APP_ID", "2");
    assert_eq!(place.run(&dry_run).succeeded().json()["SubAppId"], 2);
    assert_eq!(place.run(&generate(&["--dry-run", "--sub-app-id", "3"])).succeeded().json()["SubAppId"], 3);
}

#[test]
fn check_names_every_fault_of_a_body() {
    let place = Workplace::bare();
    place.write("good.json", r#"{"SubAppId":1,"ModelName":"Kling","ModelVersion":"2.1","Prompt":"p"}"#);
    place.run(&["check", "good.json"]).succeeded();
    place.write("bad.json", r#"{"SubAppId":1,"ModelName":"OS","ModelVersion":"2.0","LastFrameUrl":"https://a/b"}"#);
    let ran = place.run(&["check", "bad.json", "--json"]);
    assert_eq!((ran.code, &ran.json()["valid"]), (2, &json!(false)));
    assert_eq!(ran.json()["faults"].as_array().unwrap().len(), 2, "{}", ran.stdout);
}

#[test]
fn help_version_and_completions_are_data() {
    let place = Workplace::bare();
    let help = place.run(&["--help"]).succeeded().stdout;
    assert!(help.contains("generate") && help.contains("11  not_fetched"), "{help}");
    assert!(place.run(&["--version"]).succeeded().stdout.starts_with("vod-aigc "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).succeeded().stdout.contains("vod-aigc"));
    }
    place.run(&[]).failed(2, "Usage");
}

#[test]
fn a_person_forgets_an_unresolved_job_and_the_same_command_makes_a_new_one() {
    let emulator = Emulator::play(&json!({
        "behaviour": { "list_shows_aigc": false },
        "faults": [on_create(json!({ "reset": { "request": "applied" } }))],
    }));
    let place = Workplace::new().to(&emulator.endpoint);
    let arguments = generate(&["--key", "k\u{1b}[31m", "--no-wait", "--look-for", "0s"]);
    let unresolved = place.run(&arguments).failed(10, "vod-aigc resume");
    assert!(!unresolved.stderr.contains('\u{1b}'), "{}", unresolved.stderr);
    place.run(&["task", "forget", "no such key"]).failed(2, "no job of this key");

    let forgotten = place.run(&["task", "forget", "k\u{1b}[31m"]).succeeded();
    assert!(forgotten.stdout.contains("whether it was billed is not known"), "{}", forgotten.stdout);
    assert!(forgotten.stdout.contains("k\\u{1b}[31m") && !forgotten.stdout.contains('\u{1b}'), "{}", forgotten.stdout);
    place.run(&["task", "forget", "k\u{1b}[31m"]).failed(2, "nothing to forget");
    assert_eq!(place.run(RESUME).succeeded().stdout, "", "nobody goes on with it");

    let again = place.run(&arguments).succeeded();
    assert!(again.stderr.contains("this is a new job, k\\u{1b}[31m~2"), "{}", again.stderr);
    let again = place.run(&[arguments.as_slice(), &["--json"]].concat()).succeeded().json();
    assert_eq!(again["key"], "k\u{1b}[31m~2");
    let jobs = place.jobs();
    assert_eq!((&jobs[0]["state"], &jobs[0]["billed"]), (&json!("forgotten"), &json!("unknown")));
    assert_eq!((&jobs[1]["state"], &jobs[1]["billed"]), (&json!("accepted"), &json!("yes")));
    assert_eq!((&jobs[1]["task_id"], emulator.ledger().len()), (&again["task_id"], 2));
    let document = place.run(&["task", "forget", "k\u{1b}[31m~2", "--json"]).succeeded().json();
    assert_eq!((&document["billed"], &document["forgotten"]), (&json!("yes"), &json!(true)));
}

#[test]
fn a_key_whose_task_ended_for_lack_of_capacity_runs_again() {
    let emulator = Emulator::play(&json!({
        "behaviour": { "concurrency": { "limit": 1, "overflow": "finish" } },
        "timing": { "waiting_seconds": 0, "processing_seconds": 600 },
    }));
    let place = Workplace::new().to(&emulator.endpoint);
    place.run(&generate(&["--key", "first", "--no-wait"])).succeeded();
    let second = generate(&["--key", "second", "--no-download", "--first-poll", "0s", "--json"]);
    let ran = place.run(&second);
    assert_eq!((ran.code, &ran.json()["error"]["billed"]), (6, &json!("no")), "{}", ran.stderr);
    emulator.advance(600);
    let submitted = place.run(&generate(&["--key", "second", "--no-wait", "--json"])).succeeded().json();
    assert_ne!(submitted["task_id"], ran.json()["error"]["task_id"]);
    assert_eq!(emulator.http("GET", "/_emulator/bill", "")["billed"], 2);
}
