//! The finished videos and covers, over HTTP.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, Response, StatusCode};

use crate::media::{self, Size};

/// How long the address of a temporary file works after the task's end (official description).
pub(crate) const TEMPORARY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The films made so far: all tasks of one size and length share one.
#[derive(Default)]
pub(crate) struct Files(Mutex<HashMap<(Size, Duration), Bytes>>);

impl Files {
    pub(crate) fn video(&self, size: Size, length: Duration) -> Bytes {
        let mut films = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        films.entry((size, length)).or_insert_with(|| media::video(size, length).into()).clone()
    }
}

/// The reply to a GET of `file`: all of it, the part that `Range` names, or 416. A list of several
/// ranges is answered with all of it, as HTTP allows.
pub(crate) fn reply(request: &HeaderMap, content_type: &'static str, file: Bytes) -> Response<Body> {
    let length = file.len() as u64;
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());
    let text = |name| request.get(name).and_then(|value| value.to_str().ok());
    let same_file = text(IF_RANGE).is_none_or(|expected| expected == etag);
    let range = text(RANGE).filter(|_| same_file).map_or(Wanted::All, |value| wanted(value, length));

    let reply =
        Response::builder().header(CONTENT_TYPE, content_type).header(ACCEPT_RANGES, "bytes").header(ETAG, etag);
    let reply = match range {
        Wanted::All => reply.header(CONTENT_LENGTH, length).body(file.into()),
        Wanted::Part { first, last } => reply
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_LENGTH, last - first + 1)
            .header(CONTENT_RANGE, format!("bytes {first}-{last}/{length}"))
            .body(file.slice(first as usize..=last as usize).into()),
        Wanted::Nothing => reply
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(CONTENT_RANGE, format!("bytes */{length}"))
            .body(Body::empty()),
    };
    reply.expect("every header above is a number or plain ASCII text")
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
