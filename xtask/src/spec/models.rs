//! `spec/models.yaml` as types: the rows of the capability table, and what no row may say.

use anyhow::{Result, ensure};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// The capability table.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Models {
    /// What a row may name in `resolutions`.
    pub(crate) resolutions: IndexMap<String, Resolution>,
    /// What the service renders where a request names none.
    pub(crate) default_resolution: DefaultResolution,
    /// What a scene type works from beside a prompt, by the word of `SceneType`.
    #[serde(default)]
    pub(crate) scene_types: IndexMap<String, SceneInputs>,
    /// The model families by their name on the wire.
    pub(crate) families: IndexMap<String, Family>,
}

/// One size of video.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    /// The shorter side in pixels.
    pub(crate) short_side: u16,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// The resolution of a request that names none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultResolution {
    /// One of `resolutions`.
    pub(crate) value: String,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// One model family.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Family {
    /// The name that people know it by.
    pub(crate) title: String,
    /// The cells of every row that does not fill them itself.
    pub(crate) every_version: Option<Row>,
    /// The rows by the vendor's version string, always quoted.
    pub(crate) versions: IndexMap<String, Row>,
}

/// What one version can do. A cell that is left out is not checked.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The version on the wire, where that is not the row's key.
    pub(crate) wire: Option<String>,
    /// Whether it has the cells of `every_version` too; true where it is left out.
    pub(crate) inherits: Option<bool>,
    /// Whether it makes video from a prompt alone.
    pub(crate) text_to_video: Option<bool>,
    /// Whether it makes video from an image.
    pub(crate) image_to_video: Option<bool>,
    /// The most images that it takes.
    pub(crate) max_images: Option<u8>,
    /// Whether and when it takes a last frame.
    pub(crate) last_frame: Option<LastFrame>,
    /// The resolutions that may be asked for, in the spelling that goes out.
    pub(crate) resolutions: Option<Vec<String>>,
    /// Where the size goes, for a version that takes no resolution.
    pub(crate) size: Option<Size>,
    /// The lengths in seconds.
    pub(crate) durations: Option<Durations>,
    /// The length in seconds that the service makes where a request names none.
    pub(crate) default_duration: Option<u32>,
    /// The aspect ratios: words of `AspectRatio`.
    pub(crate) ratios: Option<Ratios>,
    /// Whether it makes sound.
    pub(crate) audio: Option<bool>,
    /// The scene types that it takes: words of `SceneType`.
    pub(crate) scenes: Option<Scenes>,
    /// Whether it works from references only.
    pub(crate) references: Option<References>,
    /// The storage modes that it takes: words of `StorageMode`.
    pub(crate) storage: Option<Vec<String>>,
    /// The shots that `ExtInfo` may describe.
    pub(crate) shots: Option<Shots>,
    /// How a prompt refers to inputs.
    pub(crate) prompt_references: Option<PromptReferences>,
    /// Where the row comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
    /// The Rust name, where the one made from the version will not do.
    pub(crate) variant: Option<String>,
}

/// Whether and when a version takes a last frame.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum LastFrame {
    /// Never, or always.
    Word(LastFrameWord),
    /// Only at these resolutions.
    At(LastFrameAt),
    /// Only with at most so many images.
    MaxImages(LastFrameMaxImages),
}

/// A last frame without conditions.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LastFrameWord {
    /// It takes none.
    None,
    /// It takes one with any other setting.
    Any,
}

/// A last frame at some resolutions only.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastFrameAt {
    /// The resolutions.
    pub(crate) at: Vec<String>,
}

/// A last frame with few images only.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastFrameMaxImages {
    /// The most images, the first frame among them.
    pub(crate) max_images: u8,
}

/// Where the size of a version goes that takes no resolution.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Size {
    /// The keys in `ExtInfo`.
    pub(crate) ext_info: Vec<String>,
}

/// The lengths that a version makes, in seconds.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Durations {
    /// These.
    List(Vec<u32>),
    /// Any within a range.
    Range(DurationRange),
}

/// A range of lengths, both ends included.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DurationRange {
    /// The shortest.
    pub(crate) from: u32,
    /// The longest.
    pub(crate) to: u32,
    /// Whether only whole seconds are taken.
    #[serde(default)]
    pub(crate) whole: bool,
}

