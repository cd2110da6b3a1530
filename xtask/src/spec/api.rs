//! `spec/api/*.yaml` as types: actions, shapes and their members, and what no shape may say.

use std::collections::BTreeSet;
use std::fmt::Display;

use anyhow::{Result, ensure};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};

use super::is_rust_name;

/// The shapes of some actions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    /// The service that serves the actions.
    pub(crate) service: String,
    /// The API version.
    pub(crate) version: String,
    /// The feature that the generated module needs; none where every build has it.
    pub(crate) feature: Option<Feature>,
    /// Numbers that hold for the actions.
    #[serde(default)]
    pub(crate) constants: IndexMap<String, Constant>,
    /// The actions by name.
    #[serde(default)]
    pub(crate) actions: IndexMap<String, Action>,
    /// The shapes by name.
    #[serde(rename = "$defs")]
    pub(crate) definitions: IndexMap<String, Definition>,
}

/// A feature of core's Cargo.toml that stands for one area.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Feature {
    /// Pictures.
    Image,
    /// Pictures and videos of a scene that the service offers.
    Scene,
    /// Videos in another style.
    Redraw,
    /// Sounds and voices.
    Audio,
    /// Bodies in three dimensions.
    #[serde(rename = "hunyuan-3d")]
    Hunyuan3D,
    /// Elements, subjects and voices that requests may name.
    Elements,
    /// Faces in a picture or a video.
    Face,
    /// Quotas, tokens and usage.
    Account,
    /// Media files and their upload.
    Upload,
}

/// A number that holds for the actions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Constant {
    /// The number.
    pub(crate) value: u64,
    /// What it says and its unit.
    pub(crate) description: String,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// One action.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    /// What an accepted request does.
    pub(crate) effect: Effect,
    /// The shape of the request.
    pub(crate) request: String,
    /// The shape of the reply beside its `RequestId`.
    pub(crate) reply: String,
    /// The member of the request by which the service recognises a repeated one.
    pub(crate) session_id: Option<String>,
    /// The shape that holds its task in DescribeTaskDetail's reply, where it starts one.
    pub(crate) task: Option<String>,
    /// Whether its request has a `check` of its own, which knows more rules than the limits of members.
    #[serde(default)]
    pub(crate) rules: bool,
    /// Where the shapes come from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// What an accepted request does.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// It only reads.
    Read,
    /// It changes something and costs nothing.
    Write,
    /// It costs money.
    Paid,
}

/// One shape: an object with properties, or a string with known values.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// What it is.
    pub(crate) description: String,
    /// Object or string.
    #[serde(rename = "type")]
    pub(crate) kind: DefinitionKind,
    /// The properties that a request must have.
    #[serde(default)]
    pub(crate) required: Vec<String>,
    /// The members in the order of the vendor's documentation.
    #[serde(default)]
    pub(crate) properties: IndexMap<String, Property>,
    /// The known values of a string. The service may add others.
    #[serde(default, rename = "oneOf")]
    pub(crate) values: Vec<KnownValue>,
    /// The value that holds where none is given.
    pub(crate) default: Option<String>,
}

/// Object or string.
#[derive(Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DefinitionKind {
    /// With members.
    Object,
    /// With known values.
    String,
}

/// One known value of a string.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownValue {
    /// The value on the wire.
    #[serde(rename = "const")]
    pub(crate) value: String,
    /// The Rust name, where the one made from the value will not do.
    #[serde(rename = "x-name")]
    pub(crate) name: Option<String>,
    /// What it means.
    pub(crate) description: String,
}

/// One member of an object.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Property {
    /// What it is, its unit and its limits.
    pub(crate) description: String,
    /// The shape that it has: `#/$defs/NAME`, `FILE.yaml#/$defs/NAME` or `../errors.yaml`.
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    /// The JSON type, where it has no shape of its own.
    #[serde(rename = "type")]
    pub(crate) kind: Option<PropertyKind>,
    /// The width of a number, or that a text is a secret.
    pub(crate) format: Option<Format>,
    /// What an array holds.
    pub(crate) items: Option<Items>,
    /// The fewest characters of a text.
    #[serde(rename = "minLength")]
    pub(crate) min_length: Option<u32>,
    /// The most characters of a text.
    #[serde(rename = "maxLength")]
    pub(crate) max_length: Option<u32>,
    /// The fewest items of an array.
    #[serde(rename = "minItems")]
    pub(crate) min_items: Option<u32>,
    /// The most items of an array.
    #[serde(rename = "maxItems")]
    pub(crate) max_items: Option<u32>,
    /// The smallest number.
    pub(crate) minimum: Option<Number>,
    /// The largest number.
    pub(crate) maximum: Option<Number>,
    /// What holds where the member is left out.
    pub(crate) default: Option<serde_json::Value>,
    /// What the builder's method and the command's flag are like.
    #[serde(rename = "x-flag", default)]
    pub(crate) flag: Flag,
}

