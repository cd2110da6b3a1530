//! The tokens of the text API.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use vod_aigc_core::Secret;

use crate::clock::later;
use crate::refusal::Refusal;

/// The tokens of the text API.
#[derive(Default)]
pub(crate) struct Tokens(pub(crate) Vec<Token>);

pub(crate) struct Token {
    pub(crate) sub_app_id: u64,
    pub(crate) secret: Secret,
    pub(crate) notes: Map<String, Value>,
    pub(crate) made: SystemTime,
    pub(crate) deleted: Option<SystemTime>,
}

impl Tokens {
    /// One that can be found already, and was not deleted.
    pub(crate) fn find(
        &self,
        sub_app_id: u64,
        secret: &Secret,
        now: SystemTime,
        lag: Duration,
    ) -> Result<usize, Refusal> {
        let found = self.0.iter().position(|token| {
            token.sub_app_id == sub_app_id
                && token.secret == *secret
                && token.deleted.is_none()
                && token.is_listed(now, lag)
        });
        found.ok_or_else(|| {
            let message = "this SubAppId has no such ApiToken; a new one is known only after some 30 seconds";
            Refusal::new("ResourceNotFound", message)
        })
    }
}

impl Token {
    /// Whether the list shows it: what is made and what is deleted shows `lag` later.
    pub(crate) fn is_listed(&self, now: SystemTime, lag: Duration) -> bool {
        later(self.made, lag) <= now && self.deleted.is_none_or(|deleted| now < later(deleted, lag))
    }
}
