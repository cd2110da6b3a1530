//! What other programs and language models rely on: schemas that an independent validator takes at their word, calls of
//! any action, and checks of raw bodies.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod support;

use std::fs;
use std::path::Path;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};
use vod_aigc_client::core::{
    ACTIONS, AspectRatio, Effect, Model, Resolution, SceneType, StorageMode, VideoRequest, VideoRequestBuilder,
};

use crate::support::{Emulator, Workplace, api_error, server};

/// A schema as the independent validator reads it.
struct Validator(Schemas, SchemaIndex);

impl Validator {
    #[track_caller]
    fn of(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V2020_12);
        compiler.add_resource("schema.json", schema).unwrap();
        // It first validates the schema by that of its dialect.
        let index = compiler.compile("schema.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self(schemas, index)
    }

    fn takes(&self, value: &Value) -> bool {
        self.0.validate(value, self.1).is_ok()
    }

    #[track_caller]
    fn assert_takes(&self, value: &Value) {
        self.0.validate(value, self.1).unwrap_or_else(|error| panic!("{error}\n{value}"));
    }
}

fn schema(arguments: &[&str]) -> Value {
    Workplace::bare().run(&[&["schema", "--json"], arguments].concat()).succeeded().json()
}

/// Every signed request of the snapshots: its action and its body.
fn recorded() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/it/snapshots/requests");
    let texts = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let request = |text: String| {
        let action = text.lines().find_map(|line| line.strip_prefix("x-tc-action: ")).unwrap().to_owned();
        (action, serde_json::from_str(text.lines().last().unwrap()).unwrap())
    };
    texts.map(request).collect()
}

#[test]
fn every_action_has_a_schema_of_its_request_and_of_its_reply() {
    let list = schema(&[]);
    assert_eq!(list.as_array().unwrap().len(), ACTIONS.len());
    for action in ACTIONS {
        let row = list.as_array().unwrap().iter().find(|row| row["action"] == action.name).unwrap();
        let effect = ["read", "write", "paid"][action.effect as usize];
        assert_eq!((&row["effect"], &row["session_id"]), (&json!(effect), &json!(action.session_id)), "{row}");
        for reply in [&[][..], &["--reply"]] {
            let schema = schema(&[&[action.name], reply].concat());
            assert_eq!((&schema["title"], &schema["type"]), (&json!(action.name), &json!("object")), "{schema}");
            let description = schema["description"].as_str().unwrap();
            // The description of a paid tool says that it costs money.
            let is_costly = action.effect == Effect::Paid && reply.is_empty();
            assert!(description.len() > 10 && (!is_costly || description.contains("money")), "{description}");
            let validator = Validator::of(schema);
            assert!(!validator.takes(&json!([])) && !validator.takes(&json!("text")), "{}", action.name);
            // A reply may hold what is new, a request may not.
            assert_eq!(validator.takes(&json!({ "NoSuchMember": 1 })), !reply.is_empty(), "{}", action.name);
        }
    }
}

#[test]
fn a_schema_takes_the_recorded_requests_and_none_that_is_malformed() {
    let requests = recorded();
    assert!(requests.len() >= Model::ALL.len());
    for (action, body) in requests {
        let model = format!("{}:{}", body["ModelName"].as_str().unwrap(), body["ModelVersion"].as_str().unwrap());
        let narrow = Validator::of(schema(&[&action, "--model", &model]));
        let wide = Validator::of(schema(&[&action]));
        for validator in [&narrow, &wide] {
            validator.assert_takes(&body);
            for (pointer, wrong) in [
                ("/SubAppId", json!("1")),
                ("/SubAppId", json!(-1)),
                ("/ModelName", json!("Nobody")),
                ("/Prompt", json!("p".repeat(1001))),
                ("/OutputConfig/StorageMode", json!("Forever")),
                ("/OutputConfig", json!({ "NoSuchMember": 1 })),
            ] {
                let mut malformed = body.clone();
                if let Some(member) = malformed.pointer_mut(pointer) {
                    *member = wrong;
                    assert!(!validator.takes(&malformed), "{malformed}");
                }
            }
            let mut lacking = body.clone();
            lacking.as_object_mut().unwrap().remove("SubAppId");
            assert!(!validator.takes(&lacking));
        }
    }
}

