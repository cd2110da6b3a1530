//! Texts from standard input and from files, and names that are empty: what is meant is sent, or nothing is.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod support;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Emulator, Ran, Workplace, server};

const MODEL: [&str; 2] = ["--model", "Kling:2.1"];

/// Runs a command with these bytes on its standard input.
fn fed(place: &Workplace, arguments: &[&str], input: &[u8]) -> Ran {
    let mut process = place.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    Ran::new(process.wait_with_output().unwrap())
}

/// The body that `generate` would send.
fn body(place: &Workplace, arguments: &[&str], input: &[u8]) -> Value {
    fed(place, &[&["generate", "--dry-run"], &MODEL[..], arguments].concat(), input).succeeded().json()
}

fn place() -> Workplace {
    Workplace::bare().with("VOD_SUB_APP_ID", "7")
}

#[test]
fn a_prompt_comes_from_standard_input_or_a_file() {
    let place = place();
    for (input, prompt) in
        [("a panda", "a panda"), ("a\nb\n", "a\nb"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")]
    {
        assert_eq!(body(&place, &["-"], input.as_bytes())["Prompt"], prompt);
        place.write("prompt.txt", input);
        assert_eq!(body(&place, &["@prompt.txt"], b"")["Prompt"], prompt);
    }
}

#[test]
fn two_at_signs_begin_a_text_with_one() {
    let place = place();
    assert_eq!(body(&place, &["@@panda"], b"")["Prompt"], "@panda");
    assert_eq!(body(&place, &["@@"], b"")["Prompt"], "@");
    assert_eq!(body(&place, &["a@b"], b"")["Prompt"], "a@b");
}

#[test]
fn the_other_texts_are_read_alike() {
    let place = place();
    place.write("ext.json", "{\"AdditionalParameters\":\"{}\"}\n");
    let sent = body(&place, &["a panda", "--negative-prompt", "-", "--ext-info", "@ext.json"], b"rain\n");
    assert_eq!((&sent["Prompt"], &sent["NegativePrompt"]), (&"a panda".into(), &"rain".into()));
    assert_eq!(sent["ExtInfo"], "{\"AdditionalParameters\":\"{}\"}");
}

#[test]
fn what_cannot_be_a_text_is_refused_before_anything_is_sent() {
    let (endpoint, requests) = server("");
    let place = Workplace::new().to(&endpoint);
    place.write("latin.txt", b"caf\xe9");
    place.write("empty.txt", "\n");
    let refused = |arguments: &[&str], input: &[u8], sentence: &str| {
        let ran = fed(&place, &[&["generate"], &MODEL[..], arguments].concat(), input).failed(2, sentence);
        assert!(ran.stderr.contains("nothing was sent"), "{}", ran.stderr);
    };
    refused(&["@missing.txt"], b"", "PROMPT: missing.txt cannot be read");
    refused(&["@."], b"", "PROMPT: . cannot be read");
    refused(&["@"], b"", "PROMPT: ");
    refused(&["@latin.txt"], b"", "PROMPT: latin.txt is not UTF-8");
    refused(&["@empty.txt"], b"", "PROMPT: the text is empty");
    refused(&["-"], b"", "PROMPT: the text is empty");
    refused(&["-"], b"\xff\xfe", "PROMPT: - is not UTF-8");
    refused(&[""], b"", "PROMPT: the text is empty");
    refused(&["p", "--negative-prompt", " "], b"", "--negative-prompt: the text is empty");
    refused(&["p", "--ext-info", "@missing.json"], b"", "--ext-info: missing.json cannot be read");
    refused(&["-", "--negative-prompt", "-"], b"p", "--negative-prompt: standard input is read for PROMPT already");
    refused(&["p", "--key", ""], b"", "--key: the name is empty");
    refused(&["p", "--key", " \t"], b"", "--key: the name is empty");
    refused(&["p", "--session-id", ""], b"", "--session-id: the name is empty");
    assert!(requests.try_recv().is_err(), "something was sent");
}

#[test]
fn a_key_is_printed_escaped() {
    const KEY: &str = "order\u{1b}[31m-7";
    let emulator = Emulator::play(&serde_json::json!({
        "behaviour": { "list_shows_aigc": false },
        "faults": [{ "action": "CreateAigcVideoTask", "nth": 1, "fault": { "reset": { "request": "applied" } } }],
    }));
    let place = Workplace::new().to(&emulator.endpoint);
    let patience = ["--look-for", "0s"];
    let generate = [&["generate", "p", "--key", KEY], &MODEL[..], &patience].concat();
    let held = place.run(&generate);
    let resumed = place.run(&[&["resume"], &patience[..]].concat());
    let listed = place.run(&["task", "list"]).succeeded();
    assert_eq!((held.code, resumed.code), (10, 10), "{} {}", held.stderr, resumed.stderr);
    for shown in [&held.stderr, &resumed.stderr, &listed.stdout] {
        assert!(shown.contains(r"order\u{1b}[31m-7") && !shown.contains('\u{1b}'), "{shown:?}");
    }
    let other = ["generate", "another", "--key", KEY, "--model", "Kling:2.1"];
    assert!(!place.run(&other).failed(2, "another request").stderr.contains('\u{1b}'));
    assert_eq!(place.jobs()[0]["key"], KEY);
}