/// The aspect ratios of a version.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Ratios {
    /// Whatever the video is made from.
    Always(Vec<String>),
    /// By what it is made from.
    By(RatiosBy),
}

/// The aspect ratios by what the video is made from.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatiosBy {
    /// From a prompt alone.
    pub(crate) text: Option<Vec<String>>,
    /// From references.
    pub(crate) reference: Option<Vec<String>>,
}

/// The scene types of a version.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Scenes {
    /// Not any.
    Word(ScenesWord),
    /// These.
    List(Vec<String>),
}

/// No scene type.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScenesWord {
    /// It takes none.
    None,
}

/// Whether a version works from references only.
#[derive(Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum References {
    /// It needs one, and every file must be one.
    Required,
}

/// The shots that `ExtInfo` may describe.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shots {
    /// The most of them.
    pub(crate) most: u8,
    /// The most characters of the prompt of one.
    pub(crate) characters: u16,
}

/// How a prompt refers to inputs.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromptReferences {
    /// `<<<image_1>>>`.
    Numbered,
    /// `[@name]` and `@id`.
    Bracketed,
    /// `@name` and a blank.
    Spaced,
}

/// What a scene type works from beside a prompt.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SceneInputs {
    /// The files: words of `FileCategory`.
    #[serde(default)]
    pub(crate) files: Vec<String>,
    /// Keys in the parameters of `ExtInfo` of which exactly one is needed.
    #[serde(default)]
    pub(crate) one_of: Vec<String>,
    /// Keys in the parameters of `ExtInfo` that are needed.
    #[serde(default)]
    pub(crate) all_of: Vec<String>,
    /// Where the fact comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

impl Models {
    /// Gives every row the cells of its family that it leaves out, and their sources.
    pub(super) fn inherit(&mut self) {
        for family in self.families.values_mut() {
            let Some(every) = &family.every_version else {
                continue;
            };
            for row in family.versions.values_mut().filter(|row| row.inherits != Some(false)) {
                row.inherit(every);
            }
        }
    }

    /// The resolution of this name in any case, as the top of the file spells it.
    pub(crate) fn resolution(&self, name: &str) -> Option<&str> {
        self.resolutions.keys().map(String::as_str).find(|it| it.eq_ignore_ascii_case(name))
    }
}

impl Row {
    /// Fills the empty cells from `every`.
    pub(super) fn inherit(&mut self, every: &Self) {
        fn fill<T: Clone>(cell: &mut Option<T>, every: &Option<T>) {
            if cell.is_none() {
                cell.clone_from(every);
            }
        }
        fill(&mut self.text_to_video, &every.text_to_video);
        fill(&mut self.image_to_video, &every.image_to_video);
        fill(&mut self.max_images, &every.max_images);
        fill(&mut self.last_frame, &every.last_frame);
        fill(&mut self.resolutions, &every.resolutions);
        fill(&mut self.size, &every.size);
        fill(&mut self.durations, &every.durations);
        fill(&mut self.default_duration, &every.default_duration);
        fill(&mut self.ratios, &every.ratios);
        fill(&mut self.audio, &every.audio);
        fill(&mut self.scenes, &every.scenes);
        fill(&mut self.references, &every.references);
        fill(&mut self.storage, &every.storage);
        fill(&mut self.shots, &every.shots);
        fill(&mut self.prompt_references, &every.prompt_references);
        // A row without a source of its own stays without one, and is refused for it.
        if !self.source.is_empty() {
            let new: Vec<_> = every.source.iter().filter(|name| !self.source.contains(name)).cloned().collect();
            self.source.extend(new);
        }
    }

