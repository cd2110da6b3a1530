//! JSON of any action, checked against the shapes of its types: bodies from other programs, and replies to them.

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::action_spec::ActionSpec;
use crate::api::Action;
use crate::generated::CreateAigcVideoTaskRequest;
use crate::request::{Fault, Note, RequestError};
use crate::similar::edits;

/// What is wrong with a body, and what is only strange about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judgement {
    /// One sentence for each reason to refuse the body; one about a member begins with its path.
    pub faults: Vec<String>,
    /// One sentence for each thing that may be a mistake.
    pub notes: Vec<String>,
}

/// What an action's types describe and do, without naming them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shapes {
    request: fn() -> Value,
    reply: fn() -> Value,
    read_request: fn(&str) -> Result<Vec<Fault>, serde_json::Error>,
}

impl Shapes {
    pub(crate) const fn of<A>() -> Self
    where
        A: Action<Reply: JsonSchema> + DeserializeOwned + JsonSchema,
    {
        Self { request: derived::<A>, reply: derived::<A::Reply>, read_request: read_request::<A> }
    }
}

fn derived<T: JsonSchema>() -> Value {
    SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// Reads from bytes, as replies are read too: reading every type from a [`Value`] would add more code to the command.
fn read_request<A: Action + DeserializeOwned>(body: &str) -> Result<Vec<Fault>, serde_json::Error> {
    Ok(serde_json::from_slice::<A>(body.as_bytes())?.breaches().into_iter().map(Fault::Limit).collect())
}

impl ActionSpec {
    /// The JSON Schema (draft 2020-12) of the request: documented members and words, and nothing else. A member that may
    /// be left out is never null in it.
    pub fn request_schema(&self) -> Value {
        schema(self.shapes.request, Side::Request)
    }

    /// The JSON Schema (draft 2020-12) of what `Response` holds when the action succeeds. It is as open as the types are:
    /// a member or a word that is new is in order.
    pub fn reply_schema(&self) -> Value {
        schema(self.shapes.reply, Side::Reply)
    }

    /// Checks a request body: names every member that is missing, unknown, of the wrong type or beyond its limit and, of
    /// a video, every rule of its model.
    pub fn judge(&self, body: &Value) -> Judgement {
        let mut comparison = Comparison::with(self.request_schema());
        let readable = comparison.readable(body).to_string();
        let Comparison { faults, unread, .. } = comparison;
        let mut judgement = Judgement { faults, notes: Vec::new() };
        let found = match self.name {
            CreateAigcVideoTaskRequest::NAME => judgement.of_video(&readable),
            _ => (self.shapes.read_request)(&readable),
        };
        match found {
            Ok(found) => {
                judgement.faults.extend(found.iter().filter(|fault| counts(fault, &unread)).map(Fault::to_string));
            }
            Err(error) => judgement.faults.push(format!("it is no {} request: {error}", self.name)),
        }
        judgement
    }

    /// Names every member of a successful reply's `Response` that is missing or of another type than documented.
    pub fn judge_reply(&self, response: &Value) -> Vec<String> {
        let mut comparison = Comparison::with(self.reply_schema());
        comparison.readable(response);
        comparison.faults
    }
}

impl Judgement {
    /// The faults of a video request that can be read; what else there is to say is said at once.
    fn of_video(&mut self, body: &str) -> Result<Vec<Fault>, serde_json::Error> {
        let request: CreateAigcVideoTaskRequest = serde_json::from_slice(body.as_bytes())?;
        let model = request.model();
        let is_named = !model.name().is_empty() && !model.version().is_empty();
        if is_named && model.capabilities().is_none() {
            self.faults.push(format!("{model} is in no row of the capability table; only limits were judged"));
        }
        self.notes.extend(request.notes().iter().map(Note::to_string));
        Ok(request.check().err().iter().flat_map(RequestError::faults).cloned().collect())
    }
}

/// Whether a fault still applies to a body of which `unread` could not be read.
fn counts(fault: &Fault, unread: &[Unread]) -> bool {
    match fault {
        Fault::Limit(breach) => unread.iter().all(|it| !is_within(breach.member(), &it.path)),
        // A rule of the model weighs members against each other. It applies where members are missing, but not where
        // the content of one is unknown.
        _ => unread.iter().all(|it| it.is_missing || !WEIGHED.iter().any(|member| is_within(&it.path, member))),
    }
}

/// The members of a video request that the rules of its model weigh.
const WEIGHED: [&str; 10] = [
    "ModelName",
    "ModelVersion",
    "Prompt",
    "FileInfos",
    "SubjectInfos",
    "LastFrameFileId",
    "LastFrameUrl",
    "OutputConfig",
    "SceneType",
    "ExtInfo",
];

fn is_within(member: &str, path: &str) -> bool {
    member.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// JSON laid beside the schema of a type.
struct Comparison {
    definitions: Value,
    root: Value,
    faults: Vec<String>,
    unread: Vec<Unread>,
}

/// A member that is missing or of the wrong type. An empty value of the right type is used in its place.
struct Unread {
    path: String,
    is_missing: bool,
}

impl Comparison {
    fn with(mut schema: Value) -> Self {
        Self { definitions: schema["$defs"].take(), root: schema, faults: Vec::new(), unread: Vec::new() }
    }

    /// `body` as the type can be read from it, with a fault for everything that had to be changed.
    fn readable(&mut self, body: &Value) -> Value {
        let root = self.root.take();
        self.part(&root, body, "")
    }

    fn part(&mut self, schema: &Value, found: &Value, path: &str) -> Value {
        let target = self.target(schema);
        let kind = target["type"].as_str().unwrap_or_default();
        match (kind, found) {
            ("object", Value::Object(members)) => self.object(&target, members, path),
            ("array", Value::Array(items)) => {
                let item = |(index, found)| self.part(&target["items"], found, &format!("{path}[{index}]"));
                items.iter().enumerate().map(item).collect()
            }
            ("integer", Value::Number(number))
                if target["minimum"] == 0 && number.as_i64().is_some_and(|it| it < 0) =>
            {
                self.replace(&target, path, &format!("is {number}; it takes at least 0"))
            }
            ("integer", Value::Number(number)) if number.is_f64() => {
                self.replace(&target, path, &format!("is {number}; it takes a whole number"))
            }
            ("string", Value::String(_)) | ("integer" | "number", Value::Number(_)) | ("boolean", Value::Bool(_)) => {
                found.clone()
            }
            _ => {
                let (found, wanted) = (name_of(json_type(found)), name_of(kind));
                self.replace(&target, path, &format!("is {found}; it takes {wanted}"))
            }
        }
    }

    fn object(&mut self, schema: &Value, found: &Map<String, Value>, path: &str) -> Value {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let nothing = Map::new();
        let known = schema["properties"].as_object().unwrap_or(&nothing);
        let mut members = Map::new();
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if found.get(name).is_none_or(Value::is_null) {
                let path = below(name);
                self.faults.push(format!("{path} is missing"));
                members.insert(name.to_owned(), self.empty(&known[name]));
                self.unread.push(Unread { path, is_missing: true });
            }
        }
        for (name, value) in found.iter().filter(|(_, value)| !value.is_null()) {
            if let Some(schema) = known.get(name) {
                members.insert(name.clone(), self.part(schema, value, &below(name)));
            } else if schema["additionalProperties"] == false {
                let meant = nearest(name, known).map(|it| format!("; did you mean {it}?")).unwrap_or_default();
                self.faults.push(format!("{} is no member of the request{meant}", below(name)));
            }
        }
        Value::Object(members)
    }

    fn replace(&mut self, schema: &Value, path: &str, problem: &str) -> Value {
        let name = if path.is_empty() { "it" } else { path };
        self.faults.push(format!("{name} {problem}"));
        self.unread.push(Unread { path: path.to_owned(), is_missing: false });
        self.empty(schema)
    }

    /// The emptiest value that the type can be read from.
    fn empty(&self, schema: &Value) -> Value {
        let target = self.target(schema);
        match target["type"].as_str().unwrap_or_default() {
            "boolean" => json!(false),
            "integer" | "number" => json!(0),
            "string" => json!(""),
            "array" => json!([]),
            _ => {
                let names = target["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                names.map(|name| (name.to_owned(), self.empty(&target["properties"][name]))).collect()
            }
        }
    }

    /// The schema itself, or the one that it refers to.
    fn target(&self, schema: &Value) -> Value {
        let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        reference.map_or(schema, |name| &self.definitions[name]).clone()
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn name_of(kind: &str) -> &'static str {
    match kind {
        "null" => "null",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        _ => "an object",
    }
}

/// The known member that was most likely meant: at most every third letter is wrong.
fn nearest<'a>(name: &str, known: &'a Map<String, Value>) -> Option<&'a String> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let wanted = plain(name);
    let (distance, nearest) =
        known.keys().map(|it| (edits(&wanted, &plain(it)), it)).min_by_key(|(edits, _)| *edits)?;
    (distance * 3 <= wanted.chars().count()).then_some(nearest)
}

fn schema(derived: fn() -> Value, side: Side) -> Value {
    let mut schema = derived();
    if let Some(root) = schema.as_object_mut() {
        // The name of a Rust type.
        root.remove("title");
    }
    simplify(&mut schema, side);
    schema
}

/// What a schema describes.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Request,
    Reply,
}

