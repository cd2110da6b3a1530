//! Where `spec/upstream` and the hand-written spec do not say the same, one line each.
//!
//! `+` marks what only the description has, `-` what only the spec has, `~` what they say otherwise, `?` a clause that
//! could not be read.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::spec::{Definition, DefinitionKind, ERROR_CODES, Property, Spec};
use crate::sync::description::Kind;
use crate::sync::digest::{Digest, Member};
use crate::sync::models;

/// Every line, in the order in which a person would go through them.
pub(crate) fn drift(digest: &Digest, spec: &Spec) -> Vec<String> {
    let mut lines = Vec::new();
    actions(digest, spec, &mut lines);
    let definitions: IndexMap<&str, &Definition> =
        spec.api.values().flat_map(|file| &file.definitions).map(|(name, it)| (name.as_str(), it)).collect();
    let mut names: Vec<&str> = definitions.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        if definitions[name].kind == DefinitionKind::Object {
            shape(name, digest, &definitions, &mut lines);
        }
    }
    codes(digest, spec, &mut lines);
    models::drift(digest, &spec.models, &mut lines);
    for (member, places) in &digest.unreadable {
        lines.extend(places.iter().map(|(place, fingerprint)| unreadable(member, place, fingerprint)));
    }
    lines
}

/// The line of a clause that could not be read. The fingerprint makes it another line once the clause is another.
pub(crate) fn unreadable(member: &str, place: &str, fingerprint: &str) -> String {
    format!("? {member}, {place}: could not read {fingerprint}")
}

fn actions(digest: &Digest, spec: &Spec, lines: &mut Vec<String>) {
    let typed: IndexMap<_, _> = spec.api.values().flat_map(|file| &file.actions).collect();
    for (name, action) in &digest.actions {
        let Some(typed) = typed.get(name) else {
            lines.push(format!("+ {name}"));
            continue;
        };
        for (theirs, ours) in [(&action.request, &typed.request), (&action.reply, &typed.reply)] {
            if theirs != ours {
                lines.push(format!("~ {name}: {theirs}, the spec says {ours}"));
            }
        }
    }
    let gone = typed.keys().filter(|name| !digest.actions.contains_key(**name));
    lines.extend(gone.map(|name| format!("- {name}")));
}

fn shape(name: &str, digest: &Digest, definitions: &IndexMap<&str, &Definition>, lines: &mut Vec<String>) {
    let Some(members) = digest.object(name) else {
        lines.push(format!("- {name}"));
        return;
    };
    let definition = definitions[name];
    for (member, theirs) in members {
        let at = format!("{name}.{member}");
        let Some(property) = definition.properties.get(member) else {
            let required = if theirs.required { ", required" } else { "" };
            lines.push(format!("+ {at}: {}{required}", theirs.kind()));
            continue;
        };
        let ours = kind(property, definitions);
        if plain(theirs.kind()) != ours {
            lines.push(format!("~ {at}: {}, the spec says {ours}", theirs.kind()));
        }
        let required = definition.required.contains(member);
        if theirs.required != required {
            let word = |required| if required { "required" } else { "optional" };
            lines.push(format!("~ {at}: {}, the spec says {}", word(theirs.required), word(required)));
        }
        // A reply may hold what it likes: its limits bind no caller, and a word more in the spec does no harm there.
        let asked = digest.requests.contains_key(name);
        if asked {
            limits(&at, theirs, property, lines);
        }
        values(&at, theirs, digest, property, definitions, asked, lines);
    }
    let gone = definition.properties.keys().filter(|member| !members.contains_key(*member));
    lines.extend(gone.map(|member| format!("- {name}.{member}")));
}

