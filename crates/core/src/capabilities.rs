//! One row of the capability table and the sets in it, usable in constants.

use std::fmt;

use crate::Resolution;

/// What one version of a model can do: a row of the capability table.
///
/// A cell that the table does not state is `None` (or [`Resolutions::NOT_STATED`]) and is not checked.
///
/// ```
/// use vod_aigc_core::{Kling, Resolution};
///
/// const _: () = assert!(Kling::V2_1.capabilities().resolutions.contains(Resolution::P2K));
/// const _: () = assert!(!Kling::V2_1.capabilities().resolutions.contains(Resolution::P4K));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The family as the wire has it, for example `Kling`.
    pub name: &'static str,
    /// The version as the wire has it, for example `2.1`.
    pub version: &'static str,
    /// Whether it makes video from a prompt alone.
    pub text_to_video: Option<bool>,
    /// Whether it makes video from an image.
    pub image_to_video: Option<bool>,
    /// The most images that it takes.
    pub max_images: Option<u8>,
    /// Whether and when it takes a last frame.
    pub last_frame: Option<LastFrame>,
    /// The resolutions that may be asked for.
    pub resolutions: Resolutions,
    /// Where the row comes from: names of `spec/sources.yaml`.
    pub source: &'static [&'static str],
}

impl Capabilities {
    /// A row with its cells in the order of the table.
    #[allow(clippy::too_many_arguments, reason = "a row has as many cells as the table has columns")]
    pub(crate) const fn row(
        name: &'static str,
        version: &'static str,
        text_to_video: Option<bool>,
        image_to_video: Option<bool>,
        max_images: Option<u8>,
        last_frame: Option<LastFrame>,
        resolutions: Resolutions,
        source: &'static [&'static str],
    ) -> Self {
        Self { name, version, text_to_video, image_to_video, max_images, last_frame, resolutions, source }
    }
}

/// Whether and when a model takes a last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastFrame {
    /// Never.
    No,
    /// With any other setting.
    Yes,
    /// Only when one of these resolutions is asked for.
    At(Resolutions),
    /// Only with so many images at the most, the first frame among them.
    WithImages(u8),
}

/// A set of resolutions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Resolutions(u16);

impl Resolutions {
    /// The set of a model whose resolutions the table does not state: it refuses none.
    pub const NOT_STATED: Self = Self(u16::MAX);

    /// The set of these.
    pub const fn of(resolutions: &[Resolution]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < resolutions.len() {
            bits |= Self::bit(resolutions[index]);
            index += 1;
        }
        Self(bits)
    }

    /// Whether `resolution` may be asked for.
    pub const fn contains(self, resolution: Resolution) -> bool {
        self.0 & Self::bit(resolution) != 0
    }

    /// Whether the table states the set at all.
    pub const fn is_stated(self) -> bool {
        self.0 != Self::NOT_STATED.0
    }

    /// The members from the smallest, none where the table does not state the set.
    pub fn iter(self) -> impl Iterator<Item = Resolution> {
        Resolution::ALL.iter().copied().filter(move |it| self.is_stated() && self.contains(*it))
    }

    const fn bit(resolution: Resolution) -> u16 {
        1 << resolution as u16
    }
}

// One bit is left over, so that no stated set equals the one that is not stated.
const _: () = assert!(Resolution::ALL.len() < 16);

impl fmt::Debug for Resolutions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_stated() { f.debug_set().entries(self.iter()).finish() } else { f.write_str("not stated") }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Resolution {
    type Err = UnknownResolution;

    /// Reads the word on the wire, without regard to case.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|it| it.as_str().eq_ignore_ascii_case(word));
        found.copied().ok_or_else(|| UnknownResolution(word.to_owned()))
    }
}

/// A word that names no resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownResolution(String);

impl fmt::Display for UnknownResolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no resolution {:?}; known:", self.0)?;
        Resolution::ALL.iter().try_for_each(|it| write!(f, " {it}"))
    }
}

impl std::error::Error for UnknownResolution {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_it_was_made_of_and_nothing_else() {
        let set = Resolutions::of(&[Resolution::P720, Resolution::P2K]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Resolution::P720, Resolution::P2K]);
        assert!(!set.contains(Resolution::P4K));
    }

    #[test]
    fn a_set_that_is_not_stated_refuses_none() {
        assert!(Resolution::ALL.iter().all(|it| Resolutions::NOT_STATED.contains(*it)));
        assert!(!Resolutions::NOT_STATED.is_stated());
    }

    #[test]
    fn a_resolution_is_read_without_regard_to_case() {
        assert_eq!("1080p".parse(), Ok(Resolution::P1080));
        assert_eq!(
            "8K".parse::<Resolution>().expect_err("there is no 8K").to_string(),
            "no resolution \"8K\"; known: 540P 720P 768P 1080P 2K 4K"
        );
    }
}
