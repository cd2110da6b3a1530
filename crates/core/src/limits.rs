//! The limits on single members of a request: lengths, counts and ranges. Their numbers come from `spec/api`.

use std::fmt;
use std::ops::RangeInclusive;

use crate::open_enum::OpenEnum;

/// A shape that knows its limits and those of what it holds.
pub(crate) trait CheckLimits {
    /// Adds every broken limit to `breaches`.
    fn check_limits(&self, breaches: &mut Breaches);
}

/// One member beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breach {
    /// Too long, too many, too small or too large.
    Number {
        /// The member by its path on the wire, for example `OutputConfig.MediaName`.
        member: String,
        /// What it has.
        found: i128,
        /// The least it may have.
        least: i64,
        /// The most it may have.
        most: i64,
        /// What is counted, for example `characters`; empty where the value itself is judged.
        unit: &'static str,
    },
    /// A word that is none of those documented.
    Word {
        /// The member by its path on the wire.
        member: String,
        /// What it holds.
        found: String,
        /// What it may hold.
        known: &'static [&'static str],
    },
}

impl Breach {
    /// The member by its path on the wire.
    pub fn member(&self) -> &str {
        match self {
            Self::Number { member, .. } | Self::Word { member, .. } => member,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { member, found, least, most, unit: "" } => {
                write!(f, "{member} is {found}; it takes {least} to {most}")
            }
            Self::Number { member, found, most, unit, .. } => {
                write!(f, "{member} has {found} {unit}; it takes at most {most}")
            }
            Self::Word { member, found, known } => {
                write!(f, "{member} is {found:?}; it takes {}", known.join(", "))
            }
        }
    }
}

/// The broken limits of a request, collected member by member.
#[derive(Default)]
pub(crate) struct Breaches {
    path: Vec<String>,
    found: Vec<Breach>,
}

impl Breaches {
    /// Every broken limit of `shape`.
    pub(crate) fn of(shape: &impl CheckLimits) -> Vec<Breach> {
        let mut breaches = Self::default();
        shape.check_limits(&mut breaches);
        breaches.found
    }

    /// A text of at most `most` characters.
    pub(crate) fn characters(&mut self, member: &str, text: Option<&str>, most: i64) {
        // Bytes are never fewer than characters, so most texts need no counting.
        let long = text.filter(|text| text.len() as i128 > i128::from(most));
        self.judge(member, long.map(|text| text.chars().count() as i128), 0..=most, "characters");
    }

    /// A list of at most `most` items.
    pub(crate) fn items<T>(&mut self, member: &str, items: Option<&[T]>, most: i64) {
        self.judge(member, items.map(|items| items.len() as i128), 0..=most, "items");
    }

    /// A number within `range`.
    pub(crate) fn range(&mut self, member: &str, number: Option<impl Into<i128>>, range: RangeInclusive<i64>) {
        self.judge(member, number.map(Into::into), range, "");
    }

    /// A word that is one of those documented.
    pub(crate) fn word<T: OpenEnum>(&mut self, member: &str, word: Option<&T>) {
        if let Some(found) = word.map(T::word).filter(|word| !T::WORDS.contains(word)) {
            let (member, found) = (self.path_of(member), found.to_owned());
            self.found.push(Breach::Word { member, found, known: T::WORDS });
        }
    }

    /// The limits within a member.
    pub(crate) fn inside(&mut self, member: &str, shape: Option<&impl CheckLimits>) {
        if let Some(shape) = shape {
            self.path.push(member.to_owned());
            shape.check_limits(self);
            self.path.pop();
        }
    }

    /// The limits within every item of a list.
    pub(crate) fn all(&mut self, member: &str, shapes: Option<&[impl CheckLimits]>) {
        for (index, shape) in shapes.into_iter().flatten().enumerate() {
            self.inside(&format!("{member}[{index}]"), Some(shape));
        }
    }

    fn judge(&mut self, member: &str, found: Option<i128>, range: RangeInclusive<i64>, unit: &'static str) {
        let (least, most) = range.into_inner();
        if let Some(found) = found.filter(|it| !(i128::from(least)..=i128::from(most)).contains(it)) {
            let member = self.path_of(member);
            self.found.push(Breach::Number { member, found, least, most, unit });
        }
    }

    fn path_of(&self, member: &str) -> String {
        self.path.iter().map(String::as_str).chain([member]).collect::<Vec<_>>().join(".")
    }
}
