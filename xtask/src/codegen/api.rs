//! `spec/api/*.yaml` as Rust. typify decides names and types; this writes them down the way a person would: in the
//! documented order, with open enums, short attributes and the limits beside the shapes.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};
use heck::ToSnakeCase as _;
use indexmap::IndexMap;
use schemars::schema::Schema;
use serde_json::{Value, json};
use typify::{TypeDetails, TypeSpace, TypeSpaceImpl, TypeSpaceSettings};

use crate::codegen::{Output, doc, rust as rust_file, schema};
use crate::spec::{Action, Api, Definition, DefinitionKind, Effect, Property, PropertyKind};

/// The member names and types that typify gives to each object: `types["AigcVideoTask"]["task_id"]`.
type Types = IndexMap<String, IndexMap<String, String>>;

/// The type of a text that is a secret.
const SECRET: &str = "Secret";

/// One generated file for each API file.
pub(crate) fn rust(api: &IndexMap<String, Api>) -> Result<Vec<Output>> {
    let definitions: IndexMap<&str, &Definition> =
        api.values().flat_map(|file| &file.definitions).map(|(name, it)| (name.as_str(), it)).collect();
    let types = types(&definitions).context("typify")?;
    let requests = closure(
        &definitions,
        api.values().flat_map(|file| file.actions.values()).map(|action| action.request.as_str()),
    );
    let limited = limited(&definitions, &requests);
    api.iter()
        .map(|(stem, file)| {
            let body = body(file, &definitions, &types, &requests, &limited)?;
            Ok(rust_file(stem, &[&format!("spec/api/{stem}.yaml")], body))
        })
        .collect()
}

fn body(
    file: &Api,
    definitions: &IndexMap<&str, &Definition>,
    types: &Types,
    requests: &BTreeSet<&str>,
    limited: &BTreeSet<&str>,
) -> Result<String> {
    let mut items = Vec::new();
    for (name, constant) in &file.constants {
        // What passes 32 bits would not compile as a usize everywhere.
        let kind = if constant.value > u64::from(u32::MAX) { "u64" } else { "usize" };
        items.push(format!("{}pub const {name}: {kind} = {};\n", doc("", &constant.description), constant.value));
    }
    for (name, definition) in &file.definitions {
        match definition.kind {
            DefinitionKind::Object => {
                let types = types.get(name).with_context(|| format!("typify made no {name}"))?;
                items.push(object(name, definition, types, requests.contains(name.as_str()))?);
                if !definition.required.is_empty() {
                    items.push(constructor(name, definition, types)?);
                }
                if limited.contains(name.as_str()) {
                    items.push(limits(name, definition, types, limited, definitions)?);
                }
            }
            DefinitionKind::String => items.push(open_enum(name, definition)),
        }
    }
    for (name, action) in &file.actions {
        items.push(action_impl(name, action, file, types)?);
    }
    let body = items.join("\n");
    let names: Vec<_> = file.actions.keys().map(|name| format!("`{name}`")).collect();
    let mut text = format!("//! The shapes of {}.\n\n", names.join(" and "));
    // Only what the body really names: an unused import is a warning.
    let mut foreign: BTreeSet<&str> = file
        .definitions
        .values()
        .flat_map(|definition| definition.properties.values())
        .filter_map(Property::shape)
        .filter(|name| !file.definitions.contains_key(*name))
        .collect();
    if foreign.remove("ErrorCode") {
        text += "use crate::ErrorCode;\n";
    }
    if file.definitions.values().flat_map(|it| it.properties.values()).any(Property::is_secret) {
        text += "use crate::Secret;\n";
    }
    text += "use crate::action::{Action, Effect};\n";
    for name in foreign {
        text += &format!("use super::{name};\n");
    }
    if body.contains("CheckLimits for") {
        text += "use crate::limits::{Breaches, CheckLimits};\n";
    }
    text += "use serde::{Deserialize, Serialize};\n\n";
    Ok(text + &body)
}

