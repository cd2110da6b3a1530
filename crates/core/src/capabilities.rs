//! One row of the capability table and the sets in it, usable in constants.

use std::fmt;

use crate::Resolution;

/// What one version of a model can do: a row of the capability table.
///
/// A cell that the table does not state is `None` (or [`Resolutions::NOT_STATED`], [`Words::NOT_STATED`]) and is not checked.
///
/// ```
/// use vod_aigc_core::{AspectRatio, GV, Kling, Resolution};
///
/// const _: () = assert!(Kling::V2_1.capabilities().resolutions.contains(Resolution::P2K));
/// const _: () = assert!(!Kling::V2_1.capabilities().resolutions.contains(Resolution::P4K));
/// const _: () = assert!(!GV::V3_1.capabilities().ratios.text.contains(AspectRatio::R1x1.as_str()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The family as the wire has it, for example `Kling`.
    pub name: &'static str,
    /// The version as the table has it, for example `2.1`.
    pub version: &'static str,
    /// The version as it goes out; in a few rows another spelling, `O1` for `o1`.
    pub wire_version: &'static str,
    /// Whether it makes video from a prompt alone.
    pub text_to_video: Option<bool>,
    /// Whether it makes video from an image.
    pub image_to_video: Option<bool>,
    /// The most images that it takes.
    pub max_images: Option<u8>,
    /// Whether it works from references only: it needs one, and every file must be one.
    pub references_only: Option<bool>,
    /// Whether and when it takes a last frame.
    pub last_frame: Option<LastFrame>,
    /// The resolutions that may be asked for.
    pub resolutions: Resolutions,
    /// The resolutions that go out in another spelling than [`Resolution::as_str`].
    pub resolution_words: &'static [(Resolution, &'static str)],
    /// The keys of `ExtInfo` that hold the size, for a model that takes no resolution.
    pub size: Words,
    /// The lengths that it makes.
    pub durations: Option<Durations>,
    /// The length in seconds that the service makes where a request names none.
    pub default_duration: Option<u32>,
    /// The aspect ratios: words of [`AspectRatio`](crate::AspectRatio).
    pub ratios: Ratios,
    /// Whether it makes sound.
    pub audio: Option<bool>,
    /// The scene types that it takes: words of [`SceneType`](crate::SceneType).
    pub scenes: Words,
    /// The storage modes that it takes: words of [`StorageMode`](crate::StorageMode).
    pub storage: Words,
    /// The shots that `ExtInfo` may describe.
    pub shots: Option<Shots>,
    /// How a prompt refers to inputs.
    pub prompt_references: Option<PromptReferences>,
    /// Where the row comes from: names of `spec/sources.yaml`.
    pub source: &'static [&'static str],
}

impl Capabilities {
    /// A row of which only the names and the sources are stated.
    pub(crate) const fn of(name: &'static str, version: &'static str, source: &'static [&'static str]) -> Self {
        Self {
            name,
            version,
            wire_version: version,
            text_to_video: None,
            image_to_video: None,
            max_images: None,
            references_only: None,
            last_frame: None,
            resolutions: Resolutions::NOT_STATED,
            resolution_words: &[],
            size: Words::NOT_STATED,
            durations: None,
            default_duration: None,
            ratios: Ratios::NOT_STATED,
            audio: None,
            scenes: Words::NOT_STATED,
            storage: Words::NOT_STATED,
            shots: None,
            prompt_references: None,
            source,
        }
    }

    /// The word for `resolution` that goes out.
    pub fn resolution_word(self, resolution: Resolution) -> &'static str {
        let own = self.resolution_words.iter().find(|(it, _)| *it == resolution);
        own.map_or(resolution.as_str(), |(_, word)| word)
    }
}

/// The lengths that a model makes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durations {
    /// These.
    List(&'static [u32]),
    /// Any length from the shortest to the longest.
    Range {
        /// The shortest.
        from: u32,
        /// The longest.
        to: u32,
        /// Whether only whole seconds are taken.
        whole: bool,
    },
}

