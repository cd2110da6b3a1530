//! What `video!` refuses does not compile, with the sentence of the rule; what differs from it by one token does.

mod pass;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn what_the_table_forbids_does_not_compile_and_says_why() {
    let refused = sources("fail");
    let messages = compile(&refused);
    for (name, source) in &refused {
        let wanted = source.lines().find_map(|line| line.strip_prefix("//! rustc: ")).expect("it says what rustc says");
        let said = messages.get(name).map(Vec::as_slice).unwrap_or_default();
        // The rendered message shows where: it must be the user's line, and no edit of the library may be proposed.
        let here = format!("fail/{name}.rs:");
        let is_here = |rendered: &str| rendered.contains(&here) && !rendered.contains("crates/core");
        assert!(
            said.iter().any(|(message, rendered)| message.contains(wanted) && is_here(rendered)),
            "{name} should be refused with {wanted:?}, but rustc says {said:#?}"
        );
    }
}

/// The sources in a folder by their names.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder_of(folder)).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let name = |path: &Path| path.file_stem().expect("it has a name").to_string_lossy().into_owned();
    paths
        .filter(|path| name(path) != "mod")
        .map(|path| (name(&path), fs::read_to_string(&path).expect("it is text")))
        .collect()
}

fn folder_of(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/compile_fail").join(kind)
}

/// What rustc says of each source, as the message and as it is rendered. Asked through cargo's JSON and compared by its
/// sentences, because the frame around them differs between versions of rustc.
fn compile(refused: &BTreeMap<String, String>) -> BTreeMap<String, Vec<(String, String)>> {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-fail");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
    let core = workspace.join("crates/core");
    let mut manifest = format!(
        "[package]\nname = \"compile-fail\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nvod-aigc-core = {{ path = {core:?} }}\n"
    );
    for name in refused.keys() {
        let path = folder_of("fail").join(format!("{name}.rs"));
        manifest += &format!("\n[[bin]]\nname = \"{name}\"\npath = {path:?}\n");
    }
    fs::create_dir_all(&package).expect("the target folder can be written");
    fs::write(package.join("Cargo.toml"), manifest).expect("the target folder can be written");
    // The same versions as here, so that nothing has to be fetched.
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock")).expect("the workspace has a lock file");

    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--keep-going", "--bins", "--message-format=json", "--target-dir"])
        .arg(package.join("target"))
        .current_dir(&package)
        .output()
        .expect("cargo runs");
    let mut messages: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let line: Value = serde_json::from_str(line).expect("cargo writes one JSON document a line");
        let message = &line["message"];
        if line["reason"] == "compiler-message" && message["level"] == "error" {
            let text = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
            let name = line["target"]["name"].as_str().unwrap_or_default().to_owned();
            messages.entry(name).or_default().push((text("message"), text("rendered")));
        }
    }
    assert!(!messages.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    messages
}

#[test]
fn each_refused_request_has_a_compiling_twin_that_differs_by_one_token() {
    let (refused, twins) = (sources("fail"), sources("pass"));
    assert!(refused.keys().eq(twins.keys()), "each has a file of the same name in the other folder");
    assert!(refused.keys().eq(pass::TWINS), "each twin is declared, so that it compiles");
    for (name, source) in &refused {
        let (refused, twin) = (tokens(source), tokens(&twins[name]));
        assert_eq!(refused.len(), twin.len(), "{name}");
        let different = refused.iter().zip(&twin).filter(|(one, other)| one != other).count();
        assert_eq!(different, 1, "{name}");
    }
}

/// Words and single signs; comments left out.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let code = source.lines().filter(|line| !line.starts_with("//"));
    for line in code {
        let mut in_word = false;
        for character in line.chars() {
            let is_word = character.is_alphanumeric() || character == '_';
            match tokens.last_mut() {
                Some(word) if in_word && is_word => word.push(character),
                _ if !character.is_whitespace() => tokens.push(character.to_string()),
                _ => {}
            }
            in_word = is_word;
        }
    }
    // A trailing comma comes and goes with the line breaks of rustfmt.
    tokens.retain(|token| token != ",");
    tokens
}
