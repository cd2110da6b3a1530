//! A key pair with an optional token, which prints no secret.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ctutils::CtEq;
use zeroize::Zeroizing;

/// A secret id, its secret key and, for temporary keys, their token.
///
/// A clone shares the secrets; they are wiped from memory with the last clone. `Debug` shows the
/// secret id only.
#[derive(Clone)]
pub struct Credential {
    secret_id: Arc<str>,
    secret_key: Arc<Zeroizing<String>>,
    token: Option<Arc<Zeroizing<String>>>,
}

impl Credential {
    /// A permanent key pair.
    ///
    /// # Errors
    ///
    /// When one of the two is empty, or holds a blank or another character that no such value has.
    pub fn new(secret_id: impl Into<String>, secret_key: impl Into<String>) -> Result<Self, InvalidCredential> {
        let secret_id = secret_id.into();
        let secret_key = Zeroizing::new(secret_key.into());
        // Both characters separate parts of the Authorization header.
        if secret_id.contains(['/', ',']) {
            return Err(InvalidCredential { part: "secret id", empty: false });
        }
        check("secret id", &secret_id)?;
        check("secret key", &secret_key)?;
        Ok(Self { secret_id: secret_id.into(), secret_key: Arc::new(secret_key), token: None })
    }

    /// The same pair with the token of temporary keys, which goes out in the header `X-TC-Token`.
    ///
    /// # Errors
    ///
    /// When the token is empty, or holds a blank or a character that a header cannot carry.
    pub fn with_token(self, token: impl Into<String>) -> Result<Self, InvalidCredential> {
        let token = Zeroizing::new(token.into());
        check("token", &token)?;
        Ok(Self { token: Some(Arc::new(token)), ..self })
    }

    /// The secret id, which is sent with every request and may be shown.
    #[must_use]
    pub fn secret_id(&self) -> &str {
        &self.secret_id
    }

    /// The token, for the header `X-TC-Token`. Keep it out of logs.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }

    pub(crate) fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// Whether both are the same secret id and secret key: found at once for clones, in constant time for others.
    pub(crate) fn is_pair_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.secret_key, &other.secret_key)
            || self.secret_id == other.secret_id
                && self.secret_key().as_bytes().ct_eq(other.secret_key().as_bytes()).to_bool()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("secret_id", &self.secret_id)
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// A part of a credential that cannot be right. The value itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCredential {
    part: &'static str,
    empty: bool,
}

impl fmt::Display for InvalidCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = if self.empty { "is empty" } else { "holds a blank or a character that it cannot have" };
        write!(formatter, "the {} {problem}; copy it again from the console", self.part)
    }
}

impl Error for InvalidCredential {}

fn check(part: &'static str, value: &str) -> Result<(), InvalidCredential> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidCredential { part, empty: value.is_empty() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_secret_id_and_no_secret() {
        let credential =
            Credential::new("AKIDSHOWN", "canary-key").expect("valid").with_token("canary-token").expect("valid");
        let text = format!("{credential:?}");
        assert!(text.contains("AKIDSHOWN"), "{text}");
        assert!(text.contains("has_token: true"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn a_part_with_a_blank_is_refused_without_repeating_it() {
        for (id, key) in [("canary id", "key"), ("canary/id", "key"), ("", "key"), ("id", "canary\n"), ("id", "")] {
            let error = Credential::new(id, key).expect_err("one part is wrong");
            let part = if key == "key" { "secret id" } else { "secret key" };
            assert!(error.to_string().contains(part), "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
        let pair = Credential::new("id", "key").expect("valid");
        let error = pair.with_token("canary\r\nx: y").expect_err("a line break");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
