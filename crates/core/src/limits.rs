//! The limits on single members of a request: lengths, counts and ranges. Their numbers come from `spec/api`.

use std::fmt;
use std::ops::{Bound, RangeBounds};

use crate::open_enum::OpenEnum;

/// A shape that knows its limits and those of what it holds.
pub(crate) trait CheckLimits {
    /// Adds every broken limit to `breaches`.
    fn check_limits(&self, breaches: &mut Breaches);
}

/// One member beyond its limit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Breach {
    /// Too short or too long, too few or too many, too small or too large.
    Number {
        /// The member by its path on the wire, for example `OutputConfig.MediaName`.
        member: String,
        /// What it has.
        found: i128,
        /// The least it may have; [`i64::MIN`] where any will do.
        least: i64,
        /// The most it may have; [`i64::MAX`] where any will do.
        most: i64,
        /// What is counted, for example `characters`; empty where the value itself is checked.
        unit: &'static str,
    },
    /// A number with a fraction that is too small or too large.
    Decimal {
        /// The member by its path on the wire.
        member: String,
        /// What it is.
        found: f64,
        /// The least it may be; negative infinity where any will do.
        least: f64,
        /// The most it may be; infinity where any will do.
        most: f64,
    },
    /// Needed, and not there.
    Missing {
        /// The member by its path on the wire.
        member: String,
    },
    /// An undocumented word.
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
            Self::Number { member, .. }
            | Self::Decimal { member, .. }
            | Self::Missing { member }
            | Self::Word { member, .. } => member,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { member, found, least, most, unit } => {
                let verb = if unit.is_empty() { "is" } else { "has" };
                let space = if unit.is_empty() { "" } else { " " };
                write!(f, "{member} {verb} {found}{space}{unit}; it takes ")?;
                match (*least, *most) {
                    (i64::MIN, most) => write!(f, "at most {most}"),
                    // Nothing has fewer than none.
                    (0, most) if !unit.is_empty() => write!(f, "at most {most}"),
                    (least, i64::MAX) => write!(f, "at least {least}"),
                    (least, most) => write!(f, "{least} to {most}"),
                }
            }
            Self::Decimal { member, found, least, most } => {
                write!(f, "{member} is {found}; it takes ")?;
                match (least.is_finite(), most.is_finite()) {
                    (false, _) => write!(f, "at most {most}"),
                    (true, false) => write!(f, "at least {least}"),
                    (true, true) => write!(f, "{least} to {most}"),
                }
            }
            Self::Missing { member } => write!(f, "{member} is missing; give it a value"),
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

#[allow(dead_code, reason = "not every area has every kind of limit")]
impl Breaches {
    /// Every broken limit of `shape`.
    pub(crate) fn of(shape: &impl CheckLimits) -> Vec<Breach> {
        let mut breaches = Self::default();
        shape.check_limits(&mut breaches);
        breaches.found
    }

    /// A member that must be there.
    pub(crate) fn given<T>(&mut self, member: &str, value: Option<&T>) {
        if value.is_none() {
            self.found.push(Breach::Missing { member: self.path_of(member) });
        }
    }

    /// A text of so many characters.
    pub(crate) fn characters(&mut self, member: &str, text: Option<&str>, range: impl RangeBounds<i64>) {
        let (least, most) = bounds(range);
        // Bytes are never fewer than characters, so most texts need no counting.
        let doubtful = text.filter(|text| least > 0 || text.len() as i128 > i128::from(most));
        self.judge(member, doubtful.map(|text| text.chars().count() as i128), least.max(0)..=most, "characters");
    }

    /// A list of so many items.
    pub(crate) fn items<T>(&mut self, member: &str, items: Option<&[T]>, range: impl RangeBounds<i64>) {
        let (least, most) = bounds(range);
        self.judge(member, items.map(|items| items.len() as i128), least.max(0)..=most, "items");
    }

    /// A number within `range`.
    pub(crate) fn range(&mut self, member: &str, number: Option<impl Into<i128>>, range: impl RangeBounds<i64>) {
        self.judge(member, number.map(Into::into), range, "");
    }

    /// A number, perhaps with a fraction, within `range`.
    pub(crate) fn decimal(&mut self, member: &str, number: Option<f64>, range: impl RangeBounds<f64>) {
        if let Some(found) = number.filter(|number| !range.contains(number)) {
            let end = |bound, open| match bound {
                Bound::Included(&end) | Bound::Excluded(&end) => end,
                Bound::Unbounded => open,
            };
            let least = end(range.start_bound(), f64::NEG_INFINITY);
            let most = end(range.end_bound(), f64::INFINITY);
            self.found.push(Breach::Decimal { member: self.path_of(member), found, least, most });
        }
    }

