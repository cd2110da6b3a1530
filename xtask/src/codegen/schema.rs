//! JSON Schemas: of the YAML files themselves, for completion in editors, and of the shapes that they describe, for
//! tools and other languages.

use schemars::schema::RootSchema;
use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::codegen::{Output, errors};
use crate::spec::{Api, Definition, DefinitionKind, Errors, Items, Models, Property, Sources, Spec, shape_name};

/// Every shape of `spec/api` as plain JSON Schema 2020-12, straight from the YAML.
pub(crate) fn shapes(spec: &Spec) -> Output {
    let definitions = spec.api.values().flat_map(|file| &file.definitions);
    let mut definitions: Map<String, Value> = definitions.map(|(name, it)| (name.clone(), definition(it))).collect();
    definitions.insert("ErrorCode".to_owned(), error_code(&spec.errors));
    let schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions });
    Output { path: "spec/schema/shapes.json".to_owned(), text: format!("{schema:#}\n") }
}

fn definition(definition: &Definition) -> Value {
    let mut schema = json!({ "description": definition.description });
    match definition.kind {
        DefinitionKind::Object => {
            let properties = definition.properties.iter();
            schema["type"] = json!("object");
            schema["properties"] = properties.map(|(name, it)| (name.clone(), property(it))).collect();
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

/// One member, with everything that the YAML says of it.
pub(crate) fn property(property: &Property) -> Value {
    let mut schema = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            schema.insert(key.to_owned(), value);
        }
    };
    let local = |reference: &String| shape_name(reference).map(|name| json!(format!("#/$defs/{name}")));
    set("description", Some(json!(property.description)));
    set("$ref", property.reference.as_ref().and_then(local));
    set("type", property.kind.map(|kind| json!(kind)));
    set("format", property.format.map(|format| json!(format)));
    set(
        "items",
        property.items.as_ref().map(|Items { reference, kind, format }| {
            match (reference.as_ref().and_then(local), format) {
                (Some(reference), _) => json!({ "$ref": reference }),
                (None, None) => json!({ "type": kind }),
                (None, Some(format)) => json!({ "type": kind, "format": format }),
            }
        }),
    );
    set("maxLength", property.max_length.map(Value::from));
    set("maxItems", property.max_items.map(Value::from));
    set("minimum", property.minimum.map(Value::from));
    set("maximum", property.maximum.map(Value::from));
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
        file("api", &schema_for!(Api)),
    ]
}
