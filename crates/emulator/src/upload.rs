//! The uploads that were applied for, and the files that they become.

use std::time::SystemTime;

use bytes::Bytes;

/// How the file ids of the emulator begin: those that begin so and are unknown do not exist, all others may.
pub(crate) const OWN_FILE_ID: &str = "90000000";

/// One upload that was applied for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upload {
    /// The sub-application that will own the file.
    pub sub_app_id: u64,
    /// The type that was announced, for example `png`.
    pub media_type: String,
    /// The name that was announced.
    pub media_name: Option<String>,
    /// The object, once it has come whole.
    pub object: Option<Bytes>,
    /// The file id, once it was committed.
    pub file_id: Option<String>,
    /// How often it was committed.
    pub commits: u64,
}

/// All uploads, oldest first.
#[derive(Default)]
pub(crate) struct Uploads(Vec<Stored>);

/// An upload with what only storage knows of it.
pub(crate) struct Stored {
    pub(crate) upload: Upload,
    pub(crate) session: String,
    /// Bucket and key, as `bucket/key`.
    pub(crate) place: String,
    pub(crate) keys: TemporaryKeys,
}

/// The keys to one place in storage. They print as nothing, because they have no `Debug`.
pub(crate) struct TemporaryKeys {
    pub(crate) secret_id: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
    pub(crate) expire: SystemTime,
}

impl Uploads {
    pub(crate) fn add(&mut self, stored: Stored) {
        self.0.push(stored);
    }

    /// The upload of this session, if it is this sub-application's.
    pub(crate) fn of_session(&mut self, session: &str, sub_app_id: u64) -> Option<&mut Upload> {
        let mut all = self.0.iter_mut();
        let found = all.find(|stored| stored.session == session && stored.upload.sub_app_id == sub_app_id);
        found.map(|stored| &mut stored.upload)
    }

    /// The upload to this `bucket/key`.
    pub(crate) fn at(&mut self, place: &str) -> Option<&mut Stored> {
        self.0.iter_mut().find(|stored| stored.place == place)
    }

    /// The committed file of this id.
    pub(crate) fn file(&self, file_id: &str) -> Option<&Upload> {
        self.0.iter().map(|stored| &stored.upload).find(|upload| upload.file_id.as_deref() == Some(file_id))
    }

    /// Whether a file could be used by this sub-application, as far as the emulator can know.
    pub(crate) fn may_exist(&self, file_id: &str, sub_app_id: u64) -> bool {
        !file_id.starts_with(OWN_FILE_ID) || self.file(file_id).is_some_and(|upload| upload.sub_app_id == sub_app_id)
    }

    pub(crate) fn all(&self) -> Vec<Upload> {
        self.0.iter().map(|stored| stored.upload.clone()).collect()
    }
}
