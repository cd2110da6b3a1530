//! What the description says of model families and versions, against the table of models.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::spec::{Models, Row};
use crate::sync::digest::Digest;
use crate::sync::prose::Offer;

const REQUEST: &str = "CreateAigcVideoTaskRequest";

/// A cell that the prose speaks of: its name, the member, and what a row says in the words of the prose.
type Cell = (&'static str, &'static str, fn(&Row) -> Option<Vec<String>>);

const CELLS: [Cell; 1] = [("resolutions", "AigcVideoOutputConfig.Resolution", |row| row.resolutions.clone())];

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
            let same = rows.versions.keys().find(|row| row.eq_ignore_ascii_case(version));
            match same {
                None => lines.push(format!("+ {family} {version}")),
                Some(row) if row != *version => {
                    lines.push(format!("~ {family} {row}: written {version} in the description"));
                }
                Some(_) => {}
            }
            seen.extend(same);
        }
        let gone = rows.versions.keys().filter(|row| !seen.contains(row));
        lines.extend(gone.map(|row| format!("- {family} {row}")));
        for (version, row) in rows.versions.iter().filter(|(version, _)| seen.contains(version)) {
            for (cell, member, ours) in CELLS {
                let offers = digest.models.get(member).and_then(|families| families.get(*family));
                let theirs = offers.and_then(|offers| offered(offers, version));
                let ours = ours(row);
                let Some(theirs) = theirs.filter(|theirs| !ours.as_ref().is_some_and(|ours| same(theirs, ours))) else {
                    continue;
                };
                let ours = ours.map_or_else(|| "nothing".to_owned(), |ours| ours.join(" "));
                lines.push(format!("~ {family} {version}: {cell} {}, the row says {ours}", theirs.join(" ")));
            }
        }
    }
    let gone = models.families.keys().filter(|family| !listed.contains_key(family));
    lines.extend(gone.map(|family| format!("- {family}")));
}

/// What a version takes: what is said of it by name, else what is said of its family.
fn offered(offers: &[Offer], version: &str) -> Option<Vec<String>> {
    let is_own = |offer: &Offer| offer.version.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(version));
    let named = offers.iter().any(is_own);
    let mut own = offers.iter().filter(|offer| if named { is_own(offer) } else { offer.version.is_none() }).peekable();
    own.peek()?;
    Some(own.flat_map(values).collect())
}

fn values(offer: &Offer) -> Vec<String> {
    match offer.range {
        // No table names the numbers of a wide range one by one.
        Some([low, high]) if high.saturating_sub(low) > 100 => vec![format!("{low}-{high}")],
        Some([low, high]) => (low..=high).map(|number| number.to_string()).collect(),
        None => offer.values.clone(),
    }
}

fn same(some: &[String], others: &[String]) -> bool {
    some.iter().collect::<BTreeSet<_>>() == others.iter().collect()
}
