//! `spec/models.yaml` as Rust enums with their capability rows, and as the table of the README.

use crate::codegen::doc;
use crate::spec::{Family, LastFrame, LastFrameAt, LastFrameMaxImages, LastFrameWord, Models, Row};

const HEADER: [&str; 8] =
    ["Model", "In Rust", "Text to video", "Image to video", "Images", "Last frame", "Resolutions", "Source"];

/// The whole of `generated/models.rs` below its first line.
pub(crate) fn rust(models: &Models) -> String {
    let mut text = String::from(
        "//! The models: every family and version of the capability table.\n\n\
         use crate::capabilities::{Capabilities, LastFrame, Resolutions};\n\
         use crate::model::OtherModel;\n\n",
    );
    text += &resolution(models);
    for (name, family) in &models.families {
        text += &family_enum(name, family);
    }
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
                row.max_images.map_or("not stated".to_owned(), |most| most.to_string()),
                last_frame_words(row),
                row.resolutions.as_ref().map_or("not stated".to_owned(), |list| list.join(", ")),
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
        None => "not stated",
    }
}

fn last_frame_words(row: &Row) -> String {
    match &row.last_frame {
        None => "not stated".to_owned(),
        Some(LastFrame::Word(LastFrameWord::None)) => "no".to_owned(),
        Some(LastFrame::Word(LastFrameWord::Any)) => "yes".to_owned(),
        Some(LastFrame::At(LastFrameAt { at })) => format!("at {} only", at.join(", ")),
        Some(LastFrame::MaxImages(LastFrameMaxImages { max_images: 1 })) => "with one image only".to_owned(),
        Some(LastFrame::MaxImages(LastFrameMaxImages { max_images })) => {
            format!("with at most {max_images} images")
        }
    }
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

fn family_enum(name: &str, family: &Family) -> String {
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
    text += &rows(name, family);
    text += "        }\n    }\n\n    /// The version as the vendor writes it.\n    pub const fn version(self) -> &'static str {\n        self.capabilities().version\n    }\n}\n\n";
    text + &format!(
        "impl From<{name}> for Model {{\n    fn from(version: {name}) -> Self {{\n        Self::{name}(version)\n    }}\n}}\n\n"
    )
}

/// The match arms, aligned so that they read as the table.
fn rows(name: &str, family: &Family) -> String {
    const ARROW: &str = " => Capabilities::row(";
    let header =
        ["family", "version", "text", "image", "images", "last frame", "resolutions", "source"].map(str::to_owned);
    let rows: Vec<_> = family
        .versions
        .iter()
        .map(|(version, row)| {
            let cells = [
                format!("\"{name}\""),
                format!("\"{version}\""),
                format!("{:?}", row.text_to_video),
                format!("{:?}", row.image_to_video),
                format!("{:?}", row.max_images),
                last_frame_expression(row),
                row.resolutions.as_deref().map_or("Resolutions::NOT_STATED".to_owned(), resolutions),
                format!("&{:?}", row.source),
            ];
            (format!("Self::{}", row.variant(version)), cells)
        })
        .collect();
    let arm = rows.iter().map(|(arm, _)| arm.len()).max().unwrap_or_default();
    let widths: Vec<_> = (0..header.len())
        .map(|column| rows.iter().map(|(_, cells)| cells[column].len()).chain([header[column].len()]).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |cells: &[String], separator: &str| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            line += &format!("{:width$}", format!("{cell}{separator}"), width = width + separator.len() + 1);
        }
        line.trim_end().trim_end_matches(separator).to_owned()
    };
    let mut text = format!("            // {:width$}{}\n", "", line(&header, " "), width = arm + ARROW.len() - 3);
    for (variant, cells) in &rows {
        text += &format!("            {variant:arm$}{ARROW}{}),\n", line(cells, ","));
    }
    text
}

fn resolutions(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("Resolution::{}", resolution_name(name))).collect();
    format!("Resolutions::of(&[{}])", names.join(", "))
}

fn last_frame_expression(row: &Row) -> String {
    match &row.last_frame {
        None => "None".to_owned(),
        Some(LastFrame::Word(LastFrameWord::None)) => "Some(LastFrame::No)".to_owned(),
        Some(LastFrame::Word(LastFrameWord::Any)) => "Some(LastFrame::Yes)".to_owned(),
        Some(LastFrame::At(LastFrameAt { at })) => {
            format!("Some(LastFrame::At({}))", resolutions(at))
        }
        Some(LastFrame::MaxImages(LastFrameMaxImages { max_images })) => {
            format!("Some(LastFrame::WithImages({max_images}))")
        }
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
