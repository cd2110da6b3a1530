//! A SHA-256 sized value as its 64 lower-case hexadecimal digits.

use sha2::{Digest, Sha256};

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HexDigest([u8; 64]);

impl HexDigest {
    pub(crate) fn sha256(bytes: &[u8]) -> Self {
        Self::encode(&Sha256::digest(bytes).into())
    }

    pub(crate) fn encode(digest: &[u8; 32]) -> Self {
        let mut digits = [0; 64];
        hex::encode_to_slice(digest, &mut digits).expect("32 bytes are 64 digits");
        Self(digits)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}
