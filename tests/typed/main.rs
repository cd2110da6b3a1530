//! Reads JSON lines and passes each through the types of its action. The scripts here that have other people's requests
//! and replies run it.
//!
//! - `{"action", "request"}` and `{"action", "reply"}`, a reply being the members of `Response`, are answered with what the
//!   types write `again`, and with the `faults` that are found in it. With an endpoint as the argument, a request is sent
//!   there too, with a made-up key.
//! - `{}` is answered with the names of all `actions`.
#![allow(clippy::unwrap_used, reason = "it ends at the first surprise")]
#![allow(clippy::print_stdout, reason = "its answers are what it is for")]

#[path = "../actions.rs"]
mod actions;

use std::error::Error;
use std::io::stdin;
use std::time::Duration;

use actions::TYPED;
use serde_json::{Value, json};
use vod_aigc_core::ActionSpec;
use vod_aigc_signer::Credential;
use vod_aigc_transport::{ErrorKind, RetryPolicy, Transport};

#[tokio::main]
async fn main() {
    let credential = Credential::new("AKIDEXAMPLE", "a-key-that-opens-nothing").unwrap();
    let transport = std::env::args().nth(1).map(|endpoint| {
        let once = || RetryPolicy::once(Duration::from_secs(30));
        let builder = Transport::builder(credential).endpoint(endpoint.parse().unwrap());
        builder.region("ap-guangzhou").read_retry(once()).write_retry(once()).build()
    });
    for line in stdin().lines() {
        let answer = match answer(serde_json::from_str(&line.unwrap()).unwrap(), transport.as_ref()).await {
            Ok(answer) => answer,
            Err(error) => json!({ "error": error.to_string() }),
        };
        println!("{answer}");
    }
}

async fn answer(mut line: Value, transport: Option<&Transport>) -> Result<Value, Box<dyn Error>> {
    let Some(action) = line["action"].as_str() else {
        return Ok(json!({ "actions": TYPED.iter().map(|typed| typed.name).collect::<Vec<_>>() }));
    };
    let typed = TYPED.iter().find(|typed| typed.name == action);
    let (typed, known) = typed.zip(ActionSpec::find(action)).ok_or_else(|| format!("there is no action {action:?}"))?;
    let (request, reply) = (line["request"].take(), line["reply"].take());
    let (again, faults) = if request.is_null() {
        ((typed.reply)(reply.clone()), known.judge_reply(&reply))
    } else {
        ((typed.request)(request.clone()), known.judge(&request).faults)
    };
    let answer = json!({ "again": again?, "faults": faults });
    if let Some(transport) = transport {
        match transport.execute::<Value>(&(typed.call)(transport, request)?).await {
            // What the service says to a request is for the script to see: it is between the two.
            Err(error) if error.kind() != ErrorKind::Service => return Err(error.into()),
            _ => {}
        }
    }
    Ok(answer)
}
