//! Rewrites the corpus of bad replies: `cargo run -p vod-aigc-tests --example corpus`.

#[allow(dead_code, reason = "the tests use the rest")]
mod generate;

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/replies");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let files = generate::files();
    for file in &files {
        fs::write(folder.join(&file.entry.file), &file.body)?;
    }
    fs::write(folder.with_file_name("manifest.json"), generate::manifest(&files))
}
