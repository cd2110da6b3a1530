//! The one rule engine: it checks the shape of a request against a row of the capability table. It runs in a constant
//! for [`video!`](crate::video) and at run time for all other callers, and says the same sentence both times.

use std::fmt;

use crate::capabilities::{Capabilities, Durations, LastFrame, Resolutions, Words};
use crate::generated::{AspectRatio, Resolution, SceneType, StorageMode};

/// A request without its texts and files: what the rules check.
///
/// A word that this release does not know is `None` here: the limits on its member name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the shape is judged by `check` or `assert`"]
#[non_exhaustive]
pub struct Shape {
    /// Whether it has a prompt.
    pub prompt: bool,
    /// How many images it has, the first frame and references among them, the last frame not.
    pub images: usize,
    /// How many videos and sounds it has.
    pub media: usize,
    /// How many of its images, videos and sounds are references.
    pub references: usize,
    /// How many subjects it has.
    pub subjects: usize,
    /// Whether it has `ExtInfo`.
    pub ext_info: bool,
    /// Whether it has a last frame.
    pub last_frame: bool,
    /// The resolution that it asks for.
    pub resolution: Asked<Resolution>,
    /// The length that it asks for, in thousandths of a second.
    pub duration: Asked<u32>,
    /// The aspect ratio that it asks for.
    pub aspect_ratio: Option<&'static str>,
    /// Whether it asks for sound.
    pub audio: bool,
    /// The scene type that it names.
    pub scene_type: Asked<&'static str>,
    /// The storage mode that it asks for.
    pub storage_mode: Option<&'static str>,
}

/// What a request asks for of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum Asked<T> {
    /// Nothing: the service chooses.
    Nothing,
    /// Something that the table may name.
    Known(T),
    /// Something that no row of the table names.
    Unknown,
}

impl Shape {
    /// A request with nothing in it.
    pub const EMPTY: Self = Self {
        prompt: false,
        images: 0,
        media: 0,
        references: 0,
        subjects: 0,
        ext_info: false,
        last_frame: false,
        resolution: Asked::Nothing,
        duration: Asked::Nothing,
        aspect_ratio: None,
        audio: false,
        scene_type: Asked::Nothing,
        storage_mode: None,
    };

    /// With a prompt.
    #[doc(hidden)]
    pub const fn with_prompt(self) -> Self {
        Self { prompt: true, ..self }
    }

    /// With one image more.
    #[doc(hidden)]
    pub const fn with_image(self) -> Self {
        Self { images: self.images + 1, ..self }
    }

    /// With one image more, which is a reference.
    #[doc(hidden)]
    pub const fn with_reference(self) -> Self {
        Self { references: self.references + 1, ..self.with_image() }
    }

    /// With one video or sound more, which is a reference.
    #[doc(hidden)]
    pub const fn with_media(self) -> Self {
        Self { media: self.media + 1, references: self.references + 1, ..self }
    }

    /// With one subject more.
    #[doc(hidden)]
    pub const fn with_subject(self) -> Self {
        Self { subjects: self.subjects + 1, ..self }
    }

    /// With `ExtInfo`.
    #[doc(hidden)]
    pub const fn with_ext_info(self) -> Self {
        Self { ext_info: true, ..self }
    }

    /// With a last frame.
    #[doc(hidden)]
    pub const fn with_last_frame(self) -> Self {
        Self { last_frame: true, ..self }
    }

    /// With a resolution.
    #[doc(hidden)]
    pub const fn with_resolution(self, resolution: Resolution) -> Self {
        Self { resolution: Asked::Known(resolution), ..self }
    }

    /// With a length in seconds. Lengths finer than 1 ms never match a table entry.
    #[doc(hidden)]
    pub const fn with_duration(self, seconds: f64) -> Self {
        let milliseconds = (seconds * 1000.0 + 0.5) as u32;
        let exact = milliseconds as f64 / 1000.0 == seconds;
        Self { duration: if exact { Asked::Known(milliseconds) } else { Asked::Unknown }, ..self }
    }

