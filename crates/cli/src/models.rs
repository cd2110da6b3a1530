//! `vod-aigc models`: the capability table.

use serde::Serialize;
use vod_aigc_client::core::{Capabilities, LastFrame, Model, Resolution, Resolutions};

use crate::failure::Failure;
use crate::{print, print_json};

/// One row as scripts get it. A cell that the table does not state is null.
#[derive(Serialize)]
struct Row {
    model: String,
    name: &'static str,
    version: &'static str,
    text_to_video: Option<bool>,
    image_to_video: Option<bool>,
    max_images: Option<u8>,
    /// Whether it ever takes a last frame.
    last_frame: Option<bool>,
    /// The resolutions at which it does, where not all.
    last_frame_resolutions: Option<Vec<&'static str>>,
    /// The most images with which it does, where not all.
    last_frame_max_images: Option<u8>,
    resolutions: Option<Vec<&'static str>>,
    source: &'static [&'static str],
}

impl Row {
    fn of(model: &Model, row: Capabilities) -> Self {
        let words = |set: Resolutions| set.iter().map(Resolution::as_str).collect();
        Self {
            model: model.to_string(),
            name: row.name,
            version: row.version,
            text_to_video: row.text_to_video,
            image_to_video: row.image_to_video,
            max_images: row.max_images,
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
            source: row.source,
        }
    }

    /// The cells as people read them.
    fn cells(&self) -> [String; 6] {
        let said = |cell: Option<bool>| cell.map_or("?", |cell| if cell { "yes" } else { "no" }).to_owned();
        let last_frame = match (&self.last_frame_resolutions, self.last_frame_max_images) {
            (Some(resolutions), _) => format!("at {}", resolutions.join(", ")),
            (_, Some(1)) => "with one image".to_owned(),
            (_, Some(most)) => format!("with {most} images"),
            _ => said(self.last_frame),
        };
        [
            self.model.clone(),
            said(self.text_to_video),
            said(self.image_to_video),
            self.max_images.map_or("?".to_owned(), |most| most.to_string()),
            last_frame,
            self.resolutions.as_ref().map_or("?".to_owned(), |list| list.join(", ")),
        ]
    }
}

pub(crate) fn run(json: bool) -> Result<(), Failure> {
    let rows: Vec<_> = Model::ALL.iter().filter_map(|model| Some(Row::of(model, model.capabilities()?))).collect();
    if json {
        return print_json(&rows);
    }
    let header = ["MODEL", "TEXT", "IMAGE", "IMAGES", "LAST FRAME", "RESOLUTIONS"].map(str::to_owned);
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
