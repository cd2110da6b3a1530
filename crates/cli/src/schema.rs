//! `vod-aigc schema`: JSON Schemas of the actions, and of `generate` as a tool, also as narrow as one model is.

use std::any::TypeId;

use clap::{Arg, ArgAction, Args, Command, ValueEnum};
use serde_json::{Map, Value, json};
use vod_aigc_client::core::{ACTIONS, ActionSpec, Effect, Model};

use crate::exit_codes;
use crate::failure::Failure;
use crate::narrow::{OUTPUT, narrow_action, narrow_generate, one_of};
use crate::{print, print_json};

const GENERATE: &str = "generate";
const VIDEO: &str = "CreateAigcVideoTask";

/// The arguments of `generate` that say how it runs and not what it makes, so that a tool has no need of them.
const NOT_FOR_TOOLS: [&str; 10] = [
    "model_version",
    "unchecked",
    "session_id",
    "look_for",
    "timeout",
    "first_poll",
    "no_download",
    "no_wait",
    "dry_run",
    "emulator",
];

/// Print the JSON Schema of an action's request, or of `generate` as a tool; without an action, list all actions.
///
/// A tool's arguments are those of the command: --model of `model`, once for each item of a list, `prompt` without a
/// flag; a text of a tool that begins with @ is passed with one more @, since @FILE names a file. No schema holds a null. OpenAI's strict mode asks for more: every member in `required`, and those that may be left
/// out with null beside their type.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The action, for example CreateAigcVideoTask, or generate
    #[arg(value_parser = known_actions_and_generate(), hide_possible_values = true)]
    action: Option<String>,
    /// A plain schema, or a tool as OpenAI or as an MCP server describes it
    #[arg(long, default_value = "json-schema")]
    format: Format,
    /// Only what this model takes, for example Kling:2.1; of CreateAigcVideoTask and generate
    #[arg(long)]
    model: Option<Model>,
    /// The schema of the action's reply
    #[arg(long, requires = "action", conflicts_with = "model")]
    reply: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    JsonSchema,
    Openai,
    Mcp,
}

fn known_actions_and_generate() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new([GENERATE].into_iter().chain(ACTIONS.iter().map(|action| action.name)))
}

/// A schema with the name and the description that a tool has.
struct Described {
    name: String,
    description: String,
    schema: Value,
}

impl Schema {
    pub(crate) fn run(self, json: bool, command: &Command) -> Result<(), Failure> {
        let Some(name) = &self.action else {
            return list(json);
        };
        if self.reply && self.format != Format::JsonSchema {
            return Err(Failure::usage("a reply has a plain schema only: leave --format out"));
        }
        if self.model.is_some() && name != GENERATE && name != VIDEO {
            return Err(Failure::usage(format!("--model narrows {VIDEO} and {GENERATE}, not {name}")));
        }
        let described = match ActionSpec::find(name) {
            Some(action) => of_action(action, self.reply, self.model.as_ref()),
            None => of_generate(command, self.model.as_ref()),
        };
        let document = described.document(self.format);
        if json { print_json(&document) } else { print(format_args!("{document:#}")) }
    }
}

impl Described {
    fn document(self, format: Format) -> Value {
        let Self { name, description, mut schema } = self;
        let dialect = schema.as_object_mut().and_then(|schema| schema.remove("$schema"));
        match format {
            Format::JsonSchema => {
                schema["$schema"] = dialect.unwrap_or_default();
                schema["title"] = name.into();
                schema["description"] = description.into();
                schema
            }
            Format::Openai => json!({
                "type": "function",
                "function": { "name": name, "description": description, "parameters": schema },
            }),
            Format::Mcp => json!({ "name": name, "description": description, "inputSchema": schema }),
        }
    }
}

fn list(json: bool) -> Result<(), Failure> {
    let effect = |action: &ActionSpec| match action.effect {
        Effect::Read => "read",
        Effect::Write => "write",
        Effect::Paid => "paid",
    };
    if json {
        let rows = ACTIONS.iter().map(|action| {
            json!({
                "action": action.name,
                "effect": effect(action),
                "session_id": action.session_id,
                "task_type": action.task,
            })
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    let width = ACTIONS.iter().map(|action| action.name.len()).max().unwrap_or_default();
    ACTIONS.iter().try_for_each(|action| print(format_args!("{:width$}  {}", action.name, effect(action))))?;
    print(format_args!("\n{}", exit_codes::HELP.trim_end()))
}

fn of_action(action: &ActionSpec, reply: bool, model: Option<&Model>) -> Described {
    let mut schema = if reply { action.reply_schema() } else { action.request_schema() };
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_default();
    let mut described = Described {
        name: action.name.to_owned(),
        description: description.as_str().unwrap_or_default().to_owned(),
        schema,
    };
    if !reply && action.name == VIDEO {
        narrow_action(&mut described.schema, model);
    }
    described
}

/// `generate` as its arguments describe it.
fn of_generate(command: &Command, model: Option<&Model>) -> Described {
    let arguments = || command.find_subcommand(GENERATE).into_iter().flat_map(Command::get_arguments);
    let asked = || arguments().filter(|argument| !NOT_FOR_TOOLS.contains(&argument.get_id().as_str()));
    let required = asked().filter(|argument| argument.is_required_set()).map(|argument| argument.get_id().as_str());
    let request = ActionSpec::find(VIDEO).map(ActionSpec::request_schema).unwrap_or_default();
    let parameters = asked().map(|argument| (argument.get_id().to_string(), parameter(argument, &request)));
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": parameters.collect::<Map<_, _>>(),
        "required": required.collect::<Vec<_>>(),
        "additionalProperties": false,
    });
    narrow_generate(&mut schema, model);
    Described {
        name: "generate_video".to_owned(),
        description: format!(
            "Make a video and download it. Costs money once the service accepts it. {}",
            exit_codes::SUMMARY
        ),
        schema,
    }
}

/// One argument of the command as a member of a tool's arguments; `request` is the schema that it becomes part of.
fn parameter(argument: &Arg, request: &Value) -> Value {
    let mut item = value(argument, request);
    if matches!(argument.get_action(), ArgAction::Append) {
        item = json!({ "type": "array", "items": item });
    }
    item["description"] = argument.get_help().map(ToString::to_string).into();
    item
}

/// What the text of an argument is read as.
fn value(argument: &Arg, request: &Value) -> Value {
    let words = argument.get_possible_values();
    let kind = argument.get_value_parser().type_id();
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        json!({ "type": "boolean" })
    } else if !words.is_empty() {
        one_of(words.iter().map(|word| word.get_name()))
    } else if let Some(member) = member(argument, request) {
        let told = |name: &&str| member.get(*name).is_some();
        let keywords = ["type", "enum", "maxLength", "minimum", "maximum"].into_iter().filter(told);
        keywords.map(|name| (name.to_owned(), member[name].clone())).collect()
    } else if kind == TypeId::of::<i64>() {
        json!({ "type": "integer" })
    } else {
        json!({ "type": "string" })
    }
}

/// The member of the request that an argument of the same name becomes.
fn member<'a>(argument: &Arg, request: &'a Value) -> Option<&'a Value> {
    let wanted = argument.get_id().as_str().replace('_', "");
    let holders = [&request["properties"], &request["$defs"][OUTPUT]["properties"]];
    let mut members = holders.into_iter().filter_map(Value::as_object).flatten();
    let (_, member) = members.find(|(name, _)| name.eq_ignore_ascii_case(&wanted))?;
    Some(match member["$ref"].as_str() {
        Some(reference) => &request["$defs"][reference.trim_start_matches("#/$defs/")],
        None => member,
    })
}
