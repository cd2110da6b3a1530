//! From the official API description to `spec/upstream`, and from there to what the hand-written spec says otherwise.

pub(crate) mod accepted;
mod description;
mod digest;
mod drift;
mod models;
mod prose;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use self::accepted::{Accepted, AcceptedDrift};
use self::description::Description;
use self::digest::{Clauses, Digest};
use crate::spec::Spec;

/// Prints the drift between `spec/upstream` and the spec. `api` is the official description: `spec/upstream` is
/// rewritten from it first. With `check` nothing is written, and what is stale or not accepted is an error.
pub(crate) fn sync(root: &Path, api: Option<&Path>, check: bool) -> Result<()> {
    let (digest, clauses) = match api {
        Some(api) => {
            let at = || api.display().to_string();
            let text = fs::read_to_string(api).with_context(at)?;
            Description::parse(&text).and_then(|description| Digest::of(&description)).with_context(at)?
        }
        None => (Digest::read(root)?, Clauses::new()),
    };
    let report = Report::new(&digest, &Spec::read(root)?, AcceptedDrift::read(root)?);
    if api.is_some() && !check {
        digest.write(root)?;
    }
    report.print(&clauses);
    if check { report.judge(&digest.stale(root)?) } else { Ok(()) }
}

/// The drift, sorted by what is to be done about it.
struct Report {
    /// Not accepted.
    open: Vec<String>,
    accepted: Vec<Accepted>,
    /// Accepted, but no drift any more.
    over: Vec<Accepted>,
}

impl Report {
    fn new(digest: &Digest, spec: &Spec, accepted: AcceptedDrift) -> Self {
        let mut open = drift::drift(digest, spec);
        let (accepted, over): (Vec<_>, Vec<_>) = accepted.0.into_iter().partition(|it| open.contains(&it.drift));
        open.retain(|line| accepted.iter().all(|it| it.drift != *line));
        Self { open, accepted, over }
    }

    /// Prints every line, and under it its clause.
    fn print(&self, clauses: &Clauses) {
        let mut texts = BTreeMap::new();
        for (member, places) in clauses {
            for (place, clause) in places {
                texts.insert(drift::unreadable(member, place, &digest::fingerprint(clause)), clause);
            }
        }
        let accepted = self.accepted.iter().map(|it| (&it.drift, format!("  # {}", it.reason))).collect();
        let over = self.over.iter().map(|it| (&it.drift, String::new())).collect();
        let open = self.open.iter().map(|line| (line, String::new())).collect();
        let groups: [(&str, Vec<(&String, String)>); 3] =
            [("accepted", accepted), ("accepted, but no drift any more", over), ("drift", open)];
        for (title, lines) in groups {
            println!("{title}: {}", lines.len());
            for (line, reason) in lines {
                println!("  {line}{reason}");
                if let Some(clause) = texts.get(line) {
                    println!("      {clause:?}");
                }
            }
        }
    }

    fn judge(&self, stale: &[String]) -> Result<()> {
        let (open, over) = (self.open.len(), self.over.len());
        let stale = stale.join(", ");
        let wrong: Vec<String> = [
            (!stale.is_empty(), format!("stale: {stale}; run `cargo xtask sync --api FILE` and commit the result")),
            (
                open > 0,
                format!("lines of drift: {open}; fix the spec, or name them with a reason in {}", accepted::FILE),
            ),
            (
                over > 0,
                format!("accepted lines that are no drift any more: {over}; take them out of {}", accepted::FILE),
            ),
        ]
        .into_iter()
        .filter_map(|(wrong, sentence)| wrong.then_some(sentence))
        .collect();
        ensure!(wrong.is_empty(), "{}", wrong.join("; "));
        Ok(())
    }
}