#[test]
fn a_model_makes_a_request_narrow() {
    let narrow = Validator::of(schema(&["CreateAigcVideoTask", "--model", "kling:2.1"]));
    let wide = Validator::of(schema(&["CreateAigcVideoTask"]));
    let body = |members: Value| {
        let mut body = json!({ "SubAppId": 1, "ModelName": "Kling", "ModelVersion": "2.1", "Prompt": "p" });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    };
    let image = json!({ "Type": "Url", "Url": "https://a/b.png" });
    let last = json!({ "Type": "Url", "Url": "https://a/b.png", "Usage": "LastFrame" });
    let video = json!({ "Type": "Url", "Url": "https://a/b.mp4", "Category": "Video" });
    for members in [
        json!({ "OutputConfig": { "Resolution": "2K" } }),
        json!({ "FileInfos": [image, last, video], "OutputConfig": { "Resolution": "1080P" } }),
    ] {
        narrow.assert_takes(&body(members));
    }
    for members in [
        json!({ "OutputConfig": { "Resolution": "4K" } }),
        json!({ "FileInfos": [image, image] }),
        json!({ "ModelVersion": "2.5" }),
        json!({ "OutputConfig": { "Duration": 2 } }),
        json!({ "OutputConfig": { "AspectRatio": "21:9" } }),
        json!({ "SceneType": "template_effect" }),
    ] {
        assert!(!narrow.takes(&body(members.clone())) && wide.takes(&body(members.clone())), "{members}");
    }
    let no_last_frame = Validator::of(schema(&["CreateAigcVideoTask", "--model", "OS:2.0"]));
    let os = json!({ "SubAppId": 1, "ModelName": "OS", "ModelVersion": "2.0", "LastFrameUrl": "https://a/b.png" });
    assert!(!no_last_frame.takes(&os) && wide.takes(&os));
    // The words are those that go out.
    let pix_verse = schema(&["CreateAigcVideoTask", "--model", "PixVerse:v6"]);
    let resolutions = &pix_verse["$defs"]["AigcVideoOutputConfig"]["properties"]["Resolution"]["enum"];
    assert_eq!(resolutions, &json!(["1080p", "2k", "4k", "540p", "720p"]));
    assert_eq!(
        schema(&["CreateAigcVideoTask", "--model", "Kling:o1"])["properties"]["ModelVersion"]["enum"],
        json!(["O1"])
    );
    assert_eq!(Workplace::bare().run(&["schema", "PullEvents", "--model", "OS:2.0"]).code, 2);
}

#[test]
fn the_tool_takes_exactly_what_the_rules_take() {
    const URL: &str = "https://a/b.png";
    let wide = Validator::of(schema(&["generate"]));
    for model in Model::ALL {
        let name = model.to_string();
        let narrow = Validator::of(schema(&["generate", "--model", &name]));
        let row = model.capabilities().unwrap();
        // The least that the model works from.
        let input = match (row.references_only, row.text_to_video) {
            (Some(true), _) => Some("reference"),
            (_, Some(false)) => Some("image"),
            _ => None,
        };
        let request = || {
            let builder = VideoRequest::builder(model.clone()).prompt("p");
            match input {
                Some("reference") => builder.reference(URL),
                Some(_) => builder.image(URL),
                None => builder,
            }
        };
        let mut arguments = json!({ "model": name, "prompt": "p" });
        if let Some(input) = input {
            arguments[input] = json!([URL]);
        }
        assert_eq!(request().build().err(), None);
        narrow.assert_takes(&arguments);
        let other = Model::ALL.iter().find(|other| *other != model).unwrap().to_string();
        assert!(!narrow.takes(&json!({ "model": other, "prompt": "p" })));

        let judge = |parameter: &str, value: Value, request: VideoRequestBuilder| {
            let mut arguments = arguments.clone();
            arguments[parameter] = value;
            let judged = request.build();
            assert_eq!(narrow.takes(&arguments), judged.is_ok(), "{arguments} {judged:?}");
            assert!(judged.is_err() || wide.takes(&arguments), "{arguments}");
        };
        for resolution in Resolution::ALL {
            judge("resolution", json!(resolution.as_str()), request().resolution(*resolution));
        }
        for images in 1..=9 {
            let builder = VideoRequest::builder(model.clone()).prompt("p");
            let several = (0..images).fold(builder, |builder, _| builder.image(URL));
            judge("image", json!(vec![URL; images]), several);
        }
        for half_seconds in 0..40 {
            let seconds = f64::from(half_seconds) / 2.0;
            judge("duration", json!(seconds), request().duration(seconds));
        }
        // From an image the video takes the shape of that image. No rule checks its ratio.
        for ratio in AspectRatio::KNOWN.iter().filter(|_| input != Some("image")) {
            judge("aspect_ratio", json!(ratio.as_str()), request().aspect_ratio(ratio.clone()));
        }
        for mode in StorageMode::KNOWN {
            judge("storage_mode", json!(mode.as_str()), request().storage_mode(mode.clone()));
        }
        judge("audio", json!("on"), request().audio(true));
        judge("audio", json!("off"), request().audio(false));
        for scene in SceneType::KNOWN {
            // Whether a scene has all that it needs is another matter than whether the model takes it.
            let mut arguments = arguments.clone();
            arguments["scene_type"] = json!(scene.as_str());
            assert_eq!(narrow.takes(&arguments), row.scenes.contains(scene.as_str()), "{arguments}");
        }
    }
    assert!(!wide.takes(&json!({ "model": "Kling:9", "prompt": "p" })));
    assert!(!wide.takes(&json!({ "prompt": "p" })));
    assert!(!wide.takes(&json!({ "model": "Kling:2.1", "prompt": null })));
}