    /// With an aspect ratio.
    #[doc(hidden)]
    pub const fn with_aspect_ratio(self, ratio: &AspectRatio) -> Self {
        Self { aspect_ratio: ratio.known(), ..self }
    }

    /// With sound or without.
    #[doc(hidden)]
    pub const fn with_audio(self, on: bool) -> Self {
        Self { audio: on, ..self }
    }

    /// With a scene type.
    #[doc(hidden)]
    pub const fn with_scene_type(self, scene: &SceneType) -> Self {
        let scene_type = match scene.known() {
            Some(word) => Asked::Known(word),
            None => Asked::Unknown,
        };
        Self { scene_type, ..self }
    }

    /// With a storage mode.
    #[doc(hidden)]
    pub const fn with_storage_mode(self, mode: &StorageMode) -> Self {
        Self { storage_mode: mode.known(), ..self }
    }

    /// Checks the request against a row of the table. This is the only place where the rules on models are defined.
    pub const fn check(self, row: Capabilities) -> Violations {
        let mut violations = Violations { name: row.name, version: row.version, rules: [None; Violations::MOST] };

        if !self.prompt && self.images == 0 && !self.has_other_input() {
            violations = violations.with(Rule::NeedsPrompt);
        }
        match row.max_images {
            Some(0) if self.images > 0 => violations = violations.with(Rule::TakesNoImage),
            Some(most) if self.images > most as usize => {
                violations = violations.with(Rule::TooManyImages { most, images: self.images });
            }
            _ => {}
        }
        if matches!(row.references_only, Some(true)) {
            if self.images + self.media + self.subjects == 0 {
                violations = violations.with(Rule::NeedsReference);
            } else if self.images + self.media > self.references {
                violations = violations.with(Rule::ReferencesOnly);
            }
        } else if matches!(row.text_to_video, Some(false)) && self.images == 0 && !self.has_other_input() {
            violations = violations.with(Rule::NeedsImage);
        }
        if let Some(rule) = self.check_last_frame(row.last_frame) {
            violations = violations.with(rule);
        }
        let offered = match self.resolution {
            Asked::Nothing => true,
            Asked::Known(resolution) => row.resolutions.contains(resolution),
            Asked::Unknown => !row.resolutions.is_stated(),
        };
        if !offered {
            violations = violations.with(Rule::Resolution { asked: self.resolution, offered: row.resolutions });
        }
        if let Some(keys) = row.size.stated()
            && !matches!(self.resolution, Asked::Nothing)
        {
            violations = violations.with(Rule::SizeInExtInfo(keys));
        }
        if let Some(offered) = row.durations {
            let makes = match self.duration {
                Asked::Nothing => true,
                Asked::Known(milliseconds) => offered.contains(milliseconds),
                Asked::Unknown => false,
            };
            if !makes {
                violations = violations.with(Rule::Duration { asked: self.duration, offered });
            }
        }
        let (from, ratios) = self.ratios_of(row);
        if let (Some(asked), Some(offered)) = (self.aspect_ratio, ratios.stated())
            && !ratios.contains(asked)
        {
            violations = violations.with(Rule::AspectRatio { asked, offered, from });
        }
        if self.audio && matches!(row.audio, Some(false)) {
            violations = violations.with(Rule::MakesNoSound);
        }
        if let (Asked::Known(asked), Some(offered)) = (self.scene_type, row.scenes.stated())
            && !row.scenes.contains(asked)
        {
            violations = violations.with(Rule::Scene { asked, offered });
        }
        if let (Some(asked), Some(offered)) = (self.storage_mode, row.storage.stated())
            && !row.storage.contains(asked)
        {
            violations = violations.with(Rule::Storage { asked, offered });
        }
        violations
    }

    /// Whether it has anything to work from beside a prompt and images.
    const fn has_other_input(self) -> bool {
        self.media > 0 || self.subjects > 0 || self.has_scene() || self.ext_info
    }

    const fn has_scene(self) -> bool {
        !matches!(self.scene_type, Asked::Nothing)
    }

