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

use anyhow::{Context, Result, bail};

use self::accepted::{Accepted, AcceptedDrift};
use self::description::Description;
use self::digest::Digest;
use crate::spec::Spec;

/// Prints the drift between `spec/upstream` and the spec. `api` is the official description: `spec/upstream` is written
/// anew from it first. With `check` nothing is written, and what is stale or not accepted is an error.
pub(crate) fn sync(root: &Path, api: Option<&Path>, check: bool) -> Result<()> {
    let (digest, clauses) = match api {
        Some(api) => {
            let at = || api.display().to_string();
            let text = fs::read_to_string(api).with_context(at)?;
            Description::parse(&text).and_then(|description| Digest::of(&description)).with_context(at)?
        }
        None => (Digest::read(root)?, BTreeMap::new()),
    };
    let report = Report::new(&digest, &Spec::read(root)?, AcceptedDrift::read(root)?);
    let mut stale = Vec::new();
    match api {
        Some(_) if check => stale = digest.stale(root)?,
        Some(_) => digest.write(root)?,
        None => {}
    }

    let clauses: BTreeMap<String, &String> = clauses
        .iter()
        .flat_map(|(member, places)| places.iter().map(move |place| (member, place)))
        .map(|(member, (place, clause))| (drift::unreadable(member, place, &digest::fingerprint(clause)), clause))
        .collect();
    let print = |line: &String, reason: Option<&str>| {
        let reason = reason.map(|reason| format!("  # {reason}")).unwrap_or_default();
        println!("  {line}{reason}");
        if let Some(clause) = clauses.get(line) {
            println!("      {clause:?}");
        }
    };
    if !report.accepted.is_empty() {
        println!("accepted in {}:", accepted::FILE);
        report.accepted.iter().for_each(|it| print(&it.drift, Some(&it.reason)));
    }
    if !report.over.is_empty() {
        println!("accepted in {}, but no drift any more:", accepted::FILE);
        report.over.iter().for_each(|it| print(&it.drift, None));
    }
    println!("drift: {}", if report.open.is_empty() { "none" } else { "" }.trim());
    report.open.iter().for_each(|line| print(line, None));
    if !check {
        return Ok(());
    }

    let mut wrong = Vec::new();
    if !stale.is_empty() {
        wrong.push(format!("stale: {}; run `cargo xtask sync --api FILE` and commit the result", stale.join(", ")));
    }
    if !report.open.is_empty() {
        wrong.push(format!(
            "{} lines of drift; mend the spec, or name them with a reason in {}",
            report.open.len(),
            accepted::FILE
        ));
    }
    if !report.over.is_empty() {
        wrong.push(format!(
            "{} accepted lines are no drift any more; take them out of {}",
            report.over.len(),
            accepted::FILE
        ));
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("; "));
    }
    Ok(())
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
}
