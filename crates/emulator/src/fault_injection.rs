//! What faults do to a reply, and how the malformed reply is delivered.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::exchange::{Exchange, Part, Reply};
use crate::fault::{Fault, Pace, StatusBody};

/// How every reply of the API begins, as the emulator writes it.
const OPENING: &[u8] = br#"{"Response":{"#;

/// What becomes of a request before it is read.
pub(crate) fn early(faults: &[Fault]) -> Option<Exchange> {
    faults.iter().find_map(|fault| match fault {
        Fault::Refused => Some(Exchange::NotConnected),
        Fault::ResetBefore | Fault::ResetInRequest => Some(Exchange::ResetBefore),
        _ => None,
    })
}

/// What the client gets of `reply`, to a request that came at `now`.
pub(crate) fn deliver(mut reply: Reply, faults: &[Fault], now: SystemTime) -> Exchange {
    reply = reply.with("date", httpdate::fmt_http_date(now));
    for fault in faults {
        reply = malformed(reply, fault, now);
    }
    let pace = faults.iter().fold(Pace::default(), paced);
    if pace.last.is_zero() {
        let length = reply.length();
        reply = reply.with("content-length", length);
    } else {
        reply.remove("content-length");
    }
    for fault in faults {
        match fault {
            Fault::Reset { .. } | Fault::DelayedAcceptance { .. } => return Exchange::LostAfter,
            Fault::Hang { .. } => return Exchange::Hang,
            Fault::Truncate { bytes, .. } => {
                reply.join();
                reply.body.truncate((*bytes).min(reply.body.len().saturating_sub(1)));
                return Exchange::Truncated(reply);
            }
            _ => {}
        }
    }
    if pace == Pace::default() { Exchange::Reply(reply) } else { Exchange::Slow(reply, pace) }
}

fn paced(mut pace: Pace, fault: &Fault) -> Pace {
    match fault {
        Fault::SlowFirstByte { milliseconds } => pace.first = Duration::from_millis(*milliseconds),
        Fault::SlowDrip { bytes, milliseconds } => {
            pace.piece = Some((*bytes).max(1));
            pace.between = Duration::from_millis(*milliseconds);
        }
        Fault::SlowClose { milliseconds } => pace.last = Duration::from_millis(*milliseconds),
        _ => {}
    }
    pace
}

fn malformed(mut reply: Reply, fault: &Fault, now: SystemTime) -> Reply {
    match fault {
        Fault::Status { status, body, retry_after, .. } => {
            reply = bare(*status, *body).with("date", reply.header("date").unwrap_or_default());
            if let Some(seconds) = retry_after {
                reply = reply.with("retry-after", seconds);
            }
        }
        Fault::Error { code, .. } => {
            let error = json!({ "Code": code, "Message": "the emulator was asked to answer with this error" });
            edit(&mut reply, |response| {
                response.retain(|name, _| name == "RequestId");
                response.insert("Error".to_owned(), error);
            });
        }
        Fault::ContentType(content_type) => reply = reply.with("content-type", content_type),
        Fault::Gzip => reply = compressed(reply, gzip),
        Fault::BadGzip => reply = compressed(reply, bad_gzip),
        Fault::Huge { bytes } => {
            let bytes = (*bytes).min(Fault::MOST_BYTES);
            add_member(&mut reply, "Huge", "\"", vec![Part::Repeated(b'x', bytes)], "\"");
        }
        Fault::Deep { levels } => {
            let levels = (*levels).min(Fault::MOST_LEVELS);
            let brackets = vec![Part::Repeated(b'[', levels), Part::Repeated(b']', levels)];
            add_member(&mut reply, "Deep", "", brackets, "");
        }
        Fault::WrongTypes => edit(&mut reply, |response| response.values_mut().for_each(exchange_types)),
        Fault::NullMembers => edit(&mut reply, |response| {
            for (_, member) in response.iter_mut().filter(|(name, _)| *name != "RequestId") {
                *member = Value::Null;
            }
        }),
        Fault::MissingMembers => edit(&mut reply, |response| response.retain(|name, _| name == "RequestId")),
        Fault::DuplicateKeys => duplicate_members(&mut reply),
        Fault::UnknownWord => edit(&mut reply, |response| response.values_mut().for_each(replace_statuses)),
        Fault::OutOfOrderProgress => edit(&mut reply, |response| {
            for progress in response.values_mut().filter_map(|task| task.get_mut("Progress")) {
                *progress = json!(100 - progress.as_u64().unwrap_or_default().min(100));
            }
        }),
        Fault::OtherTaskId(task_id) => edit(&mut reply, |response| {
            if let Some(named) = response.get_mut("TaskId") {
                *named = json!(task_id);
            }
        }),
        Fault::Date { offset_seconds } => {
            let offset = Duration::from_secs(offset_seconds.unsigned_abs());
            let moved = if *offset_seconds < 0 { now.checked_sub(offset) } else { now.checked_add(offset) };
            // What an HTTP date can say is four digits of a year, and none before 1970.
            let moved = moved.filter(|time| *time >= SystemTime::UNIX_EPOCH && *time < last_date()).unwrap_or(now);
            reply = reply.with("date", httpdate::fmt_http_date(moved));
        }
        Fault::NoDate => reply.remove("date"),
        Fault::Age { seconds } => reply = reply.with("age", seconds),
        Fault::Refused
        | Fault::ResetBefore
        | Fault::ResetInRequest
        | Fault::Reset { .. }
        | Fault::Hang { .. }
        | Fault::Truncate { .. }
        | Fault::SlowFirstByte { .. }
        | Fault::SlowDrip { .. }
        | Fault::SlowClose { .. }
        | Fault::DelayedAcceptance { .. }
        | Fault::DeliveredTwice
        | Fault::StatusBackwards
        | Fault::StaleList { .. }
        | Fault::RepeatedScrollToken => {}
    }
    reply
}

