//! The corpus of bad replies: the bytes of each and what must come of it, by the rules of JSON and of the API alone.
//!
//! Nothing here calls the code under test: what is expected follows from how a reply was malformed.
//!
//! - A document that is not JSON, or whose shape is wrong in a member that is read, is unreadable.
//! - A member may be null, missing, new, or an unknown string; an item of a list may be none of these.
//! - `Response.Error` with a text as its `Code` is an error of the service, whatever is beside it.
//! - The RequestId is shown wherever the bytes show it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The RequestId of every reply that has one.
pub(crate) const REQUEST_ID: &str = "0f3e2c4a-8d1b-4c6e-9a57-2b1d6f3c8e90";

const CREATE: &str = include_str!("bases/create.json");
const CARD: &str = include_str!("bases/card.json");
const DESCRIBE: &str = include_str!("bases/describe.json");
const ERROR: &str = include_str!("bases/error.json");
const LIST: &str = include_str!("bases/list.json");

/// The replies with every member that is documented, each with the action that it answers.
pub(crate) const WHOLE: [(Action, &str); 3] =
    [(Action::Create, CREATE), (Action::Describe, DESCRIBE), (Action::List, LIST)];

/// One file of the corpus, or one reply that is built in memory.
pub(crate) struct Malformed {
    pub(crate) body: Vec<u8>,
    pub(crate) entry: Entry,
}

/// What the manifest says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The file, in groups by the part before the first dot.
    pub(crate) file: String,
    /// The HTTP status that it comes with.
    pub(crate) status: u16,
    /// The action that the expectation is for.
    pub(crate) action: Action,
    /// What it must open as.
    pub(crate) expect: Expect,
    /// The error's code.
    pub(crate) code: Option<String>,
    /// The RequestId that must be found.
    pub(crate) request_id: Option<String>,
    /// How far the task must be, for replies that are about that.
    pub(crate) state: Option<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Any,
    Create,
    Describe,
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expect {
    Value,
    Service,
    Unreadable,
    /// Neither JSON nor the API decides: any of the three, but no panic.
    Typed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Unfinished,
    Failed,
    Succeeded,
}

/// The files, in the order of their names.
pub(crate) fn files() -> Vec<Malformed> {
    let mut corpus = Corpus::default();
    corpus.cut_off();
    corpus.members();
    corpus.items();
    corpus.numbers();
    corpus.words();
    corpus.states();
    corpus.strings();
    corpus.errors();
    corpus.envelopes();
    corpus.documents();
    corpus.bytes();
    corpus.gateways();
    corpus.0.sort_by(|a, b| a.entry.file.cmp(&b.entry.file));
    corpus.0
}

