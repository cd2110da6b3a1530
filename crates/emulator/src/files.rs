//! The files that were made, over HTTP.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use vod_aigc_signer::Received;

use crate::exchange::Reply;
use crate::media::{self, Size};

/// How long the address of a temporary file works after the task's end (official description).
pub(crate) const TEMPORARY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A file that can be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum File {
    Film(Size, Duration),
    Picture(Size),
    Sound(Duration),
    /// In three dimensions.
    Body,
}

impl File {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Film(..) => "video/mp4",
            Self::Picture(_) => "image/jpeg",
            Self::Sound(_) => "audio/wav",
            Self::Body => "model/gltf-binary",
        }
    }

    /// The service's word `FileType` for it.
    pub(crate) fn file_type(self) -> &'static str {
        match self {
            Self::Film(..) => "mp4",
            Self::Picture(_) => "jpeg",
            Self::Sound(_) => "wav",
            Self::Body => "GLB",
        }
    }

    /// It is made once as long as it is kept: all tasks, of any emulator, share it.
    pub(crate) fn bytes(self) -> Bytes {
        /// How many bytes are kept before all is made again.
        const MOST_KEPT: usize = 256 * 1024 * 1024;
        static MADE: LazyLock<Mutex<HashMap<File, Bytes>>> = LazyLock::new(Mutex::default);
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || match self {
            Self::Film(size, length) => media::video(size, length),
            Self::Picture(size) => media::cover(size),
            Self::Sound(length) => media::sound(length),
            Self::Body => media::body(),
        };
        if let Some(bytes) = made.get(&self) {
            return bytes.clone();
        }
        let bytes = Bytes::from(make());
        if made.values().map(Bytes::len).sum::<usize>() + bytes.len() > MOST_KEPT {
            made.clear();
        }
        made.insert(self, bytes.clone());
        bytes
    }
}

/// The reply to a GET of a file: all of it, the part that `Range` names, or 416. A list of several
/// ranges is answered with all of it, as HTTP allows.
pub(crate) fn reply(request: &Received<'_>, content_type: &str, file: Bytes) -> Reply {
    let length = file.len() as u64;
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());
    let header = |name: &str| {
        let found = request.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| str::from_utf8(value).ok())
    };
    let same_file = header("if-range").is_none_or(|expected| expected == etag);
    let range = header("range").filter(|_| same_file).map_or(Wanted::All, |value| wanted(value, length));

    let part = |status, body| Reply::new(status, content_type, body).with("accept-ranges", "bytes").with("etag", &etag);
    match range {
        Wanted::All => part(200, file),
        Wanted::Part { first, last } => part(206, file.slice(first as usize..=last as usize))
            .with("content-range", format!("bytes {first}-{last}/{length}")),
        Wanted::Nothing => part(416, Bytes::new()).with("content-range", format!("bytes */{length}")),
    }
}

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part { first: u64, last: u64 },
    Nothing,
}

fn wanted(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let (first, last) = match (first.parse().ok(), last.parse().ok()) {
        (Some(first), Some(last)) if first <= last => (first, last),
        (Some(first), None) if last.is_empty() => (first, u64::MAX),
        (None, Some(0)) if first.is_empty() => return Wanted::Nothing,
        (None, Some(count)) if first.is_empty() => (length.saturating_sub(count), u64::MAX),
        _ => return Wanted::All,
    };
    if first < length { Wanted::Part { first, last: last.min(length - 1) } } else { Wanted::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_names_the_bytes_that_are_sent() {
        let part = |first, last| Wanted::Part { first, last };
        for (range, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=2-4", part(2, 4)),
            ("bytes=8-99", part(8, 9)),
            ("bytes=3-", part(3, 9)),
            ("bytes=-4", part(6, 9)),
            ("bytes=-40", part(0, 9)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-2", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=-", Wanted::All),
            ("lines=1-2", Wanted::All),
        ] {
            assert_eq!(wanted(range, 10), expected, "{range}");
        }
    }
}
