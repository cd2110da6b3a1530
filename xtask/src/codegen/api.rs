//! `spec/api/*.yaml` as Rust. typify decides names and types; this writes them down the way a person would: in the
//! documented order, with open enums, short attributes and the limits beside the shapes.

mod parameters;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};
use heck::ToSnakeCase as _;
use indexmap::IndexMap;
use schemars::schema::Schema;
use serde_json::{Number, Value, json};
use typify::{TypeDetails, TypeSpace, TypeSpaceImpl, TypeSpaceSettings};

use crate::codegen::{Output, cfg, doc, rust as rust_file, schema};
use crate::spec::{
    Action, Api, Definition, DefinitionKind, EVENT, Effect, Property, PropertyKind, Spec, TASK_REPLY, shape_name,
};

/// The member names and types that typify gives to each object: `types["AigcVideoTask"]["task_id"]`.
type Types = IndexMap<String, IndexMap<String, String>>;

/// The member that names the sub-application.
const SUB_APP_ID: &str = "SubAppId";

/// The type of a text that is a secret.
const SECRET: &str = "Secret";

/// Whether something is on.
const SWITCH: &str = "Switch";

/// How a setter takes its value.
struct Setter {
    parameter: String,
    value: String,
}

/// All shapes of all files, and what follows from them together.
struct Shapes<'a> {
    spec: &'a Spec,
    definitions: IndexMap<&'a str, &'a Definition>,
    types: Types,
    /// Those that requests hold.
    requests: BTreeSet<&'a str>,
    /// Those that replies hold. Their required members are optional in Rust: a reply with a gap parses.
    replies: BTreeSet<&'a str>,
    /// Those that hold a limit, themselves or in what they name.
    limited: BTreeSet<&'a str>,
}

/// One generated file for each API file, the builder of a video and the flags of the command.
pub(crate) fn rust(spec: &Spec) -> Result<Vec<Output>> {
    let shapes = Shapes::of(spec)?;
    let actions = spec.api.values().flat_map(|file| file.actions.values());
    let tasks: BTreeSet<&str> = actions.filter_map(|action| action.task.as_deref()).collect();
    let files = spec.api.iter().map(|(stem, file)| {
        let tasks = tasks.iter().copied().filter(|task| file.definitions.contains_key(*task));
        let body = shapes.body(file, &tasks.collect::<Vec<_>>()).with_context(|| format!("spec/api/{stem}.yaml"))?;
        Ok(rust_file(stem, &[&format!("spec/api/{stem}.yaml")], body))
    });
    let mut outputs: Vec<Output> = files.collect::<Result<_>>()?;
    if shapes.definitions.contains_key(parameters::REQUEST) {
        outputs.extend([parameters::builder(&shapes)?, parameters::flags(&shapes)?]);
    }
    Ok(outputs)
}

/// The list of all actions, each where its area is there.
pub(crate) fn actions(spec: &Spec) -> Result<Output> {
    let (mut imports, mut rows) = (BTreeSet::new(), BTreeMap::new());
    for file in spec.api.values() {
        let gate = |indent| cfg(indent, file.feature);
        for (name, action) in &file.actions {
            imports.insert(format!("{}use super::{};\n", gate(""), action.request));
            let task = action.task.as_deref().map(|task| spec.task_kind(task)).transpose()?.map(|kind| kind.word);
            let (request, session_id) = (&action.request, action.session_id.as_deref());
            let row = format!("{}    ActionSpec::of::<{request}>({session_id:?}, {task:?}),\n", gate("    "));
            rows.insert(name, row);
        }
    }
    let body = format!(
        "//! The list of the actions.\n\nuse crate::action_spec::ActionSpec;\n{}\n\
         /// Every action of the areas that this build has.\n\
         pub const ACTIONS: &[ActionSpec] = &[\n{rows}];\n",
        imports.into_iter().collect::<String>(),
        rows = rows.into_values().collect::<String>(),
    );
    Ok(rust_file("actions", &["spec/api"], body))
}