/// Makes a derived schema small: without the nulls for members that are left out, without the formats of numbers, and
/// with words as one list. Of a request it also refuses what is not documented.
fn simplify(schema: &mut Value, side: Side) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(choices)) = members.remove("anyOf") {
                let choice = choices.into_iter().find(|choice| choice["type"] != "null");
                members.extend(choice.as_ref().and_then(Value::as_object).cloned().into_iter().flatten());
            }
            if let Some(Value::Array(kinds)) = members.get("type") {
                let kind = kinds.iter().find(|kind| *kind != "null").cloned();
                members.insert("type".to_owned(), json!(kind));
            }
            if members.get("type").is_some_and(|kind| kind == "integer" || kind == "number") {
                members.remove("format");
            }
            if let Some(Value::Array(words)) = members.remove("oneOf") {
                list_words(members, &words, side);
            }
            if side == Side::Request && members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(|member| simplify(member, side));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| simplify(item, side)),
        _ => {}
    }
}

/// Words with a meaning each: a closed list in a request, and examples in a reply, which may hold others.
fn list_words(schema: &mut Map<String, Value>, words: &[Value], side: Side) {
    let list: Vec<_> = words.iter().map(|word| &word["const"]).collect();
    schema.insert(if side == Side::Request { "enum" } else { "examples" }.to_owned(), json!(list));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut description = schema.get("description").map(text).unwrap_or_default();
    for word in words {
        description += &format!("\n- {}: {}", text(&word["const"]), text(&word["description"]));
    }
    schema.insert("description".to_owned(), json!(description));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::ACTIONS;

    #[track_caller]
    fn check(action: &str, body: Value, faults: &[&str]) {
        let judgement = ActionSpec::find(action).expect("it is known").judge(&body);
        assert_eq!(judgement.faults, faults, "{body}");
    }

    fn video(members: Value) -> Value {
        let mut body = json!({ "SubAppId": 1, "ModelName": "Kling", "ModelVersion": "2.1", "Prompt": "p" });
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        body
    }

    const VIDEO: &str = CreateAigcVideoTaskRequest::NAME;

    #[test]
    fn every_missing_member_is_named_and_the_rest_is_judged_all_the_same() {
        check(VIDEO, video(json!({})), &[]);
        check(VIDEO, json!({}), &["SubAppId is missing", "ModelName is missing", "ModelVersion is missing"]);
        check(
            VIDEO,
            json!({ "ModelName": "OS", "ModelVersion": "2.0", "Prompt": "p", "LastFrameUrl": "https://a/b", "TasksPriority": 11 }),
            &["SubAppId is missing", "OS 2.0 takes no last frame", "TasksPriority is 11; it takes -10 to 10"],
        );
        check(
            VIDEO,
            video(json!({ "ModelVersion": "9" })),
            &["Kling:9 is in no row of the capability table; only limits were judged"],
        );
        // A null is a member that was left out.
        check(VIDEO, video(json!({ "SubAppId": null, "Seed": null })), &["SubAppId is missing"]);
    }

    #[test]
    fn a_wrong_type_is_named_by_its_path_and_hides_no_other_fault() {
        check(VIDEO, json!([]), &["it is a list; it takes an object"]);
        check(
            VIDEO,
            video(json!({
                "SubAppId": -1,
                "Prompt": 5,
                "FileInfos": [{ "Url": true }, "x"],
                "OutputConfig": { "Duration": "5", "MediaName": "m".repeat(65) },
                "Seed": 1.5,
            })),
            &[
                "FileInfos[0].Url is true or false; it takes a text",
                "FileInfos[1] is a text; it takes an object",
                "OutputConfig.Duration is a text; it takes a number",
                "Prompt is a number; it takes a text",
                "Seed is 1.5; it takes a whole number",
                "SubAppId is -1; it takes at least 0",
                "OutputConfig.MediaName has 65 characters; it takes at most 64",
            ],
        );
    }

    #[test]
    fn a_member_that_no_rule_weighs_hides_no_rule() {
        check(
            VIDEO,
            video(json!({ "TasksPriority": "x", "OutputConfig": { "Resolution": "4K" } })),
            &[
                "TasksPriority is a text; it takes a whole number",
                "Kling 2.1 does not output 4K; choose 720P, 1080P or 2K",
            ],
        );
    }

    #[test]
    fn an_unknown_member_is_named_with_what_was_meant() {
        check(
            VIDEO,
            video(json!({ "sub_app_id": 1, "OutputConfig": { "Resoluton": "4K", "Zzz": 1 }, "Zzz": null })),
            &[
                "OutputConfig.Resoluton is no member of the request; did you mean Resolution?",
                "OutputConfig.Zzz is no member of the request",
                "sub_app_id is no member of the request; did you mean SubAppId?",
            ],
        );
    }

    #[test]
    fn a_word_of_any_action_is_judged() {
        check("ConfirmEvents", json!({ "EventHandles": "x" }), &["EventHandles is a text; it takes a list"]);
        check("PullEvents", json!({ "Extinfo": "x" }), &["Extinfo is no member of the request; did you mean ExtInfo?"]);
    }

    #[test]
    fn a_reply_with_something_new_is_in_order_and_one_of_another_type_is_not() {
        let create = ActionSpec::find(VIDEO).expect("it is known");
        assert_eq!(create.judge_reply(&json!({ "TaskId": "1", "New": {}, "RequestId": "r" })), [""; 0]);
        assert_eq!(create.judge_reply(&json!({ "TaskId": 1 })), ["TaskId is a number; it takes a text"]);
    }

    #[test]
    fn no_schema_holds_a_null_or_a_format_of_numbers() {
        fn walk(schema: &Value, at: &str) {
            match schema {
                Value::Object(members) => {
                    for name in ["anyOf", "oneOf", "nullable"] {
                        assert!(!members.contains_key(name), "{at}: {name}");
                    }
                    assert!(members.get("type").is_none_or(Value::is_string), "{at}");
                    let formats = members.get("format").filter(|format| *format != "password");
                    assert!(formats.is_none(), "{at}");
                    members.values().for_each(|member| walk(member, at));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, at)),
                other => assert!(!other.is_null(), "{at}"),
            }
        }
        for action in ACTIONS {
            walk(&action.request_schema(), action.name);
            walk(&action.reply_schema(), action.name);
        }
    }

    #[test]
    fn words_are_closed_in_a_request_and_open_in_a_reply() {
        let video = ActionSpec::find(VIDEO).expect("it is known").request_schema();
        assert_eq!(video["$defs"]["StorageMode"]["enum"], json!(["Temporary", "Permanent"]));
        assert_eq!(video["additionalProperties"], false);
        let detail = ActionSpec::find("DescribeTaskDetail").expect("it is known").reply_schema();
        assert!(
            detail["$defs"]["AigcTaskStatus"].get("enum").is_none() && detail.get("additionalProperties").is_none()
        );
        assert!(detail["$defs"]["AigcTaskStatus"]["examples"].is_array());
    }
}
