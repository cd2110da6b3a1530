//! The JSON Schemas that the Rust types derive, against those that the generator writes straight from `spec/api`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use vod_aigc_core::ACTIONS;

use crate::actions::TYPED;

#[test]
fn every_action_is_compared() {
    let known: Vec<&str> = ACTIONS.iter().map(|action| action.name).collect();
    assert_eq!(TYPED.iter().map(|typed| typed.name).collect::<Vec<_>>(), known);
}

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

/// What the types derive, without the nulls for members that are left out.
fn derived() -> BTreeMap<String, Value> {
    let mut definitions = BTreeMap::new();
    for (root_name, schema) in TYPED.iter().flat_map(|typed| (typed.schemas)()) {
        let Value::Object(mut root) = schema else {
            panic!("the schema of a shape is an object");
        };
        root.remove("$schema");
        root.remove("title");
        let Some(Value::Object(others)) = root.remove("$defs").or(Some(Value::Object(Map::new()))) else {
            panic!("definitions are an object");
        };
        for (name, schema) in others.into_iter().chain([(root_name, Value::Object(root))]) {
            let schema = without_null(schema);
            let known = definitions.entry(name).or_insert_with(|| schema.clone());
            assert_eq!(known, &schema, "one name stands for one schema");
        }
    }
    definitions
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
