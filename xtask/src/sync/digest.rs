//! What `spec/upstream` holds: the part of the description that this project is about, without a word of its prose.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use crate::spec;
use crate::sync::description::{Description, Kind, Member as Described};
use crate::sync::prose::{self, Limits, Offer};

/// The actions in scope beside those whose name holds `Aigc`: they serve the tasks of these.
const SERVING: [&str; 10] = [
    "ApplyUpload",
    "CommitUpload",
    "ConfirmEvents",
    "DescribeEventConfig",
    "DescribeTaskDetail",
    "DescribeTasks",
    "ManageTask",
    "ModifyEventConfig",
    "PullEvents",
    "PullUpload",
];

/// The objects that hold one member for each kind of task; the kinds out of scope are left out.
const OF_EVERY_KIND: [&str; 2] = ["DescribeTaskDetailResponse", "EventContent"];

/// The members that name a kind of task; the kinds out of scope are left out of their values.
const NAMING_A_KIND: [&str; 2] = ["TaskType", "EventType"];

const FOLDER: &str = "spec/upstream";

/// Everything under `spec/upstream`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Digest {
    pub(crate) actions: Actions,
    /// The shapes that requests are made of, then those that only replies are made of.
    pub(crate) requests: Objects,
    pub(crate) replies: Objects,
    /// What each model family takes, by member and family.
    pub(crate) models: BTreeMap<String, IndexMap<String, Vec<Offer>>>,
    /// The clauses that could not be read, by member and family or `*`: a fingerprint of each.
    pub(crate) unreadable: Clauses,
}

type Actions = BTreeMap<String, Action>;
type Objects = BTreeMap<String, IndexMap<String, Member>>;
/// By member, then by family or `*`.
pub(crate) type Clauses = BTreeMap<String, IndexMap<String, String>>;

/// The shapes of one action.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    pub(crate) request: String,
    pub(crate) reply: String,
}

/// One member of an object.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    #[serde(rename = "type")]
    name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    list: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) required: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
    #[serde(flatten)]
    pub(crate) limits: Limits,
}

impl Member {
    pub(crate) fn kind(&self) -> Kind {
        Kind { name: self.name.clone(), list: self.list }
    }
}

/// One file of the folder.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Digest {
    /// The digest of a description, and the clauses behind `unreadable`, which are for the terminal only.
    pub(crate) fn of(description: &Description) -> Result<(Self, Clauses)> {
        let mut digest = Self::default();
        for (name, action) in description.actions.iter().filter(|(name, _)| in_scope(name)) {
            let shapes = Action { request: action.input.clone(), reply: action.output.clone() };
            digest.actions.insert(name.clone(), shapes);
        }
        ensure!(!digest.actions.is_empty(), "not the API description: it names no AIGC action");
        let requests = closure(description, digest.actions.values().map(|action| action.request.as_str()))?;
        let replies = closure(description, digest.actions.values().map(|action| action.reply.as_str()))?;
        let families = families(description, &requests)?;
        let mut clauses = Clauses::new();
        for name in requests.union(&replies) {
            let mut object = IndexMap::new();
            for member in members(description, name) {
                let at = format!("{name}.{}", member.name);
                let own = BTreeSet::new();
                let families = if member.name == "ModelName" { &own } else { &families };
                let kind = member.kind()?;
                let mut facts = prose::read(&kind, &member.document, families);
                if NAMING_A_KIND.contains(&member.name.as_str()) {
                    facts.values.retain(|value| is_kind_in_scope(value));
                }
                if !facts.families.is_empty() {
                    digest.models.insert(at.clone(), facts.families);
                }
                if !facts.unreadable.is_empty() {
                    let prints = facts.unreadable.iter().map(|(place, clause)| (place.clone(), fingerprint(clause)));
                    digest.unreadable.insert(at.clone(), prints.collect());
                    clauses.insert(at, facts.unreadable);
                }
                let Kind { name: kind, list } = kind;
                object.insert(
                    member.name.clone(),
                    Member { name: kind, list, required: member.required, values: facts.values, limits: facts.limits },
                );
            }
            let objects = if requests.contains(name) { &mut digest.requests } else { &mut digest.replies };
            objects.insert((*name).to_owned(), object);
        }
        // Every reply has it, beside the shape.
        for action in digest.actions.values() {
            if let Some(reply) = digest.replies.get_mut(&action.reply) {
                reply.shift_remove("RequestId");
            }
        }
        Ok((digest, clauses))
    }

    /// The object of this name.
    pub(crate) fn object(&self, name: &str) -> Option<&IndexMap<String, Member>> {
        self.requests.get(name).or_else(|| self.replies.get(name))
    }

    /// Reads what is committed.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        fn file<T: DeserializeOwned>(root: &Path, stem: &str) -> Result<T> {
            spec::read(root, &path(stem))
        }
        Ok(Self {
            actions: file(root, "actions")?,
            requests: file(root, "requests")?,
            replies: file(root, "replies")?,
            models: file(root, "models")?,
            unreadable: file(root, "unreadable")?,
        })
    }

    /// The files of the folder with their whole text.
    pub(crate) fn files(&self) -> Result<Vec<File>> {
        Ok(vec![
            file("actions", "The shapes of each action in scope.", &self.actions, 1)?,
            file("requests", "The shapes that requests are made of.", &self.requests, 2)?,
            file("replies", "The shapes that only replies are made of.", &self.replies, 2)?,
            file("models", "What each model family takes, as far as the prose could be read.", &self.models, 3)?,
            file(
                "unreadable",
                "Where a clause could not be read: by member, then by family or `*`, a fingerprint of the clause.",
                &self.unreadable,
                1,
            )?,
        ])
    }

    /// Writes what differs and names it.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        let files = self.files()?;
        fs::create_dir_all(root.join(FOLDER)).context(FOLDER)?;
        for File { path, text } in files {
            if fs::read_to_string(root.join(&path)).is_ok_and(|old| old == text) {
                continue;
            }
            fs::write(root.join(&path), text).with_context(|| path.clone())?;
            println!("wrote {path}");
        }
        Ok(())
    }

    /// The files that do not say what the digest says.
    pub(crate) fn stale(&self, root: &Path) -> Result<Vec<String>> {
        let files = self.files()?.into_iter();
        let stale = files.filter(|file| fs::read_to_string(root.join(&file.path)).ok().as_ref() != Some(&file.text));
        Ok(stale.map(|file| file.path).collect())
    }
}