impl<'a> Shapes<'a> {
    fn of(spec: &'a Spec) -> Result<Self> {
        let definitions: IndexMap<&str, &Definition> =
            spec.api.values().flat_map(|file| &file.definitions).map(|(name, it)| (name.as_str(), it)).collect();
        let actions = || spec.api.values().flat_map(|file| file.actions.values());
        let requests = closure(&definitions, actions().map(|action| action.request.as_str()));
        let replies = closure(&definitions, actions().map(|action| action.reply.as_str()));
        let types = types(&definitions, &replies).context("typify")?;
        let limited = limited(&definitions, &requests, &replies);
        Ok(Self { spec, definitions, types, requests, replies, limited })
    }

    fn body(&self, file: &Api, tasks: &[&str]) -> Result<String> {
        let mut items = Vec::new();
        for (name, constant) in &file.constants {
            // What passes 32 bits would not compile as a usize everywhere.
            let kind = if constant.value > u64::from(u32::MAX) { "u64" } else { "usize" };
            items.push(format!("{}pub const {name}: {kind} = {};\n", doc("", &constant.description), constant.value));
        }
        for (name, definition) in &file.definitions {
            match definition.kind {
                DefinitionKind::Object => {
                    items.push(self.object(name, definition, file)?);
                    if self.requests.contains(name.as_str()) {
                        items.push(self.constructor_and_setters(name, definition, file)?);
                    }
                    if self.limited.contains(name.as_str()) {
                        items.push(self.limits(name, definition, file)?);
                    }
                }
                DefinitionKind::String => items.push(open_enum(name, definition)),
            }
        }
        for (name, action) in &file.actions {
            items.push(self.action(name, action, file)?);
            if let Some(task) = &action.task {
                items.push(self.starts_task(action, task, file)?);
            }
        }
        for task in tasks {
            items.push(self.task(task)?);
        }
        let names: Vec<_> = file.actions.keys().map(|name| format!("`{name}`")).collect();
        let title = if names.is_empty() { "several actions".to_owned() } else { names.join(" and ") };
        Ok(format!("//! The shapes of {title}.\n\n{}\n{}", self.imports(file), items.join("\n")))
    }

    /// Only what the body really names: an unused import is a warning.
    fn imports(&self, file: &Api) -> String {
        let properties = file.definitions.values().flat_map(|definition| definition.properties.values());
        let started = file.actions.values().filter_map(|action| action.task.as_deref());
        let mut foreign: BTreeSet<&str> = properties.filter_map(Property::shape).chain(started).collect();
        foreign.retain(|name| !file.definitions.contains_key(*name));
        let mut text = String::new();
        if foreign.remove("ErrorCode") {
            text += "use crate::ErrorCode;\n";
        }
        if file.definitions.values().flat_map(|it| it.properties.values()).any(Property::is_secret) {
            text += "use crate::Secret;\n";
        }
        if !file.actions.is_empty() {
            text += "use crate::api::{Action, Effect};\n";
        }
        for name in foreign {
            text += &format!("{}use super::{name};\n", self.gate("", file, name));
        }
        let limited = |name: &String| self.limited.contains(name.as_str());
        if file.definitions.keys().any(limited) {
            let breach = if file.actions.values().any(|action| limited(&action.request)) { "Breach, " } else { "" };
            text += &format!("use crate::limits::{{{breach}Breaches, CheckLimits}};\n");
        }
        if file.actions.values().any(|action| action.rules) {
            text += "use crate::request::RequestError;\n";
        }
        if file.actions.values().any(|action| action.task.is_some()) {
            text += "use crate::sealed;\nuse crate::task::{StartsTask, Summary};\n";
        }
        if file.definitions.values().any(|it| it.kind == DefinitionKind::Object) {
            text += "use serde::{Deserialize, Serialize};\n";
        }
        text
    }

    /// The line that keeps what names `shape` out of builds of `file` that do not have it.
    fn gate(&self, indent: &str, file: &Api, shape: &str) -> String {
        cfg(indent, self.spec.gate(file.feature, shape))
    }

    /// The Rust name and type of one member.
    fn member(&self, shape: &str, wire: &str) -> Result<(&str, &str)> {
        let types = self.types.get(shape).with_context(|| format!("typify made no {shape}"))?;
        let name = one_word(&wire.to_snake_case());
        types
            .get_key_value(&name)
            .or_else(|| types.get_key_value(&format!("{name}_")))
            .map(|(name, kind)| (name.as_str(), kind.as_str()))
            .ok_or_else(|| anyhow!("typify named the member {wire} otherwise than {name}"))
    }