impl Durations {
    /// Whether a video of so many thousandths of a second may be asked for.
    pub(crate) const fn contains(self, milliseconds: u32) -> bool {
        match self {
            Self::List(list) => {
                let mut index = 0;
                while index < list.len() {
                    if list[index] * 1000 == milliseconds {
                        return true;
                    }
                    index += 1;
                }
                false
            }
            Self::Range { from, to, whole } => {
                from * 1000 <= milliseconds
                    && milliseconds <= to * 1000
                    && (!whole || milliseconds.is_multiple_of(1000))
            }
        }
    }
}

/// The aspect ratios of a model, by what the video is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ratios {
    /// From a prompt alone.
    pub text: Words,
    /// From references.
    pub reference: Words,
    /// From anything else; mostly the video takes the shape of its first frame then.
    pub otherwise: Words,
}

impl Ratios {
    /// The ratios of a model for which the table states none: it refuses none.
    pub const NOT_STATED: Self = Self::by(Words::NOT_STATED, Words::NOT_STATED);

    /// The same whatever the video is made from.
    pub(crate) const fn always(words: Words) -> Self {
        Self { text: words, reference: words, otherwise: words }
    }

    /// Stated only for text and for references.
    pub(crate) const fn by(text: Words, reference: Words) -> Self {
        Self { text, reference, otherwise: Words::NOT_STATED }
    }
}

/// The shots that a model takes in `ExtInfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shots {
    /// The most of them.
    pub most: u8,
    /// The most characters of the prompt of one.
    pub characters: u16,
}

/// How a prompt refers to the inputs of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptReferences {
    /// `<<<image_1>>>`, `<<<video_1>>>`, `<<<element_1>>>`, `<<<voice_1>>>`: by kind and place, counted from 1.
    Numbered,
    /// `[@name]` for a subject, `@id` for a file with an `ObjectId`.
    Bracketed,
    /// `@name` with a blank after it, for a file whose `Text` is the name.
    Spaced,
}

/// What a scene type works from beside a prompt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SceneInputs {
    /// The word of the scene type.
    pub(crate) scene: &'static str,
    /// The files, by the words of their category.
    pub(crate) files: &'static [&'static str],
    /// Keys in the parameters of `ExtInfo` of which exactly one is needed.
    pub(crate) one_of: &'static [&'static str],
    /// Keys in the parameters of `ExtInfo` that are needed.
    pub(crate) all_of: &'static [&'static str],
}

/// A set of words in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words(Option<&'static [&'static str]>);

impl Words {
    /// The set of a cell that the table does not state: it refuses none.
    pub const NOT_STATED: Self = Self(None);

    /// The set of these.
    pub(crate) const fn of(words: &'static [&'static str]) -> Self {
        Self(Some(words))
    }

    /// Whether `word` may be asked for.
    pub const fn contains(self, word: &str) -> bool {
        let Some(words) = self.0 else {
            return true;
        };
        let mut index = 0;
        while index < words.len() {
            if same(words[index], word) {
                return true;
            }
            index += 1;
        }
        false
    }

    /// The words, or `None` where the table does not state them.
    pub const fn stated(self) -> Option<&'static [&'static str]> {
        self.0
    }
}

/// `==`, which texts do not have in a constant.
const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
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
    /// Only with at most so many images, the first frame among them.
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
    fn words_are_compared_whole() {
        let words = Words::of(&["16:9", "1:1"]);
        assert!(words.contains("1:1") && !words.contains("1:10") && !words.contains("1:2") && !words.contains(""));
        assert!(Words::NOT_STATED.contains("anything") && !Words::of(&[]).contains(""));
    }

    #[test]
    fn lengths_are_exact_to_the_thousandth() {
        let list = Durations::List(&[4, 8]);
        assert!(list.contains(4_000) && !list.contains(4_001) && !list.contains(6_000));
        let range = |whole| Durations::Range { from: 4, to: 15, whole };
        assert!(range(false).contains(4_000) && range(false).contains(15_000) && range(false).contains(4_500));
        assert!(!range(false).contains(3_999) && !range(false).contains(15_001));
        assert!(range(true).contains(5_000) && !range(true).contains(4_500));
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
