//! The JSON of a request, written into no more memory than it takes.

use std::io;

use serde::Serialize;

/// A value as JSON. Unlike serde_json's own functions it makes room for a long text once, where those would come to twice its
/// length: a file may travel inside a request.
///
/// # Errors
///
/// When the value's `Serialize` fails.
pub fn json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = Text(Vec::with_capacity(Text::SHORT));
    serde_json::to_writer(&mut text, value)?;
    String::from_utf8(text.0).map_err(|error| serde::ser::Error::custom(error.utf8_error()))
}

struct Text(Vec<u8>);

impl Text {
    /// Longer than most requests.
    const SHORT: usize = 1024;
    /// What is long gets room of its own, and as much again as this for what comes behind it.
    const LONG: usize = 64 * 1024;
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() >= Self::LONG {
            self.0.reserve_exact(bytes.len() + Self::LONG);
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_gets_room_once_whatever_stands_around_it() {
        let long = "A".repeat(3_000_000);
        let value = (1, &long, "short", &long, vec![2.5; 1000]);
        let text = json(&value).expect("it serialises");
        assert_eq!(text, serde_json::to_string(&value).expect("it serialises"));
        assert!(text.capacity() <= text.len() + 2 * Text::LONG, "{}", text.capacity());
    }
}
