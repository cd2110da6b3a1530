//! What the description says of model families and versions, against the table of models.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::spec::{DurationRange, Durations, Models, Ratios, RatiosBy, Row};
use crate::sync::digest::Digest;
use crate::sync::prose::Offer;

const REQUEST: &str = "CreateAigcVideoTaskRequest";

/// What is said of a version: words, by the way of working that they hold for, or under no name where they hold always.
type Words = BTreeMap<String, Vec<String>>;

/// A cell that the prose speaks of.
struct Cell {
    name: &'static str,
    member: &'static str,
    theirs: fn(&Offer) -> Words,
    ours: fn(&Row) -> Words,
}

const CELLS: [Cell; 6] = [
    Cell { name: "resolutions", member: "AigcVideoOutputConfig.Resolution", theirs: values, ours: resolutions },
    Cell { name: "durations", member: "AigcVideoOutputConfig.Duration", theirs: values, ours: durations },
    Cell {
        name: "default_duration",
        member: "AigcVideoOutputConfig.Duration",
        theirs: default,
        ours: default_duration,
    },
    Cell { name: "ratios", member: "AigcVideoOutputConfig.AspectRatio", theirs: values, ours: ratios },
    Cell { name: "audio", member: "AigcVideoOutputConfig.AudioGeneration", theirs: |_| always(["true"]), ours: audio },
    Cell { name: "scenes", member: "CreateAigcVideoTaskRequest.SceneType", theirs: values, ours: scenes },
];

pub(crate) fn drift(digest: &Digest, models: &Models, lines: &mut Vec<String>) {
    let mut listed: IndexMap<&String, Vec<&String>> = IndexMap::new();
    let names = digest.object(REQUEST).and_then(|request| request.get("ModelName"));
    for family in names.into_iter().flat_map(|names| &names.values) {
        listed.entry(family).or_default();
    }
    for (family, offers) in digest.models.get(&format!("{REQUEST}.ModelVersion")).into_iter().flatten() {
        listed.entry(family).or_default().extend(offers.iter().flat_map(|offer| &offer.values));
    }
    for (family, versions) in &listed {
        let Some(rows) = models.families.get(*family) else {
            let versions: Vec<_> = versions.iter().map(|version| version.as_str()).collect();
            lines.push(format!("+ {family}: {}", versions.join(", ")).trim_end_matches(": ").to_owned());
            continue;
        };
        let mut seen = BTreeSet::new();
        for version in versions {
            let mut rows = rows.versions.iter();
            match rows.find(|(key, row)| wire(key, row).eq_ignore_ascii_case(version)) {
                None => lines.push(format!("+ {family} {version}")),
                Some((key, row)) => {
                    if wire(key, row) != version.as_str() {
                        lines.push(format!("~ {family} {key}: written {version} in the description"));
                    }
                    seen.insert(key);
                }
            }
        }
        for (key, row) in &rows.versions {
            if seen.contains(key) {
                cells(digest, family, key, row, lines);
            } else {
                lines.push(format!("- {family} {key}"));
            }
        }
    }
    let gone = models.families.keys().filter(|family| !listed.contains_key(family));
    lines.extend(gone.map(|family| format!("- {family}")));
}

/// The version as it goes out.
fn wire<'a>(key: &'a str, row: &'a Row) -> &'a str {
    row.wire.as_deref().unwrap_or(key)
}

fn cells(digest: &Digest, family: &str, key: &str, row: &Row, lines: &mut Vec<String>) {
    for Cell { name, member, theirs, ours } in CELLS {
        let offers = digest.models.get(member).and_then(|families| families.get(family));
        let offers = offers.map(Vec::as_slice).unwrap_or_default();
        let mut said = Words::new();
        for (way, words) in offered(offers, key, row).into_iter().flat_map(theirs) {
            said.entry(way).or_default().extend(words);
        }
        let ours = ours(row);
        if sorted(&said) != sorted(&ours) {
            lines.push(format!("~ {family} {key}: {name} {}, the row says {}", text(&said), text(&ours)));
        }
    }
}

/// What is said of a version by its name, else what is said of its family, unless the row says that this is not meant.
fn offered<'a>(offers: &'a [Offer], key: &str, row: &Row) -> Vec<&'a Offer> {
    let version = wire(key, row);
    let is_own = |offer: &&Offer| offer.version.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(version));
    let own: Vec<&Offer> = offers.iter().filter(is_own).collect();
    if own.is_empty() && row.inherits != Some(false) {
        return offers.iter().filter(|offer| offer.version.is_none()).collect();
    }
    own
}

fn values(offer: &Offer) -> Words {
    let words = match offer.range {
        Some([low, high]) => vec![range(low, high, offer.whole)],
        None => offer.values.clone(),
    };
    if offer.modes.is_empty() {
        return always(words);
    }
    offer.modes.iter().map(|way| (way.clone(), words.clone())).collect()
}

fn default(offer: &Offer) -> Words {
    always(offer.default.clone())
}

fn resolutions(row: &Row) -> Words {
    always(row.resolutions.iter().flatten().cloned())
}

fn durations(row: &Row) -> Words {
    match &row.durations {
        None => Words::new(),
        Some(Durations::List(list)) => always(list.iter().map(u32::to_string)),
        Some(Durations::Range(DurationRange { from, to, whole })) => {
            always([range(i64::from(*from), i64::from(*to), *whole)])
        }
    }
}

fn default_duration(row: &Row) -> Words {
    always(row.default_duration.map(|seconds| seconds.to_string()))
}

fn ratios(row: &Row) -> Words {
    match &row.ratios {
        None => Words::new(),
        Some(Ratios::Always(list)) => always(list.clone()),
        Some(Ratios::By(RatiosBy { text, reference })) => [("text", text), ("reference", reference)]
            .into_iter()
            .filter_map(|(way, list)| Some((way.to_owned(), list.clone()?)))
            .collect(),
    }
}

fn audio(row: &Row) -> Words {
    always(row.audio.filter(|makes| *makes).map(|makes| makes.to_string()))
}

fn scenes(row: &Row) -> Words {
    always(row.scene_words().into_iter().flatten().cloned())
}

fn range(low: i64, high: i64, whole: bool) -> String {
    format!("{low}-{high}{}", if whole { " whole" } else { "" })
}

fn always(words: impl IntoIterator<Item = impl Into<String>>) -> Words {
    let words: Vec<String> = words.into_iter().map(Into::into).collect();
    if words.is_empty() { Words::new() } else { Words::from([(String::new(), words)]) }
}

fn sorted(words: &Words) -> BTreeMap<&String, BTreeSet<&String>> {
    words.iter().map(|(way, words)| (way, words.iter().collect())).collect()
}

fn text(words: &Words) -> String {
    let ways = words.iter().map(|(way, words)| format!("{way} {}", words.join(" ")).trim_start().to_owned());
    let text = ways.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "nothing".to_owned() } else { text }
}