fn in_scope(action: &str) -> bool {
    action.contains("Aigc") || SERVING.contains(&action)
}

/// Whether a kind of task or of event is in scope, by any of its names.
fn is_kind_in_scope(name: &str) -> bool {
    name.contains("Aigc") || name.starts_with("Pull")
}

/// The members of an object that are in scope.
fn members<'a>(description: &'a Description, object: &'a str) -> impl Iterator<Item = &'a Described> {
    let every = OF_EVERY_KIND.contains(&object);
    let members = description.objects.get(object).into_iter().flat_map(|object| &object.members);
    members
        .filter(move |it| !every || is_kind_in_scope(&it.name) || it.kind().is_ok_and(|kind| kind.object().is_none()))
}

/// The objects that `roots` name, and those that these name, and so on.
fn closure<'a>(description: &'a Description, roots: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = roots.collect();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            for member in members(description, name) {
                let kind = member.kind()?;
                let named = kind.object().and_then(|object| description.objects.get_key_value(object));
                open.extend(named.map(|(name, _)| name.as_str()));
            }
        }
    }
    Ok(found)
}

/// The names of model families: the values of every `ModelName` that a request has.
fn families(description: &Description, requests: &BTreeSet<&str>) -> Result<BTreeSet<String>> {
    let mut families = BTreeSet::new();
    for object in requests {
        for member in members(description, object).filter(|member| member.name == "ModelName") {
            families.extend(prose::read(&member.kind()?, &member.document, &BTreeSet::new()).values);
        }
    }
    Ok(families)
}

/// A number that changes when the clause does (FNV-1a), so that a clause once read by a person comes up again.
pub(crate) fn fingerprint(clause: &str) -> String {
    let hash = clause.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

fn path(stem: &str) -> String {
    format!("{FOLDER}/{stem}.yaml")
}

fn file(stem: &str, title: &str, content: &impl Serialize, depth: usize) -> Result<File> {
    let mut text = format!("# @generated by `cargo xtask sync --api FILE`. Do not edit.\n# {title}\n\n");
    block(&serde_yaml::to_value(content)?, depth, "", &mut text)?;
    Ok(File { path: path(stem), text })
}

/// YAML with one line for what lies `depth` levels deep: a member, an offer.
fn block(value: &Value, depth: usize, indent: &str, text: &mut String) -> Result<()> {
    match value {
        Value::Mapping(entries) if entries.is_empty() => *text += &format!("{indent}{{}}\n"),
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let key = flow(key)?;
                if depth == 0 || (depth == 1 && !value.is_sequence()) || is_empty(value) {
                    *text += &format!("{indent}{key}: {}\n", flow(value)?);
                } else {
                    *text += &format!("{indent}{key}:\n");
                    block(value, depth - 1, &format!("{indent}  "), text)?;
                }
            }
        }
        Value::Sequence(items) => {
            for item in items {
                *text += &format!("{indent}- {}\n", flow(item)?);
            }
        }
        _ => *text += &format!("{indent}{}\n", flow(value)?),
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    value.as_mapping().is_some_and(serde_yaml::Mapping::is_empty)
}

/// YAML on one line.
fn flow(value: &Value) -> Result<String> {
    Ok(match value {
        Value::Mapping(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| Ok(format!("{}: {}", flow(key)?, flow(value)?)));
            format!("{{ {} }}", entries.collect::<Result<Vec<_>>>()?.join(", "))
        }
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Result<Vec<_>>>()?.join(", "))
        }
        Value::String(word) if is_plain(word) => word.clone(),
        other => serde_json::to_string(other)?,
    })
}

/// Whether a word is a text in YAML without quotation marks, for readers of YAML 1.1 too.
fn is_plain(word: &str) -> bool {
    let known = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        && !known.contains(&word.to_ascii_lowercase().as_str())
}
