//! A tone as a WAV file.

use std::f64::consts::TAU;
use std::time::Duration;

/// Samples a second, of one channel with 16 bits each.
pub(crate) const SAMPLING_RATE: u32 = 8000;
/// The concert pitch.
const HERTZ: f64 = 440.0;

/// The file, and nothing but the tone in it.
pub(super) fn file(length: Duration) -> Vec<u8> {
    let samples = (length.as_secs_f64() * f64::from(SAMPLING_RATE)).round() as u32;
    let bytes = 2 * samples;
    let mut file = Vec::with_capacity(44 + bytes as usize);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    // PCM, one channel.
    file.extend(1u16.to_le_bytes());
    file.extend(1u16.to_le_bytes());
    file.extend(SAMPLING_RATE.to_le_bytes());
    file.extend((2 * SAMPLING_RATE).to_le_bytes());
    // Bytes of a sample of all channels, bits of one of them.
    file.extend(2u16.to_le_bytes());
    file.extend(16u16.to_le_bytes());
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    for sample in 0..samples {
        let angle = TAU * HERTZ * f64::from(sample) / f64::from(SAMPLING_RATE);
        file.extend(((8000.0 * angle.sin()) as i16).to_le_bytes());
    }
    file
}
