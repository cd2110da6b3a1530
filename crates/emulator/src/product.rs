//! What tasks make.

use std::time::Duration;

use crate::files::File;
use crate::media::Size;

/// What a task makes, settled when it is accepted.
pub(crate) enum Product {
    Film { size: Size, length: Duration },
    Pictures { size: Size, count: u64 },
}

impl Product {
    /// Size and length of a video.
    pub(crate) fn film(&self) -> Option<(Size, Duration)> {
        match self {
            Self::Film { size, length } => Some((*size, *length)),
            _ => None,
        }
    }

    /// How much it is in the unit that its kind is counted in: seconds, pictures, or pieces.
    pub(crate) fn amount(&self) -> u64 {
        match self {
            Self::Film { length, .. } => length.as_secs_f64().ceil() as u64,
            Self::Pictures { count, .. } => *count,
        }
    }

    /// Its files by the last part of their addresses, the results first.
    pub(crate) fn files(&self) -> Vec<(String, File)> {
        match *self {
            Self::Film { size, length } => {
                vec![("video.mp4".to_owned(), File::Film(size, length)), ("cover.jpg".to_owned(), File::Picture(size))]
            }
            Self::Pictures { size, count } => {
                (1..=count).map(|number| (format!("image-{number}.jpg"), File::Picture(size))).collect()
            }
        }
    }
}