    fn object(&self, name: &str, definition: &Definition, file: &Api) -> Result<String> {
        let mut text = doc("", &definition.description);
        let gaps = self.replies.contains(name) && !definition.required.is_empty();
        let default = if gaps || self.has_default(name, definition) { "Default, " } else { "" };
        text += &format!("#[derive(Debug, Clone, {default}PartialEq, Serialize, Deserialize)]\n");
        text += "#[cfg_attr(feature = \"schemars\", derive(schemars::JsonSchema))]\n";
        if gaps {
            // A caller must give them all the same.
            let required = format!("schemars(extend(\"required\" = {:?}))", definition.required);
            text += &format!("#[cfg_attr(feature = \"schemars\", {required})]\n");
        }
        text += "#[serde(rename_all = \"PascalCase\")]\n#[non_exhaustive]\n";
        text += &format!("pub struct {name} {{\n");
        for (wire, property) in &definition.properties {
            let (field, kind) = self.member(name, wire)?;
            text += &doc("    ", &property.description);
            text += &self.gate_of("    ", file, property);
            let mut serde = Vec::new();
            if pascal_case(field) != *wire {
                serde.push(format!("rename = \"{wire}\""));
            }
            if kind.starts_with("Option<") {
                serde.push("skip_serializing_if = \"Option::is_none\"".to_owned());
            }
            match property.kind {
                Some(PropertyKind::Number) if self.requests.contains(name) => {
                    serde.push("serialize_with = \"crate::wire::number\"".to_owned());
                }
                Some(PropertyKind::Boolean) if self.replies.contains(name) => {
                    serde.push("default, deserialize_with = \"crate::wire::flag\"".to_owned());
                }
                _ => {}
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

    /// Whether a request can leave out every member of the shape: the client fills in the sub-application.
    fn has_default(&self, name: &str, definition: &Definition) -> bool {
        self.members_of_new(name, definition).next().is_none()
    }

    /// The members that the constructor takes.
    fn members_of_new<'d>(&self, name: &str, definition: &'d Definition) -> impl Iterator<Item = &'d String> {
        let is_request = self.spec.api.values().flat_map(|file| file.actions.values()).any(|it| it.request == name);
        definition.required.iter().filter(move |wire| !(is_request && *wire == SUB_APP_ID))
    }

    fn constructor_and_setters(&self, name: &str, definition: &Definition, file: &Api) -> Result<String> {
        let mut methods = Vec::new();
        if !self.has_default(name, definition) {
            methods.push(self.constructor(name, definition, file)?);
        } else if !definition.properties.is_empty() {
            let new = "    /// Without any member.\n    pub fn new() -> Self {\n        Self::default()\n    }\n";
            methods.push(new.to_owned());
        }
        for (wire, property) in &definition.properties {
            if !self.members_of_new(name, definition).any(|taken| taken == wire) {
                methods.push(self.setter(name, wire, property, file)?);
            }
        }
        if methods.is_empty() {
            return Ok(String::new());
        }
        Ok(format!("impl {name} {{\n{}}}\n", methods.join("\n")))
    }

    /// A method that sets one member and gives the shape back.
    fn setter(&self, name: &str, wire: &str, property: &Property, file: &Api) -> Result<String> {
        let (field, kind) = self.member(name, wire)?;
        let inner = without_option(kind);
        let Setter { parameter, value } = self.setter_of(field, inner.unwrap_or(kind));
        let value = if inner.is_some() { format!("Some({value})") } else { value };
        Ok(format!(
            "{doc}{gate}    #[must_use]\n    pub fn {field}(mut self, {parameter}) -> Self {{\n        \
                 self.{field} = {value};\n        self\n    }}\n",
            doc = doc("    ", &property.description),
            gate = self.gate_of("    ", file, property),
        ))
    }

    /// How the value of a member is given. `kind` is its type without `Option`.
    fn setter_of(&self, field: &str, kind: &str) -> Setter {
        let into =
            |kind: &str| Setter { parameter: format!("{field}: impl Into<{kind}>"), value: format!("{field}.into()") };
        if let Some(item) = kind.strip_prefix("Vec<").and_then(|kind| kind.strip_suffix('>')) {
            let (item, value) = match item {
                "String" | SECRET => (format!("impl Into<{item}>"), ".into_iter().map(Into::into).collect()"),
                item => (item.to_owned(), ".into_iter().collect()"),
            };
            return Setter {
                parameter: format!("{field}: impl IntoIterator<Item = {item}>"),
                value: format!("{field}{value}"),
            };
        }
        match self.definitions.get(kind) {
            Some(shape) if shape.kind == DefinitionKind::Object && self.has_default(kind, shape) => Setter {
                parameter: format!("set: impl FnOnce({kind}) -> {kind}"),
                value: format!("set(self.{field}.unwrap_or_default())"),
            },
            _ if matches!(kind, "String" | "f64" | SECRET | SWITCH) => into(kind),
            _ => Setter { parameter: format!("{field}: {kind}"), value: field.to_owned() },
        }
    }

    fn constructor(&self, name: &str, definition: &Definition, file: &Api) -> Result<String> {
        let mut parameters = Vec::new();
        let mut fields = String::new();
        let taken: Vec<_> = self.members_of_new(name, definition).collect();
        for (wire, property) in &definition.properties {
            let (field, kind) = self.member(name, wire)?;
            if !taken.contains(&wire) {
                let empty = if kind.starts_with("Option<") { "None" } else { "0" };
                fields += &self.gate_of("            ", file, property);
                fields += &format!("            {field}: {empty},\n");
                continue;
            }
            let inner = without_option(kind);
            let (parameter, mut value) = match inner.unwrap_or(kind) {
                text @ ("String" | SECRET) => (format!("impl Into<{text}>"), format!("{field}.into()")),
                other => (other.to_owned(), field.to_owned()),
            };
            if inner.is_some() {
                value = format!("Some({value})");
            }
            parameters.push(format!("{field}: {parameter}"));
            let name = if value == field { String::new() } else { format!("{field}: ") };
            fields += &format!("            {name}{value},\n");
        }
        Ok(format!(
            "    /// With the members that are required, and no other.\n    \
                 pub fn new({}) -> Self {{\n        \
                     Self {{\n{fields}        }}\n    \
                 }}\n",
            parameters.join(", ")
        ))
    }

    fn limits(&self, name: &str, definition: &Definition, file: &Api) -> Result<String> {
        let mut lines = String::new();
        for (wire, property) in &definition.properties {
            let (field, kind) = self.member(name, wire)?;
            let optional = kind.starts_with("Option<");
            let slice = if optional { format!("self.{field}.as_deref()") } else { format!("Some(&self.{field})") };
            let reference = if optional { format!("self.{field}.as_ref()") } else { format!("Some(&self.{field})") };
            let number = if optional { format!("self.{field}") } else { format!("Some(self.{field})") };
            let gate = self.gate_of("        ", file, property);
            let mut line = |method: &str, value: &str, limit: Option<String>| {
                let limit = limit.map(|limit| format!(", {limit}")).unwrap_or_default();
                lines += &format!("{gate}        breaches.{method}(\"{wire}\", {value}{limit});\n");
            };
            if optional && definition.required.contains(wire) {
                line("given", &reference, None);
            }
            let is_list = property.kind == Some(PropertyKind::Array);
            if let Some(length) = property.length() {
                let text = if property.is_secret() { &format!("{reference}.map({SECRET}::expose)") } else { &slice };
                match is_list {
                    true => line("items", &slice, Some(length)),
                    false => line("characters", text, Some(length)),
                }
            }
            if let Some(range) = property.range() {
                line(
                    if property.kind == Some(PropertyKind::Number) { "decimal" } else { "range" },
                    &number,
                    Some(range),
                );
            }
            match property.shape() {
                Some(shape) if is_string(&self.definitions, shape) => match is_list {
                    true => line("words", &slice, None),
                    false => line("word", &reference, None),
                },
                Some(shape) if self.limited.contains(shape) => match is_list {
                    true => line("all", &slice, None),
                    false => line("inside", &reference, None),
                },
                _ => {}
            }
        }
        Ok(format!(
            "impl CheckLimits for {name} {{\n    fn check_limits(&self, breaches: &mut Breaches) {{\n{lines}    }}\n}}\n"
        ))
    }

    fn gate_of(&self, indent: &str, file: &Api, property: &Property) -> String {
        property.shape().map(|shape| self.gate(indent, file, shape)).unwrap_or_default()
    }

    fn action(&self, name: &str, action: &Action, file: &Api) -> Result<String> {
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
            let (field, _) = self.member(&action.request, wire)?;
            text += &method(
                "session_id_mut(&mut self) -> Option<&mut Option<String>>",
                &format!("Some(&mut self.{field})"),
            );
        }
        if let Ok((field, kind)) = self.member(&action.request, SUB_APP_ID) {
            let (is_none, id) = match kind {
                "u64" => (format!("self.{field} == 0"), "id"),
                _ => (format!("self.{field}.is_none_or(|id| id == 0)"), "Some(id)"),
            };
            let body = format!("if {is_none} {{\n            self.{field} = {id};\n        }}");
            text += &method("fill_sub_app_id(&mut self, id: u64)", &body);
        }
        if self.limited.contains(action.request.as_str()) {
            text += &method("breaches(&self) -> Vec<Breach>", "Breaches::of(self)");
        }
        Ok(text + "}\n")
    }

