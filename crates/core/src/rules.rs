//! The one rule engine: it judges the shape of a request against a row of the capability table, in a constant when
//! [`video!`](crate::video) asks and at run time when anyone else does, and says the same sentence both times.

use std::fmt;

use crate::capabilities::{Capabilities, LastFrame, Resolutions};
use crate::generated::Resolution;

/// A request without its texts and files: what the rules judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shape {
    /// Whether it has a prompt.
    pub prompt: bool,
    /// How many images it has, the first frame and references among them, the last frame not.
    pub images: usize,
    /// Whether it has anything else to work from: a video, a sound, a subject, a scene type or `ExtInfo`.
    pub other_input: bool,
    /// Whether it has a last frame.
    pub last_frame: bool,
    /// The resolution that it asks for.
    pub resolution: Asked,
}

/// The resolution that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// None: the service chooses.
    Nothing,
    /// One that the table may name.
    Resolution(Resolution),
    /// A word that no row of the table names.
    Unknown,
}

impl Shape {
    /// A request with nothing in it.
    pub const EMPTY: Self =
        Self { prompt: false, images: 0, other_input: false, last_frame: false, resolution: Asked::Nothing };

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

    /// With something else to work from.
    #[doc(hidden)]
    pub const fn with_other_input(self) -> Self {
        Self { other_input: true, ..self }
    }

    /// With a last frame.
    #[doc(hidden)]
    pub const fn with_last_frame(self) -> Self {
        Self { last_frame: true, ..self }
    }

    /// With a resolution.
    #[doc(hidden)]
    pub const fn with_resolution(self, resolution: Resolution) -> Self {
        Self { resolution: Asked::Resolution(resolution), ..self }
    }

    /// Judges the request against a row of the table. This is the only place where the rules on models stand.
    pub const fn check(self, row: Capabilities) -> Violations {
        let mut violations = Violations { row, rules: [None; Violations::MOST] };

        if !self.prompt && self.images == 0 && !self.other_input {
            violations = violations.with(Rule::NeedsPrompt);
        }
        match row.max_images {
            Some(0) if self.images > 0 => violations = violations.with(Rule::TakesNoImage),
            Some(most) if self.images > most as usize => {
                violations = violations.with(Rule::TooManyImages { most, images: self.images });
            }
            _ => {}
        }
        if matches!(row.text_to_video, Some(false)) && self.images == 0 && !self.other_input {
            violations = violations.with(Rule::NeedsImage);
        }
        if let Some(rule) = self.check_last_frame(row.last_frame) {
            violations = violations.with(rule);
        }
        let offered = match self.resolution {
            Asked::Nothing => true,
            Asked::Resolution(resolution) => row.resolutions.contains(resolution),
            Asked::Unknown => !row.resolutions.is_stated(),
        };
        if !offered {
            violations = violations.with(Rule::Resolution { asked: self.resolution });
        }
        violations
    }

    const fn check_last_frame(self, cell: Option<LastFrame>) -> Option<Rule> {
        if !self.last_frame {
            return None;
        }
        match cell {
            Some(LastFrame::No) => return Some(Rule::TakesNoLastFrame),
            // Without a resolution the service renders its default, which is not one of these.
            Some(LastFrame::At(resolutions)) => match self.resolution {
                Asked::Resolution(asked) if resolutions.contains(asked) => {}
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
    row: Capabilities,
    rules: [Option<Rule>; Violations::MOST],
}

impl Violations {
    /// There are five checks, and each names one rule at the most.
    const MOST: usize = 5;

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
            Some(rule) => Some(Violation { row: self.row, rule }),
            None => None,
        }
    }

    /// Every broken rule.
    pub fn iter(self) -> impl Iterator<Item = Violation> {
        self.rules.into_iter().flatten().map(move |rule| Violation { row: self.row, rule })
    }
}

/// One rule that a request breaks, and the model whose rule it is. Displays as one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The row of the table.
    pub row: Capabilities,
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
    /// The model takes a last frame with so many images at the most.
    LastFrameWithImages(u8),
    /// A last frame needs a first image.
    LastFrameNeedsImage,
    /// The model does not offer the resolution.
    Resolution {
        /// What the request asks for.
        asked: Asked,
    },
}

impl Violation {
    /// The sentence, made without allocation so that it can be made in a constant.
    #[doc(hidden)]
    pub const fn sentence(&self) -> Sentence {
        let model = Sentence::EMPTY.text(self.row.name).text(" ").text(self.row.version);
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
                model.text(" takes a last frame only at ").list(resolutions).text("; set that resolution")
            }
            Rule::LastFrameWithImages(1) => model.text(" takes a last frame with one image only"),
            Rule::LastFrameWithImages(most) => {
                model.text(" takes a last frame with at most ").number(most as usize).text(" images")
            }
            Rule::LastFrameNeedsImage => model.text(": a last frame needs a first image"),
            Rule::Resolution { asked } => {
                let asked = match asked {
                    Asked::Resolution(resolution) => resolution.as_str(),
                    Asked::Nothing | Asked::Unknown => "that resolution",
                };
                model.text(" does not output ").text(asked).text("; choose ").list(self.row.resolutions)
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
    const fn list(mut self, resolutions: Resolutions) -> Self {
        let mut left = 0;
        let mut index = 0;
        while index < Resolution::ALL.len() {
            if resolutions.contains(Resolution::ALL[index]) {
                left += 1;
            }
            index += 1;
        }
        let mut first = true;
        index = 0;
        while index < Resolution::ALL.len() {
            let resolution = Resolution::ALL[index];
            index += 1;
            if !resolutions.contains(resolution) {
                continue;
            }
            self = match (first, left) {
                (true, _) => self,
                (false, 1) => self.text(" or "),
                (false, _) => self.text(", "),
            };
            self = self.text(resolution.as_str());
            first = false;
            left -= 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GV, Hailuo, Kling, Model, OS, Vidu};

    const TEXT: Shape = Shape { prompt: true, ..Shape::EMPTY };
    const IMAGE: Shape = Shape { images: 1, ..TEXT };
    const FRAMES: Shape = Shape { last_frame: true, ..IMAGE };

    const fn at(shape: Shape, resolution: Resolution) -> Shape {
        Shape { resolution: Asked::Resolution(resolution), ..shape }
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
        check(Shape { other_input: true, ..Shape::EMPTY }, kling, &[]);
    }

    #[test]
    fn every_broken_rule_is_named_not_only_the_first() {
        let shape = Shape { images: 2, last_frame: true, resolution: Asked::Resolution(Resolution::P4K), ..TEXT };
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
        let row = Capabilities::row("New", "1", None, None, None, None, Resolutions::NOT_STATED, &[]);
        for shape in [TEXT, FRAMES, at(TEXT, Resolution::P4K), Shape { images: 99, resolution: Asked::Unknown, ..TEXT }]
        {
            check(shape, row, &[]);
        }
        check(Shape { images: 0, ..FRAMES }, row, &["New 1: a last frame needs a first image"]);
    }

    #[test]
    fn every_sentence_of_every_model_fits() {
        let shapes =
            [Shape { images: usize::MAX, last_frame: true, resolution: Asked::Unknown, ..TEXT }, Shape::EMPTY, FRAMES];
        for row in Model::ALL.iter().filter_map(Model::capabilities) {
            for violation in shapes.iter().flat_map(|shape| shape.check(row).iter()) {
                let sentence = violation.to_string();
                assert!(sentence.starts_with(row.name) && sentence.len() < Sentence::MOST, "{sentence}");
            }
        }
    }
}
