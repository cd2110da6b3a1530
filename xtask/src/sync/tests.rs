//! Edited copies of a small description, against a small spec that agrees with it.

use serde_json::{Value, json};

use super::*;
use crate::spec;

/// The description, with a member for every way of writing that is read.
fn description() -> Value {
    serde_json::from_str(include_str!("tests/description.json")).expect("it is JSON")
}

fn digest(description: &Value) -> Result<Digest> {
    Ok(Digest::of(&Description::parse(&description.to_string())?)?.0)
}

/// A spec that says what the description says.
fn spec() -> Spec {
    let video = r##"{ service: vod, version: "2018-07-17",
        actions: {
            CreateAigcVideoTask: { effect: paid, request: CreateAigcVideoTaskRequest, reply: CreateAigcVideoTaskResponse, source: [api] },
            DescribeTaskDetail: { effect: read, request: DescribeTaskDetailRequest, reply: DescribeTaskDetailResponse, source: [api] } },
        $defs: {
            CreateAigcVideoTaskRequest: { description: d, type: object, required: [ModelName, ModelVersion], properties: {
                ModelName: { type: string, description: d }, ModelVersion: { type: string, description: d },
                Prompt: { type: string, maxLength: 1000, description: d },
                EnhancePrompt: { $ref: "#/$defs/Switch", description: d },
                OutputConfig: { $ref: "#/$defs/AigcVideoOutputConfig", description: d },
                TasksPriority: { type: integer, format: int64, minimum: -10, maximum: 10, description: d } } },
            CreateAigcVideoTaskResponse: { description: d, type: object, properties: { TaskId: { type: string, description: d } } },
            AigcVideoOutputConfig: { description: d, type: object, properties: {
                Duration: { type: number, format: double, description: d }, AspectRatio: { type: string, description: d },
                ImageUrls: { type: array, items: { type: string }, maxItems: 3, description: d },
                ExpireTime: { type: string, description: d } } },
            DescribeTaskDetailRequest: { description: d, type: object, required: [TaskId], properties: { TaskId: { type: string, description: d } } },
            DescribeTaskDetailResponse: { description: d, type: object, properties: {
                TaskType: { $ref: "#/$defs/TaskType", description: d }, AigcVideoTask: { $ref: "#/$defs/AigcVideoTask", description: d } } },
            AigcVideoTask: { description: d, type: object, properties: {
                Status: { $ref: "#/$defs/Status", description: d }, ErrCodeExt: { $ref: "../errors.yaml", description: d } } },
            Switch: { description: d, type: string, oneOf: [{ const: Enabled, description: d }, { const: Disabled, description: d }] },
            TaskType: { description: d, type: string, oneOf: [{ const: AigcVideoTask, description: d }] },
            Status: { description: d, type: string, oneOf: [{ const: PROCESSING, description: d }, { const: FINISH, description: d }, { const: ABORTED, description: d }] } } }"##;
    let models = "{ resolutions: {}, default_resolution: { value: 720P, source: [api] }, families: {
        Hailuo: { title: Hailuo, versions: {
            '02': { durations: [6, 10], ratios: { text: ['16:9', '1:1'] }, source: [api] },
            '2.3': { durations: { from: 4, to: 6, whole: true }, ratios: { text: ['16:9', '1:1'] }, source: [api] } } },
        Kling: { title: Kling, versions: {
            '2.1': { durations: { from: 3, to: 5 }, default_duration: 5, ratios: ['16:9', '1:1'], source: [api] },
            'o1': { wire: 'O1', inherits: false, source: [api] } } } } }";
    let row = "{ class: a, create: refused, read: stop, next: b, source: [api] }";
    let errors = format!("{{ classes: {{}}, codes: {{ TaskTimeout: {row} }}, fallback: {row} }}");
    Spec {
        models: spec::parse(models).expect("the models have the right form"),
        errors: spec::parse(&errors).expect("the errors have the right form"),
        api: [("video".to_owned(), spec::parse(video).expect("the shapes have the right form"))].into(),
    }
}

/// The lines of a copy of the description beyond those that the description itself gives.
#[track_caller]
fn new_drift(edit: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut copy = description();
    edit(&mut copy);
    let known = drift::drift(&digest(&description()).expect("it is in order"), &spec());
    let mut lines = drift::drift(&digest(&copy).expect("the copy is in order"), &spec());
    lines.retain(|line| !known.contains(line));
    lines
}

