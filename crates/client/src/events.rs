//! Events in place of polls: what the service says of its own accord makes a wait ask at once.
//!
//! Nothing is believed because an event says it: a wait asks for the task again, and goes on polling by its policy if no
//! event comes. Two sources bring events:
//!
//! - [`Client::pull_events`](crate::Client::pull_events) reads the queue of the sub-application;
//! - [`parse`] reads the body of an HTTP callback, and [`Client::confirm`](crate::Client::confirm) asks for its task.

mod notification;
mod pull;

pub use notification::{InvalidSignKey, Notification, NotificationError, SignKey, parse, parse_unsigned};
pub use pull::PullPolicy;
pub(crate) use pull::pull_events;
