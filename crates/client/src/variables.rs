//! The settings of a client from environment variables, looked up through a closure.

use std::fmt;

use vod_aigc_transport::signer::Credential;
use vod_aigc_transport::{CredentialError, Endpoint, Environment, InvalidEndpoint, VariableNames};

/// The names of the integration spec. They come first.
const CARD: VariableNames =
    VariableNames { secret_id: "VITE_VOD_SECRET_ID", secret_key: "VITE_VOD_SECRET_KEY", tokens: &[] };

const SUB_APP_IDS: [&str; 2] = ["VITE_VOD_SUB_APP_ID", "VOD_SUB_APP_ID"];
const REGION: &str = "TENCENTCLOUD_REGION";
const ENDPOINT: &str = "VOD_AIGC_ENDPOINT";

/// What the environment says about a client. An empty variable counts as unset.
///
/// | variable | meaning |
/// |---|---|
/// | `VITE_VOD_SECRET_ID`, `VITE_VOD_SECRET_KEY` | the key pair |
/// | `TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY`, `TENCENTCLOUD_TOKEN` | the key pair, where none of the first two is set; the token of temporary keys |
/// | `VITE_VOD_SUB_APP_ID`, else `VOD_SUB_APP_ID` | the sub-application |
/// | `TENCENTCLOUD_REGION` | the region, `ap-guangzhou` where it is not set |
/// | `VOD_AIGC_ENDPOINT` | another server, for example a local emulator |
///
/// Half a pair is an error, and the halves of two pairs are never put together.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "callers make values of it")]
pub struct Settings {
    /// The key pair.
    pub credential: Credential,
    /// The sub-application that owns tasks and videos.
    pub sub_app_id: u64,
    /// The region, where it is not the default.
    pub region: Option<String>,
    /// The server, where it is not the default.
    pub endpoint: Option<Endpoint>,
}

impl Settings {
    /// Reads the variables; pass `|name| std::env::var(name).ok()` for the process's own.
    ///
    /// # Errors
    /// The first variable that is missing or cannot be used. Nothing has been sent.
    pub fn read(
        look_up: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static,
    ) -> Result<Self, SettingsError> {
        let given = |name: &'static str| look_up(name).filter(|value| !value.is_empty());
        let credential = Self::credential(look_up.clone())?;
        let sub_app_id = Self::sub_app_id(&look_up)?.ok_or(SettingsError::NoSubAppId)?;
        let endpoint = given(ENDPOINT).map(|text| text.parse()).transpose().map_err(SettingsError::Endpoint)?;
        Ok(Self { credential, sub_app_id, region: given(REGION), endpoint })
    }

    /// Reads the variables of the sub-application alone; none where they are not set.
    ///
    /// # Errors
    /// A value that is no number.
    pub fn sub_app_id(look_up: impl Fn(&str) -> Option<String>) -> Result<Option<u64>, SettingsError> {
        let given = |name| look_up(name).filter(|value| !value.is_empty()).map(|text| (name, text));
        let Some((name, text)) = SUB_APP_IDS.into_iter().find_map(given) else {
            return Ok(None);
        };
        text.trim().parse().map(Some).map_err(|_| SettingsError::SubAppId { name, text })
    }

    /// Reads the variables of the key pair alone.
    ///
    /// # Errors
    /// No pair, half a pair, or one that cannot be used. Nothing has been sent.
    pub fn credential(
        look_up: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static,
    ) -> Result<Credential, SettingsError> {
        let pair = match Environment::new(CARD, look_up.clone()).read() {
            Err(CredentialError::Absent { .. }) => Environment::new(VariableNames::TENCENT_CLOUD, look_up).read(),
            found => found,
        };
        pair.map_err(|error| match error {
            CredentialError::Absent { .. } => SettingsError::NoCredential,
            error => SettingsError::Credential(error),
        })
    }
}

