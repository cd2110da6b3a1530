//! Credentials in a file of the user: the SDKs' INI file or the command line tool's JSON file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::{CredentialError, ProvideCredential, Provided, pair};
use crate::BoxFuture;

/// More than any such file has, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A credentials file.
///
/// Reads `~/.tencentcloud/credentials` (INI; `secret_id`, `secret_key` and `token` in the section of the profile) and
/// `~/.tccli/<profile>.credential` (JSON; `secretId`, `secretKey`, `token`, `expiresAt`). Which of the two it is shows
/// in its first character. On Unix a file that others may read is refused.
#[derive(Debug, Clone)]
pub struct ProfileFile {
    path: PathBuf,
    profile: String,
}

impl ProfileFile {
    /// The profile `default` of a file. The file is read again each time it is asked.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), profile: "default".to_owned() }
    }

    /// Another section of an INI file.
    #[must_use]
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = profile.into();
        self
    }

    fn read(&self) -> Result<Provided, CredentialError> {
        let source = self.path.display().to_string();
        let text = match self.read_text() {
            Ok(text) => text,
            Err(Problem::Exposed(mode)) => return Err(CredentialError::Exposed { path: self.path.clone(), mode }),
            Err(Problem::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(CredentialError::Absent { looked: source });
            }
            Err(Problem::Io(error)) => {
                return Err(CredentialError::Unreadable { source, problem: error.to_string() });
            }
        };
        let entry = if text.trim_start().starts_with('{') {
            serde_json::from_str(&text).map_err(|error| CredentialError::Unreadable {
                source: source.clone(),
                // The parser's own words could repeat a part of the file.
                problem: format!("it is not the expected JSON at line {}", error.line()),
            })?
        } else {
            ini_section(&text, &self.profile)
        };
        let credential =
            pair(&source, ("the secret id", entry.secret_id), ("the secret key", entry.secret_key), entry.token)?;
        let expires = entry.expires_at.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        Ok(Provided { credential, expires })
    }

    fn read_text(&self) -> Result<String, Problem> {
        let file = File::open(&self.path).map_err(Problem::Io)?;
        check_private(&file.metadata().map_err(Problem::Io)?)?;
        let mut text = String::new();
        file.take(LARGEST_FILE).read_to_string(&mut text).map_err(Problem::Io)?;
        Ok(text)
    }
}

impl ProvideCredential for ProfileFile {
    fn provide(&self, _now: SystemTime) -> BoxFuture<'_, Result<Provided, CredentialError>> {
        Box::pin(std::future::ready(self.read()))
    }
}

enum Problem {
    Io(io::Error),
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has permission bits"))]
    Exposed(u32),
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    secret_id: Option<String>,
    secret_key: Option<String>,
    token: Option<String>,
    expires_at: Option<u64>,
}

#[cfg(unix)]
fn check_private(metadata: &fs::Metadata) -> Result<(), Problem> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(Problem::Exposed(mode)) }
}

#[cfg(not(unix))]
fn check_private(_metadata: &fs::Metadata) -> Result<(), Problem> {
    Ok(())
}

fn ini_section(text: &str, profile: &str) -> Entry {
    let mut entry = Entry::default();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = section.trim() == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            let value = Some(value.trim().trim_matches('"').to_owned());
            match name.trim() {
                "secret_id" => entry.secret_id = value,
                "secret_key" => entry.secret_key = value,
                "token" => entry.token = value,
                _ => {}
            }
        }
    }
    entry
}
