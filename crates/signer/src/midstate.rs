//! SHA-256 continued from a kept state: a beginning that never changes is compressed once.

use sha2::block_api::compress256;
use zeroize::Zeroize;

const BLOCK: usize = 64;

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let (blocks, rest) = bytes.as_chunks();
    let mut ending = Ending::<2>::EMPTY;
    ending.push(rest);
    Midstate::after(blocks).digest(&mut ending)
}

/// SHA-256 after whole blocks.
#[derive(Clone, Copy)]
pub(crate) struct Midstate {
    state: [u32; 8],
    blocks: usize,
}

impl Midstate {
    pub(crate) fn after(blocks: &[[u8; BLOCK]]) -> Self {
        let mut state = INITIAL;
        compress256(&mut state, blocks);
        Self { state, blocks: blocks.len() }
    }

    /// The digest of the blocks and the ending behind them. The state is overwritten as it goes, so that none of a key
    /// stays behind.
    #[inline]
    pub(crate) fn digest<const BLOCKS: usize>(mut self, ending: &mut Ending<BLOCKS>) -> [u8; 32] {
        let bits = (self.blocks * BLOCK + ending.length) as u64 * 8;
        ending.push(&[0x80]);
        let last = (ending.length + size_of_val(&bits)).div_ceil(BLOCK) - 1;
        ending.blocks[last][BLOCK - size_of_val(&bits)..].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, &ending.blocks[..=last]);

        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

impl Zeroize for Midstate {
    fn zeroize(&mut self) {
        self.state.zeroize();
    }
}

/// What follows the kept blocks, on the stack: at most [`CAPACITY`](Self::CAPACITY) bytes, with room for the padding.
#[derive(Clone, Copy)]
pub(crate) struct Ending<const BLOCKS: usize> {
    blocks: [[u8; BLOCK]; BLOCKS],
    length: usize,
}

impl<const BLOCKS: usize> Ending<BLOCKS> {
    pub(crate) const CAPACITY: usize = BLOCKS * BLOCK - 1 - size_of::<u64>();

    pub(crate) const EMPTY: Self = Self { blocks: [[0; BLOCK]; BLOCKS], length: 0 };

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.blocks.as_flattened_mut()[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    /// Writes a number of at most twelve digits.
    #[inline]
    pub(crate) fn push_decimal(&mut self, mut number: u64) {
        let mut pairs = [[0; 2]; 6];
        for pair in pairs.iter_mut().rev() {
            *pair = PAIRS[(number % 100) as usize];
            number /= 100;
        }
        let digits = pairs.as_flattened();
        let first = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len() - 1);
        self.push(&digits[first..]);
    }
}

/// The two digits of each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// The state before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_digest_from_a_kept_state_is_the_digest_of_the_whole() {
        const CAPACITY: usize = Ending::<3>::CAPACITY;
        let text: Vec<u8> = (0..=255).cycle().take(4 * BLOCK + CAPACITY).collect();
        for kept in 0..=4 {
            for rest in 0..=CAPACITY {
                let whole = &text[..kept * BLOCK + rest];
                let (blocks, _) = whole.as_chunks();
                let mut ending = Ending::<3>::EMPTY;
                ending.push(&whole[kept * BLOCK..]);
                let digest = Midstate::after(&blocks[..kept]).digest(&mut ending);
                assert_eq!(digest[..], Sha256::digest(whole)[..], "{kept} blocks and {rest} bytes");
            }
        }
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 9, 10, 99, 100, 1_764_072_000, 253_402_300_799] {
            let mut ending = Ending::<1>::EMPTY;
            ending.push(b"x");
            ending.push_decimal(number);
            assert_eq!(ending.blocks[0][..ending.length], *format!("x{number}").as_bytes());
        }
    }
}