/// Why the environment gives no client. Nothing has been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// Neither pair is set.
    NoCredential,
    /// A pair is there and cannot be used.
    Credential(CredentialError),
    /// There is no sub-application.
    NoSubAppId,
    /// The sub-application is no number.
    SubAppId {
        /// The variable.
        name: &'static str,
        /// What it holds.
        text: String,
    },
    /// The server cannot be used.
    Endpoint(InvalidEndpoint),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredential => {
                let VariableNames { secret_id, secret_key, .. } = VariableNames::TENCENT_CLOUD;
                write!(
                    f,
                    "no credentials: set {} and {}, or {secret_id} and {secret_key}",
                    CARD.secret_id, CARD.secret_key
                )
            }
            Self::Credential(error) => error.fmt(f),
            Self::NoSubAppId => write!(f, "no sub-application: set {}", SUB_APP_IDS.join(" or ")),
            Self::SubAppId { name, text } => write!(f, "{name} is {text:?}; it takes the number of a sub-application"),
            Self::Endpoint(error) => write!(f, "{ENDPOINT}: {error}"),
        }
    }
}

impl std::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Credential(error) => Some(error),
            Self::Endpoint(error) => Some(error),
            Self::NoCredential | Self::NoSubAppId | Self::SubAppId { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &'static [(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(move |name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn refused(variables: &'static [(&str, &str)], sentence: &str) {
        let error = read(variables).expect_err("the settings cannot be used").to_string();
        assert!(error.contains(sentence), "{error}");
    }

    #[test]
    fn the_three_variables_of_the_card_are_enough() {
        let settings = read(&[
            ("VITE_VOD_SECRET_ID", "id"),
            ("VITE_VOD_SECRET_KEY", "key"),
            ("VITE_VOD_SUB_APP_ID", "1500044236"),
        ])
        .expect("all three are set");
        assert_eq!((settings.credential.secret_id(), settings.sub_app_id), ("id", 1_500_044_236));
        assert_eq!((settings.region, settings.endpoint), (None, None));
    }

    #[test]
    fn the_official_variables_stand_second_and_bring_token_and_region() {
        let settings = read(&[
            ("TENCENTCLOUD_SECRET_ID", "id"),
            ("TENCENTCLOUD_SECRET_KEY", "key"),
            ("TENCENTCLOUD_TOKEN", "token"),
            ("TENCENTCLOUD_REGION", "ap-singapore"),
            ("VOD_SUB_APP_ID", "7"),
            ("VITE_VOD_SECRET_ID", ""),
        ])
        .expect("the official pair is set");
        assert_eq!(settings.credential.token(), Some("token"));
        assert_eq!((settings.region.as_deref(), settings.sub_app_id), (Some("ap-singapore"), 7));
    }

    #[test]
    fn half_a_pair_names_the_missing_half_and_pairs_never_mix() {
        refused(&[("VITE_VOD_SECRET_ID", "id"), ("VOD_SUB_APP_ID", "7")], "VITE_VOD_SECRET_KEY");
        refused(&[("VITE_VOD_SECRET_ID", "id"), ("TENCENTCLOUD_SECRET_KEY", "key")], "VITE_VOD_SECRET_KEY");
        refused(
            &[("VITE_VOD_SECRET_KEY", "k"), ("TENCENTCLOUD_SECRET_ID", "i"), ("TENCENTCLOUD_SECRET_KEY", "k")],
            "VITE_VOD_SECRET_ID",
        );
        refused(&[("TENCENTCLOUD_SECRET_ID", "id")], "TENCENTCLOUD_SECRET_KEY");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        refused(&[], "set VITE_VOD_SECRET_ID and VITE_VOD_SECRET_KEY, or TENCENTCLOUD_SECRET_ID");
        refused(
            &[("VITE_VOD_SECRET_ID", "id"), ("VITE_VOD_SECRET_KEY", "k")],
            "set VITE_VOD_SUB_APP_ID or VOD_SUB_APP_ID",
        );
        refused(
            &[("VITE_VOD_SECRET_ID", "id"), ("VITE_VOD_SECRET_KEY", "k"), ("VOD_SUB_APP_ID", "seven")],
            "VOD_SUB_APP_ID is \"seven\"",
        );
        refused(
            &[
                ("VITE_VOD_SECRET_ID", "id"),
                ("VITE_VOD_SECRET_KEY", "k"),
                ("VOD_SUB_APP_ID", "7"),
                ("VOD_AIGC_ENDPOINT", "http://example.com"),
            ],
            "VOD_AIGC_ENDPOINT: the endpoint cannot be used",
        );
    }
}
