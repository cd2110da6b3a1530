//! The file of a store.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::failure::Place;
use crate::error::StoreError;

/// Held while a file is made. POSIX drops the locks that a process has on a file when any of its descriptors is closed: the
/// descriptor that makes a file must be closed before SQLite opens the file elsewhere in this process.
static MAKING: Mutex<()> = Mutex::new(());

/// Makes the file if it is missing, readable by its owner only; SQLite gives its side files the same mode. One that exists
/// is not opened.
pub(super) async fn make_private(path: &Path, place: &Place, create_folder: bool) -> Result<(), StoreError> {
    let (path, place) = (path.to_owned(), place.clone());
    let made = tokio::task::spawn_blocking(move || make(&path, &place, create_folder));
    made.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn make(path: &Path, place: &Place, create_folder: bool) -> Result<(), StoreError> {
    if let Some(folder) = path.parent() {
        let is_there = folder.try_exists();
        let is_there = is_there.map_err(|error| place.of_io(&format!("its folder {}", folder.display()), error))?;
        if !is_there && !create_folder {
            return Err(place.other(format!("its folder {} does not exist", folder.display())));
        }
        if !is_there {
            let made = make_folder(folder);
            made.map_err(|error| place.of_io(&format!("its folder {} cannot be made", folder.display()), error))?;
        }
    }
    if path.is_dir() {
        return Err(StoreError::NotADatabase(place.failure().with_detail("it is a folder")));
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(place.of_io("the file cannot be made", error)),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