    /// The aspect ratios that hold for what the video is made from, and the words for that.
    const fn ratios_of(self, row: Capabilities) -> (&'static str, Words) {
        let ratios = row.ratios;
        if self.images + self.media + self.subjects == 0 && !self.last_frame && !self.has_scene() {
            (if ratios.otherwise.stated().is_some() { "" } else { " from text" }, ratios.text)
        } else if self.references > 0 {
            (if ratios.otherwise.stated().is_some() { "" } else { " from references" }, ratios.reference)
        } else {
            ("", ratios.otherwise)
        }
    }

    const fn check_last_frame(self, cell: Option<LastFrame>) -> Option<Rule> {
        if !self.last_frame {
            return None;
        }
        match cell {
            Some(LastFrame::No) => return Some(Rule::TakesNoLastFrame),
            // Without a resolution the service renders its default, which is not one of these.
            Some(LastFrame::At(resolutions)) => match self.resolution {
                Asked::Known(asked) if resolutions.contains(asked) => {}
                _ => return Some(Rule::LastFrameAt(resolutions)),
            },
            Some(LastFrame::WithImages(most)) if self.images > most as usize => {
                return Some(Rule::LastFrameWithImages(most));
            }
            _ => {}
        }
        // Every model needs it, also one whose row does not speak of last frames.
        if self.images == 0 { Some(Rule::LastFrameNeedsImage) } else { None }
    }

    /// The check of [`video!`](crate::video): stops the compiler with the sentence of the first broken rule.
    #[doc(hidden)]
    #[track_caller]
    pub const fn assert(self, row: Capabilities) {
        if let Some(violation) = self.check(row).first() {
            panic!("{}", violation.sentence().as_str());
        }
    }
}

/// The rules that a request breaks, in the order of [`Shape::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violations {
    name: &'static str,
    version: &'static str,
    rules: [Option<Rule>; Violations::MOST],
}

impl Violations {
    /// There are eleven checks, and each names at most one rule.
    const MOST: usize = 11;

    const fn with(mut self, rule: Rule) -> Self {
        let mut index = 0;
        while index < Self::MOST {
            if self.rules[index].is_none() {
                self.rules[index] = Some(rule);
                break;
            }
            index += 1;
        }
        self
    }

    /// The first broken rule, or `None` where the request keeps to the table.
    pub const fn first(self) -> Option<Violation> {
        match self.rules[0] {
            Some(rule) => Some(Violation { name: self.name, version: self.version, rule }),
            None => None,
        }
    }

    /// Every broken rule.
    pub fn iter(self) -> impl Iterator<Item = Violation> {
        self.rules.into_iter().flatten().map(move |rule| Violation { name: self.name, version: self.version, rule })
    }
}

/// One rule that a request breaks, and the model whose rule it is. Displays as one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The family of the model.
    pub name: &'static str,
    /// The version of the model.
    pub version: &'static str,
    /// The rule.
    pub rule: Rule,
}

/// A rule on what a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// There must be a prompt where there is nothing else to work from.
    NeedsPrompt,
    /// The model makes video from text only.
    TakesNoImage,
    /// The model takes fewer images.
    TooManyImages {
        /// The most that it takes.
        most: u8,
        /// How many the request has.
        images: usize,
    },
    /// The model makes video from an image only.
    NeedsImage,
    /// The model takes no last frame.
    TakesNoLastFrame,
    /// The model takes a last frame at these resolutions only.
    LastFrameAt(Resolutions),
    /// The model takes a last frame with at most so many images.
    LastFrameWithImages(u8),
    /// A last frame needs a first image.
    LastFrameNeedsImage,
    /// The model works from references only, and the request has no reference.
    NeedsReference,
    /// The model works from references only, and a file is not a reference.
    ReferencesOnly,
    /// The model does not offer the resolution.
    Resolution {
        /// What the request asks for.
        asked: Asked<Resolution>,
        /// What the model offers.
        offered: Resolutions,
    },
    /// The model takes no resolution: these keys of `ExtInfo` hold the size.
    SizeInExtInfo(&'static [&'static str]),
    /// The model does not make the length.
    Duration {
        /// What the request asks for, in thousandths of a second.
        asked: Asked<u32>,
        /// What the model makes.
        offered: Durations,
    },
    /// The model does not make the aspect ratio of what the video is made from.
    AspectRatio {
        /// What the request asks for.
        asked: &'static str,
        /// What the model makes.
        offered: &'static [&'static str],
        /// For which input that holds, as the sentence says it; empty where it holds for all.
        from: &'static str,
    },
    /// The model makes no sound.
    MakesNoSound,
    /// The model does not take the scene type.
    Scene {
        /// What the request asks for.
        asked: &'static str,
        /// What the model takes; empty where it takes none.
        offered: &'static [&'static str],
    },
    /// The model does not take the storage mode.
    Storage {
        /// What the request asks for.
        asked: &'static str,
        /// What the model takes.
        offered: &'static [&'static str],
    },
}

