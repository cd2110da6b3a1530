#![doc = include_str!("../README.md")]
//!
//! # What it answers
//!
//! | request | answer |
//! |---|---|
//! | `POST /`, `X-TC-Action:` any that starts a task | a task id, or the vendor's error code for the rule that the request breaks |
//! | … `DescribeTaskDetail` | the state of a task for three days after its creation, with what was asked for and what was made; of a video task in one of two [shapes](ReplyShape) |
//! | … `DescribeTasks` | the tasks of three days, newest first, with filters, order and pages |
//! | … `ManageTask` | stops a task that waits; one that has begun goes on |
//! | … `PullEvents` and `ConfirmEvents` | the events of tasks that have ended, of those kinds that have one: 16 at most, hidden for 30 seconds, kept for four days. It never waits for one to come, because nothing does unless the clock is moved |
//! | … `DescribeEventConfig` and `ModifyEventConfig` | where the events go of tasks that end from now on; those that go to a URL are in no queue, and are posted there, signed, if it is a loopback URL |
//! | … elements, subjects and voices | ids that a request may name from the moment that they are made; elements are listed and deleted |
//! | … `DescribeAigcFaceInfo` and `DescribeAigcFaceInfoAsync` | one face with its picture, and the session that lip sync names |
//! | … quotas | limit the images and the seconds of video that are ordered after they are set |
//! | … tokens of the text API | are listed, changed and deleted some 30 seconds after they are made ([`Behaviour::token_lag`]) |
//! | … `DescribeAigcUsageData` | what was ordered and is billed, by day or by 5 minutes |
//! | … `ApplyUpload` and `CommitUpload` | a place in object storage with keys to it for two hours, and then a file id, by which a create may name the file |
//! | `PUT /cos/{bucket}/{key}` | keeps the object of an upload in memory, once its signature and its MD5 are those of what came; 256 MiB at most |
//! | `GET /uploads/{file id}` | the file of a committed upload |
//! | `GET /files/{task id}/video.mp4` and `…/cover.jpg` | the finished video and its cover, for seven days or for good; `Range` is understood |
//! | `GET /files/{task id}/…` | what else was made: JPEG pictures, WAV sounds, a cube in glTF, as the details of the task name them |
//! | `GET /_emulator/health` | `{"status":"ok","now":"2026-11-23T08:00:00Z"}` |
//! | `GET /_emulator/ledger` | every accepted create, and whatever else costs money, as a [`LedgerEntry`], oldest first |
//! | `GET /_emulator/bill` | the [`Bill`] |
//! | `POST /_emulator/clock` with `{"advance_seconds": 60}` | moves the [`Clock`]; answers as health does |
//! | `POST /_emulator/tasks/{task id}/fail` with `{"code": "TaskTimeout"}` | ends a running task with this `ErrCodeExt` |
//! | `POST /_emulator/faults` with `[{"action": "DescribeTasks", "nth": 1, "fault": "refused"}]` | adds each [`FaultRule`] |
//! | `DELETE /_emulator/faults` | lets nothing go wrong any more |
//!
//! Every request to `/` must be signed; the others are open to all who reach the port. Web pages do not reach
//! `/_emulator/*`: a request whose `Host` or `Origin` is neither a loopback name or address, nor the address that the
//! emulator listens on, nor allowed by [`Builder::allow_host`], is answered with 403. A task whose prompt holds
//! `[[emulator:fail=ContentModerationFailed]]`, or any other code in that place, fails when its time is over.
//!
//! # What it refuses
//!
//! A wrong signature, key or time; an unknown action or version; a body over 10 MiB; members that are missing, of wrong
//! type or beyond their documented limits and words; video requests that the capability table of `vod-aigc-core`
//! refuses, models that it does not know included; inputs whose Base64 is broken or larger than 7 MB together; files,
//! elements, voices, subjects and faces whose ids look like its own and are not there; what is beyond a quota; a
//! SessionId that the same sub-application has had accepted within three days, unless a [`Behaviour`] says otherwise.
//!
//! # What it does not imitate
//!
//! It fetches no URL that a request names, not even for PullUpload, whose file id has no bytes, and looks into no file.
//! Which image model makes what is not checked. Whatever format a request asks for, pictures are JPEG, sounds WAV and
//! bodies glTF; a redrawn video is five seconds long. Events are posted to loopback URLs only, and by an [`Emulator`] only;
//! one that is not answered with 200 within five seconds is posted again at once and then every ten seconds for a minute,
//! which is a guess: the documentation names no retries. There is no text API, so that its usage is nothing. Quotas count
//! what was ordered; the service counts what was made, and lets a little more through. Two things are guesses: that a task
//! that was stopped ends with OperationCanceled, an event and no bill, and the names by which usage is reported.
//!
//! # What it limits
//!
//! A request to `/_emulator/*` has at most 1 MiB, one to `/` 10 MiB and an object 256 MiB. Slow and idle sockets are closed
//! after the times of [`Timeouts`]. [`Fault::Huge`] and [`Fault::Deep`] are capped, and sent without being buffered.
//! [`Emulator::warning`] says where it listens for other machines too. The progress of a task is 0 until its end, as the
//! service shows it, unless [`Builder::smooth_progress`] says otherwise.
//!
//! # What goes wrong
//!
//! What is not known about the service is a [`Behaviour`], what goes wrong with an exchange is a [`Fault`], and a file
//! that holds both is a [`Scenario`]; some lie in the folder `scenarios`. On an [`Emulator`] a fault acts on the
//! socket: connections are reset, hang, drip and break off. An [`InProcess`] has no sockets, and says the same as an
//! [`Exchange`]; they do not differ otherwise.

mod access;
mod actions;
mod api;
mod behaviour;
mod builder;
mod call;
mod callback_url;
mod callbacks;
mod clock;
mod control;
mod cos;
mod describe;
mod emulator;
mod event_config;
mod exchange;
mod fault;
mod fault_injection;
mod files;
mod identifiers;
mod in_process;
mod input;
mod kind;
mod line;
mod media;
mod paced;
mod product;
mod quotas;
mod rates;
mod refusal;
mod routes;
mod scenario;
mod schedule;
mod service;
mod start;
mod state;
mod store;
mod target;
mod tasks;
mod timeouts;
mod tokens;
mod upload;
mod wire;

pub use vod_aigc_signer::{Credential, Received};

pub use behaviour::{Behaviour, Concurrency, DuplicateCode, Overflow, ReplyShape, SessionIdPolicy};
pub use builder::Builder;
pub use callback_url::{CallbackUrl, InvalidCallbackUrl};
pub use clock::Clock;
pub use emulator::{Emulator, StartError};
pub use exchange::{Exchange, Reply};
pub use fault::{Fault, FaultRule, Pace, RequestEffect, StatusBody, When};
pub use in_process::InProcess;
pub use scenario::{Scenario, ScenarioError};
pub use target::Target;
pub use tasks::{Bill, LedgerEntry, Timing};
pub use timeouts::Timeouts;
pub use upload::Upload;