/// Asks typify for the Rust names and types of every object's members.
fn types(definitions: &IndexMap<&str, &Definition>) -> Result<Types> {
    let mut settings = TypeSpaceSettings::default();
    let strings = definitions.iter().filter(|(_, it)| it.kind == DefinitionKind::String).map(|(name, _)| *name);
    // typify would make closed enums of them; the service may add values, so they are written by `open_enum`.
    for name in strings.clone().chain(["ErrorCode"]) {
        settings.with_replacement(name, name, std::iter::empty::<TypeSpaceImpl>());
    }
    let secret = serde_json::from_value(json!({ "type": "string", "format": "password" }))?;
    settings.with_conversion(secret, SECRET, std::iter::empty::<TypeSpaceImpl>());
    let mut schemas: Vec<(&str, Schema)> = Vec::new();
    for (name, definition) in definitions {
        let schema = match definition.kind {
            DefinitionKind::Object => object_schema(definition),
            DefinitionKind::String => json!({ "type": "string" }),
        };
        schemas.push((name, serde_json::from_value(schema)?));
    }
    schemas.push(("ErrorCode", serde_json::from_value(json!({ "type": "string" }))?));
    let mut space = TypeSpace::new(&settings);
    space.add_ref_types(schemas)?;

    // typify makes no struct of an object without members.
    let empty = definitions.iter().filter(|(_, it)| it.kind == DefinitionKind::Object && it.properties.is_empty());
    let mut types: Types = empty.map(|(name, _)| ((*name).to_owned(), IndexMap::new())).collect();
    for object in space.iter_types() {
        if let TypeDetails::Struct(details) = object.details() {
            let members = details
                .properties_info()
                .map(|member| {
                    Ok((member.name.to_owned(), short(&space.get_type(&member.type_id)?.ident().to_string())))
                })
                .collect::<Result<_>>()?;
            types.insert(object.name(), members);
        }
    }
    Ok(types)
}

/// The JSON Schema that typify sees: names, types and what is required. Limits and defaults stay out of it, because it
/// would turn them into types and values of its own; every optional member may be null.
fn object_schema(definition: &Definition) -> Value {
    let properties = definition.properties.iter().map(|(name, property)| {
        let mut schema = schema::property(property);
        if let Value::Object(keys) = &mut schema {
            keys.retain(|key, _| matches!(key.as_str(), "$ref" | "type" | "format" | "items"));
            if let Some(kind) = keys.get_mut("type").filter(|_| !definition.required.contains(name)) {
                *kind = json!([kind, "null"]);
            }
        }
        (name.clone(), schema)
    });
    json!({ "type": "object", "required": definition.required, "properties": properties.collect::<Value>() })
}

/// A type as a person writes it: `Option<Vec<X>>`.
fn short(tokens: &str) -> String {
    let mut text: String = tokens.split_whitespace().collect();
    for path in ["::std::option::", "::std::vec::", "::std::string::", "::std::boxed::"] {
        text = text.replace(path, "");
    }
    text
}

/// The Rust name and type of one member.
fn member<'a>(types: &'a IndexMap<String, String>, wire: &str) -> Result<(&'a str, &'a str)> {
    let name = wire.to_snake_case();
    types
        .get_key_value(&name)
        .or_else(|| types.get_key_value(&format!("{name}_")))
        .map(|(name, kind)| (name.as_str(), kind.as_str()))
        .ok_or_else(|| anyhow!("typify named the member {wire} otherwise than {name}"))
}

fn object(name: &str, definition: &Definition, types: &IndexMap<String, String>, request: bool) -> Result<String> {
    let mut text = doc("", &definition.description);
    let default = if definition.required.is_empty() { "Default, " } else { "" };
    text += &format!("#[derive(Debug, Clone, {default}PartialEq, Serialize, Deserialize)]\n");
    text += "#[cfg_attr(feature = \"schemars\", derive(schemars::JsonSchema))]\n";
    text += "#[serde(rename_all = \"PascalCase\")]\n#[non_exhaustive]\n";
    text += &format!("pub struct {name} {{\n");
    for (wire, property) in &definition.properties {
        let (field, kind) = member(types, wire)?;
        text += &doc("    ", &property.description);
        let mut serde = Vec::new();
        if pascal_case(field) != *wire {
            serde.push(format!("rename = \"{wire}\""));
        }
        if kind.starts_with("Option<") {
            serde.push("skip_serializing_if = \"Option::is_none\"".to_owned());
        }
        if request && property.kind == Some(PropertyKind::Number) {
            serde.push("serialize_with = \"crate::wire::number\"".to_owned());
        }
        if !serde.is_empty() {
            text += &format!("    #[serde({})]\n", serde.join(", "));
        }
        let schema = schema_attributes(property);
        if !schema.is_empty() {
            text += &format!("    #[cfg_attr(feature = \"schemars\", schemars({}))]\n", schema.join(", "));
        }
        text += &format!("    pub {field}: {kind},\n");
    }
    Ok(text + "}\n")
}