impl Violation {
    /// The sentence, made without allocation so that it can be made in a constant.
    #[doc(hidden)]
    pub const fn sentence(&self) -> Sentence {
        let model = Sentence::EMPTY.text(self.name).text(" ").text(self.version);
        match self.rule {
            Rule::NeedsPrompt => model.text(" needs a prompt when it has no image to start from"),
            Rule::TakesNoImage => model.text(" makes video from text only; it takes no image"),
            Rule::TooManyImages { most: 1, images } => model.text(" takes at most 1 image, not ").number(images),
            Rule::TooManyImages { most, images } => {
                model.text(" takes at most ").number(most as usize).text(" images, not ").number(images)
            }
            Rule::NeedsImage => model.text(" makes video from an image only; give it an image"),
            Rule::TakesNoLastFrame => model.text(" takes no last frame"),
            Rule::LastFrameAt(resolutions) => {
                model.text(" takes a last frame only at ").resolutions(resolutions).text("; set that resolution")
            }
            Rule::LastFrameWithImages(1) => model.text(" takes a last frame with one image only"),
            Rule::LastFrameWithImages(most) => {
                model.text(" takes a last frame with at most ").number(most as usize).text(" images")
            }
            Rule::LastFrameNeedsImage => model.text(": a last frame needs a first image"),
            Rule::NeedsReference => model.text(" works from references only; give it one"),
            Rule::ReferencesOnly => model.text(" works from references only; give every file as a reference"),
            Rule::Resolution { asked, offered } => {
                let asked = match asked {
                    Asked::Known(resolution) => resolution.as_str(),
                    Asked::Nothing | Asked::Unknown => "that resolution",
                };
                model.text(" does not output ").text(asked).text("; choose ").resolutions(offered)
            }
            Rule::SizeInExtInfo(keys) => {
                model.text(" takes its size in ExtInfo, as ").words(keys, " and ").text("; leave the resolution out")
            }
            Rule::Duration { asked, offered } => model.text(" makes ").durations(offered).text(", not ").seconds(asked),
            Rule::AspectRatio { asked, offered, from } => {
                model.text(" makes ").words(offered, " or ").text(from).text(", not ").text(asked)
            }
            Rule::MakesNoSound => model.text(" makes no sound; leave audio generation off"),
            Rule::Scene { offered: [], .. } => model.text(" takes no scene type"),
            Rule::Scene { asked, offered } => {
                model.text(" takes the scene type ").words(offered, " or ").text(", not ").text(asked)
            }
            Rule::Storage { asked, offered } => {
                model.text(" takes the storage mode ").words(offered, " or ").text(", not ").text(asked)
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence().as_str())
    }
}

/// A text of bounded length that can be built in a constant.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Sentence {
    bytes: [u8; Sentence::MOST],
    length: usize,
}

impl Sentence {
    const MOST: usize = 192;
    const EMPTY: Self = Self { bytes: [0; Self::MOST], length: 0 };

