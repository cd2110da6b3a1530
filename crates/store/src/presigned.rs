//! Which requests are never stored.

use std::borrow::Cow;

/// Whether any text of a request holds a URL with a query or a user, which may be a signature: also within the JSON of
/// `ExtInfo`. A store keeps no such request. `body` is the request as JSON; it is read once and not parsed.
///
/// ```
/// use vod_aigc_store::holds_presigned_url;
///
/// assert!(!holds_presigned_url(r#"{"Prompt":"why a panda?","Url":"https://a/b.png"}"#));
/// assert!(holds_presigned_url(r#"{"Url":"https://a/b.png?sign=1"}"#));
/// ```
pub fn holds_presigned_url(body: &str) -> bool {
    let mut rest = body;
    while let Some(start) = rest.find('"') {
        let text = &rest[start + 1..];
        let end = end_of_text(text);
        if may_be_signed(&unescape(&text[..end])) {
            return true;
        }
        rest = text.get(end + 1..).unwrap_or_default();
    }
    false
}

/// The position of the quote that ends a text of JSON, or the length if absent.
fn end_of_text(text: &str) -> usize {
    let mut from = 0;
    while let Some(quote) = text[from..].find('"').map(|at| from + at) {
        let escapes = text[..quote].bytes().rev().take_while(|byte| *byte == b'\\').count();
        if escapes % 2 == 0 {
            return quote;
        }
        from = quote + 1;
    }
    text.len()
}

/// The text that a text of JSON means; itself where it is not valid.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    serde_json::from_str(&format!("\"{text}\"")).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn may_be_signed(text: &str) -> bool {
    // JSON within a text may write a slash as `\/`, and any character as `\u003f`.
    (text.contains("://") || text.contains(r":\/\/")) && (text.contains(['?', '@']) || text.contains(r"\u00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_may_be_presigned_is_found_wherever_it_is() {
        for body in [
            r#"{"a":"https://a/b.png?sign=1"}"#,
            r#"{"a":"https:\/\/a\/b.png?sign=1"}"#,
            r#"{"a":"https://a/b.png\u003fsign=1"}"#,
            r#"{"a":["x",{"b":"see https://user@a/b"}]}"#,
            r#"{"ExtInfo":"{\"sound_file\":\"https://a/b.mp3?sign=1\"}"}"#,
            r#"{"ExtInfo":"{\"sound_file\":\"https:\\/\\/a\\/b.mp3?sign=1\"}"}"#,
            r#"{"ExtInfo":"{\"sound_file\":\"https://a/b.mp3\\u003fsign=1\"}"}"#,
            r#"{"https://a?b":1}"#,
            r#"{"a":"not closed https://a?b"#,
            r#"{"a":"no such escape \q https://a?b"}"#,
        ] {
            assert!(holds_presigned_url(body), "{body}");
        }
        for body in [
            "",
            "no json?",
            r#"{"a":"https://a/b.png","b":"why?"}"#,
            r#"{"a":"why \" ?","b":"https://a/\\","c":"?"}"#,
            r#"{"ExtInfo":"{\"sound_file\":\"https://a/b.mp3\"}"}"#,
        ] {
            assert!(!holds_presigned_url(body), "{body}");
        }
    }
}
