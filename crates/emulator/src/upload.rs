//! Uploads: applied for, stored, committed; and the files that they become.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};
use vod_aigc_core::{ApplyUploadRequest, CommitUploadRequest};

use crate::actions::Call;
use crate::clock::later;
use crate::refusal::{Refusal, owner};

/// How long the keys to storage work.
const VALID: Duration = Duration::from_secs(2 * 60 * 60);
const BUCKET: &str = "emulator-1500000001";
const REGION: &str = "ap-guangzhou";
/// How the file ids of the emulator begin: those that begin so and are unknown do not exist, all others may.
const OWN_FILE_ID: &str = "90000000";

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
    session: String,
    /// Bucket and key, as `bucket/key`.
    place: String,
    pub(crate) keys: TemporaryKeys,
}

/// The keys to one place in storage. They print as nothing, because they have no `Debug`.
pub(crate) struct TemporaryKeys {
    pub(crate) secret_id: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
    pub(crate) expire: SystemTime,
}

/// Gives out a place in storage and the keys to it.
pub(crate) fn apply(call: &Call<'_>, request: &ApplyUploadRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let media_type = request.media_type.clone();
    if media_type.len() > 8 || !media_type.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = format!("MediaType {media_type:?} is none; give the end of a file's name, such as mp4");
        return Err(Refusal::new("InvalidParameterValue.MediaType", message));
    }
    let ids = &call.service.identifiers;
    let (session, folder) = (ids.text(), ids.text());
    let path = format!("/{}/{folder}/f0.{media_type}", &session[..16]);
    let keys = TemporaryKeys {
        secret_id: format!("AKIDtemporary{}", ids.text()),
        secret_key: format!("emulatorTemporaryKey{}", ids.text()),
        token: format!("emulatorTemporaryToken{}", ids.text()),
        expire: later(call.now, VALID),
    };
    let reply = json!({
        "StorageBucket": BUCKET,
        "StorageRegion": REGION,
        "VodSessionKey": session,
        "MediaStoragePath": path,
        "CoverStoragePath": "",
        "TempCertificate": {
            "SecretId": keys.secret_id,
            "SecretKey": keys.secret_key,
            "Token": keys.token,
            "ExpiredTime": keys.expire.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        },
    });
    let upload = Upload {
        sub_app_id,
        media_type,
        media_name: request.media_name.clone(),
        object: None,
        file_id: None,
        commits: 0,
    };
    call.store().uploads.0.push(Stored { upload, session, place: format!("{BUCKET}{path}"), keys });
    Ok(reply)
}

/// Makes a file of what has come into storage.
pub(crate) fn commit(call: &Call<'_>, request: &CommitUploadRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let mut store = call.store();
    let stored =
        store.uploads.0.iter_mut().find(|stored| {
            stored.session == request.vod_session_key.expose() && stored.upload.sub_app_id == sub_app_id
        });
    let Some(Stored { upload, .. }) = stored else {
        let message = "this SubAppId has applied for no such upload; apply for one";
        return Err(Refusal::new("InvalidParameterValue.VodSessionKey", message));
    };
    if upload.object.is_none() {
        return Err(Refusal::new("ResourceNotFound.FileNotExist", "the object is not in storage; put it there first"));
    }
    upload.commits += 1;
    // A repeated commit finds the file that the first one made.
    let number = || call.service.identifiers.number() % 10_000_000_000;
    let file_id = upload.file_id.get_or_insert_with(|| format!("{OWN_FILE_ID}{:010}", number()));
    let url = format!("{}/uploads/{file_id}", call.service.endpoint);
    Ok(json!({ "FileId": file_id, "MediaUrl": url, "CoverUrl": "" }))
}

impl Uploads {
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
