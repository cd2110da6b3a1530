//! The files that a request names: each must have what its type asks for, wherever it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use vod_aigc_core::MAX_BASE64_BYTES;

use crate::refusal::{Refusal, invalid};

/// # Errors
///
/// The first file without what its `Type` asks for, or whose Base64 is invalid; and Base64 that is too much together.
pub(crate) fn check_files(request: &Value) -> Result<(), Refusal> {
    let mut bytes = 0;
    inside(request, "", &mut bytes)?;
    if bytes > MAX_BASE64_BYTES {
        return Err(invalid(format!("the Base64 inputs have {bytes} bytes together; send at most {MAX_BASE64_BYTES}")));
    }
    Ok(())
}

fn inside(value: &Value, path: &str, bytes: &mut usize) -> Result<(), Refusal> {
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match member {
            Value::Array(items) if names_files(name) => {
                for (index, item) in items.iter().enumerate() {
                    check(item, &format!("{path}[{index}]"), bytes)?;
                }
            }
            Value::Object(_) if names_files(name) => check(member, &path, bytes)?,
            Value::Object(_) => inside(member, &path, bytes)?,
            _ => {}
        }
    }
    Ok(())
}

/// Every list of files and every single file of the API is named so; a subject is no file.
fn names_files(member: &str) -> bool {
    (member.ends_with("Infos") || member.ends_with("FileInfo")) && member != "SubjectInfos"
}

fn check(file: &Value, path: &str, bytes: &mut usize) -> Result<(), Refusal> {
    let name = match file["Type"].as_str() {
        Some("File") => "FileId",
        Some("Base64") => "Base64",
        Some("Url") => "Url",
        _ => return Err(invalid(format!("{path}.Type is missing; it says which member names the file"))),
    };
    let content = file[name].as_str().unwrap_or_default();
    if content.is_empty() {
        return Err(invalid(format!("{path}.{name} is missing; its Type asks for it")));
    }
    if name == "Base64" {
        match STANDARD.decode(content) {
            Ok(decoded) => *bytes += decoded.len(),
            Err(error) => {
                let message = format!("{path}.Base64 is not Base64 ({error}); send it without a data: prefix");
                return Err(invalid(message));
            }
        }
    }
    Ok(())
}
