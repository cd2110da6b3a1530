//! A place to run the command in, and the emulator that it talks to.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const SECRET_KEY: &str = "canary-secret-key";

/// A working directory of its own, and the variables that commands run there get; nothing else of the environment.
pub(crate) struct Workplace {
    pub(crate) folder: TempDir,
    /// Apart from the working directory, so that a test sees there what it asked for and nothing else.
    state: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Workplace {
    /// With no variables.
    pub(crate) fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// With a key pair and a sub-application.
    pub(crate) fn new() -> Self {
        Self::bare()
            .with("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE")
            .with("TENCENTCLOUD_SECRET_KEY", SECRET_KEY)
            .with("VOD_SUB_APP_ID", "7")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// The same, sending to `endpoint`.
    pub(crate) fn to(self, endpoint: &str) -> Self {
        self.with("VOD_AIGC_ENDPOINT", endpoint)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vod-aigc"));
        command.args(arguments);
        self.prepare(command)
    }

    /// A script for a shell that knows the command by its name; it ends at the first failure.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-eu", "-c", script]);
        let mut command = self.prepare(command);
        let folder = Path::new(env!("CARGO_BIN_EXE_vod-aigc")).parent().unwrap();
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        command
    }

    fn prepare(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path()).env_clear();
        command.env("VOD_AIGC_STORE", self.store());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // Windows finds its network stack by it.
        #[expect(clippy::disallowed_methods, reason = "passed on to the command and not used here")]
        command.envs(std::env::var_os("SYSTEMROOT").map(|root| ("SYSTEMROOT", root)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Where its commands keep their store.
    pub(crate) fn store(&self) -> PathBuf {
        self.state.path().join("jobs.sqlite3")
    }

    /// Everything that the store consists of.
    pub(crate) fn store_files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.state.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// The store, as `task list --json` shows it.
    pub(crate) fn jobs(&self) -> Vec<Value> {
        self.run(&["task", "list", "--json"]).succeeded().json().as_array().unwrap().clone()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(self.command(arguments).output().unwrap())
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(output: Output) -> Self {
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
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// With this code and this sentence on standard error, and nothing where data belongs.
    pub(crate) fn failed(self, code: i32, sentence: &str) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        assert!(self.stderr.contains(sentence), "{}", self.stderr);
        self
    }
}

/// A server that answers every request with these bytes and hangs up; it counts them.
pub(crate) fn server(answer: &str) -> (String, mpsc::Receiver<()>) {
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

/// The reply with which the service refuses a request.
pub(crate) fn api_error(code: &str) -> String {
    let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"why"}},"RequestId":"r-1"}}}}"#);
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// `vod-aigc emulate`, stopped when it is dropped.
pub(crate) struct Emulator {
    pub(crate) process: Child,
    pub(crate) endpoint: String,
}

impl Emulator {
    pub(crate) fn start() -> Self {
        Self::play(&json!({}))
    }

    /// With a scenario.
    pub(crate) fn play(scenario: &Value) -> Self {
        let place = Workplace::new();
        place.write("scenario.json", scenario.to_string());
        let mut process = place.command(&["emulate", "--scenario", "scenario.json"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(first.as_object().unwrap().len(), 1, "{first}");
        Self { process, endpoint: first["endpoint"].as_str().unwrap().to_owned() }
    }

    /// One plain HTTP request to its control surface.
    pub(crate) fn http(&self, method: &str, path: &str, body: &str) -> Value {
        serde_json::from_slice(&self.bytes(method, path, body)).unwrap()
    }

    /// The body of the reply to one plain HTTP request.
    pub(crate) fn bytes(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}");
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        reply.split_off(end + 4)
    }

    pub(crate) fn ledger(&self) -> Vec<Value> {
        self.http("GET", "/_emulator/ledger", "").as_array().unwrap().clone()
    }

    pub(crate) fn advance(&self, seconds: u32) {
        self.http("POST", "/_emulator/clock", &json!({ "advance_seconds": seconds }).to_string());
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
