//! The JSON Schemas that the Rust types derive, against those that the generator writes straight from `spec/api`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use schemars::{JsonSchema, schema_for};
use serde_json::{Map, Value};
use vod_aigc_core::{
    Action, ApplyUploadRequest, CommitUploadRequest, ConfirmEventsRequest, CreateAigcAdvancedCustomElementRequest,
    CreateAigcApiTokenRequest, CreateAigcAudioCloneRequest, CreateAigcAudioTaskRequest, CreateAigcCustomElementRequest,
    CreateAigcCustomVoiceRequest, CreateAigcHunyuan3DTaskRequest, CreateAigcImageTaskRequest, CreateAigcQuotaRequest,
    CreateAigcSubjectRequest, CreateAigcVideoRedrawTaskRequest, CreateAigcVideoTaskRequest,
    CreateSceneAigcImageTaskRequest, CreateSceneAigcVideoTaskRequest, DeleteAigcAdvancedCustomElementRequest,
    DeleteAigcApiTokenRequest, DeleteAigcQuotaRequest, DescribeAigcAdvancedCustomElementsRequest,
    DescribeAigcApiTokensRequest, DescribeAigcFaceInfoAsyncRequest, DescribeAigcFaceInfoRequest,
    DescribeAigcQuotasRequest, DescribeAigcUsageDataRequest, DescribeEventConfigRequest, DescribeTaskDetailRequest,
    DescribeTasksRequest, ManageTaskRequest, ModifyAigcQuotaRequest, ModifyEventConfigRequest, PullEventsRequest,
    PullUploadRequest, UpdateAigcApiTokenRequest,
};

#[test]
fn the_derived_schemas_say_what_the_spec_says() {
    let described = described();
    let derived = derived();
    assert_eq!(derived.keys().collect::<Vec<_>>(), described.keys().collect::<Vec<_>>());

    let mut properties_compared = 0;
    for (name, described) in &described {
        let derived = &derived[name];
        let members = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
        let (wanted, found) = (members(described), members(derived));
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "members of {name}");
        for (member, wanted) in &wanted {
            assert_eq!(&found[member], wanted, "{name}.{member}");
            properties_compared += 1;
        }
        let rest = |schema: &Value| {
            let mut rest = schema.as_object().unwrap().clone();
            rest.remove("properties");
            rest
        };
        assert_eq!(rest(derived), rest(described), "{name} apart from its members");
    }
    assert_eq!(properties_compared, count_properties(&described));
    assert!(properties_compared > 100, "only {properties_compared} properties were compared");
}

/// What the generator has written from the YAML, all files in one.
pub(crate) fn described() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/schema/shapes");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let definitions = files.flat_map(|text| {
        let Value::Object(definitions) = serde_json::from_slice::<Value>(&text).unwrap()["$defs"].take() else {
            panic!("a file of shapes holds definitions");
        };
        definitions
    });
    definitions.map(|(name, schema)| (name, within_one_file(schema))).collect()
}

