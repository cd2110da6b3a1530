//! Keeps traits to the types of this crate, so that a method can be added to them without breaking anybody.

/// What is a request of this crate.
pub trait Request {}

/// What is the details of a kind of task.
pub trait Task {}

/// What is the result of a kind of task.
pub trait Output {}