fn member<'a>(copy: &'a mut Value, object: &str, member: &str) -> &'a mut Value {
    let members = copy["objects"][object]["members"].as_array_mut().expect("it has members");
    members.iter_mut().find(|it| it["name"] == member).expect("it has the member")
}

fn replace(copy: &mut Value, object: &str, name: &str, from: &str, to: &str) {
    let document = &mut member(copy, object, name)["document"];
    let text = document.as_str().expect("it has prose");
    assert!(text.contains(from), "{from} is not in {text}");
    *document = json!(text.replace(from, to));
}

#[track_caller]
fn refused(edit: impl FnOnce(&mut Value), sentence: &str) {
    let mut copy = description();
    edit(&mut copy);
    let error = format!("{:#}", digest(&copy).expect_err("the copy is wrong"));
    assert!(error.starts_with(sentence), "{error}");
}

#[test]
fn a_description_that_the_spec_follows_differs_by_what_could_not_be_read_only() {
    let lines = drift::drift(&digest(&description()).expect("it is in order"), &spec());
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.starts_with("? AigcVideoOutputConfig.AspectRatio, Hailuo: could not read "), "{line}");
}

#[test]
fn a_version_that_was_added_is_one_line() {
    let lines = new_drift(|copy| replace(copy, "CreateAigcVideoTaskRequest", "ModelVersion", "2.1、", "2.1、9.9、"));
    assert_eq!(lines, ["+ Kling 9.9"]);
}

#[test]
fn a_version_that_is_gone_or_written_otherwise_is_one_line() {
    let lines = new_drift(|copy| replace(copy, "CreateAigcVideoTaskRequest", "ModelVersion", "2.1、O1", "o1"));
    assert_eq!(lines, ["~ Kling o1: written o1 in the description", "- Kling 2.1"]);
}

#[test]
fn a_family_that_is_new_or_gone_is_one_line() {
    let lines = new_drift(|copy| {
        replace(copy, "CreateAigcVideoTaskRequest", "ModelVersion", "是 Kling", "是 Other");
        replace(copy, "CreateAigcVideoTaskRequest", "ModelName", "Kling：", "Nova：");
    });
    assert_eq!(lines, ["+ Nova", "+ Other: 2.1, O1", "- Kling"]);
}

#[test]
fn a_cell_that_the_prose_gives_otherwise_is_one_line_a_version() {
    let lines = new_drift(|copy| {
        replace(copy, "AigcVideoOutputConfig", "Duration", "可选值为3-5，默认为 5", "可选值为3-9，默认为 6");
        replace(copy, "AigcVideoOutputConfig", "Duration", "4-6秒（整数）", "4-6秒");
        replace(copy, "AigcVideoOutputConfig", "AspectRatio", "可选值为 16:9、1:1", "当文生视频时，可选值为 1:1");
        replace(copy, "AigcVideoOutputConfig", "AspectRatio", "文生视频可选值", "文生视频、参考生可选值");
    });
    assert_eq!(
        lines,
        [
            "~ Kling 2.1: durations 3-9, the row says 3-5",
            "~ Kling 2.1: default_duration 6, the row says 5",
            "~ Kling 2.1: ratios text 1:1, the row says 16:9 1:1",
            "~ Hailuo 02: ratios reference 16:9 1:1, text 16:9 1:1, the row says text 16:9 1:1",
            "~ Hailuo 2.3: durations 4-6, the row says 4-6 whole",
            "~ Hailuo 2.3: ratios reference 16:9 1:1, text 16:9 1:1, the row says text 16:9 1:1",
        ]
    );
}

#[test]
fn a_row_that_inherits_nothing_is_held_to_what_is_said_of_its_version_by_name() {
    let lines = new_drift(|copy| {
        replace(copy, "AigcVideoOutputConfig", "Duration", "默认为 5；", "默认为 5；当版本是O1时，可选值为 5；");
    });
    assert_eq!(lines, ["~ Kling o1: durations 5, the row says nothing"]);
}

#[test]
fn a_member_that_was_renamed_is_gone_and_new() {
    let lines = new_drift(|copy| member(copy, "AigcVideoTask", "Status")["name"] = json!("State"));
    assert_eq!(lines, ["+ AigcVideoTask.State: string", "- AigcVideoTask.Status"]);
}