/// The type of a member of the spec in the words of the description.
fn kind(property: &Property, definitions: &IndexMap<&str, &Definition>) -> Kind {
    let list = property.items.is_some();
    if let Some(shape) = property.shape() {
        let object = definitions.get(shape).is_some_and(|it| it.kind == DefinitionKind::Object);
        return Kind { name: if object { shape } else { "string" }.to_owned(), list };
    }
    let (kind, format) = match &property.items {
        Some(items) => (json!(items.kind), json!(items.format)),
        None => (json!(property.kind), json!(property.format)),
    };
    let name = match (kind.as_str(), format.as_str()) {
        (Some("integer"), Some(width)) => width,
        (Some("integer"), None) => "int64",
        (Some("number"), _) => "float",
        (Some("boolean"), _) => "bool",
        (kind, _) => kind.unwrap_or("any"),
    };
    Kind { name: name.to_owned(), list }
}

/// A time goes out as a text.
fn plain(kind: Kind) -> Kind {
    match kind.name.as_str() {
        "datetime_iso" => Kind { name: "string".to_owned(), ..kind },
        _ => kind,
    }
}

fn limits(at: &str, theirs: &Member, property: &Property, lines: &mut Vec<String>) {
    for (words, theirs, ours) in [
        ("at least", json!(theirs.limits.minimum), json!(property.minimum)),
        ("at most", json!(theirs.limits.maximum), json!(property.maximum)),
        ("characters at least", json!(theirs.limits.min_length), json!(property.min_length)),
        ("characters at most", json!(theirs.limits.max_length), json!(property.max_length)),
        ("items at least", json!(theirs.limits.min_items), json!(property.min_items)),
        ("items at most", json!(theirs.limits.max_items), json!(property.max_items)),
    ] {
        if theirs != ours {
            let word = |limit: Value| if limit.is_null() { "no limit".to_owned() } else { limit.to_string() };
            lines.push(format!("~ {at}: {words} {}, the spec says {}", word(theirs), word(ours)));
        }
    }
}

fn values(
    at: &str,
    theirs: &Member,
    digest: &Digest,
    property: &Property,
    definitions: &IndexMap<&str, &Definition>,
    asked: bool,
    lines: &mut Vec<String>,
) {
    // What only some families take is a value too; where the spec has any text, the table of models says it.
    let offered = digest.models.get(at).into_iter().flat_map(|families| families.values().flatten());
    let listed: BTreeSet<&String> = theirs.values.iter().chain(offered.flat_map(|offer| &offer.values)).collect();
    if is_error_code(property) || theirs.kind().object().is_some() {
        return;
    }
    let Some(ours) = property.shape().and_then(|shape| definitions.get(shape)) else {
        // The names of models are compared with the table.
        if !theirs.values.is_empty() && !at.ends_with(".ModelName") {
            lines.push(format!("~ {at}: {} values, the spec says any text", theirs.values.len()));
        }
        return;
    };
    let ours: BTreeSet<&String> = ours.values.iter().map(|it| &it.value).collect();
    if listed.is_empty() && asked {
        lines.push(format!("~ {at}: any text, the spec says {} values", ours.len()));
        return;
    }
    lines.extend(listed.difference(&ours).map(|value| format!("+ {at}: the value {value}")));
    if asked {
        lines.extend(ours.difference(&listed).map(|value| format!("- {at}: the value {value}")));
    }
}

fn is_error_code(property: &Property) -> bool {
    property.reference.as_deref() == Some(ERROR_CODES)
}

/// The codes that some task may end with, against the table of codes.
fn codes(digest: &Digest, spec: &Spec, lines: &mut Vec<String>) {
    let members = digest.requests.values().chain(digest.replies.values()).flatten();
    let listed: BTreeSet<&String> =
        members.filter(|(name, _)| *name == "ErrCodeExt").flat_map(|(_, member)| &member.values).collect();
    let known = &spec.errors.codes;
    lines.extend(listed.iter().filter(|code| !known.contains_key(**code)).map(|code| format!("+ {code}")));
    // A code that another source states too does not need the description.
    let gone = known.iter().filter(|(code, row)| row.source == ["api"] && !listed.contains(code));
    lines.extend(gone.map(|(code, _)| format!("- {code}")));
}
