#![doc = include_str!("../README.md")]

pub mod api;
mod capabilities;
mod error;
mod ext_info;
#[rustfmt::skip]
mod generated;
mod action_spec;
mod into_task_request;
#[cfg(feature = "schemars")]
mod judgement;
mod limits;
mod media;
#[cfg(feature = "media")]
mod media_file;
mod model;
mod open_enum;
mod output;
mod paged;
mod references;
mod request;
mod rules;
mod sealed;
mod secret;
mod similar;
mod task;
mod wire;

pub use action_spec::ActionSpec;
pub use api::{Action, Effect};
pub use capabilities::{
    Capabilities, Durations, LastFrame, PromptReferences, Ratios, Resolutions, Shots, UnknownResolution, Words,
};
pub use error::{ErrorFacts, OnCreate, OnRead};
pub use ext_info::{ExtInfo, ExtInfoFault, FaceChoice, InvalidExtInfo, Orientation, Shot};
pub use generated::*;
pub use into_task_request::IntoTaskRequest;
#[cfg(feature = "schemars")]
pub use judgement::Judgement;
pub use limits::Breach;
pub use media::{Image, Media};
#[cfg(feature = "media")]
pub use media_file::{Delivery, MediaFault, MediaFile, MediaType, MediaUse};
pub use model::{OtherModel, UnknownModel};
pub use output::{OutputFile, TaskOutput};
pub use paged::Paged;
pub use references::{ReferenceFault, references};
pub use request::{Fault, Note, RequestError, VideoRequest, VideoRequestBuilder};
pub use rules::{Asked, Rule, Shape, Violation, Violations};
pub use secret::Secret;
pub use task::{AigcTask, Progress, StartsTask, Summary, TaskFailure, TaskState};
