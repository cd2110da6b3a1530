//! What can go wrong with an exchange, and with which.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use crate::target::Target;

/// One thing that goes wrong with an exchange. Several may apply to the same one: what they do to the reply adds up,
/// and the connection suffers the first that concerns it.
///
/// In JSON it is the name alone, `"refused"`, or the name with its settings,
/// `{"truncate": {"request": "applied", "bytes": 20}}`. All milliseconds are of real time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// No connection. A socket learns what is called only from the head of the request, so on the wire it is a
    /// connection that is reset before a byte of the body was read; [`Emulator::stop`](crate::Emulator::stop) is an
    /// outage in which the port itself refuses.
    Refused,
    /// The connection is reset before the request was read; it has no effect.
    ResetBefore,
    /// The connection is reset in the middle of the request's body; it has no effect.
    ResetInRequest,
    /// The connection is reset after the request was read.
    Reset {
        /// What becomes of the request.
        request: RequestEffect,
    },
    /// No answer, until the client goes away or the time is over; then the connection is reset.
    Hang {
        /// What becomes of the request.
        request: RequestEffect,
        /// The longest time on the wire; ten minutes unless given.
        milliseconds: Option<u64>,
    },
    /// Only so many bytes of the reply's body arrive of those that its head promises, then the connection is closed.
    Truncate {
        /// What becomes of the request.
        request: RequestEffect,
        /// How many arrive.
        bytes: usize,
    },
    /// The first byte of the reply comes late.
    SlowFirstByte {
        /// How late.
        milliseconds: u64,
    },
    /// The body of the reply comes in pieces.
    SlowDrip {
        /// The size of each, at least one byte.
        bytes: usize,
        /// The pause between them.
        milliseconds: u64,
    },
    /// The reply has no length, and its end is signalled late.
    SlowClose {
        /// How late.
        milliseconds: u64,
    },
    /// A reply that no API wrote.
    Status {
        /// What becomes of the request.
        request: RequestEffect,
        /// For example 408, 429, 500, 502, 503 or 504. What is no final status, from 200 to 999, is sent as 502.
        status: u16,
        /// Its body.
        #[serde(default)]
        body: StatusBody,
        /// The seconds of a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// An error of the API in place of the reply.
    Error {
        /// What becomes of the request.
        request: RequestEffect,
        /// Any code, unknown ones included.
        code: String,
    },
    /// The reply has this content type, for example `application/json; charset=utf-8`.
    ContentType(String),
    /// The reply is compressed, asked or not.
    Gzip,
    /// The reply says that it is compressed, and is garbage.
    BadGzip,
    /// The reply has a further member with a text of so many bytes. On the wire it is sent without being buffered.
    Huge {
        /// How many; at most [`MOST_BYTES`](Self::MOST_BYTES).
        bytes: usize,
    },
    /// The reply has a further member of arrays within arrays.
    Deep {
        /// How many levels of them; at most [`MOST_LEVELS`](Self::MOST_LEVELS).
        levels: usize,
    },
    /// Every text of the reply is a number and every number a text; lists and objects stay.
    WrongTypes,
    /// Every member of the reply but the RequestId is null.
    NullMembers,
    /// Every member of the reply but the RequestId is missing.
    MissingMembers,
    /// Every member of the reply comes twice, the second time as null.
    DuplicateKeys,
    /// Every status is an undocumented word.
    UnknownWord,
    /// The reply is lost, and the request takes effect only so many seconds later, by the emulator's clock; but not
    /// if its signature has run out by then.
    DelayedAcceptance {
        /// How many.
        seconds: u64,
    },
    /// The request is delivered twice, as by a gateway that retries, and the client gets the second answer.
    DeliveredTwice,
    /// The reply names this task in place of its own.
    OtherTaskId(String),
    /// The progress is 100 less what it is.
    OutOfOrderProgress,
    /// A task is described and listed as it was when it was created.
    StatusBackwards,
    /// A list is what it was so many seconds ago.
    StaleList {
        /// How many.
        seconds: u64,
    },
    /// A list says that its next page is the page itself.
    RepeatedScrollToken,
    /// The `Date` header is so many seconds ahead of the clock, or behind it.
    Date {
        /// How many; below zero is behind.
        offset_seconds: i64,
    },
    /// There is no `Date` header.
    NoDate,
    /// The reply comes from a cache: it has an `Age` header.
    Age {
        /// The age.
        seconds: u64,
    },
}