/// What the method of the builder and the flag of the command are like that set a member.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flag {
    /// The name of both, where one is clear that is shorter than the member's.
    pub(crate) name: Option<String>,
    /// The flag's short form.
    pub(crate) letter: Option<char>,
    /// What the help calls the flag's value, where its type does not say it.
    pub(crate) value: Option<String>,
    /// Whether the flag takes its text from a file too, as `@FILE` or `-`.
    #[serde(default)]
    pub(crate) file: bool,
}

/// The JSON type of a member.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PropertyKind {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    Array,
}

/// The width of a number, or that a text is a secret.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// 64 bits with a sign.
    Int64,
    /// 64 bits without a sign.
    Uint64,
    /// 64-bit floating point.
    Double,
    /// A secret, which is not shown.
    Password,
}

/// What an array holds: a shape, texts or numbers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Items {
    /// The shape, as in a member.
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    /// The JSON type, where it has no shape of its own.
    #[serde(rename = "type")]
    pub(crate) kind: Option<PropertyKind>,
    /// The width of a number, or that a text is a secret.
    pub(crate) format: Option<Format>,
}

impl Feature {
    /// The name in core's Cargo.toml.
    pub(crate) fn name(self) -> String {
        json!(self).as_str().map(str::to_owned).unwrap_or_default()
    }
}

impl Property {
    /// The name of the shape that it or its items have.
    pub(crate) fn shape(&self) -> Option<&str> {
        let of_items = || self.items.as_ref()?.reference.as_deref();
        shape_name(self.reference.as_deref().or_else(of_items)?)
    }

    /// Whether it or its items are secrets.
    pub(crate) fn is_secret(&self) -> bool {
        let of_items = self.items.as_ref().and_then(|items| items.format);
        self.format.or(of_items) == Some(Format::Password)
    }

    /// The fewest and the most characters or items, as a Rust range; `None` where there is no limit.
    pub(crate) fn length(&self) -> Option<String> {
        range(self.min_length.or(self.min_items), self.max_length.or(self.max_items))
    }

    /// The smallest and the largest number, as a Rust range; `None` where there is no limit.
    pub(crate) fn range(&self) -> Option<String> {
        let bound = |number: &Option<Number>| match (number, self.kind) {
            // A literal of the member's own type.
            (Some(number), Some(PropertyKind::Number)) => number.as_f64().map(|number| format!("{number:?}")),
            (number, _) => number.as_ref().map(Number::to_string),
        };
        range(bound(&self.minimum), bound(&self.maximum))
    }
}

fn range<T: Display>(low: Option<T>, high: Option<T>) -> Option<String> {
    match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low}..={high}")),
        (Some(low), None) => Some(format!("{low}..")),
        (None, Some(high)) => Some(format!("..={high}")),
        (None, None) => None,
    }
}

/// The last part of a reference: `X` of `video.yaml#/$defs/X`.
pub(crate) fn shape_name(reference: &str) -> Option<&str> {
    if reference == ERROR_CODES {
        return Some("ErrorCode");
    }
    Some(reference.split_once("#/$defs/")?.1)
}

/// The shape that holds the details of every kind of task.
pub(crate) const TASK_REPLY: &str = "DescribeTaskDetailResponse";

/// The shape that holds those of a task that has ended.
pub(crate) const EVENT: &str = "EventContent";

/// How a member says that it holds an error code.
pub(crate) const ERROR_CODES: &str = "../errors.yaml";

impl Definition {
    pub(super) fn judge(&self) -> Result<()> {
        match self.kind {
            DefinitionKind::Object => {
                ensure!(
                    self.values.is_empty() && self.default.is_none(),
                    "`oneOf` and `default` go with `type: string`"
                );
                for name in &self.required {
                    ensure!(self.properties.contains_key(name), "the required {name} is no property");
                }
            }
            DefinitionKind::String => {
                ensure!(
                    self.properties.is_empty() && self.required.is_empty(),
                    "`properties` and `required` go with `type: object`"
                );
                ensure!(!self.values.is_empty(), "a string shape needs `oneOf`");
                let mut names = BTreeSet::new();
                for value in &self.values {
                    ensure!(is_rust_name(&value.rust_name()), "{} is no Rust name; set `x-name`", value.value);
                    ensure!(
                        names.insert(value.rust_name()),
                        "two values are named {}; set `x-name`",
                        value.rust_name()
                    );
                }
                if let Some(default) = &self.default {
                    ensure!(
                        self.values.iter().any(|it| it.value == *default),
                        "the default {default} is not one of the values"
                    );
                }
            }
        }
        Ok(())
    }
}

impl KnownValue {
    /// The name of the value in Rust.
    pub(crate) fn rust_name(&self) -> String {
        use heck::ToUpperCamelCase as _;
        self.name.clone().unwrap_or_else(|| self.value.to_upper_camel_case())
    }
}
