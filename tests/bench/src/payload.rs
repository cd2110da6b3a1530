//! A local image of the largest size, from its file to the signed request.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use vod_aigc_bench::material::{SECRET_ID, SECRET_KEY, SUB_APP_ID};
use vod_aigc_bench::repeat::runtime;
use vod_aigc_bench::worker::Way;
use vod_aigc_client::core::{Kling, MAX_BASE64_BYTES, VideoRequest};
use vod_aigc_client::transport::signer::Credential;
use vod_aigc_client::{Client, Inputs};

pub fn ways() -> Vec<Way> {
    vec![
        Way::new("image", "ours", |_| {
            let (image, runtime) = (image(), runtime());
            let credential = Credential::new(SECRET_ID, SECRET_KEY).expect("a credential");
            let client = Client::builder(credential, SUB_APP_ID).build();
            Box::new(move |count| {
                for _ in 0..count {
                    runtime.block_on(async {
                        let builder = VideoRequest::builder(Kling::V2_1).prompt("a panda");
                        let request = Inputs::new().image(&image).embed(builder).await.expect("a request");
                        let call = client.transport().prepare(request.into_action(SUB_APP_ID)).expect("a call");
                        black_box(client.transport().sign(&call).await.expect("a signed request"));
                    });
                }
            })
        }),
        Way::new("image", "read, encode and hash alone", |_| {
            let image = image();
            let (mut bytes, mut text) = (Vec::new(), vec![0; MAX_BASE64_BYTES.div_ceil(3) * 4]);
            Box::new(move |count| {
                for _ in 0..count {
                    bytes.clear();
                    File::open(&image).and_then(|mut file| file.read_to_end(&mut bytes)).expect("an image");
                    let length = STANDARD.encode_slice(&bytes, &mut text).expect("room");
                    black_box(Sha256::digest(&text[..length]));
                }
            })
        }),
    ]
}

/// The head of a picture of 640 x 480, and zeros. The file goes with the value.
fn image() -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".png").expect("a file");
    file.write_all(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x02\x80\0\0\x01\xE0").expect("a head");
    file.as_file().set_len(MAX_BASE64_BYTES as u64).expect("the rest");
    file
}