#[test]
fn every_member_of_the_tool_is_an_argument_of_the_command() {
    let tool = schema(&["generate"]);
    let help = Workplace::bare().run(&["generate", "--help"]).succeeded().stdout;
    for (name, member) in tool["properties"].as_object().unwrap() {
        assert!(help.contains(&format!("--{}", name.replace('_', "-"))) || name == "prompt", "{name}");
        assert!(member["description"].is_string() && member["type"].is_string(), "{member}");
    }
    for name in ["prompt", "model", "image", "resolution", "duration", "seed", "key", "output"] {
        assert!(tool["properties"].get(name).is_some(), "{name}");
    }
    // How the command reads a text from a file is no part of what a model writes.
    assert!(!tool["properties"]["prompt"]["description"].as_str().unwrap().contains("FILE"), "{tool}");
    assert!(tool["properties"].get("dry_run").is_none() && tool["properties"].get("json").is_none());
}

#[test]
fn a_tool_has_the_form_that_its_reader_asks_for() {
    for action in ["generate", "CreateAigcVideoTask", "DescribeTaskDetail"] {
        let plain = schema(&[action]);
        let openai = schema(&[action, "--format", "openai"]);
        let mcp = schema(&[action, "--format", "mcp"]);
        let name = openai["function"]["name"].as_str().unwrap();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        assert!((1..=64).contains(&name.len()) && name.chars().all(is_plain), "{name}");
        let is_generate = action == "generate";
        let description = mcp["description"].as_str().unwrap();
        assert!(!is_generate || description.contains("11 not_fetched") && description.len() <= 1024, "{description}");
        assert_eq!((&openai["type"], &mcp["name"]), (&json!("function"), &json!(name)));
        assert_eq!(openai["function"]["description"], mcp["description"]);
        let parameters = &openai["function"]["parameters"];
        assert_eq!(parameters, &mcp["inputSchema"]);
        assert_eq!(parameters["properties"], plain["properties"]);
        assert_eq!((&parameters["type"], &parameters["additionalProperties"]), (&json!("object"), &json!(false)));
        for unwelcome in ["$schema", "title", "anyOf", "oneOf", "allOf", "not"] {
            assert!(parameters.get(unwelcome).is_none(), "{unwelcome}");
        }
        Validator::of(parameters.clone());
    }
}

