//! `vod-aigc models`: the capability table.

use serde::Serialize;
use vod_aigc_client::core::{Capabilities, Durations, LastFrame, Model, PromptReferences, Resolutions};

use crate::failure::Failure;
use crate::{print, print_json};

/// One row as scripts get it. A cell that the table does not state is null.
#[derive(Serialize)]
struct Row {
    model: String,
    name: &'static str,
    version: &'static str,
    /// The version as it goes out.
    wire_version: &'static str,
    text_to_video: Option<bool>,
    image_to_video: Option<bool>,
    max_images: Option<u8>,
    references_only: Option<bool>,
    /// Whether it ever takes a last frame.
    last_frame: Option<bool>,
    /// The resolutions at which it does, where not all.
    last_frame_resolutions: Option<Vec<&'static str>>,
    /// The most images with which it does, where not all.
    last_frame_max_images: Option<u8>,
    /// As they go out.
    resolutions: Option<Vec<&'static str>>,
    /// The keys of `ExtInfo` that hold the size, where it takes no resolution.
    size_in_ext_info: Option<&'static [&'static str]>,
    /// The lengths in seconds, where they are single ones.
    durations: Option<&'static [u32]>,
    /// The lengths in seconds, where they are a range.
    duration_range: Option<DurationRange>,
    default_duration: Option<u32>,
    ratios_from_text: Option<&'static [&'static str]>,
    ratios_from_references: Option<&'static [&'static str]>,
    /// From anything else, as a first frame.
    ratios_otherwise: Option<&'static [&'static str]>,
    audio: Option<bool>,
    scene_types: Option<&'static [&'static str]>,
    storage_modes: Option<&'static [&'static str]>,
    /// The most shots that `ExtInfo` may describe.
    max_shots: Option<u8>,
    /// How a prompt refers to inputs, by an example.
    prompt_reference: Option<&'static str>,
    source: &'static [&'static str],
}

#[derive(Serialize)]
struct DurationRange {
    from: u32,
    to: u32,
    /// Whether only whole seconds are taken.
    whole: bool,
}

impl Row {
    fn of(model: &Model, row: Capabilities) -> Self {
        let words = |set: Resolutions| set.iter().map(|it| row.resolution_word(it)).collect();
        Self {
            model: model.to_string(),
            name: row.name,
            version: row.version,
            wire_version: row.wire_version,
            text_to_video: row.text_to_video,
            image_to_video: row.image_to_video,
            max_images: row.max_images,
            references_only: row.references_only,
            last_frame: row.last_frame.map(|cell| cell != LastFrame::No),
            last_frame_resolutions: match row.last_frame {
                Some(LastFrame::At(resolutions)) => Some(words(resolutions)),
                _ => None,
            },
            last_frame_max_images: match row.last_frame {
                Some(LastFrame::WithImages(most)) => Some(most),
                _ => None,
            },
            resolutions: row.resolutions.is_stated().then(|| words(row.resolutions)),
            size_in_ext_info: row.size.stated(),
            durations: match row.durations {
                Some(Durations::List(list)) => Some(list),
                _ => None,
            },
            duration_range: match row.durations {
                Some(Durations::Range { from, to, whole }) => Some(DurationRange { from, to, whole }),
                _ => None,
            },
            default_duration: row.default_duration,
            ratios_from_text: row.ratios.text.stated(),
            ratios_from_references: row.ratios.reference.stated(),
            ratios_otherwise: row.ratios.otherwise.stated(),
            audio: row.audio,
            scene_types: row.scenes.stated(),
            storage_modes: row.storage.stated(),
            max_shots: row.shots.map(|shots| shots.most),
            prompt_reference: row.prompt_references.and_then(|form| match form {
                PromptReferences::Numbered => Some("<<<image_1>>>"),
                PromptReferences::Bracketed => Some("[@name]"),
                PromptReferences::Spaced => Some("@name "),
                _ => None,
            }),
            source: row.source,
        }
    }

    /// The cells as people read them.
    fn cells(&self) -> [String; 8] {
        let said = |cell: Option<bool>| cell.map_or("?", |cell| if cell { "yes" } else { "no" }).to_owned();
        let last_frame = match (&self.last_frame_resolutions, self.last_frame_max_images) {
            (Some(resolutions), _) => format!("at {}", resolutions.join(", ")),
            (_, Some(1)) => "with one image".to_owned(),
            (_, Some(most)) => format!("with {most} images"),
            _ => said(self.last_frame),
        };
        let text = if self.references_only == Some(true) { "references".to_owned() } else { said(self.text_to_video) };
        let size = self.size_in_ext_info.map(|_| "in ExtInfo".to_owned());
        let seconds = match (self.durations, &self.duration_range) {
            (Some(list), _) => list.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
            (_, Some(range)) => format!("{} to {}", range.from, range.to),
            _ => "?".to_owned(),
        };
        [
            self.model.clone(),
            text,
            said(self.image_to_video),
            self.max_images.map_or("?".to_owned(), |most| most.to_string()),
            last_frame,
            size.or(self.resolutions.as_ref().map(|list| list.join(", "))).unwrap_or("?".to_owned()),
            seconds,
            said(self.audio),
        ]
    }
}

pub(crate) fn run(json: bool) -> Result<(), Failure> {
    let rows: Vec<_> = Model::ALL.iter().filter_map(|model| Some(Row::of(model, model.capabilities()?))).collect();
    if json {
        return print_json(&rows);
    }
    let header =
        ["MODEL", "TEXT", "IMAGE", "IMAGES", "LAST FRAME", "RESOLUTIONS", "SECONDS", "SOUND"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(header).chain(rows.iter().map(Row::cells)).collect();
    for line in &lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
            text += &format!("{cell:width$}  ");
        }
        print(text.trim_end())?;
    }
    Ok(())
}