    fn starts_task(&self, action: &Action, task: &str, file: &Api) -> Result<String> {
        let (field, _) = self.member(&action.reply, "TaskId")?;
        let mut methods = method("task_id(reply: Self::Reply) -> Option<String>", &format!("reply.{field}"));
        methods += &method("summary(&self) -> Summary", &self.summary(&action.request)?);
        if action.rules {
            let body = format!("{}::check(self)", action.request);
            methods += &method("check_before(&self) -> Result<(), RequestError>", &body);
        }
        Ok(format!(
            "{gate}impl sealed::Request for {request} {{}}\n{gate}impl StartsTask for {request} {{\n    type Task = {task};\n\
             {methods}}}\n",
            gate = self.gate("", file, task),
            request = action.request,
        ))
    }

    /// Collects what a job's record holds of a request.
    fn summary(&self, request: &str) -> Result<String> {
        let text = |wire: &str| match self.member(request, wire) {
            Ok((field, "String")) => format!("Some(self.{field}.as_str())"),
            Ok((field, _)) => format!("self.{field}.as_deref()"),
            Err(_) => "None".to_owned(),
        };
        let sub_app_id = match self.member(request, SUB_APP_ID)? {
            (field, "u64") => format!("self.{field}"),
            (field, _) => format!("self.{field}.unwrap_or_default()"),
        };
        let off_peak = match self.member(request, "OutputConfig") {
            Ok((field, kind)) => match self.member(kind.trim_start_matches("Option<").trim_end_matches('>'), "OffPeak")
            {
                Ok((switch, _)) => {
                    format!("self.{field}.as_ref().is_some_and(|it| it.{switch} == Some(super::Switch::Enabled))")
                }
                Err(_) => "false".to_owned(),
            },
            Err(_) => "false".to_owned(),
        };
        let (name, version) = (text("ModelName"), text("ModelVersion"));
        Ok(format!("Summary::new({sub_app_id}, {name}, {version}, {off_peak})"))
    }