#[test]
fn check_judges_any_action_and_names_everything_at_once() {
    let place = Workplace::bare();
    place.write("body.json", r#"{"TaskID":"1","SubAppId":"7"}"#);
    let ran = place.run(&["check", "body.json", "--action", "DescribeTaskDetail", "--json"]);
    let faults = [
        "TaskId is missing",
        "SubAppId is a text; it takes a whole number",
        "TaskID is no member of the request; did you mean TaskId?",
    ];
    assert_eq!((ran.code, ran.json()), (2, json!({ "valid": false, "faults": faults, "notes": [] })));
    place.run(&["check", "body.json", "--action", "DescribeTaskDetails"]).failed(2, "'DescribeTaskDetail'");
    place.write("body.json", r#"{"TaskId":"1","SubAppId":null}"#);
    place.run(&["check", "body.json", "--action", "DescribeTaskDetail"]).succeeded();
}

#[test]
fn a_call_completes_a_paid_body_and_prints_the_reply() {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    place.write("body.json", r#"{"ModelName":"Kling","ModelVersion":"2.1","Prompt":"p"}"#);
    let ran = place.run(&["call", "CreateAigcVideoTask", "--body", "body.json"]).succeeded();
    let task_id = ran.json()["TaskId"].clone();
    let session_id = emulator.ledger()[0]["session_id"].as_str().unwrap().to_owned();
    assert!(ran.stderr.contains(&format!("SessionId {session_id}")), "{}", ran.stderr);
    assert!(ran.json()["RequestId"].is_string());

    place.write("body.json", json!({ "TaskId": task_id }).to_string());
    let detail = place.run(&["call", "DescribeTaskDetail", "--body", "body.json"]).succeeded();
    assert_eq!((&detail.json()["TaskType"], detail.stderr.as_str()), (&json!("AigcVideoTask"), ""));
    assert_eq!(emulator.ledger().len(), 1);
}

#[test]
fn a_reply_is_printed_as_it_came() {
    let answer = r#"{"Response":{"Zeta":1.10,"RequestId":"r-1","Alpha":{"b":[1e2,null],"a":"\u718a"}}}"#;
    let length = answer.len();
    let (endpoint, _requests) =
        server(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"));
    let place = Workplace::new().to(&endpoint);
    place.write("body.json", "{}");
    let ran = place.run(&["call", "PullEvents", "--body", "body.json"]).succeeded();
    assert_eq!(ran.stdout, "{\"Zeta\":1.10,\"Alpha\":{\"b\":[1e2,null],\"a\":\"\\u718a\"},\"RequestId\":\"r-1\"}\n");
}

#[test]
fn a_call_is_judged_before_it_is_sent_unless_it_is_to_be_unchecked() {
    let (endpoint, requests) = server(&api_error("InvalidParameterValue"));
    let place = Workplace::new().to(&endpoint);
    let refused = |action: &str, body: &str, more: &[&str], sentence: &str| {
        place.write("body.json", body);
        place.run(&[&["call", action, "--body", "body.json"], more].concat()).failed(2, sentence);
    };
    let video = r#"{"ModelName":"Kling","ModelVersion":"2.1","Prompt":"p","OutputConfig":{"Resolution":"4K"}}"#;
    refused(
        "CreateAigcVideoTask",
        video,
        &[],
        "choose 720P, 1080P or 2K; --unchecked sends it all the same; nothing was sent",
    );
    refused("DescribeTaskDetail", "{}", &[], "TaskId is missing");
    refused("DescribeTaskDetail", "[]", &["--unchecked"], "holds no JSON object");
    refused("DescribeMediaInfos", "{}", &[], "this release knows no action DescribeMediaInfos");
    refused("DescribeMediaInfos", "{}", &["--effect", "read"], "--unchecked");
    refused("DescribeTaskDetail", "{}", &["--unchecked", "--effect", "read"], "leave --effect out");
    assert!(requests.try_recv().is_err(), "something was sent");

    refused("CreateAigcVideoTask", video, &["--unchecked"], "InvalidParameterValue");
    assert_eq!(requests.try_iter().count(), 1);
    refused("DescribeMediaInfos", "{}", &["--unchecked"], "InvalidParameterValue");
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn only_what_reads_is_sent_again_and_an_unknown_outcome_says_what_to_do() {
    // Headers that never end in a body: the request has arrived, and what came of it is not known.
    let (endpoint, requests) = server("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let place = Workplace::new().to(&endpoint);
    place.write("body.json", r#"{"ModelName":"Kling","ModelVersion":"2.1","Prompt":"p","SessionId":"mine"}"#);
    let ran = place.run(&["call", "CreateAigcVideoTask", "--body", "body.json", "--json"]);
    let error = &ran.json()["error"];
    assert_eq!((ran.code, &error["billed"], &error["session_id"]), (10, &json!("unknown"), &json!("mine")), "{error}");
    assert!(error["message"].as_str().unwrap().contains("the same SessionId starts no second one"), "{error}");
    assert_eq!(requests.try_iter().count(), 1);

    place.write("body.json", "{}");
    let unknown = ["call", "CreateTomorrow", "--body", "body.json", "--unchecked"];
    place.run(&unknown).failed(10, "do not send it again unseen");
    assert_eq!(requests.try_iter().count(), 1);
    assert_eq!(place.run(&[&unknown[..], &["--effect", "write"]].concat()).code, 5);
    assert_eq!(requests.try_iter().count(), 1);
    assert_eq!(place.run(&[&unknown[..], &["--effect", "read"]].concat()).code, 5);
    assert!(requests.try_iter().count() > 1);
}

#[test]
fn every_effect_is_listed() {
    let text = Workplace::bare().run(&["schema"]).succeeded().stdout;
    for action in ACTIONS {
        let effect = match action.effect {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Paid => "paid",
        };
        assert!(text.lines().any(|line| line.split_whitespace().eq([action.name, effect])), "{}", action.name);
    }
}
