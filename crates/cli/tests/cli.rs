//! The contracts that scripts rely on: what stands on standard output, what on standard error, and the exit codes.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;

const SECRET_KEY: &str = "canary-secret-key";

/// A working directory of its own, and the variables that commands run there get; nothing else of the environment.
struct Workplace {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Workplace {
    /// With no variables.
    fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// With a key pair and a sub-application.
    fn new() -> Self {
        Self::bare()
            .with("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")
            .with("TENCENTCLOUD_SECRET_KEY", SECRET_KEY)
            .with("VOD_SUB_APP_ID", "7")
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// The same, sending to `endpoint`.
    fn to(self, endpoint: &str) -> Self {
        self.with("VOD_AIGC_ENDPOINT", endpoint)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vod-aigc"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // Windows finds its network stack by it.
        #[expect(clippy::disallowed_methods, reason = "passed on to the command and not used here")]
        command.envs(std::env::var_os("SYSTEMROOT").map(|root| ("SYSTEMROOT", root)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command(arguments).output().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// How a command ended.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        let ran = Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        for stream in [&ran.stdout, &ran.stderr] {
            assert!(!stream.contains(SECRET_KEY), "{stream}");
            assert!(!stream.contains("panicked"), "{stream}");
        }
        ran
    }

    /// The one document on standard output.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// With this code and this sentence on standard error, and nothing where data belongs.
    fn failed(self, code: i32, sentence: &str) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        assert!(self.stderr.contains(sentence), "{}", self.stderr);
        self
    }
}

/// `vod-aigc emulate`, stopped when it is dropped.
struct Emulator {
    process: Child,
    endpoint: String,
}

impl Emulator {
    fn start() -> Self {
        let mut process = Workplace::new().command(&["emulate", "--listen", "127.0.0.1:0"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(first.as_object().unwrap().len(), 1, "{first}");
        Self { process, endpoint: first["endpoint"].as_str().unwrap().to_owned() }
    }

    /// One plain HTTP request to its control surface.
    fn http(&self, method: &str, path: &str, body: &str) -> Value {
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}");
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn ledger(&self) -> Vec<Value> {
        self.http("GET", "/_emulator/ledger", "").as_array().unwrap().clone()
    }

    fn advance(&self, seconds: u32) {
        self.http("POST", "/_emulator/clock", &json!({ "advance_seconds": seconds }).to_string());
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server that answers every request with these bytes and hangs up; it counts them.
fn server(answer: &str) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    let (asked, requests) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                if let Some((name, value)) = line.split_once(": ")
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
            }
            stream.read_exact(&mut vec![0; length]).unwrap();
            // The test that counts may have ended.
            let _ = asked.send(());
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    (endpoint, requests)
}

fn api_error(code: &str) -> String {
    let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"why"}},"RequestId":"r-1"}}}}"#);
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

const GENERATE: &[&str] = &["generate", "a panda in a bamboo forest", "--model", "Kling:2.1"];

fn generate<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [GENERATE, arguments].concat()
}

/// Width and height in pixels of an MP4 file.
fn size(path: &Path) -> (u32, u32) {
    let file = std::fs::read(path).unwrap();
    assert_eq!(&file[4..8], b"ftyp");
    let track = file.windows(4).position(|bytes| bytes == b"tkhd").unwrap();
    let length = u32::from_be_bytes(file[track - 4..track].try_into().unwrap()) as usize;
    // Both sides stand last in the box, as 16.16 fixed-point numbers.
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
        assert!(cell("resolutions", words), "{row}");
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
    place.write("first.png", b"\x89PNG");
    let arguments = ["--image", "first.png", "--resolution", "2K", "--session-id", "s-1", "--dry-run"];
    let body = place.run(&generate(&arguments)).succeeded().json();
    assert_eq!(
        body,
        json!({
            "SubAppId": 7,
            "ModelName": "Kling",
            "ModelVersion": "2.1",
            "Prompt": "a panda in a bamboo forest",
            "FileInfos": [{ "Type": "Base64", "Base64": "iVBORw==" }],
            "OutputConfig": { "StorageMode": "Temporary", "Resolution": "2K" },
            "SessionId": "s-1",
        })
    );
    // It needs no key, and what the table refuses it refuses too.
    Workplace::bare().with("VOD_SUB_APP_ID", "7").run(&generate(&["--dry-run"])).succeeded();
    place.run(&generate(&["--resolution", "4K", "--dry-run"])).failed(2, "choose 720P, 1080P or 2K");
    assert!(requests.try_recv().is_err());
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
fn a_server_that_is_not_there_ends_with_5() {
    // Held, so that nobody else gets the port, and never listened on.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    Workplace::new().to(&endpoint).run(&["task", "get", "t-1"]).failed(5, "nothing was sent");
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

/// Other systems have no signal that one process can send another alone.
#[cfg(unix)]
#[test]
fn an_interrupted_wait_ends_with_9_and_says_how_to_go_on() {
    let place = Workplace::bare();
    let mut process = place.command(&generate(&["--emulator"])).spawn().unwrap();
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut said = String::new();
    // The first poll has been answered, so the wait is on.
    while !said.contains("waiting") && !said.contains("processing") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let interrupt = Command::new("sh").args(["-c", &format!("kill -INT {}", process.id())]).status().unwrap();
    assert!(interrupt.success());
    stderr.read_to_string(&mut said).unwrap();
    let output = process.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(9), b"".as_slice()), "{said}");
    assert!(said.contains("resume with: vod-aigc task wait "), "{said}");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_lost_reply_ends_with_10_and_names_the_session_id() {
    let (endpoint, requests) = server("");
    let ran = Workplace::new().to(&endpoint).run(&generate(&["--session-id", "panda-1"]));
    let ran = ran.failed(10, "money may have been spent");
    assert!(ran.stderr.contains("SessionId panda-1"), "{}", ran.stderr);
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn a_repeated_session_id_ends_with_10_and_starts_nothing() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    let arguments = generate(&["--session-id", "panda-1", "--no-wait"]);
    place.run(&arguments).succeeded();
    place.run(&arguments).failed(10, "an earlier send was accepted");
    assert_eq!(emulator.ledger().len(), 1);
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
    assert!(place.run(&["--help"]).succeeded().stdout.contains("generate"));
    assert!(place.run(&["--version"]).succeeded().stdout.starts_with("vod-aigc "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).succeeded().stdout.contains("vod-aigc"));
    }
    place.run(&[]).failed(2, "Usage");
}