#[test]
fn a_member_that_became_required_or_of_another_type_is_one_line_each() {
    let lines = new_drift(|copy| {
        let prompt = member(copy, "CreateAigcVideoTaskRequest", "TasksPriority");
        prompt["required"] = json!(true);
        prompt["member"] = json!("uint64");
    });
    assert_eq!(
        lines,
        [
            "~ CreateAigcVideoTaskRequest.TasksPriority: uint64, the spec says int64",
            "~ CreateAigcVideoTaskRequest.TasksPriority: required, the spec says optional",
        ]
    );
}

#[test]
fn a_value_that_was_added_is_one_line() {
    let lines = new_drift(|copy| {
        replace(copy, "CreateAigcVideoTaskRequest", "EnhancePrompt", "<li>Disabled", "<li>Auto：c；</li> <li>Disabled");
    });
    assert_eq!(lines, ["+ CreateAigcVideoTaskRequest.EnhancePrompt: the value Auto"]);
}

#[test]
fn a_value_that_is_gone_is_told_for_requests_only() {
    let lines = new_drift(|copy| {
        replace(copy, "CreateAigcVideoTaskRequest", "EnhancePrompt", "<li>Disabled：关；</li>", "");
        replace(copy, "AigcVideoTask", "Status", "<li>FINISH：b。</li>", "");
    });
    assert_eq!(lines, ["- CreateAigcVideoTaskRequest.EnhancePrompt: the value Disabled"]);
}

#[test]
fn a_list_of_values_that_is_gone_is_one_line() {
    let lines = new_drift(|copy| {
        member(copy, "CreateAigcVideoTaskRequest", "EnhancePrompt")["document"] = json!("");
    });
    assert_eq!(lines, ["~ CreateAigcVideoTaskRequest.EnhancePrompt: any text, the spec says 2 values"]);
}

#[test]
fn an_error_code_that_is_new_or_gone_is_one_line() {
    let lines = new_drift(|copy| replace(copy, "AigcVideoTask", "ErrCodeExt", "TaskTimeout", "TaskTooLate"));
    assert_eq!(lines, ["+ TaskTooLate", "- TaskTimeout"]);
}

#[test]
fn limits_that_changed_are_one_line_each() {
    let lines = new_drift(|copy| {
        replace(copy, "CreateAigcVideoTaskRequest", "Prompt", "1000", "2000");
        replace(copy, "CreateAigcVideoTaskRequest", "TasksPriority", "-10 到", "0 到");
        replace(copy, "AigcVideoOutputConfig", "ImageUrls", "最多3张", "可传多");
    });
    assert_eq!(
        lines,
        [
            "~ AigcVideoOutputConfig.ImageUrls: items at most no limit, the spec says 3",
            "~ CreateAigcVideoTaskRequest.Prompt: characters at most 2000, the spec says 1000",
            "~ CreateAigcVideoTaskRequest.TasksPriority: at least 0, the spec says -10",
        ]
    );
}

#[test]
fn an_action_that_is_new_or_gone_is_one_line_and_one_out_of_scope_is_none() {
    let lines = new_drift(|copy| {
        let actions = copy["actions"].as_object_mut().expect("there are actions");
        let create = actions.remove("CreateAigcVideoTask").expect("it is there");
        actions.insert("CreateAigcMusicTask".to_owned(), create.clone());
        actions.insert("CreateMusicTask".to_owned(), create);
    });
    assert_eq!(lines, ["+ CreateAigcMusicTask", "- CreateAigcVideoTask"]);
}

#[test]
fn a_clause_that_changed_and_cannot_be_read_comes_up_again() {
    let lines = new_drift(|copy| replace(copy, "AigcVideoOutputConfig", "AspectRatio", "和图片一致", "和视频一致"));
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.starts_with("? AigcVideoOutputConfig.AspectRatio, Hailuo: could not read "), "{line}");
}