fn last_date() -> SystemTime {
    crate::clock::later(SystemTime::UNIX_EPOCH, Duration::MAX)
}

fn bare(status: u16, body: StatusBody) -> Reply {
    let status = StatusCode::from_u16(status).ok().filter(|status| status.as_u16() >= 200);
    let status = status.unwrap_or(StatusCode::BAD_GATEWAY);
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let page = match body {
        StatusBody::Html => {
            format!(
                "<html><head><title>{0} {reason}</title></head><body><h1>{0} {reason}</h1></body></html>",
                status.as_u16()
            )
        }
        StatusBody::Empty => String::new(),
    };
    Reply::new(status.as_u16(), "text/html", page)
}

/// Changes the members of `Response`, in a reply that has it.
fn edit(reply: &mut Reply, change: impl FnOnce(&mut Map<String, Value>)) {
    reply.join();
    if let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body)
        && let Some(response) = body.get_mut("Response").and_then(Value::as_object_mut)
    {
        change(response);
        reply.body = body.to_string().into();
    }
}

/// Writes a member as text, so that no depth of it can exhaust the stack. Its value is written in parts, which need not
/// be in memory at once.
fn add_member(reply: &mut Reply, name: &str, before: &str, mut value: Vec<Part>, after: &str) {
    reply.join();
    if let Some(rest) = reply.body.strip_prefix(OPENING) {
        value.push(Part::Bytes([after.as_bytes(), b",", rest].concat().into()));
        reply.body = [OPENING, format!("\"{name}\":{before}").as_bytes()].concat().into();
        reply.rest = value;
    }
}

fn duplicate_members(reply: &mut Reply) {
    let mut members = Vec::new();
    edit(reply, |response| {
        for (name, value) in &*response {
            let name = json!(name);
            members.push(format!("{name}:{value},{name}:null"));
        }
    });
    if !members.is_empty() {
        reply.body = format!("{{\"Response\":{{{}}}}}", members.join(",")).into();
    }
}

fn exchange_types(value: &mut Value) {
    match value {
        Value::String(_) => *value = json!(7),
        Value::Number(number) => *value = json!(number.to_string()),
        Value::Bool(_) | Value::Null => *value = json!([]),
        Value::Array(values) => values.iter_mut().for_each(exchange_types),
        Value::Object(members) => members.values_mut().for_each(exchange_types),
    }
}

fn replace_statuses(value: &mut Value) {
    match value {
        Value::String(word) if ["WAITING", "PROCESSING", "FINISH", "FAIL", "ABORTED"].contains(&word.as_str()) => {
            *value = json!("SUSPENDED");
        }
        Value::Array(values) => values.iter_mut().for_each(replace_statuses),
        Value::Object(members) => members.values_mut().for_each(replace_statuses),
        _ => {}
    }
}

fn compressed(mut reply: Reply, by: impl FnOnce(&[u8]) -> Vec<u8>) -> Reply {
    reply.join();
    let body = Bytes::from(by(&reply.body));
    Reply { body, ..reply.with("content-encoding", "gzip") }
}

const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

/// A gzip file whose blocks are stored as they are (RFC 1951, section 3.2.4; RFC 1952, section 2.3).
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = GZIP_HEADER.to_vec();
    for block in bytes.chunks(0xFFFF) {
        let length = block.len() as u16;
        file.push(0);
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    file.extend([1, 0, 0, 0xFF, 0xFF]);
    file.extend(checksum(bytes).to_le_bytes());
    file.extend((bytes.len() as u32).to_le_bytes());
    file
}

fn bad_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = gzip(bytes);
    file[GZIP_HEADER.len()..].iter_mut().for_each(|byte| *byte = !*byte);
    file
}

/// CRC-32 (RFC 1952, section 8).
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn an_absurd_date_is_left_out_of_the_calendar() {
        let reply = || Reply::json(200, &json!({}));
        for offset_seconds in [i64::MIN, i64::MAX] {
            let Exchange::Reply(reply) =
                deliver(reply(), &[Fault::Date { offset_seconds }], SystemTime::UNIX_EPOCH + Duration::from_secs(9))
            else {
                panic!("a date does not concern the connection")
            };
            assert_eq!(reply.header("date"), Some("Thu, 01 Jan 1970 00:00:09 GMT"));
        }
    }
}