/// The replies that are too large for a file.
pub(crate) fn large() -> Vec<Malformed> {
    const MANY: usize = 100_000;
    let mut corpus = Corpus::default();
    let nested = |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let in_response = |members: String| format!(r#"{{"Response":{{{members},"RequestId":"{REQUEST_ID}"}}}}"#);

    for depth in [100, 127, 128, 129, 1_000, MANY] {
        let arrays = nested("[", "]", depth);
        let objects = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        corpus.add("deep.unknown_arrays", Action::Any, Expect::Typed, in_response(format!(r#""New":{arrays}"#)));
        corpus.add("deep.unknown_objects", Action::Any, Expect::Typed, in_response(format!(r#""New":{objects}"#)));
        corpus.add("deep.error", Action::Any, Expect::Typed, in_response(format!(r#""Error":{arrays}"#)));
        corpus.add(
            "deep.request_id",
            Action::Any,
            Expect::Typed,
            format!(r#"{{"Response":{{"RequestId":{objects}}}}}"#),
        );
        corpus.add("deep.list", Action::List, Expect::Unreadable, in_response(format!(r#""TaskSet":{arrays}"#)));
        corpus.add("deep.task", Action::Describe, Expect::Unreadable, in_response(format!(r#""Status":{objects}"#)));
        corpus.add("deep.response", Action::Any, Expect::Unreadable, format!(r#"{{"Response":{arrays}}}"#));
        corpus.add("deep.open", Action::Any, Expect::Unreadable, "[".repeat(depth));
        corpus.add("deep.envelopes", Action::Any, Expect::Unreadable, r#"{"Response":"#.repeat(depth));
    }

    let long = "熊猫".repeat(1_500_000);
    let message = format!(r#""AigcVideoTask":{{"Status":"PROCESSING","Message":"{long}"}}"#);
    corpus.add("huge.message", Action::Describe, Expect::Value, in_response(message));
    let error = format!(r#""Error":{{"Code":"InternalError","Message":"{long}"}}"#);
    corpus.add("huge.error_message", Action::Any, Expect::Service, in_response(error)).code = code("InternalError");
    corpus.add(
        "huge.wrong_type",
        Action::Describe,
        Expect::Unreadable,
        in_response(format!(r#""AigcVideoTask":"{long}""#)),
    );
    corpus.add("huge.page", Action::Any, Expect::Unreadable, format!("<html><body>{long}</body></html>"));
    corpus.add("huge.blanks", Action::Create, Expect::Value, format!("{}{CREATE}", " ".repeat(5_000_000)));
    corpus.add(
        "huge.digits",
        Action::Describe,
        Expect::Unreadable,
        in_response(format!(r#""AigcVideoTask":{{"ErrCode":{}}}"#, "9".repeat(1_000_000))),
    );
    let members: String = (0..MANY).map(|index| format!(r#""New{index}":{index},"#)).collect();
    corpus.add("huge.unknown_members", Action::Create, Expect::Value, in_response(format!(r#"{members}"TaskId":"1""#)));
    let rows = vec![r#"{"TaskId":"1","SessionId":"a"}"#; MANY].join(",");
    corpus.add("huge.list", Action::List, Expect::Value, in_response(format!(r#""TaskSet":[{rows}]"#)));
    let files = vec![r#"{"FileUrl":"https://media.example.com/a.mp4"}"#; MANY].join(",");
    let task = format!(r#""AigcVideoTask":{{"Status":"FINISH","Output":{{"FileInfos":[{files}]}}}}"#);
    corpus.add("huge.files", Action::Describe, Expect::Value, in_response(task)).state = Some(State::Succeeded);
    corpus.add("huge.request_id", Action::Any, Expect::Typed, format!(r#"{{"Response":{{"RequestId":"{long}"}}}}"#));
    corpus.0
}

/// The manifest: one entry a line, so that a difference shows one file.
pub(crate) fn manifest(files: &[Malformed]) -> String {
    let lines: Vec<String> =
        files.iter().map(|file| serde_json::to_string(&file.entry).expect("texts and numbers serialise")).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

#[derive(Default)]
struct Corpus(Vec<Malformed>);

impl Corpus {
    /// Numbers the files of one name. The RequestId is expected where the bytes show it.
    fn add(&mut self, name: &str, action: Action, expect: Expect, body: impl Into<Vec<u8>>) -> &mut Entry {
        let body = body.into();
        let shown = [format!(r#""RequestId":"{REQUEST_ID}""#), format!(r#""RequestId": "{REQUEST_ID}""#)];
        let shown = shown.iter().any(|member| body.windows(member.len()).any(|part| part == member.as_bytes()));
        let prefix = format!("{name}-");
        let number = self.0.iter().filter(|it| it.entry.file.starts_with(&prefix)).count();
        self.0.push(Malformed {
            body,
            entry: Entry {
                file: format!("{name}-{number:02}.bin"),
                status: 200,
                action,
                expect,
                code: None,
                request_id: shown.then(|| REQUEST_ID.to_owned()),
                state: None,
            },
        });
        &mut self.0.last_mut().expect("one was just added").entry
    }

    /// A reply cut off anywhere before its last brace.
    fn cut_off(&mut self) {
        const CUTS: usize = 16;
        for (name, base) in
            [("create", CREATE), ("card", CARD), ("describe", DESCRIBE), ("error", ERROR), ("list", LIST)]
        {
            let bytes = base.trim_end().as_bytes();
            for cut in 1..=CUTS {
                let length = (bytes.len() - 1) * cut / CUTS;
                self.add(&format!("cut_off.{name}"), Action::Any, Expect::Unreadable, &bytes[..length]);
            }
        }
    }

    /// Each documented member: of a wrong type, null, missing, twice.
    fn members(&mut self) {
        for (action, base) in WHOLE {
            let whole: Value = serde_json::from_str(base).expect("the bases are JSON");
            let paths = paths(&whole["Response"]);
            let members = paths.iter().filter(|path| matches!(path.last(), Some(Step::Member(_))));
            for path in members.filter(|path| **path != [Step::Member("RequestId".to_owned())]) {
                let value = path.iter().fold(&whole["Response"], |value, step| step.of(value));
                let name = path.iter().filter_map(Step::name).collect::<Vec<_>>().join(".");
                for wrong in wrong_types(value) {
                    self.add(&format!("wrong_type.{name}"), action, Expect::Unreadable, reply(path, wrong));
                }
                self.add(&format!("null.{name}"), action, Expect::Value, reply(path, "null"));
                let mut without = whole.clone();
                remove(&mut without["Response"], path);
                self.add(&format!("missing.{name}"), action, Expect::Value, text(&without));
                let member = path.last().and_then(Step::name).expect("the path ends in a member");
                let empty = match value {
                    Value::Array(_) => "[]".to_owned(),
                    Value::Object(_) => "{}".to_owned(),
                    value => value.to_string(),
                };
                let twice = format!(r#"{empty},"{member}":{empty}"#);
                self.add(&format!("twice.{name}"), action, Expect::Unreadable, reply(path, &twice));
            }
        }
    }

    /// Items that are not what a list holds, and lists with no items.
    fn items(&mut self) {
        for (action, base) in WHOLE {
            let whole: Value = serde_json::from_str(base).expect("the bases are JSON");
            for path in paths(&whole["Response"]).iter().filter(|path| path.last() == Some(&Step::First)) {
                let name = path.iter().filter_map(Step::name).collect::<Vec<_>>().join(".");
                self.add(&format!("item.{name}"), action, Expect::Unreadable, reply(path, "null"));
                self.add(&format!("item.{name}"), action, Expect::Unreadable, reply(path, "7"));
                self.add(&format!("item.{name}"), action, Expect::Unreadable, reply(path, "[[]]"));
                self.add(&format!("item.{name}"), action, Expect::Value, reply(&path[..path.len() - 1], "[]"));
            }
        }
    }

    fn numbers(&mut self) {
        let whole_numbers =
            ["AigcVideoTask.ErrCode", "AigcVideoTask.Progress", "AigcVideoTask.Output.Usage.OutputSeconds"];
        for name in whole_numbers {
            let path = members_of(name);
            for wrong in ["9223372036854775808", "-9223372036854775809", "1e999", "-1e999", "1e400", "0.5", "1e-1"] {
                self.add("number.whole", Action::Describe, Expect::Unreadable, reply(&path, wrong));
            }
            for right in ["-1", "0", "9223372036854775807", "-9223372036854775808"] {
                self.add("number.whole_in_range", Action::Describe, Expect::Value, reply(&path, right));
            }
        }
        let seconds = members_of("AigcVideoTask.Input.OutputConfig.Duration");
        for wrong in ["1e999", "-1e999", "\"5\"", "true"] {
            self.add("number.fraction", Action::Describe, Expect::Unreadable, reply(&seconds, wrong));
        }
        for right in ["5", "-5", "1e308", "1e-999", "0.1", "18446744073709551616", "5E0"] {
            self.add("number.fraction_in_range", Action::Describe, Expect::Value, reply(&seconds, right));
        }
        // No JSON at all, wherever it is.
        for name in ["AigcVideoTask.Progress", "New"] {
            for wrong in ["NaN", "Infinity", "-Infinity", "01", "+1", ".5", "5.", "1e", "0x10", "--1", "-", "1_000"] {
                self.add("number.no_json", Action::Any, Expect::Unreadable, reply(&members_of(name), wrong));
            }
        }
    }

    /// Unknown words, where the API has a list of them.
    fn words(&mut self) {
        let words = ["\"\"", "\"finish\"", "\" FINISH\"", "\"已完成\"", "\"REVIEWING\"", "\"\\u001b[2J\\u0000\""];
        for name in ["Status", "AigcVideoTask.Status"] {
            for word in words {
                let entry = self.add("word.status", Action::Describe, Expect::Value, reply(&members_of(name), word));
                entry.state = Some(State::Unfinished);
            }
        }
        let others = [
            "TaskType",
            "AigcVideoTask.ErrCodeExt",
            "AigcVideoTask.Input.EnhancePrompt",
            "AigcVideoTask.Input.GenerationMode",
            "AigcVideoTask.Input.InputRegion",
            "AigcVideoTask.Input.SceneType",
            "AigcVideoTask.Input.OutputConfig.StorageMode",
            "AigcVideoTask.Input.OutputConfig.AspectRatio",
        ];
        for name in others {
            for word in &words[3..] {
                self.add("word.other", Action::Describe, Expect::Value, reply(&members_of(name), word));
            }
        }
        for word in words {
            let row = format!(r#"[{{"Status":{word},"TaskType":{word}}}]"#);
            self.add("word.list", Action::List, Expect::Value, reply(&members_of("TaskSet"), &row));
        }
    }

    /// Ends that contradict themselves.
    fn states(&mut self) {
        let file = r#""Output":{"FileInfos":[{"FileUrl":"https://media.example.com/a.mp4"}]}"#;
        let cases = [
            (State::Failed, r#""Status":"FINISH""#.to_owned()),
            (State::Failed, r#""AigcVideoTask":{"Status":"FINISH"}"#.to_owned()),
            (State::Failed, r#""AigcVideoTask":{"Status":"FINISH","Output":{}}"#.to_owned()),
            (State::Failed, r#""AigcVideoTask":{"Status":"FINISH","Output":{"FileInfos":[]}}"#.to_owned()),
            (State::Failed, r#""AigcVideoTask":{"Status":"FINISH","Output":{"FileInfos":[{}]}}"#.to_owned()),
            (
                State::Failed,
                r#""AigcVideoTask":{"Status":"FINISH","Output":{"FileInfos":[{"FileUrl":""}]}}"#.to_owned(),
            ),
            (
                State::Failed,
                r#""AigcVideoTask":{"Status":"FINISH","Output":{"FileInfos":[{"FileUrl":null}]}}"#.to_owned(),
            ),
            (State::Failed, format!(r#""AigcVideoTask":{{"Status":"FINISH","ErrCode":70000,{file}}}"#)),
            (State::Failed, format!(r#""AigcVideoTask":{{"Status":"FINISH","ErrCode":-1,{file}}}"#)),
            (State::Failed, format!(r#""AigcVideoTask":{{"Status":"FINISH","ErrCodeExt":"Brand.New",{file}}}"#)),
            (
                State::Failed,
                r#""AigcVideoTask":{"Status":"FAIL","Message":"\u001b]0;owned\u0007\r\nnext line\u009b2J"}"#.to_owned(),
            ),
            (State::Failed, r#""AigcVideoTask":{"Status":"FAIL","ErrCodeExt":"\u001b[31m\nInternalError"}"#.to_owned()),
            (State::Failed, r#""Status":"ABORTED","AigcVideoTask":{"Status":"PROCESSING"}"#.to_owned()),
            (State::Succeeded, format!(r#""AigcVideoTask":{{"Status":"FINISH",{file}}}"#)),
            (State::Succeeded, format!(r#""AigcVideoTask":{{"Status":"FINISH","Progress":-7,"ErrCode":null,{file}}}"#)),
            (
                State::Succeeded,
                format!(r#""Status":null,"AigcVideoTask":{{"Status":"FINISH","ErrCodeExt":"",{file}}}"#),
            ),
            (State::Unfinished, String::new()),
            (State::Unfinished, r#""AigcVideoTask":null"#.to_owned()),
            (State::Unfinished, r#""AigcVideoTask":{}"#.to_owned()),
            (State::Unfinished, r#""AigcVideoTask":{"Progress":100}"#.to_owned()),
            (State::Unfinished, r#""AigcVideoTask":{"Status":"PROCESSING","Progress":9223372036854775807}"#.to_owned()),
            (State::Unfinished, r#""Status":"FINISH","AigcVideoTask":{"Status":"PROCESSING"}"#.to_owned()),
        ];
        for (state, members) in cases {
            let comma = if members.is_empty() { "" } else { "," };
            let body = format!(r#"{{"Response":{{{members}{comma}"RequestId":"{REQUEST_ID}"}}}}"#);
            self.add("state", Action::Describe, Expect::Value, body).state = Some(state);
        }
    }

    fn strings(&mut self) {
        let message = members_of("AigcVideoTask.Message");
        for right in
            [r#""\u0000""#, r#""\u001b[31m""#, r#""\ud83d\udc3c""#, r#""\uFFFF\/\b""#, "\"\u{202e}\u{feff}\u{85}\""]
        {
            self.add("string.odd", Action::Describe, Expect::Value, reply(&message, right));
        }
        // A lone surrogate is no character.
        for wrong in [r#""\ud800""#, r#""\udc3c""#, r#""\ud83d\ud83d""#, r#""\ud83dx""#] {
            self.add("string.surrogate", Action::Describe, Expect::Unreadable, reply(&message, wrong));
        }
        for wrong in [
            r#""\x41""#,
            r#""\u12""#,
            r#""\u12g4""#,
            "\"\u{1}\"",
            "\"two\nlines\"",
            "\"tab\there\"",
            "'single'",
            "\"open",
        ] {
            self.add("string.no_json", Action::Any, Expect::Unreadable, reply(&message, wrong));
        }
        // Bytes that are no UTF-8: alone, overlong, a surrogate, cut off, GBK.
        for wrong in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xe7\x86", b"\xf5\x80\x80\x80", b"\xd0\xdc\xc3\xa8"]
        {
            let whole = reply(&message, "\"@\"");
            let (before, after) = whole.split_once('@').expect("the sign is there");
            let body = [before.as_bytes(), wrong, after.as_bytes()].concat();
            self.add("string.no_utf8", Action::Describe, Expect::Unreadable, body);
        }
    }

    /// Errors of the service: known and unknown codes, every member malformed.
    fn errors(&mut self) {
        let codes = [
            "AuthFailure",
            "AuthFailure.SignatureFailure",
            "AuthFailure.SecretIdNotFound",
            "AuthFailure.TokenFailure",
            "UnauthorizedOperation",
            "InvalidParameter",
            "InvalidParameterValue.SessionId",
            "LimitExceeded",
            "RequestLimitExceeded",
            "ContentRiskDetected",
            "InternalError",
            "FailedOperation",
            "FailedOperation.TaskDuplicate",
            "ResourceNotFound",
            "ResourceUnavailable",
            "UnsupportedOperation",
            "Brand.New.Code",
            "brandNew",
            "70000",
            "",
            "错误",
            "A B",
            "A/B?c=d",
            "..",
            "Very.Long.Code.With.Many.Parts.That.Nobody.Knows.And.No.Table.Lists",
        ];
        for it in codes {
            let error = format!(r#"{{"Code":"{it}","Message":"no"}}"#);
            let entry = self.add("error.code", Action::Any, Expect::Service, reply(&members_of("Error"), &error));
            entry.code = code(it);
        }
        for status in [400, 401, 403, 404, 429, 500, 502, 503] {
            let entry = self.add("error.status", Action::Any, Expect::Service, ERROR);
            entry.code = code("InvalidParameterValue.SessionId");
            entry.status = status;
        }
        for message in
            ["null", "5", "{}", "[]", "\"\"", r#""\u001b[2J\u0000\r\n\u009b\u0085line""#, r#""{\"Response\":{}}""#]
        {
            let error = format!(r#"{{"Code":"InternalError","Message":{message}}}"#);
            let entry = self.add("error.message", Action::Any, Expect::Service, reply(&members_of("Error"), &error));
            entry.code = code("InternalError");
        }
        let entry = self.add(
            "error.message",
            Action::Any,
            Expect::Service,
            reply(&members_of("Error"), r#"{"Code":"InternalError"}"#),
        );
        entry.code = code("InternalError");
        // Control characters become blanks: a code is shown on terminals.
        let error = r#"{"Code":"Internal\u001b[31mError\n","Message":"no"}"#;
        let entry = self.add("error.control", Action::Any, Expect::Service, reply(&members_of("Error"), error));
        entry.code = code("Internal [31mError ");
        for wrong in [
            "{}",
            "[]",
            "5",
            "true",
            "\"InternalError\"",
            r#"["InternalError","no"]"#,
            r#"{"Code":null}"#,
            r#"{"Code":5}"#,
            r#"{"Code":["InternalError"]}"#,
            r#"{"Code":{}}"#,
            r#"{"code":"InternalError"}"#,
            r#"{"Message":"no"}"#,
        ] {
            self.add("error.without_code", Action::Any, Expect::Unreadable, reply(&members_of("Error"), wrong));
        }
        self.add("error.null", Action::Any, Expect::Value, reply(&members_of("Error"), "null"));
        for request_id in ["null", "5", "[]", "{}", "true"] {
            let body = format!(
                r#"{{"Response":{{"Error":{{"Code":"InternalError","Message":"no"}},"RequestId":{request_id}}}}}"#
            );
            self.add("error.request_id", Action::Any, Expect::Service, body).code = code("InternalError");
            let body = format!(r#"{{"Response":{{"TaskId":"1","RequestId":{request_id}}}}}"#);
            self.add("request_id", Action::Any, Expect::Value, body);
        }
        let beside =
            format!(r#"{{"Response":{{"TaskId":"1","Error":{{"Code":"InternalError"}},"RequestId":"{REQUEST_ID}"}}}}"#);
        self.add("error.beside", Action::Any, Expect::Service, beside).code = code("InternalError");
        let beside = format!(
            r#"{{"Response":{{"TaskId":1,"TaskSet":1,"AigcVideoTask":1,"Error":{{"Code":"InternalError"}},"RequestId":"{REQUEST_ID}"}}}}"#
        );
        self.add("error.beside", Action::Any, Expect::Service, beside).code = code("InternalError");
        // Two errors, or an error and none: which one counts is not guessed.
        let error = r#"{"Code":"InternalError"}"#;
        for (first, second) in [(error, error), (error, "null"), ("null", error)] {
            let body = format!(
                r#"{{"Response":{{"Error":{first},"Error":{second},"TaskId":"1","RequestId":"{REQUEST_ID}"}}}}"#
            );
            self.add("error.twice", Action::Any, Expect::Unreadable, body);
        }
    }

    fn envelopes(&mut self) {
        for wrong in [
            "{}",
            "[]",
            "null",
            "true",
            "5",
            "\"text\"",
            r#"{"Response":null}"#,
            r#"{"Response":[]}"#,
            r#"{"Response":[{}]}"#,
            r#"{"Response":"{}"}"#,
            r#"{"Response":5}"#,
            r#"{"response":{}}"#,
            r#"{"RESPONSE":{}}"#,
            r#"{" Response":{}}"#,
            r#"[{"Response":{}}]"#,
            r#"{"Result":{"Response":{}}}"#,
            r#"{"code":404,"message":"not found"}"#,
            r#"{"retcode":-1}"#,
            r#"{"Error":{"Code":"InternalError"}}"#,
            r#"{"TaskId":"1"}"#,
            r#"{"Response":{},"Response":{}}"#,
            r#"{"Response":{"TaskId":"1"},"Response":{"TaskId":"2"}}"#,
        ] {
            self.add("envelope.wrong", Action::Any, Expect::Unreadable, wrong);
        }
        for right in [
            r#"{"Response":{}}"#,
            r#"{"Response":{"New":1}}"#,
            r#"{"Old":1,"Response":{}}"#,
            r#"{"Response":{},"retcode":0}"#,
            r#"{"R\u0065sponse":{}}"#,
            "\r\n\t {\"Response\" : { } }\r\n",
        ] {
            self.add("envelope.right", Action::Any, Expect::Value, right);
        }
    }

    /// Nearly JSON.
    fn documents(&mut self) {
        let create = CREATE.trim_end();
        let wrong = [
            format!("{create}{create}"),
            format!("{create}\n{create}\n"),
            format!("{create}]"),
            format!("{create}}}"),
            format!("{create},"),
            format!("{create};"),
            format!("{create}\0"),
            format!("[{create}"),
            format!("callback({create})"),
            format!(")]}}',\n{create}"),
            format!("data: {create}\n\n"),
            format!("HTTP/1.1 200 OK\r\n\r\n{create}"),
            format!("6e\r\n{create}\r\n0\r\n\r\n"),
            format!("// ok\n{create}"),
            format!("/* ok */{create}"),
            format!("\u{feff}{create}"),
            create.replace("\",\"", "\",,\""),
            create.replace("\",\"", "\";\""),
            create.replace("\"}}", "\",}}"),
            create.replace("\"}}", "\"}},}"),
            create.replace('"', "'"),
            create.replace("\"TaskId\"", "TaskId"),
            create.replace("\":\"", "\"=\""),
            create.replacen('{', "[", 1),
            create.replacen("\":{", "\":[", 1),
            create.replacen('{', "{{", 1),
            create.replace("\"}}", "\"}]"),
            create.replace("\",\"", "\" \""),
            create.replacen('{', "", 1),
            create.replace("TaskId\"", "TaskId"),
            create.replace("{", "{ // note\n"),
            create.replace(":", " "),
            create.replace("\":", "\"::"),
        ];
        for wrong in wrong {
            self.add("document", Action::Any, Expect::Unreadable, wrong);
        }
    }

    fn bytes(&mut self) {
        let create = CREATE.trim_end();
        let wide = |order: fn(u16) -> [u8; 2]| create.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let little_marked = [&b"\xff\xfe"[..], &wide(u16::to_le_bytes)].concat();
        let big_marked = [&b"\xfe\xff"[..], &wide(u16::to_be_bytes)].concat();
        let wide_32: Vec<u8> = create.chars().flat_map(|it| u32::from(it).to_le_bytes()).collect();
        let stored =
            |length: usize| [&[1][..], &(length as u16).to_le_bytes(), &(!(length as u16)).to_le_bytes()].concat();
        let gzip = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &stored(create.len())[..], create.as_bytes(), b"\0\0\0\0\0\0\0\0"]
            .concat();
        let zlib = [b"\x78\x01", &stored(create.len())[..], create.as_bytes()].concat();
        let every: Vec<u8> = (0..=255).collect();
        let bodies: [&[u8]; 20] = [
            b"",
            b" ",
            b"\r\n",
            b"\0",
            b"\xef\xbb\xbf",
            b"\xff",
            &[0; 64],
            &every,
            &wide(u16::to_le_bytes),
            &wide(u16::to_be_bytes),
            &little_marked,
            &big_marked,
            &wide_32,
            &gzip,
            &zlib,
            b"\x1f\x8b\x08",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"\0\0\0\x20ftypisom\0\0\x02\0",
            b"PK\x03\x04\x14\0",
            b"\x16\x03\x03\0\x7a\x02\0\0\x76",
        ];
        for body in bodies {
            self.add("bytes", Action::Any, Expect::Unreadable, body);
        }
        for status in [201, 204, 301, 400, 403, 404, 408, 413, 429, 500, 502, 503, 504, 599] {
            self.add("bytes.empty", Action::Any, Expect::Unreadable, "").status = status;
        }
    }

    /// What answers in the service's place.
    fn gateways(&mut self) {
        let page = |title: &str| {
            format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
            )
        };
        let pages = [
            (502, page("502 Bad Gateway")),
            (504, page("504 Gateway Time-out")),
            (503, page("503 Service Temporarily Unavailable")),
            (413, page("413 Request Entity Too Large")),
            (403, page("403 Forbidden")),
            (429, page("429 Too Many Requests")),
            (200, page("Sign in to the network")),
            (200, page("访问被拒绝")),
            (302, page("302 Found")),
            (502, page("\u{1b}[2J\u{7}\0")),
            (503, "upstream connect error or disconnect/reset before headers. reset reason: overflow".to_owned()),
            (504, "stream timeout".to_owned()),
            (400, "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned()),
            (502, "error code: 502".to_owned()),
            (200, "OK".to_owned()),
            (404, "404 page not found\n".to_owned()),
            (500, "Internal Server Error".to_owned()),
            (200, "TaskId=1&RequestId=2".to_owned()),
            (200, "Response:\n  TaskId: 1\n".to_owned()),
            (502, format!("<html><!-- {{\"RequestId\":\"{REQUEST_ID}\"}} --></html>")),
            (502, "<html><!-- {\"RequestId\":\"two words\"} --></html>".to_owned()),
            (502, "<html><!-- {\"RequestId\":\"\\u001b\"} --></html>".to_owned()),
            (502, "<html><!-- {\"RequestId\":\"".to_owned()),
        ];
        for (status, page) in pages {
            self.add("gateway", Action::Any, Expect::Unreadable, page).status = status;
        }
    }
}

/// One step from a value to what it holds; the bases have one item in every list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    First,
}

impl Step {
    fn of<'a>(&self, value: &'a Value) -> &'a Value {
        match self {
            Self::Member(name) => &value[name],
            Self::First => &value[0],
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Member(name) => Some(name),
            Self::First => None,
        }
    }
}

/// Every member and every item below a value.
fn paths(value: &Value) -> Vec<Vec<Step>> {
    let below: Vec<(Step, &Value)> = match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().map(|(name, value)| (Step::Member(name.clone()), value)).collect();
            members.sort_by(|(a, _), (b, _)| a.name().cmp(&b.name()));
            members
        }
        Value::Array(items) => items.iter().take(1).map(|value| (Step::First, value)).collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (step, value) in below {
        found.push(vec![step.clone()]);
        found.extend(paths(value).into_iter().map(|path| [vec![step.clone()], path].concat()));
    }
    found
}

fn members_of(path: &str) -> Vec<Step> {
    path.split('.').map(|name| Step::Member(name.to_owned())).collect()
}

/// A reply with nothing in it but the way to one place, and this text there.
fn reply(path: &[Step], text: &str) -> String {
    let value = path.iter().skip(1).rev().fold(text.to_owned(), |inner, step| match step {
        Step::Member(name) => format!(r#"{{"{name}":{inner}}}"#),
        Step::First => format!("[{inner}]"),
    });
    let name = path.first().and_then(Step::name).expect("a reply is an object");
    format!(r#"{{"Response":{{"{name}":{value},"RequestId":"{REQUEST_ID}"}}}}"#)
}

/// One value of a simple and one of a compound type that cannot replace `value`.
fn wrong_types(value: &Value) -> [&'static str; 2] {
    match value {
        Value::String(_) => ["7", r#"{"a":"b"}"#],
        Value::Number(_) => [r#""7""#, "[7]"],
        Value::Array(_) => [r#""a,b""#, r#"{"0":{}}"#],
        Value::Object(_) => [r#""{}""#, "[]"],
        Value::Bool(_) | Value::Null => unreachable!("no documented member is of this type"),
    }
}

fn remove(value: &mut Value, path: &[Step]) {
    match path {
        [Step::Member(name)] => {
            value.as_object_mut().expect("a member stands in an object").remove(name);
        }
        [Step::Member(name), rest @ ..] => remove(&mut value[name], rest),
        [Step::First, rest @ ..] => remove(&mut value[0], rest),
        [] => {}
    }
}

/// JSON with its members in the order of their names, whatever order the parser keeps.
fn text(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            let members: Vec<_> = members.iter().map(|(name, value)| format!(r#""{name}":{}"#, text(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(",")),
        value => value.to_string(),
    }
}

fn code(code: &str) -> Option<String> {
    Some(code.to_owned())
}
