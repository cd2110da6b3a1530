//! `vod-aigc check`: checks a raw request body without sending it.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use vod_aigc_client::core::{ActionSpec, Judgement};

use crate::failure::Failure;
use crate::{known_actions, print, print_json, read_input};

/// Check a request body: names each rule and limit that it breaks, and each member that is missing, unknown or of the
/// wrong type.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The file with the JSON body; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The action whose request it is
    #[arg(long, default_value = "CreateAigcVideoTask", value_parser = known_actions(), hide_possible_values = true)]
    action: String,
}

impl Check {
    pub(crate) fn run(self, json: bool) -> Result<(), Failure> {
        let Judgement { faults, notes, .. } = judge(&self.action, &read_input(&self.file)?);
        if json {
            print_json(&serde_json::json!({ "valid": faults.is_empty(), "faults": faults, "notes": notes }))?;
        } else {
            let notes = notes.iter().map(|note| format!("note: {note}"));
            let lines: Vec<_> = faults.iter().cloned().chain(notes).collect();
            if faults.is_empty() {
                print(format_args!("the request keeps to what is known of {}", self.action))?;
            }
            lines.iter().try_for_each(print)?;
        }
        match faults.len() {
            0 => Ok(()),
            1 => Err(Failure::found("the request has 1 fault")),
            count => Err(Failure::found(format!("the request has {count} faults"))),
        }
    }
}

/// Everything that is wrong with a body.
fn judge(action: &str, text: &[u8]) -> Judgement {
    let refused = |fault: String| {
        let mut judgement = Judgement::default();
        judgement.faults.push(fault);
        judgement
    };
    match (serde_json::from_slice::<Value>(text), ActionSpec::find(action)) {
        (Ok(body), Some(action)) => action.judge(&body),
        (Err(error), _) => refused(format!("it is not JSON: {error}")),
        (_, None) => refused(format!("there is no action {action}")),
    }
}