impl Fault {
    /// The largest text of [`Huge`](Self::Huge). A scenario that asks for more is refused, and a rule that is made in
    /// Rust is cut to it.
    pub const MOST_BYTES: usize = 64 * 1024 * 1024;
    /// The most levels of [`Deep`](Self::Deep), treated alike.
    pub const MOST_LEVELS: usize = Self::MOST_BYTES / 2;

    /// Whether the request takes effect now.
    pub(crate) fn request_effect(&self) -> RequestEffect {
        match self {
            Self::Reset { request }
            | Self::Hang { request, .. }
            | Self::Truncate { request, .. }
            | Self::Status { request, .. }
            | Self::Error { request, .. } => *request,
            Self::DelayedAcceptance { .. } => RequestEffect::Discarded,
            _ => RequestEffect::Applied,
        }
    }
}

/// What becomes of a request whose reply is lost or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum RequestEffect {
    /// It takes effect: a task is created, if it may be.
    #[serde(alias = "taken")]
    Applied,
    /// It has none.
    #[serde(alias = "dropped")]
    Discarded,
}

/// The body of a reply that no API wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "callers make values of it")]
pub enum StatusBody {
    /// A page, as gateways write it.
    #[default]
    Html,
    /// Nothing.
    Empty,
}

/// A fault, and the calls that it is injected into.
/// In JSON: `{"action": "CreateAigcVideoTask", "nth": 1, "fault": "refused"}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
#[non_exhaustive]
pub struct FaultRule {
    /// The calls that count; all if left out.
    pub target: Option<Target>,
    /// Which of them.
    pub when: When,
    /// The fault to inject.
    pub fault: Fault,
}

impl FaultRule {
    /// Injects a fault into `when` of the calls of `target`, counted from the moment that the emulator has the rule.
    #[must_use]
    pub fn new(target: Target, when: When, fault: Fault) -> Self {
        Self { target: Some(target), when, fault }
    }

    /// Injects a fault into `when` of all calls.
    #[must_use]
    pub fn any(when: When, fault: Fault) -> Self {
        Self { target: None, when, fault }
    }
}

/// Which of the counted calls a fault is injected into.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum When {
    /// Only the n-th; the first is 1.
    Nth(u64),
    /// The n-th, and as many calls later the next: with 1, all.
    Every(u64),
    /// Each with this probability, from 0 to 1, by dice that the seed of the emulator throws.
    Probability(f64),
}

/// A [`FaultRule`] as it is written in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    action: Option<Target>,
    nth: Option<u64>,
    every: Option<u64>,
    probability: Option<f64>,
    fault: Fault,
}

impl TryFrom<Written> for FaultRule {
    type Error = Cow<'static, str>;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let when = match (written.nth, written.every, written.probability) {
            (Some(nth), None, None) => When::Nth(nth),
            (None, Some(every), None) => When::Every(every),
            (None, None, Some(probability)) => When::Probability(probability),
            _ => return Err("a fault needs one of nth, every and probability".into()),
        };
        match written.fault {
            Fault::Huge { bytes } if bytes > Fault::MOST_BYTES => {
                return Err(format!("huge takes at most {} bytes, not {bytes}", Fault::MOST_BYTES).into());
            }
            Fault::Deep { levels } if levels > Fault::MOST_LEVELS => {
                return Err(format!("deep takes at most {} levels, not {levels}", Fault::MOST_LEVELS).into());
            }
            _ => {}
        }
        match when {
            When::Nth(0) | When::Every(0) => Err("calls are counted from 1; give nth or every from there".into()),
            When::Probability(p) if !(0.0..=1.0).contains(&p) => {
                Err(format!("the probability {p} is invalid; give one from 0 to 1").into())
            }
            _ => Ok(Self { target: written.action, when, fault: written.fault }),
        }
    }
}

/// How a reply dawdles on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pace {
    /// Before the first byte.
    pub first: Duration,
    /// How many bytes of the body come at once; `None` is all.
    pub piece: Option<usize>,
    /// Between two such pieces.
    pub between: Duration,
    /// Before the end of the body is signalled, which then has no length.
    pub last: Duration,
}
