//! What tasks make.

use std::time::Duration;

use crate::files::File;
use crate::media::Size;

/// What a task makes, settled when it is accepted.
pub(crate) enum Product {
    Film {
        size: Size,
        length: Duration,
    },
    Pictures {
        size: Size,
        count: u64,
    },
    Sound {
        length: Duration,
    },
    /// A body in three dimensions.
    Body,
    /// An element or a subject with its id.
    Thing {
        id: String,
    },
    Voice {
        id: String,
    },
    /// A voice under an id of the caller's choice, with the length of its sample.
    Clone {
        voice_id: String,
        length: Duration,
    },
    /// Faces, and the id by which lip sync names the look at them.
    Faces {
        id: String,
    },
    /// A file that would be fetched by its address.
    Fetched,
}

/// Of the picture of a face, of the preview of a body, and of the sample of a voice.
pub(crate) const FACE: File = File::Picture(Size { width: 256, height: 256 });
const PREVIEW: File = File::Picture(Size { width: 512, height: 512 });
const SAMPLE: File = File::Sound(Duration::from_secs(5));

impl Product {
    /// Size and length of a video.
    pub(crate) fn film(&self) -> Option<(Size, Duration)> {
        match self {
            Self::Film { size, length } => Some((*size, *length)),
            _ => None,
        }
    }

    /// The id by which later requests name it.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Thing { id } | Self::Voice { id } | Self::Faces { id } => Some(id),
            _ => None,
        }
    }

    /// How much it is in the unit that its kind is counted in: seconds, pictures, or pieces.
    pub(crate) fn amount(&self) -> u64 {
        match self {
            Self::Film { length, .. } | Self::Sound { length } | Self::Clone { length, .. } => {
                length.as_secs_f64().ceil() as u64
            }
            Self::Pictures { count, .. } => *count,
            Self::Body | Self::Thing { .. } | Self::Voice { .. } | Self::Faces { .. } | Self::Fetched => 1,
        }
    }

    /// Its files by the last part of their addresses, the results first.
    pub(crate) fn files(&self) -> Vec<(String, File)> {
        let named = |files: &[(&str, File)]| files.iter().map(|(name, file)| ((*name).to_owned(), *file)).collect();
        match *self {
            Self::Film { size, length } => {
                named(&[("video.mp4", File::Film(size, length)), ("cover.jpg", File::Picture(size))])
            }
            Self::Pictures { size, count } => {
                (1..=count).map(|number| (format!("image-{number}.jpg"), File::Picture(size))).collect()
            }
            Self::Sound { length } => named(&[("audio.wav", File::Sound(length))]),
            Self::Body => named(&[("model.glb", File::Body), ("preview.jpg", PREVIEW)]),
            Self::Voice { .. } => named(&[("sample.wav", SAMPLE)]),
            Self::Clone { length, .. } => named(&[("sample.wav", File::Sound(length))]),
            Self::Faces { .. } => named(&[("face.jpg", FACE)]),
            Self::Thing { .. } | Self::Fetched => Vec::new(),
        }
    }
}
