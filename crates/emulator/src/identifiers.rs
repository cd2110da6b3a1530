//! Request ids, task ids and the throws of dice, from a seed.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of ids that look like the service's. The same seed gives the same ids.
pub(crate) struct Identifiers(Random);

impl Identifiers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// In the form of a UUID.
    pub(crate) fn request_id(&self) -> String {
        let (high, low) = (self.0.next(), self.0.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xFFFF,
            high & 0xFFF,
            low >> 48 & 0x3FFF | 0x8000,
            low & 0xFFFF_FFFF_FFFF
        )
    }

    pub(crate) fn task_id(&self, sub_app_id: u64, task_type: &str) -> String {
        format!("{sub_app_id}-{task_type}-{}t", self.text())
    }

    /// Of a thing that later requests name, such as a voice. [`made_in`] finds it again in any text.
    pub(crate) fn thing(&self, thing: Thing) -> String {
        format!("{OWN}{}{}", thing.prefix(), self.text())
    }

    /// What confirms an event.
    pub(crate) fn event_handle(&self) -> String {
        self.text()
    }

    /// Any 64 bits.
    pub(crate) fn number(&self) -> u64 {
        self.0.next()
    }

    /// 32 hexadecimal digits.
    pub(crate) fn text(&self) -> String {
        let (high, low) = (self.0.next(), self.0.next());
        format!("{high:016x}{low:016x}")
    }
}

/// How the ids of things begin that the emulator has made, so that they are not taken for the service's.
const OWN: &str = "emulator-";

/// What has such an id.
#[derive(Clone, Copy)]
pub(crate) enum Thing {
    Element,
    Voice,
    Subject,
    Face,
}

impl Thing {
    const ALL: [Self; 4] = [Self::Element, Self::Voice, Self::Subject, Self::Face];

    fn prefix(self) -> &'static str {
        match self {
            Self::Element => "element-",
            Self::Voice => "voice-",
            Self::Subject => "subject-",
            Self::Face => "face-",
        }
    }
}

/// Whatever looks like the id of such a thing in `text`.
pub(crate) fn made_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(OWN).filter_map(|(at, _)| {
        let rest = &text[at + OWN.len()..];
        let prefix = Thing::ALL.into_iter().map(Thing::prefix).find(|prefix| rest.starts_with(prefix))?;
        let length = rest[prefix.len()..].bytes().take_while(u8::is_ascii_alphanumeric).count();
        Some(&text[at..at + OWN.len() + prefix.len() + length])
    })
}

/// SplitMix64: each step of a counter is scattered over all bits.
pub(crate) struct Random(AtomicU64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let counter = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (counter ^ counter >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// From 0 to just below 1.
    pub(crate) fn fraction(&self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
