//! The file beside a download's target that holds what has come so far: of one process alone, gone unless it is complete.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// A file of its own beside the target, removed when this is dropped.
///
/// It is beside the target because only within one file system a rename is one step. Its name is always the same, so a
/// process that is killed leaves at most one behind, which the next download removes: what is in it is of unknown age.
/// A lock distinguishes such a file from one in use.
#[derive(Debug)]
pub(crate) struct Part {
    /// None once it has become the target.
    path: Option<PathBuf>,
    /// Holds the lock until the name is gone.
    file: File,
    /// What any file that the process makes would have.
    permissions: Permissions,
}

impl Part {
    /// How often a file may be taken away by another process that takes it for an abandoned one.
    const ATTEMPTS: u32 = 10;

    /// Makes the file: empty, private to its owner, and following no symbolic link.
    pub(crate) fn create(target: &Path) -> io::Result<Self> {
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".part");
        let path = folder(target).join(name);
        for _ in 0..Self::ATTEMPTS {
            match without_links(OpenOptions::new().write(true).create_new(true)).open(&path) {
                Ok(file) => {
                    // Made as any file and made private while empty, because only the system knows the umask.
                    let permissions = file.metadata()?.permissions();
                    let mut part = Self { path: Some(path.clone()), file, permissions };
                    make_private(&part.file)?;
                    if lock(&part.file)? && is_at(&part.file, &path) {
                        return Ok(part);
                    }
                    // Another process took it for abandoned, so the name is that one's now.
                    part.path = None;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove_abandoned(&path)?,
                Err(error) => return Err(error),
            }
        }
        Err(in_use())
    }

    /// The file, to write to.
    pub(crate) fn file(&self) -> io::Result<tokio::fs::File> {
        Ok(tokio::fs::File::from_std(self.file.try_clone()?))
    }

    /// Gives the complete file the target's name, durably.
    pub(crate) async fn keep(mut self, target: &Path) -> io::Result<()> {
        self.file.set_permissions(self.permissions.clone())?;
        self.file()?.sync_all().await?;
        if let Some(path) = &self.path {
            std::fs::rename(path, target)?;
            self.path = None;
        }
        sync_folder(folder(target)).await
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What cannot be removed here is removed by the next download.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The folder of a path.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Removes what a process that died has left, unless it is still in use.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !about.is_file() {
        return Err(io::Error::other(format!("{} is in the way and no file; remove it", path.display())));
    }
    match without_links(OpenOptions::new().read(true)).open(path) {
        Ok(file) if !lock(&file)? => Err(in_use()),
        Ok(file) if is_at(&file, path) => std::fs::remove_file(path),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "another download is writing it; wait for that one")
}

#[cfg(unix)]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    // Without blocking, lest a pipe be put in the file's place.
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32)
}

#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Whether the file is this process's alone from now on. A file system without locks is taken as one with a single
/// user.
#[cfg(unix)]
fn lock(file: &File) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive) != Err(rustix::io::Errno::WOULDBLOCK))
}

/// Whether the open file is still the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let named = |about: std::fs::Metadata| (about.dev(), about.ino());
    matches!((file.metadata().map(named), path.symlink_metadata().map(named)), (Ok(open), Ok(there)) if open == there)
}

#[cfg(not(unix))]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(not(unix))]
fn make_private(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn lock(_file: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// Makes the new name durable, where the system can.
async fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    tokio::fs::File::open(folder).await?.sync_all().await?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
