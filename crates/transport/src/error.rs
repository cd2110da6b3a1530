//! The one error of a call: was it sent, what did it cost, whose fault is it, what now.

use std::fmt;
use std::time::Duration;

use vod_aigc_core::api::{Billed, Effect, ErrorClass, ErrorCode, OnCreate, OnRead};

use crate::{Call, CredentialError, OpenError, SendError, SendErrorKind, Sent};

/// A call that failed.
///
/// Its `Display` is one line without secrets: what happened, the service's code, message and RequestId, and for
/// a paid action whether money may have been spent. [`hint`](Self::hint) says what to do next, and `source()` has the typed
/// cause, whose text is a part of `Display`.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    cause: Cause,
    action: Option<String>,
    effect: Effect,
    session_id: Option<String>,
    retry_after: Option<Duration>,
    remedy: Option<Remedy>,
}

/// What this client has changed after a refusal that started nothing. The same call, signed again, may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// The service refused the timestamp, and its reply shows its own clock: later signatures follow that.
    Clock,
    /// The service refused a temporary key, and the source of credentials provides another one.
    Credential,
}

#[derive(Debug, Clone)]
pub(crate) enum Cause {
    Configuration(String),
    Request(String),
    Credential(CredentialError),
    Send(SendError),
    Open(OpenError),
}

/// The stage at which a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting of the transport is wrong. Nothing was sent.
    Configuration,
    /// The request cannot be serialised or signed. Nothing was sent.
    Request,
    /// There are no usable credentials. Nothing was sent.
    Credential,
    /// There is no complete reply; see [`Error::sent`].
    Send,
    /// The reply is not the envelope of an API reply.
    Reply,
    /// The service answered with an error; see [`Error::code`].
    Service,
}

impl ErrorKind {
    /// A stable word for programs, for example `send`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Request => "request",
            Self::Credential => "credential",
            Self::Send => "send",
            Self::Reply => "reply",
            Self::Service => "service",
        }
    }
}

impl Error {
    /// An error before there is a call.
    pub(crate) fn early(cause: Cause) -> Self {
        Self(Box::new(Inner {
            cause,
            action: None,
            effect: Effect::Read,
            session_id: None,
            retry_after: None,
            remedy: None,
        }))
    }

    pub(crate) fn of(call: &Call, cause: Cause, retry_after: Option<Duration>) -> Self {
        Self(Box::new(Inner {
            cause,
            action: Some(call.action().to_owned()),
            effect: call.effect(),
            session_id: call.session_id().map(str::to_owned),
            retry_after,
            remedy: None,
        }))
    }

    pub(crate) fn with_remedy(mut self, remedy: Option<Remedy>) -> Self {
        self.0.remedy = remedy;
        self
    }

