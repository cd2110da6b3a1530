//! Scenarios: a behaviour, a clock and faults, as a file.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::SystemTime;
use std::{fmt, fs, io};

use serde::{Deserialize, Deserializer};
use vod_aigc_core::Secret;
use vod_aigc_signer::Credential;

use crate::behaviour::Behaviour;
use crate::callback_url::CallbackUrl;
use crate::clock::Clock;
use crate::fault::FaultRule;
use crate::tasks::Timing;

/// What an emulator plays, as JSON. Every member may be left out; an unknown one is an error.
///
/// ```
/// use vod_aigc_emulator::{SessionIdPolicy, Scenario};
///
/// let scenario: Scenario = r#"{
///     "seed": 7,
///     "clock": {"at": "2026-11-23T08:00:00Z"},
///     "behaviour": {"session_id_policy": "consumed_on_request", "list_lag_seconds": 60},
///     "timing": {"waiting_seconds": 1, "processing_seconds": 30},
///     "keys": [{"secret_id": "AKIDEXAMPLE", "secret_key": "not-a-real-key"}],
///     "faults": [
///         {"action": "CreateAigcVideoTask", "nth": 1, "fault": {"reset": {"request": "applied"}}},
///         {"action": "DescribeTaskDetail", "probability": 0.2, "fault": "refused"}
///     ]
/// }"#
/// .parse()?;
/// assert_eq!(scenario.behaviour.session_id_policy, SessionIdPolicy::ConsumedOnRequest);
/// # Ok::<(), vod_aigc_emulator::ScenarioError>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// Where ids and dice come from.
    pub seed: Option<u64>,
    /// The time: `"real"`, `{"skewed_seconds": -600}` beside it, or `{"at": "2026-11-23T08:00:00Z"}`, where it stays
    /// until it is moved.
    #[serde(deserialize_with = "clock")]
    pub clock: Option<Clock>,
    /// How the service behaves.
    pub behaviour: Behaviour,
    /// How long tasks take.
    pub timing: Timing,
    /// Further key pairs that are accepted, each with `secret_id` and `secret_key`.
    #[serde(deserialize_with = "keys")]
    pub keys: Vec<Credential>,
    /// Where the events of tasks that end are posted to, as [`Builder::callback_url`](crate::Builder::callback_url).
    pub callback_url: Option<CallbackUrl>,
    /// What they are signed with.
    pub callback_key: Option<Secret>,
    /// What goes wrong.
    pub faults: Vec<FaultRule>,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no scenario.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ScenarioError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path)
            .map_err(|source| ScenarioError { path: Some(path.to_owned()), problem: Problem::Unreadable(source) })?;
        text.parse().map_err(|error: ScenarioError| ScenarioError { path: Some(path.to_owned()), ..error })
    }
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            |place: String, reason: String| ScenarioError { path: None, problem: Problem::Wrong { place, reason } };
        let mut reader = serde_json::Deserializer::from_str(text);
        let scenario = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let place = error.path().to_string();
            // What serde says of a key may quote it.
            let reason = if place.starts_with("keys") { KEYS.to_owned() } else { error.inner().to_string() };
            wrong(place, reason)
        })?;
        reader.end().map_err(|error| wrong("the end".to_owned(), error.to_string()))?;
        Ok(scenario)
    }
}

/// How keys are written.
const KEYS: &str = "each key is an object of secret_id and secret_key, and neither is empty or holds a blank";

fn clock<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Clock>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Written {
        Real,
        SkewedSeconds(i64),
        At(String),
    }
    Ok(Some(match Written::deserialize(deserializer)? {
        Written::Real => Clock::real(),
        Written::SkewedSeconds(seconds) => Clock::skewed(seconds),
        Written::At(text) => {
            let time: SystemTime = humantime::parse_rfc3339(&text)
                .map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}; write 2026-11-23T08:00:00Z")))?;
            Clock::manual(time)
        }
    }))
}

fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Credential>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Key {
        secret_id: String,
        secret_key: String,
    }
    let keys = Vec::<Key>::deserialize(deserializer)?;
    keys.into_iter()
        .map(|key| Credential::new(key.secret_id, key.secret_key).map_err(serde::de::Error::custom))
        .collect()
}

