//! `spec/models.yaml` as Rust enums with their capability rows, and as the table of the README.

use crate::codegen::doc;
use crate::spec::{
    DurationRange, Durations, Family, LastFrame, LastFrameAt, LastFrameMaxImages, LastFrameWord, Models,
    PromptReferences, Ratios, RatiosBy, References, Row, SceneInputs, Shots,
};

const HEADER: [&str; 13] = [
    "Model",
    "In Rust",
    "Text to video",
    "Image to video",
    "Images",
    "Last frame",
    "Resolutions",
    "Seconds",
    "Aspect ratios",
    "Sound",
    "Scene types",
    "Besides",
    "Source",
];

/// What a cell says that the table does not state.
const NOT_STATED: &str = "–";

/// The whole of `generated/models.rs` below its first line.
pub(crate) fn rust(models: &Models) -> String {
    let mut text = String::from(
        "//! The models: every family and version of the capability table.\n\n\
         use crate::capabilities::{\n    \
             Capabilities, Durations, LastFrame, PromptReferences, Ratios, Resolutions, SceneInputs, Shots, Words,\n\
         };\n\
         use crate::model::OtherModel;\n\n",
    );
    text += &resolution(models);
    for (name, family) in &models.families {
        text += &family_enum(models, name, family);
    }
    text += &scene_inputs(models);
    text += &model(models);
    text
}

/// The table of all rows in Markdown.
pub(crate) fn markdown(models: &Models) -> String {
    table(models.families.iter())
}

fn table<'a>(families: impl Iterator<Item = (&'a String, &'a Family)>) -> String {
    let mut text = format!("| {} |\n|{}\n", HEADER.join(" | "), "---|".repeat(HEADER.len()));
    for (name, family) in families {
        for (version, row) in &family.versions {
            let cells = [
                format!("{name} {version}"),
                format!("`{name}::{}`", row.variant(version)),
                said(row.text_to_video).to_owned(),
                said(row.image_to_video).to_owned(),
                row.max_images.map_or(NOT_STATED.to_owned(), |most| most.to_string()),
                last_frame_words(row),
                row.resolutions.as_ref().map_or(NOT_STATED.to_owned(), |list| list.join(", ")),
                durations_words(row),
                ratios_words(row),
                said(row.audio).to_owned(),
                match row.scene_words() {
                    None => NOT_STATED.to_owned(),
                    Some([]) => "none".to_owned(),
                    Some(words) => words.join(", "),
                },
                besides(row),
                row.source.join(", "),
            ];
            text += &format!("| {} |\n", cells.join(" | "));
        }
    }
    text
}

fn said(cell: Option<bool>) -> &'static str {
    match cell {
        Some(true) => "yes",
        Some(false) => "no",
        None => NOT_STATED,
    }
}

fn last_frame_words(row: &Row) -> String {
    match &row.last_frame {
        None => NOT_STATED.to_owned(),
        Some(LastFrame::Word(LastFrameWord::None)) => "no".to_owned(),
        Some(LastFrame::Word(LastFrameWord::Any)) => "yes".to_owned(),
        Some(LastFrame::At(LastFrameAt { at })) => format!("at {} only", at.join(", ")),
        Some(LastFrame::MaxImages(LastFrameMaxImages { max_images: 1 })) => "with one image only".to_owned(),
        Some(LastFrame::MaxImages(LastFrameMaxImages { max_images })) => {
            format!("with at most {max_images} images")
        }
    }
}

fn durations_words(row: &Row) -> String {
    let lengths = match &row.durations {
        None => return NOT_STATED.to_owned(),
        Some(Durations::List(list)) => list.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        Some(Durations::Range(DurationRange { from, to, whole })) => {
            format!("{from} to {to}{}", if *whole { ", whole" } else { "" })
        }
    };
    match (&row.durations, row.default_duration) {
        (Some(Durations::List(list)), _) if list.len() == 1 => lengths,
        (_, Some(default)) => format!("{lengths} ({default})"),
        _ => lengths,
    }
}

fn ratios_words(row: &Row) -> String {
    match &row.ratios {
        None => NOT_STATED.to_owned(),
        Some(Ratios::Always(words)) => words.join(", "),
        Some(Ratios::By(RatiosBy { text, reference })) if text == reference => {
            format!("from text and references {}", text.iter().flatten().cloned().collect::<Vec<_>>().join(", "))
        }
        Some(Ratios::By(RatiosBy { text, reference })) => {
            let said = [("text", text), ("references", reference)];
            let said =
                said.iter().filter_map(|(from, words)| Some(format!("from {from} {}", words.as_ref()?.join(", "))));
            said.collect::<Vec<_>>().join("; ")
        }
    }
}

