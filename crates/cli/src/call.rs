//! `vod-aigc call`: any action with a body that was made elsewhere, and its reply as it came.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use vod_aigc_client::Client;
use vod_aigc_client::core::{ActionSpec, Effect};
use vod_aigc_client::transport::{Call as Prepared, SystemRandom, new_session_id};

use crate::failure::Failure;
use crate::progress::say;
use crate::settings::Connection;
use crate::{Interruption, print_json, read_input};

/// What an action that this release does not know is sent as.
const UNKNOWN: (&str, &str) = ("vod", "2018-07-17");

const SUB_APP_ID: &str = "SubAppId";

/// Call any action and print its reply as it came. A body without SubAppId gets the sub-application of the settings, one
/// without SessionId a new one, which standard error shows.
///
/// It keeps no store and waits for nothing; for a video there is `generate`.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The action, for example DescribeTaskDetail; `vod-aigc schema` lists those that this release knows
    action: String,
    /// The file with the JSON body; - is standard input
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// Check nothing, and take an action that this release does not know
    #[arg(long)]
    unchecked: bool,
    /// What an action that this release does not know does: only one that reads is sent again by itself [default: paid]
    #[arg(long, requires = "unchecked", value_name = "EFFECT")]
    effect: Option<EffectWord>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EffectWord {
    Read,
    Write,
    Paid,
}

impl Call {
    pub(crate) async fn run(self, connection: &Connection, interruption: Interruption<'_>) -> Result<(), Failure> {
        let text = read_input(&self.body)?;
        let Ok(Value::Object(mut body)) = serde_json::from_slice(&text) else {
            return Err(Failure::usage(format!("{} holds no JSON object; nothing was sent", self.body.display())));
        };
        let client = connection.client()?.build();
        let call = match self.known()? {
            Some(action) => {
                let session_id = complete(&mut body, action, &client);
                if !self.unchecked {
                    judge(action, &body)?;
                }
                let body = Value::Object(body).to_string();
                Prepared::new(action.name, action.service, action.version, action.effect, body)
                    .with_session_id(session_id)
            }
            None => {
                let (service, version) = UNKNOWN;
                Prepared::new(self.action, service, version, self.effect.map_or(Effect::Paid, Effect::from), text)
            }
        };
        tokio::select! {
            reply = client.transport().execute::<Members>(&call) => match reply {
                Ok(reply) => {
                    let (task_id, request_id) = (reply.value.text("TaskId"), reply.request_id.clone());
                    let printed = reply.value.with_request_id(reply.request_id).and_then(|reply| print_json(&reply));
                    printed.map_err(|failure| failure.after_call(&call, task_id, request_id))
                }
                Err(error) => Err(Failure::of_call(error)),
            },
            _ = interruption => Err(Failure::interrupted_call(&call)),
        }
    }

    /// The action, or `None` for one that is to be sent although nothing is known of it.
    fn known(&self) -> Result<Option<&'static ActionSpec>, Failure> {
        match ActionSpec::find(&self.action) {
            Some(action) if self.effect.is_some() => {
                Err(Failure::usage(format!("what {} does is known: leave --effect out; nothing was sent", action.name)))
            }
            None if !self.unchecked => Err(Failure::usage(format!(
                "this release knows no action {}; `vod-aigc schema` lists all, --unchecked sends it; nothing was sent",
                self.action
            ))),
            known => Ok(known),
        }
    }
}

/// Gives the body the sub-application and the session id that it lacks, where the action takes them. Returns the session id.
fn complete(body: &mut Map<String, Value>, action: &ActionSpec, client: &Client) -> Option<String> {
    let lacks = |body: &Map<String, Value>, member: &str| body.get(member).is_none_or(Value::is_null);
    if lacks(body, SUB_APP_ID) && action.request_schema()["properties"].get(SUB_APP_ID).is_some() {
        body.insert(SUB_APP_ID.to_owned(), client.sub_app_id().into());
    }
    let member = action.session_id?;
    if lacks(body, member) {
        let id = new_session_id(&SystemRandom);
        say(format_args!("{member} {id}"));
        body.insert(member.to_owned(), id.into());
    }
    body[member].as_str().map(str::to_owned)
}

fn judge(action: &ActionSpec, body: &Map<String, Value>) -> Result<(), Failure> {
    let judgement = action.judge(&Value::Object(body.clone()));
    judgement.notes.iter().for_each(|note| say(format_args!("note: {note}")));
    match judgement.faults.join("; ") {
        faults if faults.is_empty() => Ok(()),
        faults => Err(Failure::usage(format!("{faults}; --unchecked sends it all the same; nothing was sent"))),
    }
}

impl From<EffectWord> for Effect {
    fn from(word: EffectWord) -> Self {
        match word {
            EffectWord::Read => Self::Read,
            EffectWord::Write => Self::Write,
            EffectWord::Paid => Self::Paid,
        }
    }
}

/// The members of a reply in the order and the spelling in which they came.
struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// A member that is a text.
    fn text(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(member, _)| member == name)?;
        serde_json::from_str(value.get()).ok()
    }

    /// With the service's id of the request, which the transport has taken out.
    fn with_request_id(mut self, id: Option<String>) -> Result<Self, Failure> {
        let id = id.map(|id| to_raw_value(&id)).transpose().map_err(|error| Failure::usage(error.to_string()))?;
        self.0.extend(id.map(|id| ("RequestId".to_owned(), id)));
        Ok(self)
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                std::iter::from_fn(|| map.next_entry().transpose()).collect::<Result<_, _>>().map(Members)
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