/// A file is no scenario.
#[derive(Debug)]
pub struct ScenarioError {
    path: Option<PathBuf>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Unreadable(io::Error),
    Wrong { place: String, reason: String },
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the scenario ")?;
        if let Some(path) = &self.path {
            write!(formatter, "{} ", path.display())?;
        }
        match &self.problem {
            Problem::Unreadable(source) => write!(formatter, "cannot be read: {source}"),
            Problem::Wrong { place, reason } => write!(formatter, "is wrong at {place}: {reason}"),
        }
    }
}

impl Error for ScenarioError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_place_and_what_is_allowed() {
        for (text, place, words) in [
            ("", ".", "EOF"),
            ("{} {}", "the end", "trailing"),
            (r#"{"sede": 7}"#, "sede", "unknown field"),
            (r#"{"behaviour": {"session_id_policy": "never"}}"#, "behaviour.session_id_policy", "`consumed_on_accept`"),
            (r#"{"behaviour": {"list_lag_seconds": -1}}"#, "behaviour.list_lag_seconds", "from zero on"),
            (r#"{"clock": {"at": "noon"}}"#, "clock", "2026-11-23T08:00:00Z"),
            (r#"{"callback_url": "http://192.0.2.7/"}"#, "callback_url", "loopback"),
            (r#"{"keys": [{"secret_id": "", "secret_key": "k"}]}"#, "keys", "empty"),
            (r#"{"keys": [{"secret_id": "a", "secret": "k"}]}"#, "keys[0].secret", "secret_key"),
            (r#"{"faults": [{"nth": 1, "fault": "melted"}]}"#, "faults[0].fault", "`refused`"),
            (r#"{"faults": [{"nth": 1, "fault": {"reset": {}}}]}"#, "faults[0].fault.reset", "`request`"),
            (r#"{"faults": [{"nth": 1, "action": "Describe", "fault": "gzip"}]}"#, "faults[0].action", "`PullEvents`"),
            (r#"{"faults": [{"fault": "gzip"}]}"#, "faults[0]", "one of nth, every and probability"),
            (r#"{"faults": [{"nth": 1, "every": 1, "fault": "gzip"}]}"#, "faults[0]", "one of nth, every"),
            (
                r#"{"faults": [{"nth": 1, "fault": {"huge": {"bytes": 1000000000000}}}]}"#,
                "faults[0]",
                "at most 67108864",
            ),
            (
                r#"{"faults": [{"nth": 1, "fault": {"deep": {"levels": 1000000000000}}}]}"#,
                "faults[0]",
                "at most 33554432",
            ),
            (r#"{"faults": [{"nth": 0, "fault": "gzip"}]}"#, "faults[0]", "counted from 1"),
            (r#"{"faults": [{"probability": 1.5, "fault": "gzip"}]}"#, "faults[0]", "from 0 to 1"),
        ] {
            let error = text.parse::<Scenario>().expect_err(text).to_string();
            assert!(error.contains(&format!("is wrong at {place}: ")), "{error}");
            assert!(error.contains(words), "{error}");
        }
        let error = Scenario::read("no/such/file.json").expect_err("it does not exist").to_string();
        assert!(error.starts_with("the scenario no/such/file.json cannot be read"), "{error}");
    }

    #[test]
    fn a_scenario_does_not_print_its_keys() {
        let text = r#"{"keys": [{"secret_id": "AKIDshown", "secret_key": "must-not-show"}]}"#;
        let printed = format!("{:?}", text.parse::<Scenario>().expect("it is one"));
        assert!(printed.contains("AKIDshown") && !printed.contains("must-not-show"), "{printed}");
        for text in
            [r#"{"keys": ["must-not-show"]}"#, r#"{"keys": [{"secret_id": "a", "secret_key": ["must-not-show"]}]}"#]
        {
            let error = text.parse::<Scenario>().expect_err(text);
            assert!(!format!("{error} {error:?}").contains("must-not-show"), "{error}");
        }
    }
}
