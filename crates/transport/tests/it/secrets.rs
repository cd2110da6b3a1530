//! No secret in any text that this crate makes, while the harmless fields are there.

use serde_json::json;
use vod_aigc_transport::signer::Credential;
use vod_aigc_transport::{
    Cached, Chain, CvmRole, Environment, ProfileFile, ProvideCredential, Provided, StsRole, Transport, VariableNames,
};

use crate::server::{SECRET_KEY, Server, Step, create};

fn with_token() -> Credential {
    Credential::new("AKIDSHOWN", SECRET_KEY).unwrap().with_token("canary-token").unwrap()
}

#[tokio::test]
async fn no_debug_or_display_text_holds_a_secret() {
    let server = Server::start(vec![Step::Close]).await;
    let transport = Transport::builder(with_token()).endpoint(server.url().parse().unwrap()).region("ap-here").build();
    let call = transport.prepare(create()).unwrap();
    let request = transport.sign(&call).await.unwrap();
    let error = transport.execute::<serde_json::Value>(&call).await.expect_err("the connection breaks");
    let environment = Environment::new(VariableNames::TENCENT_CLOUD, |_| Some("canary-variable".to_owned()));
    let sources = Chain::new()
        .or(environment)
        .or(ProfileFile::new("credentials-file"))
        .or(CvmRole::new())
        .or(Cached::new(StsRole::new(transport.clone(), "role-arn", "session")));

    let texts = [
        format!("{transport:?} {:?}", Transport::builder(with_token())),
        format!("{call:?}"),
        format!("{request:?}"),
        format!("{request}"),
        format!("{error:?} {error}"),
        format!("{sources:?}"),
        format!("{:?}", Provided::from(with_token())),
    ];
    let expected = [
        "AKIDSHOWN",
        "CreateAigcVideoTask",
        "ap-here",
        "x-tc-token: <hidden>",
        "va1-",
        "credentials-file",
        "AKIDSHOWN",
    ];
    for (text, expected) in texts.iter().zip(expected) {
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains(expected), "{text} lacks {expected}");
    }
    assert!(!format!("{request:?}").contains("Signature="), "{request:?}");
}

#[tokio::test]
async fn a_broken_source_does_not_repeat_what_it_read() {
    let cases =
        [json!("canary"), json!({"TmpSecretId": 1, "TmpSecretKey": "canary"}), json!({"TmpSecretKey": "canary"})];
    for document in cases {
        let server = Server::start(vec![crate::server::answer(200, "application/json", &document.to_string())]).await;
        let error = CvmRole::new()
            .role("role")
            .base_url(server.url())
            .provide(std::time::SystemTime::UNIX_EPOCH)
            .await
            .expect_err("the document is wrong");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        assert!(error.to_string().contains("metadata"), "{error}");
    }
}