fn within_one_file(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let local = |reference: &str| reference[reference.find('#').unwrap()..].into();
            let members = members.into_iter().map(|(name, value)| match value {
                Value::String(reference) if name == "$ref" => (name, local(&reference)),
                value => (name, within_one_file(value)),
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().map(within_one_file).collect(),
        other => other,
    }
}

/// What the types derive, without the nulls that stand for members that are left out.
fn derived() -> BTreeMap<String, Value> {
    let mut definitions = BTreeMap::new();
    collect_action::<CreateAigcHunyuan3DTaskRequest>(&mut definitions);
    collect_action::<CreateAigcImageTaskRequest>(&mut definitions);
    collect_action::<CreateAigcVideoRedrawTaskRequest>(&mut definitions);
    collect_action::<CreateSceneAigcImageTaskRequest>(&mut definitions);
    collect_action::<CreateSceneAigcVideoTaskRequest>(&mut definitions);
    collect_action::<CreateAigcVideoTaskRequest>(&mut definitions);
    collect_action::<DescribeTaskDetailRequest>(&mut definitions);
    collect_action::<DescribeTasksRequest>(&mut definitions);
    collect_action::<PullEventsRequest>(&mut definitions);
    collect_action::<ConfirmEventsRequest>(&mut definitions);
    collect_action::<DescribeEventConfigRequest>(&mut definitions);
    collect_action::<ModifyEventConfigRequest>(&mut definitions);
    collect_action::<ManageTaskRequest>(&mut definitions);
    collect_action::<CreateAigcQuotaRequest>(&mut definitions);
    collect_action::<ModifyAigcQuotaRequest>(&mut definitions);
    collect_action::<DeleteAigcQuotaRequest>(&mut definitions);
    collect_action::<DescribeAigcQuotasRequest>(&mut definitions);
    collect_action::<CreateAigcApiTokenRequest>(&mut definitions);
    collect_action::<UpdateAigcApiTokenRequest>(&mut definitions);
    collect_action::<DeleteAigcApiTokenRequest>(&mut definitions);
    collect_action::<DescribeAigcApiTokensRequest>(&mut definitions);
    collect_action::<DescribeAigcUsageDataRequest>(&mut definitions);
    collect_action::<CreateAigcAudioTaskRequest>(&mut definitions);
    collect_action::<CreateAigcAudioCloneRequest>(&mut definitions);
    collect_action::<CreateAigcCustomElementRequest>(&mut definitions);
    collect_action::<CreateAigcSubjectRequest>(&mut definitions);
    collect_action::<CreateAigcAdvancedCustomElementRequest>(&mut definitions);
    collect_action::<DescribeAigcAdvancedCustomElementsRequest>(&mut definitions);
    collect_action::<DeleteAigcAdvancedCustomElementRequest>(&mut definitions);
    collect_action::<CreateAigcCustomVoiceRequest>(&mut definitions);
    collect_action::<DescribeAigcFaceInfoRequest>(&mut definitions);
    collect_action::<DescribeAigcFaceInfoAsyncRequest>(&mut definitions);
    collect_action::<ApplyUploadRequest>(&mut definitions);
    collect_action::<CommitUploadRequest>(&mut definitions);
    collect_action::<PullUploadRequest>(&mut definitions);
    definitions
}

fn collect_action<A: Action<Reply: JsonSchema> + JsonSchema>(definitions: &mut BTreeMap<String, Value>) {
    collect::<A>(definitions);
    collect::<A::Reply>(definitions);
}

fn collect<T: JsonSchema>(definitions: &mut BTreeMap<String, Value>) {
    let Value::Object(mut root) = schema_for!(T).to_value() else {
        panic!("the schema of a shape is an object");
    };
    root.remove("$schema");
    root.remove("title");
    let others = root.remove("$defs");
    let others = others.iter().filter_map(Value::as_object).flatten();
    for (name, schema) in others
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .chain([(T::schema_name().into_owned(), Value::Object(root))])
    {
        let schema = without_null(schema);
        let known = definitions.entry(name).or_insert_with(|| schema.clone());
        assert_eq!(known, &schema, "one name stands for one schema");
    }
}

fn without_null(schema: Value) -> Value {
    match schema {
        Value::Object(mut members) => {
            if let Some(Value::Array(mut choices)) = members.remove("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                let [only] = choices.try_into().expect("one choice beside null");
                members.extend(only.as_object().expect("a choice is a schema").clone());
            }
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|kind| kind != "null");
                let [only] = std::mem::take(types).try_into().expect("one type beside null");
                members.insert("type".to_owned(), only);
            }
            // The format says it already.
            if members.get("format").is_some_and(|format| format == "uint64") {
                let minimum = members.get("minimum").and_then(Value::as_u64).expect("it has none below");
                if minimum == 0 {
                    members.remove("minimum");
                }
            }
            Value::Object(members.into_iter().map(|(name, value)| (name, without_null(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(without_null).collect(),
        other => other,
    }
}

fn count_properties(definitions: &BTreeMap<String, Value>) -> usize {
    definitions.values().filter_map(|schema| schema.get("properties")?.as_object()).map(Map::len).sum()
}