    /// The words of the row by the shapes that they are of.
    pub(super) fn words(&self) -> [(&'static str, Vec<&String>); 3] {
        [
            ("AspectRatio", self.ratio_words()),
            ("SceneType", self.scene_words().into_iter().flatten().collect()),
            ("StorageMode", self.storage.iter().flatten().collect()),
        ]
    }

    /// Every aspect ratio of the row.
    pub(super) fn ratio_words(&self) -> Vec<&String> {
        match &self.ratios {
            None => Vec::new(),
            Some(Ratios::Always(words)) => words.iter().collect(),
            Some(Ratios::By(RatiosBy { text, reference })) => text.iter().chain(reference).flatten().collect(),
        }
    }

    /// The scene types, none of them where the row takes none.
    pub(crate) fn scene_words(&self) -> Option<&[String]> {
        match self.scenes.as_ref()? {
            Scenes::Word(ScenesWord::None) => Some(&[]),
            Scenes::List(words) => Some(words),
        }
    }

    /// The name of the version in Rust: `V2_1` for `2.1`, `Q2Turbo` for `q2-turbo`.
    pub(crate) fn variant(&self, version: &str) -> String {
        self.variant.clone().unwrap_or_else(|| variant_name(version))
    }

    pub(super) fn judge(&self) -> Result<()> {
        if let (Some(image_to_video), Some(max_images)) = (self.image_to_video, self.max_images) {
            ensure!(
                image_to_video == (max_images > 0),
                "image_to_video is {image_to_video} but max_images is {max_images}"
            );
        }
        ensure!(
            self.text_to_video != Some(false) || self.image_to_video != Some(false),
            "a model must make video from something"
        );
        ensure!(self.resolutions.is_none() || self.size.is_none(), "a model with a `size` takes no `resolutions`");
        ensure!(self.size.as_ref().is_none_or(|size| !size.ext_info.is_empty()), "`size` names no key of ExtInfo");
        ensure!(
            self.references.is_none() || self.text_to_video != Some(true),
            "a model that needs references makes no video from text alone"
        );
        self.judge_durations()?;
        let Some(last_frame) = &self.last_frame else {
            return Ok(());
        };
        ensure!(
            matches!(last_frame, LastFrame::Word(LastFrameWord::None)) || self.image_to_video != Some(false),
            "a last frame needs image_to_video"
        );
        if let (LastFrame::At(LastFrameAt { at }), Some(resolutions)) = (last_frame, &self.resolutions) {
            for name in at {
                let among = resolutions.iter().any(|it| it.eq_ignore_ascii_case(name));
                ensure!(among, "the last frame's {name} is not one of the row's resolutions");
            }
        }
        if let (LastFrame::MaxImages(LastFrameMaxImages { max_images }), Some(most)) = (last_frame, self.max_images) {
            ensure!(*max_images > 0 && *max_images <= most, "the last frame's max_images is not within 1 and {most}");
        }
        Ok(())
    }

    pub(super) fn judge_durations(&self) -> Result<()> {
        let takes = |seconds: u32| match &self.durations {
            None => true,
            Some(Durations::List(list)) => list.contains(&seconds),
            Some(Durations::Range(DurationRange { from, to, .. })) => (*from..=*to).contains(&seconds),
        };
        match &self.durations {
            Some(Durations::List(list)) => {
                ensure!(
                    !list.is_empty() && list.is_sorted_by(|one, next| one < next),
                    "`durations` must rise, from one length at least"
                );
            }
            Some(Durations::Range(DurationRange { from, to, .. })) => {
                ensure!(from < to, "`durations` from {from} to {to} is no range");
            }
            None => {}
        }
        if let Some(default) = self.default_duration {
            ensure!(takes(default), "the default_duration {default} is not one of the durations");
        }
        Ok(())
    }
}

/// A vendor's version string as a Rust name: words in capitals, words with digits in upper case, a leading digit behind
/// a `V`, a point between digits as `_`.
pub(super) fn variant_name(version: &str) -> String {
    let mut name = String::new();
    for word in version.split(['-', '_', ' ']) {
        // `3.0pro` is a number and a word, `3d` and `i2v` are one word each.
        let number = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let (number, rest) = match &word[..number] {
            dotted if dotted.contains('.') => word.split_at(number),
            _ => ("", word),
        };
        for part in [number, rest].into_iter().filter(|part| !part.is_empty()) {
            let part = part.replace('.', "_");
            if part.starts_with(|c: char| c.is_ascii_digit()) {
                name.push_str(if name.is_empty() { "V" } else { "_" });
            }
            if part.contains(|c: char| c.is_ascii_digit()) {
                name.push_str(&part.to_uppercase());
            } else {
                let mut letters = part.chars();
                name.extend(letters.next().map(|c| c.to_ascii_uppercase()));
                name.push_str(&letters.as_str().to_lowercase());
            }
        }
    }
    name
}