    fn task(&self, shape: &str) -> Result<String> {
        let kind = self.spec.task_kind(shape)?;
        let (reply, _) = self.member(TASK_REPLY, kind.member)?;
        let mut told = format!("reply.{reply}");
        if let Some(event) = kind.event {
            told += &format!(", event.{}", self.member(EVENT, event)?.0);
        }
        let members = ["TaskId", "Status", "ErrCode", "ErrCodeExt", "Message", "Progress", "Output", "SessionId"];
        let held = members.iter().filter(|wire| kind.details.properties.contains_key(**wire));
        let mut held: Vec<&str> =
            held.map(|wire| self.member(shape, wire).map(|(field, _)| field)).collect::<Result<_>>()?;
        if kind.output == shape {
            held.push("itself");
        }
        Ok(format!(
            "crate::task::aigc_task! {{\n    \
                 {shape}: \"{}\" makes {}\n    \
                 told in {told}\n    \
                 holds {}\n}}\n",
            kind.word,
            kind.output,
            held.join(", ")
        ))
    }
}

/// The type that an optional member holds.
fn without_option(kind: &str) -> Option<&str> {
    kind.strip_prefix("Option<")?.strip_suffix('>')
}

/// A method of one line, after the item before it.
fn method(signature: &str, body: &str) -> String {
    format!("\n    fn {signature} {{\n        {body}\n    }}\n")
}