    /// Words that are each one of those documented.
    pub(crate) fn words<T: OpenEnum>(&mut self, member: &str, words: Option<&[T]>) {
        for (index, word) in words.into_iter().flatten().enumerate() {
            self.word(&format!("{member}[{index}]"), Some(word));
        }
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

    fn judge(&mut self, member: &str, found: Option<i128>, range: impl RangeBounds<i64>, unit: &'static str) {
        let (least, most) = bounds(range);
        if let Some(found) = found.filter(|it| !(i128::from(least)..=i128::from(most)).contains(it)) {
            let member = self.path_of(member);
            self.found.push(Breach::Number { member, found, least, most, unit });
        }
    }

    fn path_of(&self, member: &str) -> String {
        self.path.iter().map(String::as_str).chain([member]).collect::<Vec<_>>().join(".")
    }
}

/// The least and the most of `range`.
fn bounds(range: impl RangeBounds<i64>) -> (i64, i64) {
    let least = match range.start_bound() {
        Bound::Included(&least) => least,
        Bound::Excluded(&below) => below.saturating_add(1),
        Bound::Unbounded => i64::MIN,
    };
    let most = match range.end_bound() {
        Bound::Included(&most) => most,
        Bound::Excluded(&above) => above.saturating_sub(1),
        Bound::Unbounded => i64::MAX,
    };
    (least, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StorageMode;

    #[track_caller]
    fn says(judge: impl FnOnce(&mut Breaches), sentences: &[&str]) {
        let mut breaches = Breaches::default();
        judge(&mut breaches);
        assert_eq!(breaches.found.iter().map(Breach::to_string).collect::<Vec<_>>(), sentences);
    }

    #[test]
    fn a_limit_holds_on_either_side_and_at_its_ends() {
        says(|it| it.items("Set", Some(&[1, 2]), 2..=8), &[]);
        says(|it| it.items("Set", Some(&[1]), 2..=8), &["Set has 1 items; it takes 2 to 8"]);
        says(|it| it.characters("Name", Some("字字"), ..=2), &[]);
        says(|it| it.characters("Name", Some("字字字"), ..=2), &["Name has 3 characters; it takes at most 2"]);
        says(|it| it.characters("Name", Some(""), 1..), &["Name has 0 characters; it takes at least 1"]);
        says(|it| it.range("Count", Some(0_u64), 1..), &["Count is 0; it takes at least 1"]);
        says(|it| it.range("Count", Some(9), ..=8), &["Count is 9; it takes at most 8"]);
        says(|it| it.range("Count", None::<i64>, 1..=8), &[]);
    }

    #[test]
    fn a_number_with_a_fraction_is_judged_as_it_is() {
        says(|it| it.decimal("Duration", Some(15.0), 4.0..=15.0), &[]);
        says(|it| it.decimal("Duration", Some(15.5), 4.0..=15.0), &["Duration is 15.5; it takes 4 to 15"]);
        says(|it| it.decimal("Duration", Some(0.25), 0.5..), &["Duration is 0.25; it takes at least 0.5"]);
        says(|it| it.decimal("Duration", Some(f64::NAN), ..=2.0), &["Duration is NaN; it takes at most 2"]);
    }

    #[test]
    fn a_wrong_word_of_a_list_is_named_with_its_place() {
        let modes = [StorageMode::Permanent, StorageMode::Unknown("Forever".to_owned())];
        says(|it| it.words("Modes", Some(&modes)), &["Modes[1] is \"Forever\"; it takes Temporary, Permanent"]);
    }

    #[cfg(feature = "scene")]
    #[test]
    fn what_a_reply_may_leave_out_a_request_may_not() {
        use crate::{Action as _, AiTryOnConfig, AigcImageSceneInfo, CreateSceneAigcImageTaskRequest};

        let scene: AigcImageSceneInfo = serde_json::from_str("{}").expect("a reply with a gap parses");
        let mut request = CreateSceneAigcImageTaskRequest::new(scene);
        request.scene_info.ai_try_on_config =
            Some(AiTryOnConfig { clothes_file_infos: Some(Vec::new()), ..AiTryOnConfig::default() });
        assert_eq!(
            request.breaches().iter().map(Breach::to_string).collect::<Vec<_>>(),
            [
                "SceneInfo.Type is missing; give it a value",
                "SceneInfo.AiTryOnConfig.Model is missing; give it a value",
                "SceneInfo.AiTryOnConfig.ClothesFileInfos has 0 items; it takes 1 to 4",
            ]
        );
    }
}
