//! `vod-aigc check`: judges a raw request body without sending it.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use vod_aigc_client::core::{CreateAigcVideoTaskRequest, Fault, RequestError};

use crate::failure::Failure;
use crate::{print, print_json, read_input};

/// Judge a request body.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The file with the JSON body; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Check {
    pub(crate) fn run(self, json: bool) -> Result<(), Failure> {
        let faults = judge(&read_input(&self.file)?);
        match (json, faults.is_empty()) {
            (true, valid) => print_json(&serde_json::json!({ "valid": valid, "faults": faults }))?,
            (false, true) => print("the request keeps to the capability table and its limits")?,
            (false, false) => print(faults.join("\n"))?,
        }
        match faults.len() {
            0 => Ok(()),
            1 => Err(Failure::found("the request has 1 fault")),
            count => Err(Failure::found(format!("the request has {count} faults"))),
        }
    }
}

/// Everything that is wrong with a body.
fn judge(text: &[u8]) -> Vec<String> {
    let body: Value = match serde_json::from_slice(text) {
        Ok(body) => body,
        Err(error) => return vec![format!("it is not JSON: {error}")],
    };
    let request: CreateAigcVideoTaskRequest = match serde_json::from_slice(text) {
        Ok(request) => request,
        Err(error) => return vec![format!("it is no CreateAigcVideoTask request: {error}")],
    };
    let mut faults: Vec<_> =
        request.check().err().iter().flat_map(RequestError::faults).map(Fault::to_string).collect();
    if request.model().capabilities().is_none() {
        faults.push(format!("{} is in no row of the capability table; only limits were judged", request.model()));
    }
    // What does not come back from the typed request is nothing that the service knows.
    let known = serde_json::to_value(&request).unwrap_or_default();
    unknown_members(&body, &known, String::new(), &mut faults);
    faults
}

fn unknown_members(body: &Value, known: &Value, path: String, faults: &mut Vec<String>) {
    match (body, known) {
        (Value::Object(body), Value::Object(known)) => {
            for (name, value) in body.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match known.get(name) {
                    Some(known) => unknown_members(value, known, path, faults),
                    None => faults.push(format!("{path} is no member of the request")),
                }
            }
        }
        (Value::Array(body), Value::Array(known)) => {
            for (index, (value, known)) in body.iter().zip(known).enumerate() {
                unknown_members(value, known, format!("{path}[{index}]"), faults);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, faults: &[&str]) {
        assert_eq!(judge(body.as_bytes()), faults, "{body}");
    }

    #[test]
    fn each_fault_is_named() {
        check(r#"{"SubAppId":1,"ModelName":"Kling","ModelVersion":"2.1","Prompt":"p","NegativePrompt":null}"#, &[]);
        check(
            r#"{"SubAppId":1,"ModelName":"OS","ModelVersion":"2.0","LastFrameUrl":"https://a/b","OutputConfig":{"Resolution":"4K","Size":1}}"#,
            &[
                "OS 2.0 needs a prompt when it has no image to start from",
                "OS 2.0 takes no last frame",
                "OS 2.0 does not output 4K; choose 720P or 1080P",
                "OutputConfig.Size is no member of the request",
            ],
        );
    }

    #[test]
    fn a_model_outside_the_table_is_said_to_be() {
        check(
            r#"{"SubAppId":1,"ModelName":"Kling","ModelVersion":"9"}"#,
            &["Kling:9 is in no row of the capability table; only limits were judged"],
        );
    }

    #[test]
    fn what_is_no_request_is_said_to_be_none() {
        assert!(judge(b"{")[0].starts_with("it is not JSON"));
        assert!(judge(br#"{"SubAppId":"x"}"#)[0].starts_with("it is no CreateAigcVideoTask request"));
    }
}
