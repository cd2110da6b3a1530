//! The secret key and the token are in nothing that these flows print.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use vod_aigc_client::{Client, ClientBuilder, Settings, WaitPolicy};
use vod_aigc_core::{Kling, ModifyEventConfigRequest, VideoRequest};
use vod_aigc_emulator::Emulator;
use vod_aigc_signer::Credential;
use vod_aigc_transport::{Call, Http, RawReply, SendErrorKind, Sent, open};

use crate::schema::described;
use crate::support::*;

const TOKEN: &str = "canary-token";

/// Everything that was printed so far.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn debug(&mut self, value: &impl Debug) {
        self.0 += &format!("{value:?}\n{value:#?}\n");
    }

    fn both(&mut self, value: &(impl Debug + Display)) {
        self.debug(value);
        self.0 += &format!("{value}\n{value:#}\n");
    }
}

#[tokio::test]
async fn no_value_of_a_whole_flow_prints_the_secret_key_or_the_token() {
    let mut printed = Printed::default();
    let emulator = emulator_with(|builder| {
        printed.debug(&builder);
        builder
    })
    .await;
    printed.debug(&emulator);
    let temporary = credential().with_token(TOKEN).unwrap();
    printed.debug(&temporary);

    let settings = Settings::read(|name| match name {
        "TENCENTCLOUD_SECRET_ID" => Some("AKIDEXAMPLE".to_owned()),
        "TENCENTCLOUD_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
        "TENCENTCLOUD_TOKEN" => Some(TOKEN.to_owned()),
        "VOD_SUB_APP_ID" => Some("7".to_owned()),
        _ => None,
    })
    .unwrap();
    assert_eq!(settings.credential.token(), Some(TOKEN));
    printed.debug(&settings);
    printed.debug(&Client::from_settings(settings));

    let builder = client_of(temporary, &emulator);
    printed.debug(&builder);
    let client = builder.build();
    printed.debug(&client);
    printed.debug(client.transport());

    let request = panda();
    printed.debug(&request);
    let call: Call = client.transport().prepare(request.clone().into_action(SUB_APP)).unwrap();
    printed.debug(&call);
    let signed = client.transport().sign(&call).await.unwrap();
    assert!(signed.headers().any(|(name, value)| name == "x-tc-token" && value == TOKEN), "it is sent");
    printed.both(&signed);
    printed.debug(&client.transport().send(&call, signed).await.unwrap());

    let task = client.submit(request).await.unwrap();
    printed.debug(&task);
    let mut events = Printed::default();
    let waited = task.wait().policy(WaitPolicy::until(Duration::ZERO)).on_event(|event| events.debug(event)).await;
    printed.debug(&waited);
    printed.0 += &events.0;
    printed.debug(&task.wait().await.unwrap());
    printed.debug(&task.poll().await.unwrap());
    printed.0 += &serde_json::to_string(&task).unwrap();
    printed.0 += &serde_json::to_string(&emulator.ledger()).unwrap();

    for leaked in [SECRET_KEY, TOKEN] {
        assert!(!printed.0.contains(leaked), "{}", printed.0);
    }
    assert!(printed.0.contains("AKIDEXAMPLE"), "the id is no secret, and shows that something was printed");
}

#[tokio::test]
async fn no_error_prints_the_secret_key_or_the_token() {
    let emulator = emulator().await;
    let mut printed = Printed::default();
    let temporary = || credential().with_token(TOKEN).unwrap();

    let refusal = r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"no"},"RequestId":"r"}}"#;
    let interposed = [
        Interposed::new(|_| Step::Fail(SendErrorKind::Interrupted, Sent::Maybe)),
        Interposed::new(|_| Step::Fail(SendErrorKind::Connect, Sent::No)),
        Interposed::answering(200, refusal),
        Interposed::answering(500, "<html>"),
        Interposed::answering(200, "{\"Response\":{\"RequestId\":\"r\"}}"),
    ];
    for http in interposed {
        let http: Arc<dyn Http> = http;
        let client = client_of(temporary(), &emulator).transport(|it| it.http(http)).build();
        printed.both(&client.submit(panda()).await.unwrap_err());
        printed.both(&client.task("t-1").wait().await.unwrap_err());
    }
    let client = client_of(Credential::new("AKIDOTHER", SECRET_KEY).unwrap().with_token(TOKEN).unwrap(), &emulator);
    printed.both(&client.build().submit(panda()).await.unwrap_err());
    printed.both(&VideoRequest::builder(Kling::V2_1).build().unwrap_err());
    printed.both(&Credential::new("", SECRET_KEY).unwrap_err());
    printed.both(&Credential::new("AKID", format!("{SECRET_KEY}\n")).unwrap_err());
    let half = Settings::read(|name| (name == "VITE_VOD_SECRET_KEY").then(|| SECRET_KEY.to_owned()));
    printed.both(&half.unwrap_err());
    let swapped = Settings::read(|name| match name {
        "VITE_VOD_SECRET_ID" => Some("id".to_owned()),
        "VITE_VOD_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
        "VOD_SUB_APP_ID" => Some("seven".to_owned()),
        _ => None,
    });
    printed.both(&swapped.unwrap_err());

    for leaked in [SECRET_KEY, TOKEN] {
        assert!(!printed.0.contains(leaked), "{}", printed.0);
    }
}

#[tokio::test]
async fn no_call_prints_the_secrets_that_it_sends() {
    let emulator = emulator().await;
    let client = client_of(credential(), &emulator).build();
    let mut request = ModifyEventConfigRequest::default();
    request.sign_key = Some("canary-sign-key".into());
    let mut printed = Printed::default();
    printed.debug(&request);
    let call = client.transport().prepare(request).unwrap();
    assert_eq!(call.body(), r#"{"SignKey":"canary-sign-key"}"#);
    printed.debug(&call);
    printed.debug(&client.transport().sign(&call).await.unwrap());
    assert!(!printed.0.contains("canary"), "{}", printed.0);
}

#[test]
fn no_unreadable_reply_shows_a_secret_of_any_shape() {
    let shapes = described();
    let members = shapes.values().filter_map(|shape| shape["properties"].as_object()).flatten();
    let secrets: BTreeSet<&String> = members
        .filter(|(_, schema)| [&schema["format"], &schema["items"]["format"]].contains(&&json!("password")))
        .map(|(name, _)| name)
        .collect();
    assert!(secrets.contains(&"SignKey".to_owned()), "{secrets:?}");
    for name in secrets {
        for body in [
            format!(r#"{{"Response":{{"{name}":"canary""#),
            format!(r#"{{"Response":{{"{name}":["canary"],"RequestId":"r"}}}} and more"#),
        ] {
            let reply = RawReply { status: 200, headers: Default::default(), body: body.into() };
            let error = open::<serde_json::Value>(&reply).unwrap_err();
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}

fn client_of(credential: Credential, emulator: &Emulator) -> ClientBuilder {
    Client::builder(credential, SUB_APP)
        .endpoint(emulator.endpoint().parse().unwrap())
        .clock(Arc::new(SimulatedClock::new(emulator.clock().clone())))
}