    /// The stage at which the call failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0.cause {
            Cause::Configuration(_) => ErrorKind::Configuration,
            Cause::Request(_) => ErrorKind::Request,
            Cause::Credential(_) => ErrorKind::Credential,
            Cause::Send(_) => ErrorKind::Send,
            Cause::Open(OpenError::Unreadable { .. }) => ErrorKind::Reply,
            Cause::Open(OpenError::Service { .. }) => ErrorKind::Service,
        }
    }

    /// Whether the service may have received the request.
    #[must_use]
    pub fn sent(&self) -> Sent {
        match &self.0.cause {
            Cause::Configuration(_) | Cause::Request(_) | Cause::Credential(_) => Sent::No,
            Cause::Send(error) => error.sent(),
            Cause::Open(_) => Sent::Yes,
        }
    }

    /// Whether money was spent; always [`Billed::No`] for an action that costs nothing.
    #[must_use]
    pub fn billed(&self) -> Billed {
        if self.0.effect != Effect::Paid {
            return Billed::No;
        }
        match (&self.0.cause, self.sent()) {
            (Cause::Open(OpenError::Service { code, .. }), _) => match code.facts().on_create {
                OnCreate::Refused | OnCreate::Again => Billed::No,
                OnCreate::Unclear => Billed::Unknown,
                OnCreate::Taken => Billed::Yes,
            },
            (_, Sent::No) => Billed::No,
            (_, Sent::Maybe | Sent::Yes) => Billed::Unknown,
        }
    }

    /// The service's error code.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        match &self.0.cause {
            Cause::Open(OpenError::Service { code, .. }) => Some(code),
            _ => None,
        }
    }

    /// What kind of thing went wrong at the service; [`ErrorClass::Credentials`] too if there were no credentials.
    #[must_use]
    pub fn class(&self) -> Option<ErrorClass> {
        match &self.0.cause {
            Cause::Credential(_) => Some(ErrorClass::Credentials),
            _ => self.code().map(ErrorCode::class),
        }
    }

    /// The service's message, or this library's words about what failed before there was one.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.0.cause {
            Cause::Configuration(text) | Cause::Request(text) => text.clone(),
            Cause::Credential(error) => error.to_string(),
            Cause::Send(error) => error.to_string(),
            Cause::Open(OpenError::Service { message, .. }) => message.clone(),
            Cause::Open(OpenError::Unreadable { problem, .. }) => problem.clone(),
        }
    }

    /// The service's id of the failed request, to quote to its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Open(OpenError::Service { request_id, .. } | OpenError::Unreadable { request_id, .. }) => {
                request_id.as_deref()
            }
            _ => None,
        }
    }

    /// The session id in the request, by which a task that was started after all can be found.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }

    /// The name of the action, once there is a call.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.0.action.as_deref()
    }

    /// How long the service asked to wait before the next attempt.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What was changed after this refusal, so that the same call may be attempted once more at once.
    #[must_use]
    pub fn remedy(&self) -> Option<Remedy> {
        self.0.remedy
    }

    /// Whether the attempt took too long.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(&self.0.cause, Cause::Send(error) if error.kind() == SendErrorKind::Timeout)
    }

    /// Whether the same call may be sent again without risk and with hope: a read after a passing failure; anything
    /// else only if nothing of it left, or if the service refused it for its frequency. A refused time is not among
    /// them: an attempt has put right what it could.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let reads = self.0.effect == Effect::Read;
        match &self.0.cause {
            Cause::Configuration(_) | Cause::Request(_) | Cause::Credential(_) => false,
            Cause::Send(error) if reads => !matches!(error.kind(), SendErrorKind::TooLarge | SendErrorKind::Refused),
            Cause::Send(error) => error.sent() == Sent::No,
            Cause::Open(OpenError::Unreadable { transient, .. }) => reads && *transient,
            Cause::Open(OpenError::Service { code, .. }) => {
                let facts = code.facts();
                if reads {
                    facts.on_read == OnRead::Retry && facts.class != ErrorClass::Clock
                } else {
                    facts.class == ErrorClass::Frequency && facts.on_create == OnCreate::Again
                }
            }
        }
    }

    /// What to do next, as one sentence without a full stop.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match &self.0.cause {
            Cause::Configuration(_) => "correct the setting",
            Cause::Request(_) => "correct the request",
            Cause::Credential(_) => "set up credentials",
            Cause::Send(error) if error.sent() == Sent::No => {
                "check the endpoint, the network, the proxy variables and the trusted certificates"
            }
            Cause::Open(OpenError::Service { code, .. }) => code.facts().next_step,
            _ if self.billed() == Billed::Unknown => "look for the task by its session id before sending again",
            Cause::Send(_) => "try again later",
            Cause::Open(OpenError::Unreadable { .. }) => {
                "check that the endpoint is the API's and that no proxy answers in its place"
            }
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = self.action().unwrap_or("the call");
        match &self.0.cause {
            Cause::Configuration(text) | Cause::Request(text) => formatter.write_str(text)?,
            Cause::Credential(error) => write!(formatter, "{error}")?,
            Cause::Send(error) => write!(formatter, "{action} got no reply: {error}")?,
            Cause::Open(OpenError::Unreadable { status, problem, .. }) => {
                write!(formatter, "the reply to {action} cannot be read (HTTP status {status}): {problem}")?;
            }
            Cause::Open(OpenError::Service { code, message, .. }) => {
                write!(formatter, "{action} failed with {code}: {message}")?;
            }
        }
        if let Some(request_id) = self.request_id() {
            write!(formatter, " (RequestId {request_id})")?;
        }
        if self.sent() == Sent::No {
            formatter.write_str("; nothing was sent")?;
        }
        let session_id = self.session_id().unwrap_or("none");
        match (self.0.effect, self.billed()) {
            (Effect::Paid, Billed::No) => formatter.write_str("; nothing was billed"),
            (Effect::Paid, Billed::Unknown) => {
                write!(formatter, "; the outcome is unknown and money may have been spent, SessionId {session_id}")
            }
            (Effect::Paid, Billed::Yes) => {
                write!(formatter, "; an earlier send was accepted and may have been billed, SessionId {session_id}")
            }
            (Effect::Write, _) if self.sent() != Sent::No && self.code().is_none() => {
                formatter.write_str("; it may have taken effect")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Error")
            .field("cause", &self.0.cause)
            .field("action", &self.0.action)
            .field("effect", &self.0.effect)
            .field("session_id", &self.0.session_id)
            .field("retry_after", &self.0.retry_after)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::Credential(error) => Some(error),
            Cause::Send(error) => Some(error),
            Cause::Configuration(_) | Cause::Request(_) | Cause::Open(_) => None,
        }
    }
}
