//! `cargo xtask words`: no file uses a word that the project has given up for one of the field's own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// The list of the words.
const LIST: &str = "tests/words.yaml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// The beginnings of the paths that are not checked.
    except: Vec<String>,
    words: Vec<Entry>,
}

/// Words that are not used, and what is said in their place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    not: Vec<String>,
    say: String,
}

/// Fails with each place where a word of the list is used: as a word of a text, or as a part of a name.
pub(crate) fn check(root: &Path) -> Result<()> {
    let text = fs::read_to_string(root.join(LIST)).context(LIST)?;
    let list: List = serde_yaml::from_str(&text).context(LIST)?;
    let mut found = Vec::new();
    for path in tracked_files(root)? {
        if list.except.iter().any(|except| path.starts_with(except.as_str())) {
            continue;
        }
        // What is not UTF-8 is no text.
        let Ok(text) = fs::read_to_string(root.join(&path)) else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            let places = list.of_line(line).map(|(word, entry)| format!("{path}:{number}: {word}; say {}", entry.say));
            found.extend(places);
        }
    }
    if !found.is_empty() {
        bail!("words of {LIST}:\n{}", found.join("\n"));
    }
    Ok(())
}

impl List {
    fn of_line(&self, line: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let (whole, split) = (words(line, false), words(line, true));
        let each = self.words.iter().flat_map(|entry| entry.not.iter().map(move |word| (word.as_str(), entry)));
        // A name like `is_none`, or a name in backticks, has words in common with a phrase and does not say it.
        each.filter(move |(word, _)| if word.contains(' ') { &whole } else { &split }.contains(&words(word, true)))
    }
}

/// The words of a text in lower case, with a blank before and after each. `split` takes names apart too: `of_fate` and `OfFate`.
fn words(text: &str, split: bool) -> String {
    let mut words = String::from(" ");
    let mut before = ' ';
    for letter in text.chars() {
        let is_part = letter.is_alphanumeric() || ("_`".contains(letter) && !split);
        let begins = split && letter.is_uppercase() && before.is_lowercase();
        if (begins || !is_part) && !words.ends_with(' ') {
            words.push(' ');
        }
        if is_part {
            words.extend(letter.to_lowercase());
        }
        before = letter;
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}

fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().context("git ls-files")?;
    ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).context("a path is not UTF-8")?;
    Ok(paths.split_terminator('\0').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_a_text_and_in_a_name_and_not_within_another_word() {
        let list: List =
            serde_yaml::from_str("{ except: [], words: [{ not: [fate, is none], say: effect }] }").expect("a list");
        let found = |line: &str| list.of_line(line).map(|(word, _)| word.to_owned()).collect::<Vec<_>>();
        for line in ["Fate::Taken", "let fate = 1;", "of_fate_and", "OfFate", "the fate."] {
            assert_eq!(found(line), ["fate"], "{line}");
        }
        assert_eq!(found("there is none."), ["is none"]);
        assert!(found("fateful, is nonetheless").is_empty());
        assert!(found("it.is_none(), it is `None`").is_empty());
    }
}
