//! What the description says of model families and versions, against the table of models.

use std::collections::BTreeSet;

use crate::spec::Models;
use crate::sync::digest::Digest;

const VERSIONS: &str = "CreateAigcVideoTaskRequest.ModelVersion";

pub(crate) fn drift(digest: &Digest, models: &Models, lines: &mut Vec<String>) {
    let none = Default::default();
    let listed = digest.models.get(VERSIONS).unwrap_or(&none);
    for (family, offers) in listed {
        let versions = offers.iter().flat_map(|offer| &offer.values);
        let Some(rows) = models.families.get(family) else {
            let versions: Vec<_> = versions.map(String::as_str).collect();
            lines.push(format!("+ {family}: {}", versions.join(", ")));
            continue;
        };
        let mut seen = BTreeSet::new();
        for version in versions {
            let same = rows.versions.keys().find(|row| row.eq_ignore_ascii_case(version));
            match same {
                None => lines.push(format!("+ {family} {version}")),
                Some(row) if row != version => {
                    lines.push(format!("~ {family} {row}: written {version} in the description"))
                }
                Some(_) => {}
            }
            seen.extend(same);
        }
        let gone = rows.versions.keys().filter(|row| !seen.contains(row));
        lines.extend(gone.map(|row| format!("- {family} {row}")));
    }
    let gone = models.families.keys().filter(|family| !listed.contains_key(*family));
    lines.extend(gone.map(|family| format!("- {family}")));
}
