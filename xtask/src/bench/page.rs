//! The tables, and the page that carries them.

use std::collections::HashMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use super::callgrind::Function;
use super::figures::{Area, Areas, Unit, Ways};
use super::limits::{Judged, LIMITS, Limit, OURS, WORKS, Work};

/// What stands in the notes where the tables go.
const TABLES: &str = "<!-- tables -->\n";

/// PERFORMANCE.md: the notes, which are written by hand, with the tables in them.
pub(crate) fn page(notes: &str, areas: &Areas) -> Result<String> {
    ensure!(notes.matches(TABLES).count() == 1, "tests/bench/notes.md needs the line {TABLES:?} once");
    Ok(notes.replace(TABLES, &tables(areas, &[])))
}

/// The tables of these areas, or of all.
pub(crate) fn tables(areas: &Areas, only: &[&str]) -> String {
    let mut text = String::new();
    for (name, area) in areas.iter().filter(|(name, _)| only.is_empty() || only.contains(&&***name)) {
        let _ = write!(text, "## {name}\n\nMeasured {} on {}.\n", area.date, area.machine);
        for (work, ways) in &area.works {
            if let Some(work) = WORKS.iter().find(|it| it.name == work) {
                let _ = write!(text, "\n{}:\n\n{}", work.title, work_table(work, ways));
            }
        }
        let _ = write!(text, "\n{}", limit_table(areas, area));
    }
    text
}

/// One work: a line for each way, from the cheapest on, a column for each unit and, beside it, how many times the floor.
fn work_table(work: &Work, ways: &Ways) -> String {
    let mut units: Vec<Unit> = Vec::new();
    for unit in ways.values().flat_map(|figures| figures.keys()) {
        if !units.contains(unit) {
            units.push(*unit);
        }
    }
    let floor = work.floor.and_then(|floor| ways.get(floor));
    let relative = |unit: Unit| matches!(unit, Unit::Nanoseconds | Unit::Instructions) && floor.is_some();
    let mut head = "| way |".to_owned();
    let mut rule = "|---|".to_owned();
    for unit in &units {
        let _ = write!(head, " {} |", unit.name());
        rule.push_str("---:|");
        if relative(*unit) {
            head.push_str(" x floor |");
            rule.push_str("---:|");
        }
    }
    let mut lines: Vec<_> = ways.iter().collect();
    let cost = |figures: &super::figures::Figures| figures.get(units.first().unwrap_or(&Unit::Bytes)).copied();
    lines.sort_by(|(_, one), (_, other)| cost(one).unwrap_or(f64::MAX).total_cmp(&cost(other).unwrap_or(f64::MAX)));
    let mut text = format!("{head}\n{rule}\n");
    for (way, figures) in lines {
        let bold = if way.starts_with(OURS) { "**" } else { "" };
        let _ = write!(text, "| {bold}{way}{bold} |");
        for unit in &units {
            match figures.get(unit) {
                Some(value) => {
                    let _ = write!(text, " {} |", unit.show(*value));
                }
                None => text.push_str(" |"),
            }
            if relative(*unit) {
                let ratio =
                    figures.get(unit).zip(floor.and_then(|floor| floor.get(unit))).map(|(it, floor)| it / floor);
                let _ = write!(text, " {} |", ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default());
            }
        }
        text.push('\n');
    }
    text
}

/// The limits of an area: our figure, the other one, the ratio, the limit, and whether it is met.
fn limit_table(areas: &Areas, area: &Area) -> String {
    let mut text = LIMIT_HEAD.to_owned();
    let limits: Vec<&Limit> = LIMITS.iter().filter(|limit| area.works.contains_key(limit.work)).collect();
    for limit in &limits {
        text.push_str(&limit_line(limit, areas));
    }
    if limits.is_empty() { String::new() } else { text + "\n" }
}

fn limit_line(limit: &Limit, areas: &Areas) -> String {
    let (what, at_most) = (limit.what(), limit.show(limit.at_most));
    match limit.judge(areas) {
        Some(Judged { ours, other, value, met }) => {
            let other = other.map(|other| limit.unit.show(other)).unwrap_or_default();
            let ratio = limit.of.map(|_| limit.show(value)).unwrap_or_default();
            let met = if met { "met" } else { "**not met**" };
            format!("| {what} | {} | {other} | {ratio} | {at_most} | {met} |\n", limit.unit.show(ours))
        }
        None => format!("| {what} | | | | {at_most} | not measured here |\n"),
    }
}

/// The README with its lines of the tables put anew.
pub(crate) fn readme(readme: &str, areas: &Areas) -> Result<String> {
    const START: &str = "<!-- speed:start -->\n";
    const END: &str = "<!-- speed:end -->";
    let parts = readme.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| format!("README.md needs {START:?} and {END:?}"))?;
    let lines: String = LIMITS.iter().filter(|limit| limit.in_readme).map(|limit| limit_line(limit, areas)).collect();
    Ok(format!("{before}{START}{LIMIT_HEAD}{lines}{END}{after}"))
}

const LIMIT_HEAD: &str = "| limit | ours | against | ratio | at most | |\n|---|---:|---:|---:|---:|---|\n";

/// A limit and what is held against it in one line.
pub(crate) fn sentence(limit: &Limit, judged: &Judged) -> String {
    let again = if judged.met { "; it is met and no longer to be marked as missed" } else { "" };
    format!("{}: {}, at most {}{again}", limit.what(), limit.show(judged.value), limit.show(limit.at_most))
}

impl Limit {
    fn what(&self) -> String {
        let title = WORKS.iter().find(|work| work.name == self.work).map_or(self.work, |work| work.title);
        let way = self.way.strip_prefix(OURS).unwrap_or(self.way);
        let of = self.of.map(|of| format!(" / {of}")).unwrap_or_default();
        format!("{title}{way}: {}{of}", self.unit.name())
    }

    /// A value as the limit is written: a ratio where it is relative.
    fn show(&self, value: f64) -> String {
        if self.of.is_some() { format!("{value:.3}") } else { self.unit.show(value) }
    }
}

/// What a profile's instructions are spent on: the crates, the functions that cost most themselves, and the functions of ours
/// that cost most with what they call.
pub(crate) fn listing(functions: &[Function]) -> String {
    let total: u64 = functions.iter().map(|function| function.own).sum();
    let mut crates: HashMap<&str, u64> = HashMap::new();
    for function in functions {
        *crates.entry(owner(&function.name)).or_default() += function.own;
    }
    let own = functions.iter().map(|function| (&*function.name, function.own));
    let ours = functions
        .iter()
        .filter(|function| owner(&function.name).starts_with("vod_aigc") && owner(&function.name) != "vod_aigc_bench");
    top("crates", crates.into_iter(), total)
        + &top("functions by their own instructions", own, total)
        + &top("functions of ours with all that they call", ours.map(|function| (&*function.name, function.all)), total)
}

/// The ten largest costs as shares of all.
fn top<'a>(title: &str, costs: impl Iterator<Item = (&'a str, u64)>, total: u64) -> String {
    let mut costs: Vec<_> = costs.collect();
    costs.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    let mut text = format!("{title}:\n");
    for (name, cost) in costs.into_iter().take(10) {
        let _ = writeln!(text, "{:5.1} %  {name}", cost as f64 / total as f64 * 100.0);
    }
    text
}

/// The crate of a function; what has no path is the C library's.
fn owner(name: &str) -> &str {
    let path = name.trim_start_matches(['<', '&', '*']).trim_start_matches("mut ").trim_start_matches("dyn ");
    path.split_once("::").map_or("C library", |(first, _)| first)
}