fn schema_attributes(property: &Property) -> Vec<String> {
    let mut attributes = Vec::new();
    if let Some(most) = property.max_length.or(property.max_items) {
        attributes.push(format!("length(max = {most})"));
    }
    match (property.minimum, property.maximum) {
        (Some(low), Some(high)) => attributes.push(format!("range(min = {low}, max = {high})")),
        (Some(low), None) => attributes.push(format!("range(min = {low})")),
        (None, Some(high)) => attributes.push(format!("range(max = {high})")),
        (None, None) => {}
    }
    if let Some(default) = &property.default {
        attributes.push(format!("extend(\"default\" = {default})"));
    }
    attributes
}

fn constructor(name: &str, definition: &Definition, types: &IndexMap<String, String>) -> Result<String> {
    let mut parameters = Vec::new();
    let mut fields = String::new();
    for wire in definition.properties.keys() {
        let (field, kind) = member(types, wire)?;
        if !definition.required.contains(wire) {
            fields += &format!("            {field}: None,\n");
        } else if kind == "String" || kind == SECRET {
            parameters.push(format!("{field}: impl Into<{kind}>"));
            fields += &format!("            {field}: {field}.into(),\n");
        } else {
            parameters.push(format!("{field}: {kind}"));
            fields += &format!("            {field},\n");
        }
    }
    Ok(format!(
        "impl {name} {{\n    \
             /// With the members that are required, and no other.\n    \
             pub fn new({}) -> Self {{\n        \
                 Self {{\n{fields}        }}\n    \
             }}\n\
         }}\n",
        parameters.join(", ")
    ))
}

fn limits(
    name: &str,
    definition: &Definition,
    types: &IndexMap<String, String>,
    limited: &BTreeSet<&str>,
    definitions: &IndexMap<&str, &Definition>,
) -> Result<String> {
    let mut lines = String::new();
    for (wire, property) in &definition.properties {
        let (field, kind) = member(types, wire)?;
        let optional = kind.starts_with("Option<");
        let slice = if optional { format!("self.{field}.as_deref()") } else { format!("Some(&self.{field})") };
        let reference = if optional { format!("self.{field}.as_ref()") } else { format!("Some(&self.{field})") };
        let number = if optional { format!("self.{field}") } else { format!("Some(self.{field})") };
        let mut line = |method: &str, value: &str, limit: &str| {
            lines += &format!("        breaches.{method}(\"{wire}\", {value}{limit});\n");
        };
        if let Some(most) = property.max_length {
            let text = if property.is_secret() { &format!("{reference}.map({SECRET}::expose)") } else { &slice };
            line("characters", text, &format!(", {most}"));
        }
        if let Some(most) = property.max_items {
            line("items", &slice, &format!(", {most}"));
        }
        if let (Some(low), Some(high)) = (property.minimum, property.maximum) {
            line("range", &number, &format!(", {low}..={high}"));
        }
        if property.shape().is_some_and(|shape| is_string(definitions, shape)) {
            line("word", &reference, "");
        }
        if property.shape().is_some_and(|shape| limited.contains(shape)) {
            match property.items {
                Some(_) => line("all", &slice, ""),
                None => line("inside", &reference, ""),
            }
        }
    }
    Ok(format!(
        "impl CheckLimits for {name} {{\n    fn check_limits(&self, breaches: &mut Breaches) {{\n{lines}    }}\n}}\n"
    ))
}

