//! The works that are measured, and what each may take at most.

use super::figures::{Areas, Unit};

/// A work by the name that its workers know it by.
pub(crate) struct Work {
    pub(crate) area: &'static str,
    pub(crate) name: &'static str,
    /// What it is, for the reader of the table.
    pub(crate) title: &'static str,
    /// The way below which nobody gets, which the others are compared with.
    pub(crate) floor: Option<&'static str>,
    /// Whether valgrind counts it.
    pub(crate) counted: bool,
}

const fn work(
    area: &'static str,
    name: &'static str,
    title: &'static str,
    floor: Option<&'static str>,
    counted: bool,
) -> Work {
    Work { area, name, title, floor, counted }
}

/// All works, in the order of the table.
pub(crate) const WORKS: &[Work] = &[
    work("sign", "sign first", "A body of 619 bytes signed for the first time", Some("15 bare compressions"), true),
    work("sign", "sign again", "The same body signed again: a poll, a retry", Some("3 bare compressions"), true),
    work("encode", "encode", "A typed request to its 619 bytes", None, true),
    work("decode", "decode poll", "What a poll wants to know of a 4 KB reply", Some("syntax only"), true),
    work("decode", "decode full", "The whole of a 4 KB reply, typed", Some("syntax only"), true),
    work("call", "poll", "One poll on loopback, one at a time", Some("raw hyper"), true),
    work("call", "poll, 64 in flight", "One poll, 64 in flight", Some("raw hyper"), false),
    work("call", "full call", "One call from typed request to typed reply, one at a time", Some("raw hyper"), true),
    work("call", "full call, 64 in flight", "One call, 64 in flight", Some("raw hyper"), false),
    work(
        "payload",
        "image",
        "A local image of 7 MB, from its file to the signed request",
        Some("read, encode and hash alone"),
        false,
    ),
    work("waiting", "memory of waits", "One of 100,000 waits", None, false),
    work("waiting", "many waits", "10,000 waits together", None, false),
    work("build", "one-call program", "A program that makes one call, built from nothing", None, false),
    work("build", "signer alone", "The signer alone", None, false),
    work("build", "core alone", "The core alone, without features", None, false),
    work("command", "command", "The command, released", None, false),
    work("command", "start", "A start", None, false),
];

/// The most that a figure of ours may be.
pub(crate) struct Limit {
    pub(crate) work: &'static str,
    pub(crate) way: &'static str,
    pub(crate) unit: Unit,
    pub(crate) at_most: f64,
    /// Times this other way's figure, where it is relative.
    pub(crate) of: Option<&'static str>,
    /// Whether the README shows its line.
    pub(crate) in_readme: bool,
    /// Whether it is known not to be met, for a reason that tests/bench/notes.md gives.
    pub(crate) is_missed: bool,
}

/// A limit with the figures that it is about.
pub(crate) struct Judged {
    pub(crate) ours: f64,
    /// The other way's figure.
    pub(crate) other: Option<f64>,
    /// What is held against the limit.
    pub(crate) value: f64,
    pub(crate) met: bool,
}

const fn at_most(at_most: f64, unit: Unit, work: &'static str, way: &'static str) -> Limit {
    Limit { work, way, unit, at_most, of: None, in_readme: false, is_missed: false }
}

const fn times(at_most: f64, of: &'static str, unit: Unit, work: &'static str, way: &'static str) -> Limit {
    Limit { work, way, unit, at_most, of: Some(of), in_readme: false, is_missed: false }
}

const fn in_readme(limit: Limit) -> Limit {
    Limit { in_readme: true, ..limit }
}

const fn missed(limit: Limit) -> Limit {
    Limit { is_missed: true, ..limit }
}

/// Our way on the default stack.
pub(crate) const OURS: &str = "ours";
/// Our way on the other stack.
pub(crate) const ON_REQWEST: &str = "ours, on reqwest";

/// What the one-call program is compared with.
pub(crate) const BARE_REQWEST: &str = "bare reqwest 0.13, rustls with ring";

/// All limits.
pub(crate) const LIMITS: &[Limit] = {
    use Unit::{
        Allocations, Bytes, Compressions, DebugSeconds, Instructions, Nanoseconds, Packages, Percent, Rate,
        ReleaseSeconds, Sweeps,
    };
    &[
        at_most(15.0, Compressions, "sign first", OURS),
        at_most(1_200.0, Instructions, "sign first", OURS),
        at_most(1.0, Allocations, "sign first", OURS),
        times(1.3, "15 bare compressions", Nanoseconds, "sign first", OURS),
        in_readme(times(0.30, "tencentcloud-sdk 0.2.1", Nanoseconds, "sign first", OURS)),
        at_most(3.0, Compressions, "sign again", OURS),
        at_most(800.0, Instructions, "sign again", OURS),
        at_most(1.0, Allocations, "sign again", OURS),
        times(1.75, "3 bare compressions", Nanoseconds, "sign again", OURS),
        times(0.08, "tencentcloud-sdk 0.2.1", Nanoseconds, "sign again", OURS),
        in_readme(times(2.0, "raw hyper", Instructions, "poll", OURS)),
        at_most(23.0, Allocations, "poll", OURS),
        missed(times(2.9, "raw hyper", Instructions, "poll", ON_REQWEST)),
        at_most(52.0, Allocations, "poll", ON_REQWEST),
        missed(times(3.5, "raw hyper", Instructions, "full call", ON_REQWEST)),
        at_most(80.0, Allocations, "full call", ON_REQWEST),
        in_readme(times(0.7, "tencentcloud-sdk 0.2.1", Nanoseconds, "full call, 64 in flight", OURS)),
        in_readme(times(1.0 / 9.0, "Go, the official SDK's steps", Nanoseconds, "full call, 64 in flight", OURS)),
        times(1.0 / 20.0, "Node, official SDK", Nanoseconds, "full call, 64 in flight", OURS),
        times(1.0 / 40.0, "Python, official SDK", Nanoseconds, "full call, 64 in flight", OURS),
        at_most(300.0, Bytes, "memory of waits", OURS),
        at_most(10.0, Rate, "many waits", OURS),
        at_most(2.0, Percent, "many waits", OURS),
        at_most(1.5, Sweeps, "many waits", OURS),
        at_most(95.0, Packages, "one-call program", OURS),
        times(1.15, BARE_REQWEST, DebugSeconds, "one-call program", OURS),
        times(1.25, BARE_REQWEST, ReleaseSeconds, "one-call program", OURS),
        at_most(4.4e6, Bytes, "one-call program", OURS),
        in_readme(times(1.25, BARE_REQWEST, Bytes, "one-call program", OURS)),
        at_most(15.0, Packages, "signer alone", OURS),
        at_most(12.0, Packages, "core alone", OURS),
        at_most(12e6, Bytes, "command", OURS),
        at_most(10e6, Nanoseconds, "start", "ours: vod-aigc models"),
    ]
};

impl Limit {
    /// Holds the limit against figures; `None` where one that it needs has not been measured.
    pub(crate) fn judge(&self, areas: &Areas) -> Option<Judged> {
        let ways = areas.values().find_map(|area| area.works.get(self.work))?;
        let of = |way: &str| ways.get(way)?.get(&self.unit).copied();
        let ours = of(self.way)?;
        let other = match self.of {
            Some(other) => Some(of(other)?),
            None => None,
        };
        let value = ours / other.unwrap_or(1.0);
        Some(Judged { ours, other, value, met: value <= self.at_most })
    }
}