    /// The text so far.
    pub const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            // Only a text that was cut within a character comes here; the table's names are far shorter.
            Err(_) => "the request breaks a rule of its model",
        }
    }

    const fn text(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut index = 0;
        while index < bytes.len() && self.length < Self::MOST {
            self.bytes[self.length] = bytes[index];
            self.length += 1;
            index += 1;
        }
        self
    }

    const fn number(self, number: usize) -> Self {
        let sentence = if number >= 10 { self.number(number / 10) } else { self };
        const DIGITS: &str = "0123456789";
        let digit = number % 10;
        sentence.text(DIGITS.split_at(digit + 1).0.split_at(digit).1)
    }

    /// `720P, 1080P or 2K`.
    const fn resolutions(mut self, resolutions: Resolutions) -> Self {
        let mut left = 0;
        let mut index = 0;
        while index < Resolution::ALL.len() {
            if resolutions.contains(Resolution::ALL[index]) {
                left += 1;
            }
            index += 1;
        }
        let all = left;
        index = 0;
        while index < Resolution::ALL.len() {
            let resolution = Resolution::ALL[index];
            index += 1;
            if resolutions.contains(resolution) {
                self = self.between(all - left, all, " or ").text(resolution.as_str());
                left -= 1;
            }
        }
        self
    }

    /// `16:9, 9:16 or 1:1`.
    const fn words(mut self, words: &[&str], last: &str) -> Self {
        let mut index = 0;
        while index < words.len() {
            self = self.between(index, words.len(), last).text(words[index]);
            index += 1;
        }
        self
    }

    /// `4, 8 or 12 seconds`, `3 to 15 seconds`.
    const fn durations(mut self, durations: Durations) -> Self {
        match durations {
            Durations::List(list) => {
                let mut index = 0;
                while index < list.len() {
                    self = self.between(index, list.len(), " or ").number(list[index] as usize);
                    index += 1;
                }
                self.text(" seconds")
            }
            Durations::Range { from, to, whole } => {
                let range = self.number(from as usize).text(" to ").number(to as usize);
                range.text(if whole { " whole seconds" } else { " seconds" })
            }
        }
    }

    /// `20`, `4.5`.
    const fn seconds(self, asked: Asked<u32>) -> Self {
        let Asked::Known(milliseconds) = asked else {
            return self.text("that length");
        };
        let mut sentence = self.number((milliseconds / 1000) as usize);
        let mut rest = milliseconds % 1000;
        if rest > 0 {
            sentence = sentence.text(".");
        }
        while rest > 0 {
            sentence = sentence.number((rest / 100) as usize);
            rest = rest % 100 * 10;
        }
        sentence
    }

    /// What comes before item `index` of a series of `count`.
    const fn between(self, index: usize, count: usize, last: &str) -> Self {
        if index == 0 {
            self
        } else if index + 1 == count {
            self.text(last)
        } else {
            self.text(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GV, Hailuo, Hunyuan, Kling, Mingmou, Model, OS, PixVerse, Vidu};

    const TEXT: Shape = Shape { prompt: true, ..Shape::EMPTY };
    const IMAGE: Shape = Shape { images: 1, ..TEXT };
    const FRAMES: Shape = Shape { last_frame: true, ..IMAGE };

    const fn at(shape: Shape, resolution: Resolution) -> Shape {
        Shape { resolution: Asked::Known(resolution), ..shape }
    }

    fn check(shape: Shape, row: Capabilities, sentences: &[&str]) {
        let said: Vec<_> = shape.check(row).iter().map(|it| it.to_string()).collect();
        assert_eq!(said, sentences, "{shape:?}");
    }

    #[test]
    fn each_rule_has_its_sentence_and_its_neighbour_passes() {
        let kling = Kling::V2_1.capabilities();
        check(at(TEXT, Resolution::P4K), kling, &["Kling 2.1 does not output 4K; choose 720P, 1080P or 2K"]);
        check(at(TEXT, Resolution::P2K), kling, &[]);
        check(
            Shape { resolution: Asked::Unknown, ..TEXT },
            kling,
            &["Kling 2.1 does not output that resolution; choose 720P, 1080P or 2K"],
        );

        check(
            at(FRAMES, Resolution::P720),
            kling,
            &["Kling 2.1 takes a last frame only at 1080P; set that resolution"],
        );
        check(FRAMES, kling, &["Kling 2.1 takes a last frame only at 1080P; set that resolution"]);
        check(at(FRAMES, Resolution::P1080), kling, &[]);

        check(FRAMES, Kling::V1_6.capabilities(), &["Kling 1.6 takes no last frame"]);
        check(FRAMES, Vidu::Q2Pro.capabilities(), &[]);
        check(
            Shape { images: 0, ..FRAMES },
            Vidu::Q2Pro.capabilities(),
            &["Vidu q2-pro: a last frame needs a first image"],
        );

        let gv = GV::V3_1.capabilities();
        check(Shape { images: 2, ..FRAMES }, gv, &["GV 3.1 takes a last frame with one image only"]);
        check(FRAMES, gv, &[]);
        check(Shape { images: 4, ..TEXT }, gv, &["GV 3.1 takes at most 3 images, not 4"]);
        check(Shape { images: 3, ..TEXT }, gv, &[]);
        check(Shape { images: 12, ..TEXT }, kling, &["Kling 2.1 takes at most 1 image, not 12"]);

        check(
            TEXT,
            Hailuo::V2_3Fast.capabilities(),
            &["Hailuo 2.3-fast makes video from an image only; give it an image"],
        );
        check(IMAGE, Hailuo::V2_3Fast.capabilities(), &[]);
        check(IMAGE, OS::V2_0.capabilities(), &["OS 2.0 makes video from text only; it takes no image"]);
        check(TEXT, OS::V2_0.capabilities(), &[]);

        check(Shape::EMPTY, kling, &["Kling 2.1 needs a prompt when it has no image to start from"]);
        check(Shape { prompt: false, ..IMAGE }, kling, &[]);
        for other_input in [
            Shape { media: 1, ..Shape::EMPTY },
            Shape { subjects: 1, ..Shape::EMPTY },
            Shape { ext_info: true, ..Shape::EMPTY },
            Shape { scene_type: Asked::Unknown, ..Shape::EMPTY },
        ] {
            check(other_input, kling, &[]);
        }
    }

    #[test]
    fn each_newer_rule_has_its_sentence_and_its_neighbour_passes() {
        let (kling, os) = (Kling::V3_0.capabilities(), OS::V2_0.capabilities());
        check(TEXT.with_duration(20.0), kling, &["Kling 3.0 makes 3 to 15 seconds, not 20"]);
        check(TEXT.with_duration(2.999), kling, &["Kling 3.0 makes 3 to 15 seconds, not 2.999"]);
        check(TEXT.with_duration(f64::NAN), kling, &["Kling 3.0 makes 3 to 15 seconds, not that length"]);
        check(TEXT.with_duration(-4.0), kling, &["Kling 3.0 makes 3 to 15 seconds, not that length"]);
        check(TEXT.with_duration(3.5), kling, &[]);
        check(TEXT.with_duration(5.0), os, &["OS 2.0 makes 4, 8 or 12 seconds, not 5"]);
        check(TEXT.with_duration(12.0), os, &[]);
        let h3 = Hailuo::H3.capabilities();
        check(TEXT.with_duration(4.05), h3, &["Hailuo H3 makes 4 to 15 whole seconds, not 4.05"]);
        check(TEXT.with_duration(4.0), h3, &[]);

        let wide = |shape: Shape| shape.with_aspect_ratio(&AspectRatio::R21x9);
        check(wide(TEXT), kling, &["Kling 3.0 makes 16:9, 9:16 or 1:1 from text, not 21:9"]);
        check(wide(IMAGE), kling, &[]);
        check(wide(TEXT), h3, &[]);
        check(wide(IMAGE), GV::V3_1.capabilities(), &["GV 3.1 makes 16:9 or 9:16, not 21:9"]);
        let vidu = Vidu::Q2Pro.capabilities();
        let reference = TEXT.with_reference();
        check(wide(reference), vidu, &["Vidu q2-pro makes 16:9, 9:16 or 1:1 from references, not 21:9"]);
        check(wide(IMAGE), vidu, &[]);
        check(TEXT.with_aspect_ratio(&AspectRatio::from("7:3")), kling, &[]);

        let v5_6 = PixVerse::V5_6.capabilities();
        check(TEXT.with_audio(true), v5_6, &["PixVerse v5.6 makes no sound; leave audio generation off"]);
        check(TEXT.with_audio(false), v5_6, &[]);
        check(TEXT.with_audio(true), PixVerse::V6.capabilities(), &[]);

        let scene = TEXT.with_scene_type(&SceneType::TemplateEffect);
        check(
            scene,
            kling,
            &["Kling 3.0 takes the scene type motion_control, avatar_i2v or lip_sync, not template_effect"],
        );
        check(scene, GV::V3_1.capabilities(), &["GV 3.1 takes no scene type"]);
        check(scene, Vidu::Q2.capabilities(), &[]);

        let world = Hunyuan::V3d2_0.capabilities();
        let stored = |mode| TEXT.with_storage_mode(&mode);
        check(
            stored(StorageMode::Permanent),
            world,
            &["Hunyuan 3d_2.0 takes the storage mode Temporary, not Permanent"],
        );
        check(stored(StorageMode::Temporary), world, &[]);

        let size = at(TEXT, Resolution::P720);
        check(
            size,
            Mingmou::V1_0.capabilities(),
            &["Mingmou 1.0 takes its size in ExtInfo, as width and height; leave the resolution out"],
        );
        check(
            size,
            Hunyuan::V1_5.capabilities(),
            &["Hunyuan 1.5 takes its size in ExtInfo, as size; leave the resolution out"],
        );
        check(TEXT, Hunyuan::V1_5.capabilities(), &[]);

        let mix = Vidu::Q3Mix.capabilities();
        check(TEXT, mix, &["Vidu q3-mix works from references only; give it one"]);
        check(IMAGE.with_reference(), mix, &["Vidu q3-mix works from references only; give every file as a reference"]);
        check(reference, mix, &[]);
        check(TEXT.with_subject(), mix, &[]);
    }

    #[test]
    fn every_broken_rule_is_named_not_only_the_first() {
        let shape = Shape { images: 2, last_frame: true, resolution: Asked::Known(Resolution::P4K), ..TEXT };
        check(
            shape,
            OS::V2_0.capabilities(),
            &[
                "OS 2.0 makes video from text only; it takes no image",
                "OS 2.0 takes no last frame",
                "OS 2.0 does not output 4K; choose 720P or 1080P",
            ],
        );
    }

    #[test]
    fn a_cell_that_the_table_does_not_state_is_not_checked() {
        let row = Capabilities::of("New", "1", &[]);
        let anything = Shape {
            images: 99,
            resolution: Asked::Unknown,
            duration: Asked::Unknown,
            audio: true,
            aspect_ratio: Some("21:9"),
            scene_type: Asked::Known("lip_sync"),
            storage_mode: Some("Permanent"),
            ..TEXT
        };
        for shape in [TEXT, FRAMES, at(TEXT, Resolution::P4K), anything] {
            check(shape, row, &[]);
        }
        check(Shape { images: 0, ..FRAMES }, row, &["New 1: a last frame needs a first image"]);
    }

    #[test]
    fn every_sentence_of_every_model_fits() {
        let most = Shape {
            images: usize::MAX / 2,
            last_frame: true,
            resolution: Asked::Unknown,
            duration: Asked::Known(u32::MAX),
            audio: true,
            aspect_ratio: Some("21:9"),
            scene_type: Asked::Known("motion_control"),
            storage_mode: Some("Permanent"),
            ..TEXT
        };
        let wide = Shape { images: 0, last_frame: false, scene_type: Asked::Known("3d_scene"), ..most };
        let shapes = [most, wide, Shape { images: 0, ..most }, Shape::EMPTY, FRAMES];
        for row in Model::ALL.iter().filter_map(Model::capabilities) {
            for violation in shapes.iter().flat_map(|shape| shape.check(row).iter()) {
                let sentence = violation.to_string();
                assert!(sentence.starts_with(row.name) && sentence.len() < Sentence::MOST, "{sentence}");
            }
        }
    }
}