/// Asks typify for the Rust names and types of every object's members.
fn types(definitions: &IndexMap<&str, &Definition>, replies: &BTreeSet<&str>) -> Result<Types> {
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
            DefinitionKind::Object if replies.contains(name) => object_schema(definition, &[]),
            DefinitionKind::Object => object_schema(definition, &definition.required),
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
                .map(|member| Ok((one_word(member.name), short(&space.get_type(&member.type_id)?.ident().to_string()))))
                .collect::<Result<_>>()?;
            types.insert(object.name(), members);
        }
    }
    Ok(types)
}

/// The JSON Schema that typify sees: names, types and what is required. Limits and defaults stay out of it, because it
/// would turn them into types and values of its own; every optional member may be null.
fn object_schema(definition: &Definition, required: &[String]) -> Value {
    let properties = definition.properties.iter().map(|(name, property)| {
        let local = |reference: &str| format!("#/$defs/{}", shape_name(reference).unwrap_or_default());
        let mut schema = schema::property(property, local);
        if let Value::Object(keys) = &mut schema {
            keys.retain(|key, _| matches!(key.as_str(), "$ref" | "type" | "format" | "items"));
            if let Some(kind) = keys.get_mut("type").filter(|_| !required.contains(name)) {
                *kind = json!([kind, "null"]);
            }
        }
        (name.clone(), schema)
    });
    json!({ "type": "object", "required": required, "properties": properties.collect::<Value>() })
}

/// `3d` in a name in snake case, where a capital after a digit would begin another word.
fn one_word(name: &str) -> String {
    name.replace("3_d_", "3d_")
}

/// A type as a person writes it: `Option<Vec<X>>`.
fn short(tokens: &str) -> String {
    let mut text: String = tokens.split_whitespace().collect();
    for path in ["::std::option::", "::std::vec::", "::std::string::", "::std::boxed::"] {
        text = text.replace(path, "");
    }
    text
}

fn schema_attributes(property: &Property) -> Vec<String> {
    let mut attributes = Vec::new();
    let mut bounds = |name: &str, low: Option<String>, high: Option<String>| {
        let bounds: Vec<_> =
            low.map(|it| format!("min = {it}")).into_iter().chain(high.map(|it| format!("max = {it}"))).collect();
        if !bounds.is_empty() {
            attributes.push(format!("{name}({})", bounds.join(", ")));
        }
    };
    let length = |one: Option<u32>, other: Option<u32>| one.or(other).map(|it| it.to_string());
    bounds("length", length(property.min_length, property.min_items), length(property.max_length, property.max_items));
    let number = |bound: &Option<Number>| bound.as_ref().map(Number::to_string);
    bounds("range", number(&property.minimum), number(&property.maximum));
    if let Some(default) = &property.default {
        attributes.push(format!("extend(\"default\" = {default})"));
    }
    attributes
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
fn limited<'a>(
    definitions: &IndexMap<&'a str, &'a Definition>,
    requests: &BTreeSet<&'a str>,
    replies: &BTreeSet<&'a str>,
) -> BTreeSet<&'a str> {
    let holds = |name: &str| {
        definitions.get(name).is_some_and(|definition| {
            let gaps = replies.contains(name) && !definition.required.is_empty();
            gaps || definition.properties.values().any(|it| {
                let word = it.shape().is_some_and(|shape| is_string(definitions, shape));
                it.length().is_some() || it.range().is_some() || word
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
        let spec = Spec::of_api(
            r##"{ service: vod, version: v, actions: { Ask: { effect: read, request: Asked, reply: Told, source: [api] } },
                $defs: { Asked: { description: d, type: object, required: [Key], properties: {
                    Key: { type: string, format: password, description: d },
                    Token: { type: string, format: password, maxLength: 8, description: d },
                    Tokens: { type: array, items: { type: string, format: password }, description: d } } },
                  Told: { description: d, type: object } } }"##,
        );
        let spec = spec.expect("the file is in order");
        let text = &rust(&spec).expect("the file can be written")[0].text;
        for line in [
            "use crate::Secret;",
            "pub key: Secret,",
            "pub token: Option<Secret>,",
            "pub tokens: Option<Vec<Secret>>,",
            "pub fn new(key: impl Into<Secret>) -> Self {",
            "breaches.characters(\"Token\", self.token.as_ref().map(Secret::expose), ..=8);",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
