//! The official API description, read and checked whole before anything is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

const SERVICE: &str = "vod";
const VERSION: &str = "2018-07-17";
const NOT_IT: &str = "not the API description, which is services/vod/v20180717/api.json of the Python package tccli";

/// What the official file holds, as far as it is looked at.
#[derive(Deserialize)]
pub(crate) struct Description {
    metadata: Metadata,
    pub(crate) actions: BTreeMap<String, Action>,
    pub(crate) objects: BTreeMap<String, Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    service_short_name: String,
    api_version: String,
}

#[derive(Deserialize)]
pub(crate) struct Action {
    #[serde(default)]
    pub(crate) input: String,
    #[serde(default)]
    pub(crate) output: String,
}

#[derive(Deserialize)]
pub(crate) struct Object {
    pub(crate) members: Vec<Member>,
}

/// One member; `type` and `member` together name its type.
#[derive(Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    #[serde(rename = "type")]
    outer: String,
    #[serde(rename = "member")]
    inner: String,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) document: String,
}

/// The type of a member.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kind {
    /// `string`, `int64`, … or the name of an object.
    pub(crate) name: String,
    pub(crate) list: bool,
}

impl Kind {
    /// The object that it names, if it is no plain type.
    pub(crate) fn object(&self) -> Option<&str> {
        let plain = ["string", "datetime_iso", "int64", "uint64", "float", "bool"].contains(&self.name.as_str());
        (!plain).then_some(self.name.as_str())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.list { "list of " } else { "" }, self.name)
    }
}

impl Member {
    pub(crate) fn kind(&self) -> Result<Kind> {
        let kind = Kind { name: self.inner.clone(), list: self.outer == "list" };
        let known = match self.outer.as_str() {
            "list" => true,
            "object" => kind.object().is_some(),
            "string" => ["string", "datetime_iso"].contains(&self.inner.as_str()),
            "int" => ["int64", "uint64"].contains(&self.inner.as_str()),
            "float" | "bool" => self.inner == self.outer,
            _ => false,
        };
        ensure!(known, "the type {} of {} is unknown", self.outer, self.inner);
        Ok(kind)
    }
}

impl Description {
    /// Reads the text of the official file. The first mistake is the error; it names the place.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut json = serde_json::Deserializer::from_str(text);
        let description: Self = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| anyhow!("{}: {}", error.path(), error.inner()))
            .context(NOT_IT)?;
        json.end().context(NOT_IT)?;
        let Metadata { service_short_name: service, api_version: version } = &description.metadata;
        ensure!(
            service == SERVICE && version == VERSION,
            "the description of {service} {version}; {SERVICE} {VERSION} is needed"
        );
        description.judge_actions()?;
        description.judge_objects()?;
        description.judge_cycles()?;
        Ok(description)
    }

    fn judge_actions(&self) -> Result<()> {
        for (name, action) in &self.actions {
            for (what, object) in [("input", &action.input), ("output", &action.output)] {
                ensure!(!object.is_empty(), "action {name} has no {what}");
                ensure!(
                    self.objects.contains_key(object),
                    "action {name}: its {what} {object} is not among the objects"
                );
            }
        }
        Ok(())
    }

    fn judge_objects(&self) -> Result<()> {
        for (name, object) in &self.objects {
            let mut names = BTreeSet::new();
            for member in &object.members {
                let at = || format!("object {name}, member {}", member.name);
                ensure!(names.insert(&member.name), "{}: it is there twice", at());
                if let Some(object) = member.kind().with_context(at)?.object() {
                    ensure!(self.objects.contains_key(object), "{}: there is no object {object}", at());
                }
            }
        }
        Ok(())
    }

    /// Takes away, again and again, every object whose members are all plain or taken away; what stays leads to a cycle.
    fn judge_cycles(&self) -> Result<()> {
        let mut open: BTreeMap<&str, Vec<(&str, Kind)>> = BTreeMap::new();
        for (name, object) in &self.objects {
            let kinds = object.members.iter().map(|member| Ok((member.name.as_str(), member.kind()?)));
            open.insert(name, kinds.collect::<Result<_>>()?);
        }
        loop {
            let names: BTreeSet<&str> = open.keys().copied().collect();
            open.retain(|_, members| {
                members.retain(|(_, kind)| kind.object().is_some_and(|it| names.contains(it)));
                !members.is_empty()
            });
            if open.len() == names.len() {
                break;
            }
        }
        let Some(mut name) = open.keys().next().copied() else {
            return Ok(());
        };
        let (mut path, mut seen) = (Vec::new(), Vec::new());
        while !seen.contains(&name) {
            seen.push(name);
            let (member, kind) = &open[name][0];
            path.push(format!("{name}.{member} → "));
            name = open.get_key_value(kind.name.as_str()).map(|(name, _)| *name).unwrap_or(name);
        }
        let start = seen.iter().position(|it| *it == name).unwrap_or(0);
        bail!("a shape holds itself: {}{name}", path[start..].concat())
    }
}
