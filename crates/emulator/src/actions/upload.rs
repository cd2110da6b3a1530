//! Uploads: applied for, and committed.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vod_aigc_core::{ApplyUploadRequest, CommitUploadRequest};

use crate::call::Call;
use crate::clock::later;
use crate::refusal::{Refusal, owner};
use crate::upload::{OWN_FILE_ID, Stored, TemporaryKeys, Upload};

/// How long the keys to storage work.
const VALID: Duration = Duration::from_secs(2 * 60 * 60);
const BUCKET: &str = "emulator-1500000001";
const REGION: &str = "ap-guangzhou";

/// Gives out a place in storage and the keys to it.
pub(super) fn apply(call: &Call<'_>, request: &ApplyUploadRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let media_type = request.media_type.clone();
    if media_type.len() > 8 || !media_type.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = format!("MediaType {media_type:?} is invalid; give the end of a file's name, such as mp4");
        return Err(Refusal::new("InvalidParameterValue.MediaType", message));
    }
    let ids = call.identifiers;
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
    call.store().uploads.add(Stored { upload, session, place: format!("{BUCKET}{path}"), keys });
    Ok(reply)
}

/// Makes a file of what has come into storage.
pub(super) fn commit(call: &Call<'_>, request: &CommitUploadRequest, value: &Value) -> Result<Value, Refusal> {
    let sub_app_id = owner(value)?;
    let mut store = call.store();
    let Some(upload) = store.uploads.of_session(request.vod_session_key.expose(), sub_app_id) else {
        let message = "this SubAppId has applied for no such upload; apply for one";
        return Err(Refusal::new("InvalidParameterValue.VodSessionKey", message));
    };
    if upload.object.is_none() {
        return Err(Refusal::new("ResourceNotFound.FileNotExist", "the object is not in storage; put it there first"));
    }
    upload.commits += 1;
    // A repeated commit finds the file that the first one made.
    let number = || call.identifiers.number() % 10_000_000_000;
    let file_id = upload.file_id.get_or_insert_with(|| format!("{OWN_FILE_ID}{:010}", number()));
    let url = format!("{}/uploads/{file_id}", call.endpoint);
    Ok(json!({ "FileId": file_id, "MediaUrl": url, "CoverUrl": "" }))
}
