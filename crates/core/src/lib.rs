#![doc = include_str!("../README.md")]

mod action;
mod capabilities;
mod error;
#[rustfmt::skip]
mod generated;
mod image;
mod limits;
mod model;
mod open_enum;
mod request;
mod rules;
mod secret;
mod task;
mod wire;

pub use action::{Action, Effect};
pub use capabilities::{Capabilities, LastFrame, Resolutions, UnknownResolution};
pub use error::{ErrorFacts, OnCreate, OnRead};
pub use generated::*;
pub use image::Image;
pub use limits::Breach;
pub use model::{OtherModel, UnknownModel};
pub use request::{Fault, RequestError, VideoRequest, VideoRequestBuilder};
pub use rules::{Asked, Rule, Shape, Violation, Violations};
pub use secret::Secret;
pub use task::{TaskFailure, TaskState};