/// The cells that few rows have.
fn besides(row: &Row) -> String {
    let said = [
        row.references.as_ref().map(|References::Required| "references only".to_owned()),
        row.size.as_ref().map(|size| format!("size in ExtInfo as `{}`", size.ext_info.join("`, `"))),
        row.storage.as_ref().map(|words| format!("stored as {} only", words.join(" or "))),
        row.wire.as_ref().map(|wire| format!("goes out as {wire}")),
        row.shots.as_ref().map(|shots| format!("up to {} shots", shots.most)),
        row.prompt_references.map(|cell| {
            let written = match cell {
                PromptReferences::Numbered => "`<<<image_1>>>`",
                PromptReferences::Bracketed => "`[@name]`",
                PromptReferences::Spaced => "`@name `",
            };
            format!("refers by {written}")
        }),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn resolution(models: &Models) -> String {
    let mut text = String::from(
        "/// A size of video, by the short side of the picture.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]\n\
         #[non_exhaustive]\n\
         pub enum Resolution {\n",
    );
    for (name, resolution) in &models.resolutions {
        text += &format!("    /// `{name}`: {} pixels on the short side.\n", resolution.short_side);
        text += &format!("    {},\n", resolution_name(name));
    }
    let variants: Vec<_> = models.resolutions.keys().map(|name| format!("Self::{}", resolution_name(name))).collect();
    text += &format!(
        "}}\n\n\
         #[rustfmt::skip]\n\
         impl Resolution {{\n    \
             /// Every size, from the smallest.\n    \
             pub const ALL: &'static [Self] = &[{}];\n    \
             /// What the service renders where a request names none.\n    \
             pub const DEFAULT: Self = Self::{};\n\n",
        variants.join(", "),
        resolution_name(&models.default_resolution.value)
    );
    text += "    /// The word on the wire.\n    pub const fn as_str(self) -> &'static str {\n        match self {\n";
    for name in models.resolutions.keys() {
        text += &format!("            Self::{} => \"{name}\",\n", resolution_name(name));
    }
    text += "        }\n    }\n\n    /// The shorter side of the picture in pixels.\n    pub const fn short_side(self) -> u16 {\n        match self {\n";
    for (name, resolution) in &models.resolutions {
        text += &format!("            Self::{} => {},\n", resolution_name(name), resolution.short_side);
    }
    text + "        }\n    }\n}\n\n"
}

/// `P1080` for `1080P`, `P2K` for `2K`.
fn resolution_name(name: &str) -> String {
    format!("P{}", name.trim_end_matches(['P', 'p']).to_uppercase())
}

fn family_enum(models: &Models, name: &str, family: &Family) -> String {
    let mut text = doc("", &format!("{}.\n\n{}", family.title, table([(&name.to_owned(), family)].into_iter())));
    text += "#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\n#[non_exhaustive]\n";
    text += &format!("pub enum {name} {{\n");
    for (version, row) in &family.versions {
        text += &format!("    /// {name} `{version}`.\n    {},\n", row.variant(version));
    }
    let variants: Vec<_> =
        family.versions.iter().map(|(version, row)| format!("Self::{}", row.variant(version))).collect();
    text += &format!(
        "}}\n\n\
         #[rustfmt::skip]\n\
         impl {name} {{\n    \
             /// Every version, in the order of the table.\n    \
             pub const ALL: &'static [Self] = &[{}];\n\n    \
             /// The row of the capability table.\n    \
             pub const fn capabilities(self) -> Capabilities {{\n        \
                 match self {{\n",
        variants.join(", ")
    );
    for (version, row) in &family.versions {
        text += &arm(models, name, version, row);
    }
    text += "        }\n    }\n\n    /// The version as the table has it.\n    pub const fn version(self) -> &'static str {\n        self.capabilities().version\n    }\n}\n\n";
    text + &format!(
        "impl From<{name}> for Model {{\n    fn from(version: {name}) -> Self {{\n        Self::{name}(version)\n    }}\n}}\n\n"
    )
}

/// The match arm of one row: its names, then the cells that it states.
fn arm(models: &Models, name: &str, version: &str, row: &Row) -> String {
    let made_from = [
        row.text_to_video.map(|cell| format!("text_to_video: Some({cell})")),
        row.image_to_video.map(|cell| format!("image_to_video: Some({cell})")),
        row.max_images.map(|cell| format!("max_images: Some({cell})")),
        row.references.as_ref().map(|References::Required| "references_only: Some(true)".to_owned()),
        row.last_frame.as_ref().map(|cell| format!("last_frame: Some({})", last_frame_expression(models, cell))),
    ];
    let size = [
        row.resolutions.as_ref().map(|names| format!("resolutions: {}", resolutions(models, names))),
        row.resolutions.as_ref().and_then(|names| Some(format!("resolution_words: {}", own_words(models, names)?))),
        row.size.as_ref().map(|size| format!("size: {}", words(&size.ext_info))),
    ];
    let length = [
        row.durations.as_ref().map(|cell| format!("durations: Some({})", durations_expression(cell))),
        row.default_duration.map(|cell| format!("default_duration: Some({cell})")),
    ];
    let rest = [
        row.ratios.as_ref().map(|cell| format!("ratios: {}", ratios_expression(cell))),
        row.audio.map(|cell| format!("audio: Some({cell})")),
    ];
    let names = [
        row.scene_words().map(|cell| format!("scenes: {}", words(cell))),
        row.storage.as_ref().map(|cell| format!("storage: {}", words(cell))),
        row.shots.as_ref().map(|Shots { most, characters }| {
            format!("shots: Some(Shots {{ most: {most}, characters: {characters} }})")
        }),
        row.prompt_references.map(|cell| format!("prompt_references: Some(PromptReferences::{cell:?})")),
        row.wire.as_ref().map(|wire| format!("wire_version: \"{wire}\"")),
    ];
    let lines: [&[Option<String>]; 5] = [&made_from, &size, &length, &rest, &names];
    let lines: String = lines
        .iter()
        .map(|cells| cells.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", "))
        .filter(|line| !line.is_empty())
        .map(|line| format!("                {line},\n"))
        .collect();
    let names = format!("Capabilities::of(\"{name}\", \"{version}\", &{:?})", row.source);
    let variant = row.variant(version);
    if lines.is_empty() {
        return format!("            Self::{variant} => {names},\n");
    }
    format!("            Self::{variant} => Capabilities {{\n{lines}                ..{names}\n            }},\n")
}

fn scene_inputs(models: &Models) -> String {
    let mut text = String::from(
        "/// What the scene types work from beside a prompt.\n\
         #[rustfmt::skip]\n\
         pub(crate) const SCENE_INPUTS: &[SceneInputs] = &[\n",
    );
    for (scene, SceneInputs { files, one_of, all_of, .. }) in &models.scene_types {
        text += &format!(
            "    SceneInputs {{ scene: \"{scene}\", files: &{files:?}, one_of: &{one_of:?}, all_of: &{all_of:?} }},\n"
        );
    }
    text + "];\n\n"
}

fn resolutions(models: &Models, names: &[String]) -> String {
    let names = names.iter().filter_map(|name| models.resolution(name));
    let names: Vec<_> = names.map(|name| format!("Resolution::{}", resolution_name(name))).collect();
    format!("Resolutions::of(&[{}])", names.join(", "))
}

/// The resolutions that the row spells in its own way.
fn own_words(models: &Models, names: &[String]) -> Option<String> {
    let own: Vec<_> = names
        .iter()
        .filter_map(|name| Some((name, models.resolution(name).filter(|it| it != name)?)))
        .map(|(name, resolution)| format!("(Resolution::{}, \"{name}\")", resolution_name(resolution)))
        .collect();
    (!own.is_empty()).then(|| format!("&[{}]", own.join(", ")))
}

fn words(words: &[String]) -> String {
    format!("Words::of(&{words:?})")
}

fn durations_expression(cell: &Durations) -> String {
    match cell {
        Durations::List(list) => format!("Durations::List(&{list:?})"),
        Durations::Range(DurationRange { from, to, whole }) => {
            format!("Durations::Range {{ from: {from}, to: {to}, whole: {whole} }}")
        }
    }
}

fn ratios_expression(cell: &Ratios) -> String {
    let stated = |list: &Option<Vec<String>>| list.as_deref().map_or("Words::NOT_STATED".to_owned(), words);
    match cell {
        Ratios::Always(list) => format!("Ratios::always({})", words(list)),
        Ratios::By(RatiosBy { text, reference }) => format!("Ratios::by({}, {})", stated(text), stated(reference)),
    }
}

fn last_frame_expression(models: &Models, cell: &LastFrame) -> String {
    match cell {
        LastFrame::Word(LastFrameWord::None) => "LastFrame::No".to_owned(),
        LastFrame::Word(LastFrameWord::Any) => "LastFrame::Yes".to_owned(),
        LastFrame::At(LastFrameAt { at }) => format!("LastFrame::At({})", resolutions(models, at)),
        LastFrame::MaxImages(LastFrameMaxImages { max_images }) => format!("LastFrame::WithImages({max_images})"),
    }
}

fn model(models: &Models) -> String {
    let mut text = String::from(
        "/// A family and a version: one that the capability table knows, or any other.\n\
         #[derive(Debug, Clone, PartialEq, Eq, Hash)]\n\
         #[non_exhaustive]\n\
         pub enum Model {\n",
    );
    for (name, family) in &models.families {
        text += &format!("    /// {}.\n    {name}({name}),\n", family.title);
    }
    text += "    /// A model that this release does not know; its requests are not checked against the table.\n    Other(OtherModel),\n}\n\n";
    text += "#[rustfmt::skip]\nimpl Model {\n    /// Every model of the capability table.\n    pub const ALL: &'static [Self] = &[\n";
    for (name, family) in &models.families {
        for (version, row) in &family.versions {
            text += &format!("        Self::{name}({name}::{}),\n", row.variant(version));
        }
    }
    text += "    ];\n\n    /// The row of the capability table, or `None` for a model that it does not know.\n    pub const fn capabilities(&self) -> Option<Capabilities> {\n        match self {\n";
    for name in models.families.keys() {
        text += &format!("            Self::{name}(version) => Some(version.capabilities()),\n");
    }
    text + "            Self::Other(_) => None,\n        }\n    }\n}\n"
}
