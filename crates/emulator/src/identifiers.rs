//! Request ids and task ids, from a seed.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of ids that look like the service's. The same seed gives the same ids.
pub(crate) struct Identifiers(AtomicU64);

impl Identifiers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// In the form of a UUID.
    pub(crate) fn request_id(&self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xFFFF,
            high & 0xFFF,
            low >> 48 & 0x3FFF | 0x8000,
            low & 0xFFFF_FFFF_FFFF
        )
    }

    pub(crate) fn task_id(&self, sub_app_id: u64) -> String {
        let (high, low) = (self.next(), self.next());
        format!("{sub_app_id}-AigcVideoTask-{high:016x}{low:016x}t")
    }

    /// SplitMix64: each step of the counter is scattered over all bits.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let counter = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (counter ^ counter >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}