#[test]
fn accepted_drift_is_told_apart_from_what_is_open_and_from_what_is_over() {
    let accepted = AcceptedDrift(vec![
        Accepted { drift: "+ Kling 9.9".to_owned(), reason: "r".to_owned() },
        Accepted { drift: "- Jimeng".to_owned(), reason: "r".to_owned() },
    ]);
    let mut copy = description();
    replace(&mut copy, "CreateAigcVideoTaskRequest", "ModelVersion", "2.1、", "2.1、9.8、9.9、");
    let report = Report::new(&digest(&copy).expect("it is in order"), &spec(), accepted);
    let drift = |list: &[Accepted]| list.iter().map(|it| it.drift.clone()).collect::<Vec<_>>();
    assert_eq!(report.open[0], "+ Kling 9.8");
    assert_eq!(report.open.len(), 2, "{:?}", report.open);
    assert_eq!(drift(&report.accepted), ["+ Kling 9.9"]);
    assert_eq!(drift(&report.over), ["- Jimeng"]);
}

#[test]
fn what_is_not_the_description_is_refused_with_the_place() {
    for text in ["names: 1", "[1]", "{}", r#"{ "openapi": "3.1" }"#, ""] {
        let error = format!("{:#}", Description::parse(text).err().expect("it is not the description"));
        assert!(error.starts_with("not the API description, "), "{error}");
    }
    refused(
        |copy| copy["metadata"]["serviceShortName"] = json!("mps"),
        "the description of mps 2018-07-17; vod 2018-07-17 is needed",
    );
    refused(
        |copy| copy["metadata"]["apiVersion"] = json!("2017-03-12"),
        "the description of vod 2017-03-12; vod 2018-07-17 is needed",
    );
    refused(|copy| copy["actions"] = json!({}), "not the API description: it names no AIGC action");
    refused(
        |copy| copy["objects"]["Track"]["members"] = json!("none"),
        "not the API description, which is services/vod/v20180717/api.json of the Python package tccli: objects.Track.members: \
         invalid type: string \"none\", expected a sequence",
    );
}

#[test]
fn a_type_never_seen_is_refused_with_the_place() {
    refused(
        |copy| member(copy, "Track", "Items")["type"] = json!("tuple"),
        "object Track, member Items: the type tuple of string is unknown",
    );
    refused(
        |copy| member(copy, "AigcVideoOutputConfig", "Duration")["member"] = json!("decimal"),
        "object AigcVideoOutputConfig, member Duration: the type float of decimal is unknown",
    );
}

#[test]
fn a_cycle_is_refused_with_its_path() {
    refused(
        |copy| {
            member(copy, "Track", "Items")["member"] = json!("EditMediaTask");
            let back = member(copy, "EditMediaTask", "TaskId");
            back["type"] = json!("object");
            back["member"] = json!("Track");
        },
        "a shape holds itself: EditMediaTask.TaskId → Track.Items → EditMediaTask",
    );
}

#[test]
fn what_names_nothing_is_refused_with_the_place() {
    refused(
        |copy| member(copy, "Track", "Items")["member"] = json!("Clip"),
        "object Track, member Items: there is no object Clip",
    );
    refused(
        |copy| copy["actions"]["EditMedia"] = json!({ "output": "EditMediaResponse" }),
        "action EditMedia has no input",
    );
    refused(
        |copy| copy["actions"]["EditMedia"]["output"] = json!("Nothing"),
        "action EditMedia: its output Nothing is not among the objects",
    );
    refused(
        |copy| member(copy, "AigcVideoTask", "Status")["name"] = json!("ErrCodeExt"),
        "object AigcVideoTask, member ErrCodeExt: it is there twice",
    );
}

#[test]
fn what_is_written_reads_back_and_a_bad_file_writes_nothing() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let root = folder.path();
    let api = root.join("api.json");
    let mut copy = description();
    member(&mut copy, "AigcVideoTask", "Status")["type"] = json!("tuple");
    fs::write(&api, copy.to_string()).expect("the folder can be written to");
    assert!(sync(root, Some(&api), false).is_err());
    assert!(!root.join("spec").exists());

    let digest = digest(&description()).expect("it is in order");
    digest.write(root).expect("the folder can be written to");
    assert_eq!(digest.stale(root).expect("it can be read"), [""; 0]);
    assert_eq!(Digest::read(root).expect("what was written can be read"), digest);
    fs::write(root.join("spec/upstream/models.yaml"), "{}").expect("the folder can be written to");
    assert_eq!(digest.stale(root).expect("it can be read"), ["spec/upstream/models.yaml"]);
}

#[test]
fn no_prose_is_written() {
    let files = digest(&description()).expect("it is in order").files().expect("it can be written");
    for file in files {
        assert!(file.text.is_ascii(), "{}: {}", file.path, file.text);
    }
}
