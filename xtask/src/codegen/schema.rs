//! JSON Schemas: of the YAML files themselves, for completion in editors, and of the shapes that they describe, for
//! tools and other languages.

use schemars::schema::RootSchema;
use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::codegen::{Output, errors};
use crate::spec::{
    Api, Definition, DefinitionKind, ERROR_CODES, Errors, ExitCodes, Items, Models, Property, Sources, Spec,
};
use crate::sync::accepted::AcceptedDrift;

/// Every shape of `spec/api` as plain JSON Schema 2020-12, straight from the YAML: one file for each of its files.
pub(crate) fn shapes(spec: &Spec) -> Vec<Output> {
    let file = |stem: &str, definitions: Map<String, Value>| {
        let schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions });
        Output { path: format!("spec/schema/shapes/{stem}.json"), text: format!("{schema:#}\n") }
    };
    let errors = [("ErrorCode".to_owned(), error_code(&spec.errors))];
    let mut files = vec![file("errors", errors.into_iter().collect())];
    files.extend(spec.api.iter().map(|(stem, api)| {
        file(stem, api.definitions.iter().map(|(name, it)| (name.clone(), definition(it))).collect())
    }));
    files
}

fn definition(definition: &Definition) -> Value {
    let mut schema = json!({ "description": definition.description });
    match definition.kind {
        DefinitionKind::Object => {
            let properties = definition.properties.iter();
            schema["type"] = json!("object");
            schema["properties"] = properties.map(|(name, it)| (name.clone(), property(it, between_files))).collect();
            if !definition.required.is_empty() {
                schema["required"] = json!(definition.required);
            }
        }
        DefinitionKind::String => {
            let values = definition.values.iter();
            let values = values.map(|it| json!({ "const": it.value, "description": it.description }));
            schema["type"] = json!("string");
            schema["oneOf"] = values.collect();
        }
    }
    schema
}

/// A reference from YAML to YAML as one from JSON to JSON.
fn between_files(reference: &str) -> String {
    match reference {
        ERROR_CODES => "errors.json#/$defs/ErrorCode".to_owned(),
        _ => reference.replace(".yaml#", ".json#"),
    }
}

/// One member, with everything that the YAML says of it and its references as `rename` has them.
pub(crate) fn property(property: &Property, rename: impl Fn(&str) -> String) -> Value {
    let mut schema = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            schema.insert(key.to_owned(), value);
        }
    };
    set("description", Some(json!(property.description)));
    set("$ref", property.reference.as_deref().map(|reference| json!(rename(reference))));
    set("type", property.kind.map(|kind| json!(kind)));
    set("format", property.format.map(|format| json!(format)));
    set(
        "items",
        property.items.as_ref().map(|Items { reference, kind, format }| match (reference, format) {
            (Some(reference), _) => json!({ "$ref": rename(reference) }),
            (None, Some(format)) => json!({ "type": kind, "format": format }),
            (None, None) => json!({ "type": kind }),
        }),
    );
    set("minLength", property.min_length.map(Value::from));
    set("maxLength", property.max_length.map(Value::from));
    set("minItems", property.min_items.map(Value::from));
    set("maxItems", property.max_items.map(Value::from));
    set("minimum", property.minimum.clone().map(Value::from));
    set("maximum", property.maximum.clone().map(Value::from));
    set("default", property.default.clone());
    Value::Object(schema)
}

fn error_code(codes: &Errors) -> Value {
    let values = codes.codes.iter();
    let values = values.map(|(code, row)| json!({ "const": code, "description": errors::description(codes, row) }));
    json!({ "description": errors::TITLE, "type": "string", "oneOf": values.collect::<Value>() })
}

/// One schema for each kind of YAML file.
pub(crate) fn files() -> Vec<Output> {
    let file = |name: &str, schema: &RootSchema| Output {
        path: format!("spec/schema/{name}.json"),
        text: format!("{:#}\n", serde_json::json!(schema)),
    };
    vec![
        file("sources", &schema_for!(Sources)),
        file("models", &schema_for!(Models)),
        file("errors", &schema_for!(Errors)),
        file("exit-codes", &schema_for!(ExitCodes)),
        file("api", &schema_for!(Api)),
        file("accepted-drift", &schema_for!(AcceptedDrift)),
    ]
}