fn open_enum(name: &str, definition: &Definition) -> String {
    let mut text = "crate::open_enum::open_enum! {\n".to_owned();
    text += &doc("    ", &definition.description);
    text += &format!("    pub enum {name} {{\n");
    for value in &definition.values {
        text += &doc("        ", &value.description);
        text += &format!("        {} = \"{}\",\n", value.rust_name(), value.value);
    }
    text += "    }\n}\n";
    if let Some(default) = definition.values.iter().find(|it| Some(&it.value) == definition.default.as_ref()) {
        text += &format!(
            "\nimpl Default for {name} {{\n    /// What holds where none is given.\n    fn default() -> Self {{\n        Self::{}\n    }}\n}}\n",
            default.rust_name()
        );
    }
    text
}

fn action_impl(name: &str, action: &Action, file: &Api, types: &Types) -> Result<String> {
    let effect = match action.effect {
        Effect::Read => "Read",
        Effect::Write => "Write",
        Effect::Paid => "Paid",
    };
    let mut text = format!(
        "impl Action for {} {{\n    \
             const NAME: &'static str = \"{name}\";\n    \
             const SERVICE: &'static str = \"{}\";\n    \
             const VERSION: &'static str = \"{}\";\n    \
             const EFFECT: Effect = Effect::{effect};\n    \
             type Reply = {};\n",
        action.request, file.service, file.version, action.reply
    );
    if let Some(wire) = &action.session_id {
        let (field, _) = member(&types[&action.request], wire)?;
        text += &format!(
            "\n    fn session_id(&mut self) -> Option<&mut Option<String>> {{\n        Some(&mut self.{field})\n    }}\n"
        );
    }
    Ok(text + "}\n")
}

/// The shapes that `roots` name, and those that these name, and so on.
fn closure<'a>(
    definitions: &IndexMap<&'a str, &'a Definition>,
    roots: impl Iterator<Item = &'a str>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = roots.collect();
    while let Some(name) = open.pop() {
        if let Some(definition) = definitions.get(name).filter(|_| found.insert(name)) {
            open.extend(definition.properties.values().filter_map(Property::shape));
        }
    }
    found
}

fn is_string(definitions: &IndexMap<&str, &Definition>, shape: &str) -> bool {
    definitions.get(shape).is_some_and(|it| it.kind == DefinitionKind::String)
}

/// The shapes among `requests` that hold a limit, themselves or in what they name.
fn limited<'a>(definitions: &IndexMap<&'a str, &'a Definition>, requests: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let holds = |name: &str| {
        definitions.get(name).is_some_and(|definition| {
            definition.properties.values().any(|it| {
                let bounded = it.minimum.is_some() && it.maximum.is_some();
                let word = it.shape().is_some_and(|shape| is_string(definitions, shape));
                it.max_length.is_some() || it.max_items.is_some() || bounded || word
            })
        })
    };
    requests.iter().copied().filter(|name| closure(definitions, [*name].into_iter()).into_iter().any(holds)).collect()
}

/// What serde's `rename_all = "PascalCase"` makes of a field.
fn pascal_case(field: &str) -> String {
    field.split('_').map(|word| word[..1.min(word.len())].to_uppercase() + &word[1.min(word.len())..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_its_own_type_wherever_it_stands() {
        let shapes = r##"{ service: vod, version: v, actions: {}, $defs: {
            Asked: { description: d, type: object, required: [Key], properties: {
                Key: { type: string, format: password, description: d },
                Token: { type: string, format: password, maxLength: 8, description: d },
                Tokens: { type: array, items: { type: string, format: password }, description: d } } } } }"##;
        let file: Api = serde_yaml::from_str(shapes).expect("the file has the right form");
        let definitions = file.definitions.iter().map(|(name, it)| (name.as_str(), it)).collect();
        let types = types(&definitions).expect("typify takes it");
        let asked = BTreeSet::from(["Asked"]);
        let text = body(&file, &definitions, &types, &asked, &asked).expect("the file can be written");
        for line in [
            "use crate::Secret;",
            "pub key: Secret,",
            "pub token: Option<Secret>,",
            "pub tokens: Option<Vec<Secret>>,",
            "pub fn new(key: impl Into<Secret>) -> Self {",
            "breaches.characters(\"Token\", self.token.as_ref().map(Secret::expose), 8);",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
