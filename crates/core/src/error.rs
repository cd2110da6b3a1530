//! What an error code of the service means.

use crate::generated::{ERROR_FACTS, ErrorClass, ErrorCode, FALLBACK};

/// What is known about one error code, from `spec/errors.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorFacts {
    /// The code of the row, a parent of the one that was asked about or that code itself; empty for an unknown one.
    pub code: &'static str,
    /// What kind of thing went wrong.
    pub class: ErrorClass,
    /// The outcome of a paid request that got this answer.
    pub on_create: OnCreate,
    /// What a request that only reads may do.
    pub on_read: OnRead,
    /// What a person should do next.
    pub next_step: &'static str,
}

/// The outcome of a paid request that got an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum OnCreate {
    /// Nothing was started; the same request would be refused again.
    Refused,
    /// Nothing was started; the same request with the same `SessionId` may be sent again after the next step.
    Again,
    /// A task may have been started and billed.
    Unclear,
    /// An earlier send of the same request was accepted.
    Taken,
}

/// What a request that only reads may do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "callers decide about each value")]
pub enum OnRead {
    /// Give up.
    Stop,
    /// Ask again.
    Retry,
}

impl ErrorCode {
    /// What the code means: its own row, else that of its longest known parent, else the row for unknown codes.
    pub fn facts(&self) -> &'static ErrorFacts {
        let mut code = self.as_str();
        loop {
            if let Some(facts) = ERROR_FACTS.iter().find(|row| row.code == code) {
                return facts;
            }
            match code.rsplit_once('.') {
                Some((parent, _)) => code = parent,
                None => return &FALLBACK,
            }
        }
    }

    /// What kind of thing went wrong.
    pub fn class(&self) -> ErrorClass {
        self.facts().class
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_code_has_its_own_row() {
        for code in ErrorCode::KNOWN {
            assert_eq!(code.facts().code, code.as_str());
        }
    }

    #[test]
    fn the_five_codes_of_the_card_have_the_class_that_their_description_says() {
        for (code, class) in [
            ("AuthFailure", ErrorClass::Credentials),
            ("InvalidParameter", ErrorClass::Parameter),
            ("LimitExceeded", ErrorClass::Quota),
            ("ContentRiskDetected", ErrorClass::Content),
            ("InternalError", ErrorClass::Server),
        ] {
            assert_eq!(ErrorCode::from(code).class(), class, "{code}");
            assert!(!matches!(ErrorCode::from(code), ErrorCode::Unknown(_)), "{code}");
        }
    }

    #[test]
    fn an_unknown_code_takes_its_longest_known_parent() {
        assert_eq!(ErrorCode::from("AuthFailure.SignatureFailure.New").facts().code, "AuthFailure.SignatureFailure");
        assert_eq!(ErrorCode::from("AuthFailure.New").facts().code, "AuthFailure");
    }

    #[test]
    fn a_create_that_got_an_unknown_code_may_have_started_a_task() {
        let facts = ErrorCode::from("Brand.New").facts();
        assert_eq!(
            (facts.class, facts.on_create, facts.on_read),
            (ErrorClass::Unknown, OnCreate::Unclear, OnRead::Stop)
        );
    }
}
