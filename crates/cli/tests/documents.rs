//! The documents for coding agents: their commands run, and their links lead somewhere.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Emulator, Ran, Workplace};

const DOCUMENTS: [&str; 2] = ["llms.txt", "skills/vod-aigc/SKILL.md"];

fn document(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    (path, text)
}

/// The text between fences that name a shell.
fn scripts(text: &str) -> Vec<&str> {
    text.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// Runs all commands of a document in one folder, one block after the other, against an emulator.
fn run(name: &str) {
    let emulator = Emulator::start();
    let place = Workplace::new().to(&emulator.endpoint);
    let (_, text) = document(name);
    let scripts = scripts(&text);
    assert!(scripts.len() >= 2, "{name}");
    for script in scripts {
        assert!(script.contains("vod-aigc "), "{name}: a block runs the command: {script}");
        let ran = Ran::new(place.shell(script).output().unwrap());
        assert_eq!(ran.code, 0, "{name}: {script}\n{}\n{}", ran.stdout, ran.stderr);
        assert!(!ran.stdout.is_empty() || script.contains('>'), "{name}: {script}");
    }
}

#[test]
fn the_commands_of_llms_txt_run() {
    run("llms.txt");
}

#[test]
fn the_commands_of_the_skill_run() {
    run("skills/vod-aigc/SKILL.md");
}

#[test]
fn every_link_leads_to_a_file() {
    for name in DOCUMENTS.into_iter().chain(["README.md", "crates/cli/README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
    {
        let (path, text) = document(name);
        let targets = text.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0);
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = path.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(file.exists(), "{name}: {target}");
        }
    }
}

#[test]
fn the_skill_says_what_it_is_for() {
    let (_, text) = document("skills/vod-aigc/SKILL.md");
    let front = text.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap().0;
    let value = |name: &str| front.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
    // What readers of such files ask for.
    assert_eq!(value("name"), "vod-aigc");
    assert!((1..=1024).contains(&value("description").chars().count()));
    assert!(!value("description").contains(": "), "the front matter is YAML");
}
