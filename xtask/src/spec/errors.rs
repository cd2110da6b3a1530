//! `spec/errors.yaml` as types: the codes, and the outcome of each.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// The error codes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    /// The classes that codes fall into, each with what it means.
    pub(crate) classes: IndexMap<String, String>,
    /// The codes as the service writes them.
    pub(crate) codes: IndexMap<String, ErrorRow>,
    /// What holds for a code that has no known parent.
    pub(crate) fallback: ErrorRow,
}

/// What one error code means.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorRow {
    /// One of `classes`.
    pub(crate) class: String,
    /// The outcome of a paid request that got this answer.
    pub(crate) create: OnCreate,
    /// What a request that only reads may do.
    pub(crate) read: OnRead,
    /// What a person should do next.
    pub(crate) next: String,
    /// Where the row comes from: names of `sources.yaml`.
    pub(crate) source: Vec<String>,
}

/// The outcome of a paid request.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnCreate {
    /// Nothing was started; the same request would be refused again.
    Refused,
    /// Nothing was started; the same request may be sent again after the stated step.
    Again,
    /// A task may have been started and billed.
    Unclear,
    /// An earlier send of the same request was accepted.
    Taken,
}

/// What a request that only reads may do.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnRead {
    /// Give up.
    Stop,
    /// Ask again.
    Retry,
}
