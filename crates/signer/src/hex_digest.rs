//! A SHA-256 sized value as its 64 lower-case hexadecimal digits.

use crate::midstate::sha256;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HexDigest([u8; 64]);

impl HexDigest {
    pub(crate) fn sha256(bytes: &[u8]) -> Self {
        Self::encode(&sha256(bytes))
    }

    // Merged with the swapping of bytes before it, it would be three times as many instructions.
    #[inline(never)]
    pub(crate) fn encode(digest: &[u8; 32]) -> Self {
        let mut digits = [0; 64];
        encode(digest, &mut digits);
        Self(digits)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }
}

/// Writes two digits a byte. Two loops without a table, because the compiler turns each into a few vector instructions.
#[inline]
pub(crate) fn encode(bytes: &[u8], digits: &mut [u8]) {
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(bytes) {
        let byte = u16::from(*byte);
        *pair = (byte >> 4 | (byte & 15) << 8).to_le_bytes();
    }
    for digit in digits {
        *digit += if *digit < 10 { b'0' } else { b'a' - 10 };
    }
}
